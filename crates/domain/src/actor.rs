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
    /// Whoever has the server's command line.
    Operator,
    /// Florin itself: recovery, expiry.
    System,
    /// Whoever pays a payment request on its page.
    Payer,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Key(id) => id.fmt(f),
            Actor::User(id) => id.fmt(f),
            Actor::Operator => f.write_str("operator"),
            Actor::System => f.write_str("system"),
            Actor::Payer => f.write_str("payer"),
        }
    }
}

impl FromStr for Actor {
    type Err = ParseIdError;

    /// Reads what [`fmt::Display`] writes.
    ///
    /// ```
    /// use florin_domain::Actor;
    /// for actor in [Actor::System, Actor::Operator, Actor::Payer] {
    ///     assert_eq!(actor.to_string().parse(), Ok(actor));
    /// }
    /// ```
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "operator" => return Ok(Actor::Operator),
            "system" => return Ok(Actor::System),
            "payer" => return Ok(Actor::Payer),
            _ => {}
        }
        match text.parse::<UserId>() {
            Ok(id) => Ok(Actor::User(id)),
            Err(_) => text.parse::<KeyId>().map(Actor::Key),
        }
    }
}
