//! Time and identity, passed in: the engine reads no clock of its own.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
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

/// Makes UUIDs of version 7. Those of one process ascend, also within a millisecond, unless its clock is set back.
pub(crate) struct IdSource(Mutex<Source>);

struct Source {
    context: ContextV7,
    last: DateTime<Utc>,
}

/// A clock that goes back by more than this was set back. Ids would keep to the later time until it came again, and an
/// attempt's age is told by its id.
const SET_BACK: TimeDelta = TimeDelta::seconds(1);

impl IdSource {
    pub(crate) fn new() -> Self {
        IdSource(Mutex::new(Source { context: ContextV7::new(), last: DateTime::UNIX_EPOCH }))
    }

    /// A new id of this moment.
    pub(crate) fn next(&self, at: DateTime<Utc>) -> Uuid {
        let mut source = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if source.last.signed_duration_since(at) > SET_BACK {
            source.context = ContextV7::new();
        }
        source.last = at;
        let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
        Uuid::new_v7(Timestamp::from_unix(&source.context, seconds, at.timestamp_subsec_nanos()))
    }
}

#[cfg(test)]
mod tests {
    use florin_domain::AttemptId;

    use super::*;

    #[test]
    fn ids_ascend_and_follow_a_clock_that_is_set_back() {
        let ids = IdSource::new();
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let made: Vec<_> = (0..1000).map(|_| ids.next(at)).collect();
        assert!(made.is_sorted());
        assert!(ids.next(at - TimeDelta::milliseconds(5)) > made[999]);
        let set_back = AttemptId::from_uuid(ids.next(at - TimeDelta::days(1)));
        assert_eq!(set_back.created_at(), at - TimeDelta::days(1));
    }
}
