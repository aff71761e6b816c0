//! Forgetting, once an hour, what is kept for a time only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use florin_storage::recovery::forget_processor_events;
use florin_storage::sessions::{forget_login_failures, forget_sessions};
use florin_storage::webhooks::OldEvents;
use florin_storage::{AnyConnection, StorageError, forget_answers};

use crate::engine::Inner;

/// For how long idempotent answers are kept, and sessions that are over.
const A_MONTH: TimeDelta = TimeDelta::days(30);
/// For how long processors' events are kept.
const A_QUARTER: TimeDelta = TimeDelta::days(90);
/// For how long an attempt to sign in may count.
const A_DAY: TimeDelta = TimeDelta::days(1);

impl Inner {
    pub(crate) async fn forget_periodically(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(Duration::from_secs(3600));
        while !self.is_closed() {
            ticks.tick().await;
            self.forget_all().await;
        }
    }

    /// What can't be forgotten now is tried again with the rest, an hour later.
    async fn forget_all(&self) {
        let now = self.now();
        self.forget("idempotent answers", move |on| some(forget_answers(on, now - A_MONTH)?)).await;
        self.forget("events of processors", move |on| some(forget_processor_events(on, now - A_QUARTER)?))
            .await;
        self.forget("sessions", move |on| forget_sessions(on, now, now - A_MONTH).map(|_| None)).await;
        self.forget("attempts to sign in", move |on| forget_login_failures(on, now - A_DAY).map(|_| None))
            .await;
        if let Some(before) = self.events_kept_since(now) {
            let mut old = None;
            self.forget("events", move |on| match &mut old {
                Some(old) => OldEvents::remove_some(old, on),
                None => old.insert(OldEvents::before(on, before)?).remove_some(on),
            })
            .await;
        }
    }

    /// None when events are kept for longer than there are dates.
    fn events_kept_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        now.checked_sub_signed(TimeDelta::from_std(self.settings.delivery.retention).ok()?)
    }

    /// Forgets some at a time until `forget_some` says that there are no more. There may be millions: three times as long as
    /// that took is left to others each time. On SQLite nobody else writes meanwhile, and payments had to wait for seconds
    /// where one page followed the other.
    async fn forget(
        &self,
        what: &'static str,
        mut forget_some: impl FnMut(&mut AnyConnection) -> Result<Option<usize>, StorageError> + Send + 'static,
    ) {
        while !self.is_closed() {
            let began = Instant::now();
            let read = self.read(move |on| forget_some(on).map(|forgotten| (forget_some, forgotten)));
            match read.await {
                Ok((rest, Some(_))) => forget_some = rest,
                Ok((_, None)) => break,
                Err(error) => return tracing::warn!(%error, "old {what} could not be forgotten"),
            }
            tokio::time::sleep(began.elapsed().saturating_mul(3)).await;
        }
    }
}

/// How many were forgotten; none when there were no more.
fn some(forgotten: usize) -> Result<Option<usize>, StorageError> {
    Ok((forgotten > 0).then_some(forgotten))
}
