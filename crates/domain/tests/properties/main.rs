//! Properties of the domain, each over many random cases.
//!
//! `PROPTEST_CASES` decides how many: 1,000 where it is not set.

mod amounts;
mod card_numbers;
mod credits;
mod currencies;
mod ids;
mod invoices;
mod journal;
mod metadata;
mod money;
mod payment_requests;
mod payments;
mod texts;
mod undoing;

use proptest::prelude::ProptestConfig;

fn cases() -> ProptestConfig {
    // The default reads PROPTEST_CASES, and has 256 cases without it.
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 1_000;
    }
    config
}
