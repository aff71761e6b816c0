//! What a tenant's days came to: sums of what moved, and what became of payments.
//!
//! Adding up a day reads all of it, so what was added up is kept, and nobody waits for it twice: whoever asks gets the
//! sums as they were a moment ago, and has them added up again beside. Nothing is written for them, least of all by
//! payments.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
pub use florin_storage::read::{Became, Moved};
use florin_storage::read::{became_between, moved_between};
use florin_storage::{AnyConnection, Realm, StorageError};

use crate::access::Context;
use crate::engine::{Engine, Inner};
use crate::reading::unavailable;
use crate::views::Refused;

/// More tenants' days than these are not kept.
const CAPACITY: usize = 1000;

/// How long after its end a day is taken to be whole: what was decided before is saved by then.
const WHOLE_AFTER: TimeDelta = TimeDelta::minutes(5);

/// What one day came to, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFigures {
    /// The day.
    pub day: NaiveDate,
    /// What moved on it.
    pub moved: Vec<Moved>,
    /// What became so far of the payments that were created on it.
    pub became: Vec<Became>,
}

/// The days that were added up, by tenant and mode.
#[derive(Default)]
pub(crate) struct FiguresBook(Mutex<HashMap<Realm, Arc<Days>>>);

#[derive(Default)]
struct Days {
    known: Mutex<BTreeMap<NaiveDate, Known>>,
    /// Held by whoever adds up.
    turn: tokio::sync::Mutex<()>,
}

struct Known {
    figures: DayFigures,
    read_at: Instant,
    cost: Duration,
    is_whole: bool,
}

impl Known {
    /// Whether it should be added up again. The day that goes on, often, but for a twentieth of the time at most; the days
    /// on which payments may still be captured, at times; others hardly.
    fn is_stale(&self, today: NaiveDate) -> bool {
        let age = today.signed_duration_since(self.figures.day).num_days();
        let limit = match age {
            _ if !self.is_whole => (self.cost * 20).max(Duration::from_secs(5)),
            ..=8 => Duration::from_secs(600),
            _ => Duration::from_secs(6 * 3600),
        };
        self.read_at.elapsed() > limit
    }
}

impl Engine {
    /// What the last days came to, the oldest first and today last, as of a moment ago.
    ///
    /// # Errors
    /// 503 when the database can't be read.
    pub async fn figures(&self, context: &Context, days: u32) -> Result<Vec<DayFigures>, Refused> {
        let inner = &self.inner;
        let realm = context.caller.realm();
        let now = inner.now();
        let wanted = last_days(now, days);
        let book = inner.figures.of(realm);
        if !book.missing(&wanted).is_empty() {
            let _turn = book.turn.lock().await;
            let missing = book.missing(&wanted);
            inner.add_up(realm, &book, missing).await.map_err(|error| unavailable(&error))?;
        }
        let stale = book.stale(&wanted, now.date_naive());
        if !stale.is_empty() {
            let (inner, book) = (Arc::clone(inner), Arc::clone(&book));
            drop(self.inner.handle().spawn(async move {
                // Whoever has the turn does the same.
                let Ok(_turn) = book.turn.try_lock() else { return };
                if let Err(error) = inner.add_up(realm, &book, stale).await {
                    tracing::warn!(%error, "days could not be added up");
                }
            }));
        }
        Ok(book.take(&wanted))
    }
}

impl FiguresBook {
    fn of(&self, realm: Realm) -> Arc<Days> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if book.len() >= CAPACITY && !book.contains_key(&realm) {
            book.clear();
        }
        Arc::clone(book.entry(realm).or_default())
    }
}

impl Days {
    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<NaiveDate, Known>) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn missing(&self, wanted: &[NaiveDate]) -> Vec<NaiveDate> {
        self.with(|known| wanted.iter().copied().filter(|day| !known.contains_key(day)).collect())
    }

    fn stale(&self, wanted: &[NaiveDate], today: NaiveDate) -> Vec<NaiveDate> {
        let is_stale = |day: &NaiveDate, known: &BTreeMap<NaiveDate, Known>| {
            known.get(day).is_some_and(|known| known.is_stale(today))
        };
        self.with(|known| wanted.iter().copied().filter(|day| is_stale(day, known)).collect())
    }

    fn take(&self, wanted: &[NaiveDate]) -> Vec<DayFigures> {
        self.with(|known| {
            wanted.iter().filter_map(|day| known.get(day)).map(|known| known.figures.clone()).collect()
        })
    }
}

impl Inner {
    async fn add_up(&self, realm: Realm, book: &Days, days: Vec<NaiveDate>) -> Result<(), StorageError> {
        if days.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let read = move |connection: &mut AnyConnection| {
            days.into_iter().map(|day| read_day(connection, realm, day, now)).collect::<Result<Vec<_>, _>>()
        };
        let read = self.read(read).await?;
        book.with(|known| known.extend(read.into_iter().map(|found| (found.figures.day, found))));
        Ok(())
    }
}

fn read_day(
    connection: &mut AnyConnection,
    realm: Realm,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Known, StorageError> {
    let read_at = Instant::now();
    let from = day.and_time(NaiveTime::MIN).and_utc();
    let to = from + TimeDelta::days(1);
    let moved = moved_between(connection, realm, from, to)?;
    let became = became_between(connection, realm, from, to)?;
    let figures = DayFigures { day, moved, became };
    Ok(Known { figures, read_at, cost: read_at.elapsed(), is_whole: now > to + WHOLE_AFTER })
}

/// So many days, today included, the oldest first.
fn last_days(now: DateTime<Utc>, days: u32) -> Vec<NaiveDate> {
    let today = now.date_naive();
    (0..i64::from(days)).rev().filter_map(|back| today.checked_sub_signed(TimeDelta::days(back))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_days_end_today() {
        let now = DateTime::parse_from_rfc3339("2026-03-01T00:10:00Z").unwrap().to_utc();
        let days: Vec<String> = last_days(now, 3).iter().map(ToString::to_string).collect();
        assert_eq!(days, ["2026-02-27", "2026-02-28", "2026-03-01"]);
    }
}
