//! What a tenant's days came to: sums of what moved, and what became of payments.
//!
//! Adding up a day reads all of it, so what was added up is kept, and nobody waits for it: whoever asks gets the sums as
//! they were a moment ago, and has them added up again beside. Where nothing has been added up yet, after a start, they get
//! what there is, and are told how many days are missing. Nothing is written for the sums, least of all by payments.

mod sums;

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
pub use florin_storage::read::{Became, Moved};
use florin_storage::read::{became_between, moved_between};
use florin_storage::{AnyConnection, Realm, StorageError};
pub use sums::{DayFigures, Figures};

use crate::access::Context;
use crate::engine::{Engine, Inner};
use crate::reading::unavailable;
use crate::views::Refused;

/// More tenants' days than these are not kept.
const CAPACITY: usize = 1000;

/// How long after its end a day is taken to be whole: what was decided before is saved by then.
const WHOLE_AFTER: TimeDelta = TimeDelta::minutes(5);

/// How long days are added up in one go, before others have their turn at the database connection.
const STINT: Duration = Duration::from_millis(100);

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
    /// What the last days came to, as of a moment ago. Days that nobody has added up yet are waited for no longer than
    /// `patience`; those that are missing then are added up beside.
    ///
    /// # Errors
    /// 503 when the database can't be read.
    pub async fn figures(
        &self,
        context: &Context,
        days: u32,
        patience: Duration,
    ) -> Result<Figures, Refused> {
        let inner = &self.inner;
        let realm = context.caller.realm();
        let now = inner.now();
        let wanted = last_days(now, days);
        let book = inner.figures.of(realm);
        if !book.missing(&wanted).is_empty() {
            let adding = inner.add_up_beside(realm, &book, Due::Missing(wanted.clone()));
            // Whoever waits no longer has them added up all the same.
            if let Ok(Ok(Err(error))) = tokio::time::timeout(patience, adding).await {
                return Err(unavailable(&error));
            }
        }
        if !book.stale(&wanted, now.date_naive()).is_empty() {
            drop(inner.add_up_beside(realm, &book, Due::Stale(wanted.clone(), now.date_naive())));
        }
        Ok(book.take(&wanted))
    }
}

/// Which days are to be added up.
#[derive(Clone)]
enum Due {
    /// Those of them that nobody has added up.
    Missing(Vec<NaiveDate>),
    /// Those of them that were added up too long ago, as of today.
    Stale(Vec<NaiveDate>, NaiveDate),
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

    /// The newest day that is due.
    fn next(&self, due: &Due) -> Option<NaiveDate> {
        let days = match due {
            Due::Missing(wanted) => self.missing(wanted),
            Due::Stale(wanted, today) => self.stale(wanted, *today),
        };
        days.into_iter().max()
    }

    fn take(&self, wanted: &[NaiveDate]) -> Figures {
        let days = self.with(|known| {
            let found = |day: &NaiveDate| known.get(day).map(|known| known.figures.clone());
            wanted.iter().map(|day| found(day).ok_or(*day)).collect::<Vec<_>>()
        });
        let missing = days.iter().filter(|day| day.is_err()).count();
        let days = days.into_iter().map(|day| day.unwrap_or_else(DayFigures::nothing)).collect();
        Figures { days, missing }
    }

    fn keep(&self, found: Known) {
        self.with(|known| known.insert(found.figures.day, found));
    }
}

impl Inner {
    /// Adds up what is due, the newest day first, in a task of its own.
    fn add_up_beside(
        self: &Arc<Self>,
        realm: Realm,
        book: &Arc<Days>,
        due: Due,
    ) -> tokio::task::JoinHandle<Result<(), StorageError>> {
        let (inner, book) = (Arc::clone(self), Arc::clone(book));
        self.handle().spawn(async move {
            let _turn = match &due {
                Due::Missing(_) => book.turn.lock().await,
                // Whoever has the turn does the same.
                Due::Stale(..) => match book.turn.try_lock() {
                    Ok(turn) => turn,
                    Err(_taken) => return Ok(()),
                },
            };
            let added = inner.add_up(realm, &book, &due).await;
            if let Err(error) = &added {
                tracing::warn!(%error, "days could not be added up");
            }
            added
        })
    }

    async fn add_up(&self, realm: Realm, book: &Arc<Days>, due: &Due) -> Result<(), StorageError> {
        while !self.is_closed() {
            let (book, due, now) = (Arc::clone(book), due.clone(), self.now());
            let read = move |connection: &mut AnyConnection| stint(connection, realm, &book, &due, now);
            if self.read(read).await?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Adds up days for a while; it breaks when none is due any more.
fn stint(
    connection: &mut AnyConnection,
    realm: Realm,
    book: &Days,
    due: &Due,
    now: DateTime<Utc>,
) -> Result<ControlFlow<()>, StorageError> {
    let began = Instant::now();
    while began.elapsed() < STINT {
        let Some(day) = book.next(due) else { return Ok(ControlFlow::Break(())) };
        book.keep(read_day(connection, realm, day, now)?);
    }
    Ok(ControlFlow::Continue(()))
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

    fn days(texts: &[&str]) -> Vec<NaiveDate> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_last_days_end_today() {
        let now = DateTime::parse_from_rfc3339("2026-03-01T00:10:00Z").unwrap().to_utc();
        assert_eq!(last_days(now, 3), days(&["2026-02-27", "2026-02-28", "2026-03-01"]));
    }

    #[test]
    fn days_that_nobody_has_added_up_are_missing_and_the_newest_comes_first() {
        let wanted = days(&["2026-02-27", "2026-02-28", "2026-03-01"]);
        let (book, due) = (Days::default(), Due::Missing(wanted.clone()));
        for (left, next) in [(3, Some(wanted[2])), (2, Some(wanted[1])), (1, Some(wanted[0])), (0, None)] {
            let taken = book.take(&wanted);
            assert_eq!((taken.missing, book.next(&due)), (left, next));
            assert_eq!(taken.days.iter().map(|day| day.day).collect::<Vec<_>>(), wanted);
            let Some(day) = next else { break };
            let figures = DayFigures::nothing(day);
            book.keep(Known { figures, read_at: Instant::now(), cost: Duration::ZERO, is_whole: true });
        }
        assert_eq!(book.next(&Due::Stale(wanted.clone(), wanted[2])), None);
    }
}
