//! What comes late: a success after its cancellation was asked for, one after the attempt was taken for failed, and the word
//! of a sender that was overtaken.

use florin_domain::{
    Actor, Attempt, AttemptId, AttemptKind, AttemptStart, AttemptStatus, Failure, FailureCode, FollowUp,
    Metadata, NewRefund, Payment, RefundId, Settlement,
};
use florin_storage::WorkingSet;

use super::Sending;
use super::booking::put_payment;
use super::settle::Settling;
use super::telling::tell_refund;
use crate::writer::Deciding;

/// Whether an attempt failed by what we concluded, not by what the processor said.
pub(super) fn is_concluded(attempt: &Attempt) -> bool {
    let concluded = [FailureCode::NotProcessed, FailureCode::NotSent];
    attempt.failure.as_ref().is_some_and(|failure| concluded.contains(&failure.code))
}

impl Settling {
    /// Whether this was found by a look-up, which counts. A sender has the attempt as it began.
    pub(super) fn was_looked_up(&self) -> bool {
        self.revision > 1
    }

    /// Whether it was not sent by who settles it here, while others may have sent it since. Nobody else sends a charge.
    pub(super) fn is_overtaken(&self, attempt: &Attempt) -> bool {
        let is_not_sent = |failure: &Failure| failure.code == FailureCode::NotSent;
        attempt.kind != AttemptKind::Charge
            && attempt.revision != self.revision
            && matches!(&self.settlement, Settlement::Failed(failure) if is_not_sent(failure))
    }

    /// The attempt that this settles, when it was taken for failed because the processor did not know it, and the processor
    /// has done it after all, or may have: what was sent at the very end of a lease may get no answer.
    pub(super) fn late_effect(&self, set: &WorkingSet) -> Option<Box<(Payment, Attempt)>> {
        let realm = self.requester.realm;
        let attempt = set.attempt(realm, self.payment_id, self.attempt_id)?;
        let is_failed = attempt.status == AttemptStatus::Failed && is_concluded(attempt);
        let may_have_happened =
            matches!(self.settlement, Settlement::Succeeded | Settlement::Pending | Settlement::Unknown);
        if !(is_failed && may_have_happened) {
            return None;
        }
        Some(Box::new((set.payment(realm, self.payment_id)?.clone(), attempt.clone())))
    }

    /// A charge succeeded although its cancellation had been asked for: begins to undo it, in this very commit.
    pub(super) fn undo(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        payment: &Payment,
        follow_up: FollowUp,
    ) -> Option<Sending> {
        let start = AttemptStart {
            id: AttemptId::from_uuid(deciding.new_id()),
            processor: payment.processor.clone()?,
            lease_until: self.sender.lease_until(deciding.at),
            at: deciding.at,
            by: Actor::System,
        };
        let (payment, attempt) = match follow_up {
            FollowUp::Void => payment.start_late_void(start),
            FollowUp::Refund => {
                let refund = NewRefund {
                    id: RefundId::from_uuid(deciding.new_id()),
                    amount: None,
                    reason: payment.cancellation_reason.clone(),
                    metadata: Metadata::default(),
                };
                // Nothing is refunded yet of a charge that has just succeeded, so all of it is available.
                let started = payment.start_late_refund(refund, start).ok()?;
                tell_refund(set, deciding, "refund.created", started.refund);
                (started.payment, started.attempt)
            }
        };
        set.put_attempt(attempt.clone());
        put_payment(set, deciding, payment.clone(), None);
        Some(Sending::unasked(payment, attempt))
    }
}
