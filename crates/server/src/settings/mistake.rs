//! What is wrong with the settings, said so that it can be put right.

use std::fmt;

use super::layers::Source;
use super::table::{SETTINGS, variable};

/// All that is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistakes(pub(crate) Vec<Mistake>);

/// One thing that is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// A setting has a value that it can't have.
    Wrong {
        /// The setting.
        key: &'static str,
        /// Where its value comes from.
        source: Source,
        /// The value, as far as it may be shown.
        found: String,
        /// What to write instead.
        expected: String,
    },
    /// A setting has no value and needs one.
    Missing {
        /// The setting.
        key: &'static str,
        /// What to write.
        expected: &'static str,
    },
    /// There is no setting of that name.
    Unknown {
        /// The name, as it was written.
        name: String,
        /// Where.
        source: Source,
    },
    /// The settings file can't be read.
    File {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [mistake] => write!(f, "{mistake}"),
            mistakes => {
                write!(f, "{} settings are wrong:", mistakes.len())?;
                mistakes.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
            }
        }
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::Wrong { key, source, found, expected } => {
                write!(f, "{} is {found}: write {expected}", source.name_of(key))
            }
            Mistake::Missing { key, expected } => write!(f, "{} is not set: write {expected}", variable(key)),
            Mistake::Unknown { name, source } => {
                write!(f, "{} is not a setting of Florin: ", source.written(name))?;
                match nearest(name) {
                    Some(key) => write!(f, "did you mean {}?", source.written_name(key)),
                    None => write!(f, "remove it, or see `florin serve --help` for those there are"),
                }
            }
            Mistake::File { path, reason } => {
                write!(f, "the settings file {path} can't be used: {reason}")
            }
        }
    }
}

/// The setting whose name is most like this one, when it is like it at all.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("florin_").unwrap_or(&name);
    let likeness = |key: &str| strsim::normalized_damerau_levenshtein(name, key);
    let best =
        SETTINGS.iter().map(|setting| setting.key).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= 0.6).then_some(best)
}
