//! Reconciliation: what moved in a window here, and what moved at the processor.
//!
//! Both sides are read page by page, sorted by attempt outside of memory, and merged. What differs is looked at once more
//! by itself, since either side may have changed meanwhile, and then raised as an open item, once for each cause. So a
//! run may be broken off at any point and begun anew.

mod differences;
mod record;
mod sorter;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use florin_domain::AttemptKind;
use florin_processors::{ListFailed, Window};
use florin_storage::reconciliation::{
    BookedMovement, WindowKey, booked_movements, finish_window, lease_window, renew_window,
};
use florin_storage::{StorageError, load_payments};

use crate::engine::{Engine, Inner};
use crate::known_accounts::KnownAccount;
use differences::Comparison;
use record::{Record, has_moved};
use sorter::Sorter;

/// By how much the two sides' times of one movement may differ. What is not listed within is asked for by itself.
const MARGIN: TimeDelta = TimeDelta::hours(1);
/// How long after an attempt its money may be booked: a bank debit takes days to clear.
const BOOKED_WITHIN: TimeDelta = TimeDelta::days(14);
/// How long a day has been over before it is compared, and how many days back a missed one is made up for.
const SETTLED_AFTER: TimeDelta = TimeDelta::days(1);
const DAYS_BACK: i64 = 7;
/// How long a process may be silent before another one begins its window anew.
const LEASE: TimeDelta = TimeDelta::minutes(15);
/// How many booked movements are read at once.
const PAGE: u32 = 500;

/// What a comparison came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// How many movements the processor has listed.
    pub listed: u64,
    /// How many are booked here.
    pub booked: u64,
    /// How many differences were found, those included that had been raised before.
    pub differences: u64,
    /// How many open items were raised.
    pub raised: u64,
}

