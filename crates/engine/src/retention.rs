//! Forgetting, once an hour, what is kept for a time only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use florin_storage::sessions::{forget_login_failures, forget_sessions};
use florin_storage::webhooks::OldEvents;
use florin_storage::{AnyConnection, StorageError, forget_answers, forget_processor_events};

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
        self.forget("idempotent answers", move |on| Ok(forget_answers(on, now - A_MONTH)? > 0)).await;
        self.forget("events of processors", move |on| Ok(forget_processor_events(on, now - A_QUARTER)? > 0))
            .await;
        self.forget("sessions", move |on| forget_sessions(on, now, now - A_MONTH).map(|_| false)).await;
        self.forget("attempts to sign in", move |on| forget_login_failures(on, now - A_DAY).map(|_| false))
            .await;
        if let Some(before) = self.events_kept_since(now) {
            let mut old = None;
            self.forget("events", move |on| {
                let old = match &mut old {
                    Some(old) => old,
                    None => old.insert(OldEvents::before(on, before)?),
                };
                Ok(old.remove_some(on)?.is_some())
            })
            .await;
        }
    }

    /// None when events are kept for longer than there are dates.
    fn events_kept_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        now.checked_sub_signed(TimeDelta::from_std(self.settings.delivery.retention).ok()?)
    }

    /// Forgets some at a time, as long as `forget_some` says that there may be more. There may be millions: three times as long as
    /// that took is left to others each time. On SQLite nobody else writes meanwhile, and payments had to wait for seconds
    /// where one page followed the other.
    async fn forget(
        &self,
        what: &'static str,
        mut forget_some: impl FnMut(&mut AnyConnection) -> Result<bool, StorageError> + Send + 'static,
    ) {
        while !self.is_closed() {
            let began = Instant::now();
            let read = self.read(move |on| forget_some(on).map(|may_be_more| (forget_some, may_be_more)));
            match read.await {
                Ok((rest, true)) => forget_some = rest,
                Ok((_, false)) => break,
                Err(error) => return tracing::warn!(%error, "old {what} could not be forgotten"),
            }
            tokio::time::sleep(began.elapsed().saturating_mul(3)).await;
        }
    }
}
