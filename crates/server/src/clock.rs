//! The wall clock: the one place that reads it.

use chrono::{DateTime, Utc};
#[cfg(test)]
use uuid::Uuid;

/// The time now.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the clock that is passed to all else comes from"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A new UUIDv7, from which ids are made.
#[cfg(test)]
pub(crate) fn new_uuid() -> Uuid {
    Uuid::now_v7()
}
