//! Recovery: attempts that were left open are looked up at their processor until their outcome is known, and
//! authorizations whose time is over are given up. `docs/recovery.md` has the states, races and crash points.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use florin_domain::{Actor, AttemptId, AttemptStatus, PaymentId, Settlement};
use florin_storage::faults::{Point, pass};
use florin_storage::recovery::{due_attempts, expired_authorizations, hurry};
use florin_storage::{Realm, StorageError};
use tokio::sync::Semaphore;

use crate::commands::{EndLookUp, Expire, Leased, Requester, Sending, TakeLease};
use crate::engine::Inner;
use crate::look_up::Verdict;

/// How many attempts one sweep takes, and how many are looked up at once.
const SWEEP_LIMIT: u32 = 500;
const AT_ONCE: usize = 32;

/// What a sweep takes in hand.
enum Due {
    /// An attempt to look up.
    Attempt(Realm, PaymentId, AttemptId),
    /// An authorization to give up.
    Authorization(Realm, PaymentId),
}

impl Inner {
    /// Looks for due attempts now and then, until the engine closes.
    pub(crate) async fn recover_periodically(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(self.settings.recovery_interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.is_closed() {
            ticks.tick().await;
            if let Err(error) = self.recover_once().await {
                tracing::warn!(%error, "recovery could not look for open attempts");
            }
        }
    }

    /// One sweep over what is due; gives back how much it took in hand.
    pub(crate) async fn recover_once(self: &Arc<Self>) -> Result<usize, StorageError> {
        self.measure_time().await?;
        self.hurry().await?;
        let due = self.due().await?;
        let count = due.len();
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = Vec::with_capacity(count);
        for due in due {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
            let inner = Arc::clone(self);
            running.push(self.track(async move {
                match due {
                    Due::Attempt(realm, payment_id, attempt_id) => {
                        inner.recover(realm, payment_id, attempt_id).await;
                    }
                    Due::Authorization(realm, payment_id) => inner.expire(realm, payment_id).await,
                }
                drop(permit);
            }));
        }
        for task in running {
            // A look-up that panicked has been logged; the others go on.
            let _panicked = task.await;
        }
        Ok(count)
    }

    /// Makes due what is unknown of processors that answer again.
    async fn hurry(&self) -> Result<(), StorageError> {
        for (realm, processor) in self.answering.take_well_again(Instant::now()) {
            let (now, name) = (self.now(), processor.clone());
            let hurried = self.read(move |connection| hurry(connection, realm, &name, now)).await?;
            if hurried > 0 {
                tracing::info!(processor, hurried, "a processor answers again: what is unknown is looked up");
            }
        }
        Ok(())
    }

    /// What is due now.
    async fn due(&self) -> Result<Vec<Due>, StorageError> {
        let now = self.now();
        self.read(move |connection| {
            let attempts: BTreeSet<_> = due_attempts(connection, now, SWEEP_LIMIT)?.into_iter().collect();
            let expired = expired_authorizations(connection, now, SWEEP_LIMIT)?;
            let attempts = attempts.into_iter().map(|(realm, payment, id)| Due::Attempt(realm, payment, id));
            let expired = expired.into_iter().map(|(realm, payment)| Due::Authorization(realm, payment));
            Ok(attempts.chain(expired).collect())
        })
        .await
    }

    async fn recover(self: &Arc<Self>, realm: Realm, payment_id: PaymentId, attempt_id: AttemptId) {
        let lease = self.lease();
        let Ok(Some(leased)) = self.write_always(TakeLease { realm, payment_id, attempt_id, lease }).await
        else {
            return;
        };
        pass(Point::LeaseTaken);
        self.settle_by_look_up(realm, *leased).await;
    }

    /// Gives up an authorization whose time is over.
    async fn expire(self: &Arc<Self>, realm: Realm, payment_id: PaymentId) {
        let lease = self.lease();
        let Ok(Some(sending)) = self.write_always(Expire { realm, payment_id, lease }).await else { return };
        let requester = system(realm, sending.attempt.id);
        let (settlement, reference) = self.send(&sending).await;
        if let Settlement::Failed(failure) = &settlement {
            tracing::warn!(payment = %payment_id, code = %failure.code, "an expired authorization could not be given up");
        }
        self.settle(&sending, &requester, settlement, reference).await;
    }

    /// Looks an attempt up that was taken for it, and settles it by what is found.
    pub(crate) async fn settle_by_look_up(self: &Arc<Self>, realm: Realm, leased: Leased) {
        if leased.attempt.status == AttemptStatus::Failed {
            return self.check_failed(&leased).await;
        }
        let verdict = self.look_up(&leased).await;
        pass(Point::LookupEnded);
        let (settlement, reference) = match verdict {
            Verdict::Wait => return self.end_look_up(realm, &leased, None).await,
            Verdict::WaitFor(wait) => return self.end_look_up(realm, &leased, Some(wait)).await,
            Verdict::Settle(settlement, reference) => (settlement, reference),
            // Whoever looks next has time to send it.
            Verdict::SendAgain if !self.lease_of(&leased.attempt).is_held() => {
                return self.end_look_up(realm, &leased, None).await;
            }
            Verdict::SendAgain => match self.send(&self.sending(realm, &leased).await).await {
                (Settlement::Unknown, _) if self.is_to_be_reviewed(&leased.attempt) => {
                    (Settlement::NeedsReview, None)
                }
                sent => sent,
            },
        };
        if settlement == Settlement::NeedsReview {
            tracing::error!(attempt = %leased.attempt.id, "an outcome is still unknown after 7 days: it needs review");
            metrics::counter!("florin_needs_review_total").increment(1);
        }
        let sending = self.sending(realm, &leased).await;
        let requester = system(realm, leased.attempt.id);
        let settled = self.settle(&sending, &requester, settlement, reference).await;
        if let Some(follow_up) = settled.follow_up {
            self.undo(*follow_up, requester);
        }
    }

    /// The attempt with the idempotency keys that wait for it.
    async fn sending(&self, realm: Realm, leased: &Leased) -> Sending {
        let payment_id = leased.payment.id;
        let keys =
            self.read(move |connection| florin_storage::unanswered_keys(connection, realm, payment_id));
        let mut keys = keys.await.unwrap_or_default();
        keys.retain(|key| key.refund_id == leased.refund_id);
        Sending {
            success_status: keys.first().map_or(200, |key| key.success_status),
            keys,
            payment: leased.payment.clone(),
            attempt: leased.attempt.clone(),
            is_new: false,
            others: Vec::new(),
        }
    }

    /// Looks once more by the schedule, or after so long if that is earlier.
    async fn end_look_up(&self, realm: Realm, leased: &Leased, wait: Option<Duration>) {
        let wait = wait.and_then(|wait| TimeDelta::from_std(wait).ok());
        let (payment_id, attempt_id) = (leased.payment.id, leased.attempt.id);
        let leased_until = leased.attempt.due_at;
        // Should it not be written, it is looked up again when the lease ends.
        let _unwritten =
            self.write_always(EndLookUp { realm, payment_id, attempt_id, wait, leased_until }).await;
    }
}

/// Florin itself, on behalf of an attempt.
pub(crate) fn system(realm: Realm, attempt_id: AttemptId) -> Requester {
    Requester {
        realm,
        actor: Actor::System,
        request_id: Arc::from(format!("req_{attempt_id}")),
        address: None,
    }
}
