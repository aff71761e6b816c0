//! Who did something.

use std::fmt;
use std::str::FromStr;

use crate::{KeyId, ParseIdError, UserId};

/// Who asked for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A program, by its API key.
    Key(KeyId),
    /// A person.
    User(UserId),
    /// Florin itself: recovery, expiry.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Key(id) => id.fmt(f),
            Actor::User(id) => id.fmt(f),
            Actor::System => f.write_str("system"),
        }
    }
}

impl FromStr for Actor {
    type Err = ParseIdError;

    /// Reads what [`fmt::Display`] writes.
    ///
    /// ```
    /// use florin_domain::Actor;
    /// assert_eq!("system".parse(), Ok(Actor::System));
    /// ```
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "system" {
            return Ok(Actor::System);
        }
        match text.parse::<UserId>() {
            Ok(id) => Ok(Actor::User(id)),
            Err(_) => text.parse::<KeyId>().map(Actor::Key),
        }
    }
}