/// Why a window could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileFailed {
    /// There is no such account.
    #[error("there is no such processor account")]
    NoAccount,
    /// The processor lists nothing, or could not be asked.
    #[error(transparent)]
    List(#[from] ListFailed),
    /// The processor could not be asked about one movement.
    #[error("the processor could not be asked about a movement")]
    Unanswered,
    /// The database could not be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no room to sort in.
    #[error("the movements could not be sorted: {0}")]
    Sorting(#[from] std::io::Error),
    /// Another process has taken the window over.
    #[error("another process compares this window now")]
    Overtaken,
}

impl Engine {
    /// Compares a window of an account, whoever has compared it before.
    ///
    /// # Errors
    /// [`ReconcileFailed`]; what was raised until then stands.
    pub async fn reconcile(
        &self,
        account: &str,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Reconciled, ReconcileFailed> {
        let account = self.inner.known_account(account).ok_or(ReconcileFailed::NoAccount)?;
        let key = window_of(&account, from, until);
        Comparison::new(&self.inner, &account, key, None).run().await
    }

    /// Compares the days of all accounts that are due and that no other process has taken; gives back how many.
    /// A running engine does so by itself; this is for operators and tests that can't wait.
    pub async fn reconcile_days(&self) -> usize {
        self.inner.reconcile_days().await
    }
}

impl Inner {
    /// Once an hour, compares the days that are due.
    pub(crate) async fn reconcile_periodically(self: Arc<Self>) {
        let hour = Duration::from_secs(3600);
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + Duration::from_secs(60), hour);
        while !self.is_closed() {
            ticks.tick().await;
            self.reconcile_days().await;
        }
    }

    async fn reconcile_days(self: &Arc<Self>) -> usize {
        let mut compared = 0;
        for account in self.known_accounts() {
            if !account.processor.capabilities().lists {
                continue;
            }
            let is_ours = |from: DateTime<Utc>| account.since.is_none_or(|since| since <= from);
            for (from, until) in days(self.now()).filter(|(from, _)| is_ours(*from)) {
                let key = window_of(&account, from, until);
                match self.reconcile_leased(&account, &key).await {
                    Ok(Some(done)) => {
                        tracing::info!(processor = key.processor, %from, ?done, "a day was reconciled");
                        compared += 1;
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(%error, processor = key.processor, %from, "a day could not be reconciled");
                        metrics::counter!("florin_reconciliations_failed_total").increment(1);
                    }
                }
            }
        }
        compared
    }

    /// Compares a window unless it is compared, or being compared by another process.
    async fn reconcile_leased(
        self: &Arc<Self>,
        account: &KnownAccount,
        key: &WindowKey,
    ) -> Result<Option<Reconciled>, ReconcileFailed> {
        let (now, wanted) = (self.now(), key.clone());
        let lease = later(now, LEASE);
        if !self.read(move |connection| lease_window(connection, &wanted, (now, lease))).await? {
            return Ok(None);
        }
        let done = Comparison::new(self, account, key.clone(), Some(lease)).run().await?;
        let (at, wanted) = (self.now(), key.clone());
        let counts = (signed(done.listed), signed(done.raised));
        self.read(move |connection| finish_window(connection, &wanted, at, counts)).await?;
        Ok(Some(done))
    }
}

impl Comparison<'_> {
    async fn run(mut self) -> Result<Reconciled, ReconcileFailed> {
        let theirs = self.theirs().await?.sorted()?;
        let ours = self.ours().await?.sorted()?;
        self.merge(ours, theirs).await?;
        Ok(self.done)
    }

    /// All that the processor lists, and a little more at either end.
    async fn theirs(&mut self) -> Result<Sorter, ReconcileFailed> {
        let window = Window { from: later(self.key.from, -MARGIN), until: later(self.key.until, MARGIN) };
        let mut sorter = Sorter::new();
        let mut cursor = None;
        loop {
            let page = self.account.processor.list(window, cursor).await?;
            for movement in &page.movements {
                self.done.listed += 1;
                let record = Record::of_theirs(movement);
                match movement.attempt_id {
                    Some(id) => sorter.push(record.line(id))?,
                    None => self.nobodys(&record).await?,
                }
            }
            self.renew().await?;
            cursor = page.next;
            if cursor.is_none() {
                return Ok(sorter);
            }
        }
    }

    /// All that was booked here of attempts of the window.
    async fn ours(&mut self) -> Result<Sorter, ReconcileFailed> {
        let booked_until = later(self.key.until, BOOKED_WITHIN);
        let key = WindowKey { until: booked_until, ..self.key.clone() };
        let mut sorter = Sorter::new();
        let mut after = None;
        loop {
            let wanted = key.clone();
            let booked =
                self.inner.read(move |connection| booked_movements(connection, &wanted, after, PAGE)).await?;
            let Some(last) = booked.last() else { return Ok(sorter) };
            after = Some(last.id);
            self.push_booked(&mut sorter, booked).await?;
            self.renew().await?;
        }
    }

    async fn push_booked(
        &mut self,
        sorter: &mut Sorter,
        booked: Vec<BookedMovement>,
    ) -> Result<(), ReconcileFailed> {
        let realm = self.key.realm;
        let payments: BTreeSet<_> = booked.iter().map(|movement| (realm, movement.payment_id)).collect();
        let payments = self.inner.read(move |connection| load_payments(connection, &payments)).await?;
        for (payment, attempts) in &payments {
            let movements = booked.iter().filter(|movement| movement.payment_id == payment.id);
            for movement in movements {
                let kind =
                    if movement.refund_id.is_some() { AttemptKind::Refund } else { AttemptKind::Charge };
                let moved = attempts.iter().find(|attempt| {
                    attempt.kind == kind
                        && attempt.refund_id == movement.refund_id
                        && attempt.processor == self.key.processor
                        && has_moved(attempt)
                });
                let Some(attempt) = moved else { continue };
                let record = Record::of_ours(payment, attempt);
                if record.is_within((later(self.key.from, -MARGIN), later(self.key.until, MARGIN))) {
                    self.done.booked += 1;
                    sorter.push(record.line(attempt.id))?;
                }
            }
        }
        Ok(())
    }

    /// Goes on with the lease, if there is one.
    async fn renew(&mut self) -> Result<(), ReconcileFailed> {
        let Some(held) = self.lease else { return Ok(()) };
        let until = later(self.inner.now(), LEASE);
        let key = self.key.clone();
        if !self.inner.read(move |connection| renew_window(connection, &key, (held, until))).await? {
            return Err(ReconcileFailed::Overtaken);
        }
        self.lease = Some(until);
        Ok(())
    }
}

/// The days that are to be compared by now, oldest first.
fn days(now: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
    let last = later(now, -SETTLED_AFTER).date_naive().and_time(NaiveTime::MIN).and_utc();
    (0..DAYS_BACK).rev().map(move |back| {
        let until = later(last, -TimeDelta::days(back));
        (later(until, -TimeDelta::days(1)), until)
    })
}

fn window_of(account: &KnownAccount, from: DateTime<Utc>, until: DateTime<Utc>) -> WindowKey {
    WindowKey { realm: account.realm, processor: account.processor.name().to_owned(), from, until }
}

fn later(time: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(by).unwrap_or(time)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_compared_when_it_has_been_over_for_a_day() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let found: Vec<_> = days(time("2026-05-10T00:00:00Z")).collect();
        assert_eq!(found.len(), 7);
        assert_eq!(found.last(), Some(&(time("2026-05-08T00:00:00Z"), time("2026-05-09T00:00:00Z"))));
        let late = days(time("2026-05-10T23:59:59Z")).last();
        assert_eq!(late, found.last().copied());
    }
}
