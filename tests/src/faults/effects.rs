//! What really happened to each payment's money, by the processor's own books.

use std::collections::BTreeMap;
use std::path::PathBuf;

use florin_processors::sandbox::{Books, PaymentTally};

/// The processor's books.
#[derive(Clone, Debug)]
pub(crate) enum Effects {
    /// Those of the built-in sandbox.
    Sandbox(PathBuf),
    /// The journal of the adversarial processor.
    Adversary(PathBuf),
}

impl Effects {
    /// What happened, by payment id.
    pub(crate) fn tally(&self) -> BTreeMap<String, PaymentTally> {
        match self {
            Effects::Adversary(journal) => super::adversary::tally(journal),
            Effects::Sandbox(path) => Books::tally(path)
                .expect("the books can be read")
                .into_iter()
                .map(|(id, tally)| (id.to_string(), tally))
                .collect(),
        }
    }
}
