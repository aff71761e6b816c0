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
        self.forget("idempotent answers", move |on| forget_answers(on, now - A_MONTH)).await;
        self.forget("events of processors", move |on| forget_processor_events(on, now - A_QUARTER)).await;
        self.forget("sessions", move |on| forget_sessions(on, now, now - A_MONTH)).await;
        self.forget("attempts to sign in", move |on| forget_login_failures(on, now - A_DAY)).await;
        if let Some(before) = self.events_kept_since(now)
            && let Err(error) = self.forget_events(before).await
        {
            tracing::warn!(%error, "old events could not be forgotten");
        }
    }

    /// There may be millions of them. Some are removed at a time, and three times as long is left to others: on SQLite nobody
    /// else writes meanwhile, and payments had to wait for seconds where one page followed the other.
    async fn forget_events(&self, before: DateTime<Utc>) -> Result<(), StorageError> {
        let mut old = self.read(move |on| OldEvents::before(on, before)).await?;
        while !self.is_closed() {
            let began = Instant::now();
            let (rest, removed) = self
                .read(move |on| {
                    let removed = old.remove_some(on)?;
                    Ok((old, removed))
                })
                .await?;
            if removed.is_none() {
                break;
            }
            old = rest;
            tokio::time::sleep(began.elapsed().saturating_mul(3)).await;
        }
        Ok(())
    }

    /// None when events are kept for longer than there are dates.
    fn events_kept_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        now.checked_sub_signed(TimeDelta::from_std(self.settings.delivery.retention).ok()?)
    }

    async fn forget<T: Send + 'static>(
        &self,
        what: &'static str,
        forget: impl FnOnce(&mut AnyConnection) -> Result<T, StorageError> + Send + 'static,
    ) {
        if let Err(error) = self.read(forget).await {
            tracing::warn!(%error, "old {what} could not be forgotten");
        }
    }
}
