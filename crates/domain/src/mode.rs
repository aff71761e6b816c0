//! Test mode and live mode, which never see each other's objects.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Whether an object moves real money.
///
/// The mode is a property of the API key, and of every object made with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Mode {
    /// Nothing leaves the sandbox.
    Test,
    /// Real payers, real money.
    Live,
}

impl Mode {
    /// The mode that a `livemode` flag stands for.
    ///
    /// ```
    /// use florin_domain::Mode;
    /// assert_eq!(Mode::from_live(true), Mode::Live);
    /// assert_eq!(Mode::from_live(false), Mode::Test);
    /// ```
    #[must_use]
    pub const fn from_live(live: bool) -> Self {
        if live { Self::Live } else { Self::Test }
    }

    /// The `livemode` flag of the API.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }

    /// The name as keys and commands write it: `test` or `live`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "test" => Ok(Self::Test),
            "live" => Ok(Self::Live),
            _ => Err(UnknownMode),
        }
    }
}

/// The text names no mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a mode is test or live")]
pub struct UnknownMode;
