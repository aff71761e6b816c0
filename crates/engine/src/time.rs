//! What time it is: one clock for leases, due times, ids and ages, which no setting of the system's time moves.
//!
//! On PostgreSQL it is the database's, so that all processes agree: measured now and then, and counted on from there by
//! the process's steady clock, which costs no round trip per batch. On SQLite there is one process and no other clock
//! than its system's. It is counted on in the same way, and follows the system's time at each measurement.
//!
//! Either may be set, the database's too: its machine's clock, or a standby's that takes over. A measurement notices, and
//! ages prove nothing for a while then, see [`Time::steady_for`]. What was to be due later is due at once: on SQLite by
//! [`make_all_due`], and on both because it was changed in the future, see [`florin_storage::recovery::is_due`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use florin_storage::recovery::{database_time, make_all_due};
use florin_storage::{AnyConnection, StorageError};

use crate::clock::Clock;
use crate::engine::Inner;

/// What an engine's time goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeBy {
    /// The clock of the settings alone, which nothing moves but whoever made it: for tests, and for one process whose
    /// clock is known to be right.
    Clock,
    /// The database's clock, and the clock of the settings where the database has none.
    Database,
}

/// By how much a measurement may differ from what was expected before it means that a clock was set.
const STEP: TimeDelta = TimeDelta::seconds(1);

/// A measurement that took longer tells too little.
const LONGEST_MEASUREMENT: Duration = Duration::from_secs(1);

/// What time it is.
pub(crate) struct Time {
    clock: Arc<dyn Clock>,
    by: TimeBy,
    anchor: RwLock<Anchor>,
    /// How much later than this process another one may notice that the clock was set.
    noticed_within: Duration,
    /// Whether what is open has yet to be made due because the clock was set.
    is_unsettled: AtomicBool,
}

/// What time it was at one instant.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    at: DateTime<Utc>,
    instant: Instant,
    /// Since when the clock is known not to have been set; None when it can't be.
    steady_since: Option<Instant>,
    /// Whether it was set then, and not only may have been.
    was_set: bool,
}

impl Anchor {
    fn now(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.instant.elapsed()).unwrap_or(TimeDelta::MAX);
        self.at.checked_add_signed(passed).unwrap_or(self.at)
    }

    /// The anchor after a measurement, and whether the clock was set since the last one.
    fn moved(&self, at: DateTime<Utc>, instant: Instant) -> (Anchor, bool) {
        let passed =
            TimeDelta::from_std(instant.saturating_duration_since(self.instant)).unwrap_or(TimeDelta::MAX);
        let expected = self.at.checked_add_signed(passed).unwrap_or(self.at);
        let stepped = at.signed_duration_since(expected).abs() > STEP;
        let steady_since = if stepped { Some(instant) } else { self.steady_since };
        (Anchor { at, instant, steady_since, was_set: self.was_set || stepped }, stepped)
    }
}

impl Time {
    /// The time as the database tells it, or the clock where it has none. Processes measure it so often.
    pub(crate) fn start(
        clock: Arc<dyn Clock>,
        by: TimeBy,
        interval: Duration,
        connection: &mut AnyConnection,
    ) -> Result<Self, StorageError> {
        let of_database = match by {
            TimeBy::Clock => None,
            TimeBy::Database => database_time(connection)?,
        };
        let instant = Instant::now();
        let noticed_within = if of_database.is_some() { interval.saturating_mul(2) } else { Duration::ZERO };
        // Nobody knows whether the clock was set before this process ran.
        let steady_since = (by == TimeBy::Database).then_some(instant);
        let at = of_database.unwrap_or_else(|| clock.now());
        let anchor = RwLock::new(Anchor { at, instant, steady_since, was_set: false });
        Ok(Time { clock, by, anchor, noticed_within, is_unsettled: AtomicBool::new(false) })
    }

    /// Now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        match self.by {
            TimeBy::Clock => self.clock.now(),
            TimeBy::Database => self.anchor().now(),
        }
    }

    /// For how long ages are sure to be right: none when they always are. An attempt that seems older may be as young as
    /// this, since the clock may have been set after it was made, or by who had not noticed yet.
    pub(crate) fn steady_for(&self) -> Option<Duration> {
        self.anchor().steady_since.map(|since| since.elapsed().saturating_sub(self.noticed_within))
    }

    /// Whether the clock was set while this process ran.
    pub(crate) fn was_set(&self) -> bool {
        self.anchor().was_set
    }

    /// Asks the database, or the clock where it has none, what time it is.
    fn measure(&self, connection: &mut AnyConnection) -> Result<(), StorageError> {
        let asked = Instant::now();
        let measured = database_time(connection)?.unwrap_or_else(|| self.clock.now());
        let took = asked.elapsed();
        if took > LONGEST_MEASUREMENT {
            return Ok(());
        }
        let mut anchor = self.anchor.write().unwrap_or_else(PoisonError::into_inner);
        let (moved, stepped) = anchor.moved(measured, asked + took / 2);
        *anchor = moved;
        drop(anchor);
        if stepped {
            self.is_unsettled.store(true, Ordering::SeqCst);
            tracing::warn!(now = %self.now(), "the clock was set: what is open is looked up again");
            metrics::counter!("florin_clock_steps_total").increment(1);
        }
        Ok(())
    }

    fn anchor(&self) -> Anchor {
        *self.anchor.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Time {
    fn now(&self) -> DateTime<Utc> {
        Time::now(self)
    }
}

impl crate::engine::Engine {
    /// What time it is for leases, ids and tokens.
    pub fn now(&self) -> DateTime<Utc> {
        self.inner.now()
    }
}

impl Inner {
    /// Now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.time.now()
    }

    /// Sets the engine's time by the database's.
    pub(crate) async fn measure_time(&self) -> Result<(), StorageError> {
        if self.settings.time_by == TimeBy::Clock {
            return Ok(());
        }
        let time = Arc::clone(&self.time);
        self.read(move |connection| {
            time.measure(connection)?;
            if time.is_unsettled.load(Ordering::SeqCst) {
                match make_all_due(connection, time.now()) {
                    Ok(_) => time.is_unsettled.store(false, Ordering::SeqCst),
                    // Busy; the next sweep tries again, and this one finds what is due without it.
                    Err(error) => tracing::debug!(%error, "what is open could not be made due yet"),
                }
            }
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor() -> Anchor {
        Anchor { at: DateTime::UNIX_EPOCH, instant: Instant::now(), steady_since: None, was_set: false }
    }

    #[test]
    fn small_differences_are_followed_and_large_ones_are_noticed() {
        let first = anchor();
        let later = first.instant + Duration::from_secs(5);
        for (measured, stepped) in
            [(5_000, false), (5_900, false), (4_100, false), (3_605_000, true), (-1, true)]
        {
            let at = DateTime::from_timestamp_millis(measured).unwrap();
            let (moved, was_set) = first.moved(at, later);
            assert_eq!((moved.at, was_set, moved.steady_since.is_some()), (at, stepped, stepped));
        }
    }

    #[test]
    fn what_was_set_once_is_steady_only_since_then() {
        let (set, _) = anchor().moved(DateTime::from_timestamp(3600, 0).unwrap(), Instant::now());
        let (later, was_set) = set.moved(set.now(), Instant::now());
        assert!(!was_set && later.steady_since == set.steady_since);
    }
}
