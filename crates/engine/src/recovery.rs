//! Recovery: attempts that were left open are looked up at their processor until their outcome is known.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{
    Actor, AttemptId, AttemptKind, AttemptStatus, Failure, FailureCode, PaymentId, Settlement,
};
use florin_processors::{Found, LookUp, Processor};
use florin_storage::faults::{Point, pass};
use florin_storage::{Realm, StorageError};
use tokio::sync::Semaphore;

use crate::charging::settlement_of;
use crate::commands::{Leased, Requester, Sending, TakeLease};
use crate::engine::Inner;

/// After this long nobody asks the processor any more: a person has to.
const REVIEW_AFTER: TimeDelta = TimeDelta::days(7);
/// How many attempts one sweep takes, and how many are looked up at once.
const SWEEP_LIMIT: u32 = 500;
const AT_ONCE: usize = 32;

/// What a look-up told.
enum Verdict {
    Settle(Settlement, Option<String>),
    SendAgain,
    Wait,
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

    /// One sweep over what is due; gives back how many attempts it took.
    pub(crate) async fn recover_once(self: &Arc<Self>) -> Result<usize, StorageError> {
        let now = self.settings.clock.now();
        let due =
            self.read(move |connection| florin_storage::recovery::due_attempts(connection, now, SWEEP_LIMIT));
        let due: BTreeSet<(Realm, PaymentId, AttemptId)> = due.await?.into_iter().collect();
        let count = due.len();
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = Vec::with_capacity(count);
        for (realm, payment_id, attempt_id) in due {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
            let inner = Arc::clone(self);
            running.push(self.track(async move {
                inner.recover(realm, payment_id, attempt_id).await;
                drop(permit);
            }));
        }
        for task in running {
            // A look-up that panicked has been logged; the others go on.
            let _panicked = task.await;
        }
        Ok(count)
    }

    async fn recover(self: &Arc<Self>, realm: Realm, payment_id: PaymentId, attempt_id: AttemptId) {
        let lease = self.lease();
        let Ok(Some(leased)) = self.write_always(TakeLease { realm, payment_id, attempt_id, lease }).await
        else {
            return;
        };
        let Some(processor) = self.processor_named(realm, &leased.attempt.processor) else {
            tracing::error!(attempt = %attempt_id, processor = leased.attempt.processor, "no such processor");
            return;
        };
        pass(Point::LeaseTaken);
        metrics::counter!("florin_lookups_total").increment(1);
        let keys =
            self.read(move |connection| florin_storage::unanswered_keys(connection, realm, payment_id));
        let mut keys = keys.await.unwrap_or_default();
        keys.retain(|key| key.refund_id == leased.refund_id);
        let sending = Sending {
            success_status: keys.first().map_or(200, |key| key.success_status),
            keys,
            payment: leased.payment.clone(),
            attempt: leased.attempt.clone(),
            is_new: false,
            others: Vec::new(),
        };
        let requester =
            Requester { realm, actor: Actor::System, request_id: Arc::from(format!("req_{attempt_id}")) };
        let verdict = self.look_up(&processor, &leased).await;
        pass(Point::LookupEnded);
        let settled = match verdict {
            Verdict::Wait => return,
            Verdict::Settle(settlement, reference) => {
                self.settle(&sending, &requester, settlement, reference).await
            }
            Verdict::SendAgain => {
                let (settlement, reference) = self.send(&sending).await;
                self.settle(&sending, &requester, settlement, reference).await
            }
        };
        if let Some(follow_up) = settled.follow_up {
            self.undo(*follow_up, requester);
        }
    }

    async fn look_up(&self, processor: &Arc<dyn Processor>, leased: &Leased) -> Verdict {
        let attempt = &leased.attempt;
        let age = self.settings.clock.now().signed_duration_since(attempt.id.created_at());
        let about = about(leased);
        let asked = processor.look_up(&about);
        let verdict = match tokio::time::timeout(self.settings.processor_timeout, asked).await {
            Ok(Ok(Found::Outcome(outcome))) => match settlement_of(outcome) {
                // A bank debit that has cleared and that nobody has taken back.
                (Settlement::Succeeded, _) if attempt.status == AttemptStatus::Succeeded => Verdict::Wait,
                (Settlement::Pending, _) if attempt.status == AttemptStatus::Pending => Verdict::Wait,
                (Settlement::RequiresAction { .. }, _) if attempt.status == AttemptStatus::RequiresAction => {
                    Verdict::Wait
                }
                (settlement, reference) => Verdict::Settle(settlement, reference),
            },
            Ok(Ok(Found::Returned { reference, reason })) => {
                Verdict::Settle(failed(FailureCode::BankDebitReturned, &reason), Some(reference))
            }
            // What has cleared is not undone because a processor has forgotten it.
            Ok(Ok(Found::NotFound)) if attempt.status == AttemptStatus::Succeeded => Verdict::Wait,
            Ok(Ok(Found::NotFound)) => not_found(processor.as_ref(), attempt.kind, age),
            Ok(Err(error)) => {
                tracing::warn!(%error, attempt = %attempt.id, "a look-up failed");
                Verdict::Wait
            }
            Err(_) => Verdict::Wait,
        };
        match verdict {
            Verdict::Wait if age > REVIEW_AFTER && !waits_by_nature(attempt.status) => {
                tracing::error!(attempt = %attempt.id, "an outcome is still unknown after 7 days: it needs review");
                metrics::counter!("florin_needs_review_total").increment(1);
                Verdict::Settle(Settlement::NeedsReview, None)
            }
            verdict => verdict,
        }
    }

    /// The engine's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.settings.clock.now()
    }
}

/// What the processor is told of the attempt that it is asked about.
fn about(leased: &Leased) -> LookUp {
    let (payment, attempt) = (&leased.payment, &leased.attempt);
    LookUp {
        attempt_id: attempt.id,
        kind: attempt.kind,
        payment_id: attempt.payment_id,
        refund_id: attempt.refund_id,
        amount: attempt.amount,
        currency: payment.currency,
        reference: attempt.processor_reference.clone(),
        charge_reference: payment.processor_reference.clone(),
    }
}

/// A bank debit clears or is returned, or a payer acts, in their own time.
fn waits_by_nature(status: AttemptStatus) -> bool {
    matches!(status, AttemptStatus::Pending | AttemptStatus::RequiresAction | AttemptStatus::Succeeded)
}

/// "Not found" proves something only after the processor's greatest delay. A charge is then never sent again, since
/// whoever asked for it has gone; what serves the payer (a refund, a void) or a decision that stands (a capture) is,
/// as long as the processor keeps the key.
fn not_found(processor: &dyn Processor, kind: AttemptKind, age: TimeDelta) -> Verdict {
    let age = age.to_std().unwrap_or(Duration::ZERO);
    let capabilities = processor.capabilities();
    match kind {
        _ if !capabilities.not_found_is_proof_after(age) => Verdict::Wait,
        AttemptKind::Capture | AttemptKind::Void | AttemptKind::Refund
            if capabilities.may_send_again_after(age) =>
        {
            Verdict::SendAgain
        }
        AttemptKind::Charge | AttemptKind::Capture | AttemptKind::Void | AttemptKind::Refund => {
            let message = "The payment processor has no record of it: nothing happened.";
            Verdict::Settle(failed(FailureCode::NotProcessed, message), None)
        }
    }
}

fn failed(code: FailureCode, message: &str) -> Settlement {
    Settlement::Failed(Failure { code, message: message.to_owned() })
}
