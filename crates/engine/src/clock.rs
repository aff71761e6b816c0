//! Time and identity, passed in: the engine reads no clock of its own.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

impl<F: Fn() -> DateTime<Utc> + Send + Sync + 'static> Clock for F {
    fn now(&self) -> DateTime<Utc> {
        self()
    }
}

/// Makes UUIDs of version 7. Those of one process ascend, also within a millisecond.
pub(crate) struct IdSource(Mutex<ContextV7>);

impl IdSource {
    pub(crate) fn new() -> Self {
        IdSource(Mutex::new(ContextV7::new()))
    }

    /// A new id of this moment.
    pub(crate) fn next(&self, at: DateTime<Utc>) -> Uuid {
        let context = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
        Uuid::new_v7(Timestamp::from_unix(&*context, seconds, at.timestamp_subsec_nanos()))
    }
}
