//! The second of the two commits: what became of an attempt, and everything that follows from it.

use std::sync::Arc;

use florin_domain::{
    Actor, Attempt, AttemptId, AttemptKind, AttemptStatus, Failure, FailureCode, IllegalChange, Payment,
    PaymentId, Refund, RefundId, RefundStatus, Settlement, State, cause_of_review,
};
use florin_storage::{IdempotencyRecord, Needs, WorkingSet};

use super::booking::put_payment;
use super::gate::set_answer;
use super::items::{Review, follow_review, raise_return};
use super::schedule::{due_after, watched};
use super::telling::{outcome_answer, payment_json, refund_json, tell_payment, tell_refund};
use super::{Requester, Sender, Sending};
use crate::views::{Answer, Refused};
use crate::writer::{Command, Deciding};

/// Settles an attempt.
pub(crate) struct Settling {
    pub(crate) requester: Requester,
    pub(crate) payment_id: PaymentId,
    pub(crate) attempt_id: AttemptId,
    pub(crate) refund_id: Option<RefundId>,
    pub(crate) settlement: Settlement,
    pub(crate) reference: Option<String>,
    /// The idempotency keys that wait for the answer.
    pub(crate) keys: Vec<IdempotencyRecord>,
    /// The payment and attempt as they were committed, when nobody else can have changed them.
    pub(crate) known: Option<(Payment, Attempt)>,
    /// The HTTP status that success is answered with.
    pub(crate) success_status: u16,
    pub(crate) sender: Sender,
    /// Where a charge that has failed goes next, in this very commit: the first of these accounts that still takes it.
    pub(crate) others: Vec<Arc<str>>,
    /// Whether the attempt needs review, and what a person has decided.
    pub(crate) review: Option<Review>,
    /// The attempt's revision as whoever settles it had it: 1 for its sender, more for a look-up.
    pub(crate) revision: i64,
}

/// A settled attempt.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) answer: Answer,
    /// An attempt that has to be sent because a cancellation had been asked for.
    pub(crate) follow_up: Option<Box<Sending>>,
    /// The next charge, which has to be sent, and on which the answer depends.
    pub(crate) next: Option<Box<Sending>>,
    /// A payment and its attempt that had failed by our own conclusion, and happened all the same, or may have.
    pub(crate) late: Option<Box<(Payment, Attempt)>>,
}

impl Settled {
    /// Nothing follows but this answer.
    pub(crate) fn told(answer: Answer) -> Settled {
        Settled { answer, follow_up: None, next: None, late: None }
    }
}

impl Command for Settling {
    type Answer = Settled;

    fn needs(&self, needs: &mut Needs, fresh: bool) {
        if fresh || self.known().is_none() {
            needs.payments.insert((self.requester.realm, self.payment_id));
            // They exist, so that asking for them loads them.
            needs.keys.extend(self.keys.iter().map(|key| ((key.realm, key.digest), key.clone())));
        }
        needs.refunds.extend(self.refund_id.map(|id| (self.requester.realm, id)));
        if self.review.is_some() {
            needs.open_item_causes.insert((self.requester.realm, cause_of_review(self.attempt_id)));
        }
    }

    fn assume(&self, set: &mut WorkingSet) {
        if let Some((payment, attempt)) = self.known() {
            set.assume_payment(payment.clone());
            set.assume_attempt(attempt.clone());
            self.keys.iter().for_each(|key| set.assume_key(key.clone()));
        }
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Settled {
        let (settled, is_over) = match self.settle(set, deciding) {
            // The caller waits for what becomes of the next charge.
            Ok(settled) => {
                let is_over = settled.next.is_none();
                (settled, is_over)
            }
            Err(refused) => {
                if let NotSettled::Illegal(illegal) = &refused {
                    tracing::debug!(%illegal, attempt = %self.attempt_id, "an outcome came too late or out of order");
                }
                // The keys that wait may be those of the operation that is under way instead.
                let is_over = !matches!(refused, NotSettled::Illegal(IllegalChange::NotUnderWay { .. }));
                (Settled { late: self.late_effect(set), ..Settled::told(self.as_it_stands(set)) }, is_over)
            }
        };
        // Of an outcome that is open still, only who waits for it is told; a key whose process has died waits on.
        let is_told = settled.answer.status != 202 || self.requester.actor != Actor::System;
        if is_over && is_told {
            self.answer_keys(set, &settled.answer);
        }
        settled
    }
}

fn is_return(attempt: &Attempt, failure: &Failure) -> bool {
    attempt.status == AttemptStatus::Succeeded && failure.code == FailureCode::BankDebitReturned
}

enum NotSettled {
    Missing,
    /// Others have sent it meanwhile, so that its not being sent by this sender says nothing.
    Overtaken,
    Illegal(IllegalChange),
}

impl From<IllegalChange> for NotSettled {
    fn from(illegal: IllegalChange) -> Self {
        NotSettled::Illegal(illegal)
    }
}

/// What is told of a payment whose capture or void has come that far.
fn event_of(status: AttemptStatus, done: &'static str) -> Option<&'static str> {
    match status {
        AttemptStatus::Succeeded => Some(done),
        AttemptStatus::Failed => Some("payment.updated"),
        AttemptStatus::Sending
        | AttemptStatus::Unknown
        | AttemptStatus::Pending
        | AttemptStatus::RequiresAction
        | AttemptStatus::NeedsReview => None,
    }
}

impl Settling {
    /// What need not be loaded. A payment towards an invoice or of a payment request is, since it is locked before those.
    fn known(&self) -> Option<&(Payment, Attempt)> {
        let stands_alone = |payment: &Payment| payment.destination.is_none() && payment.request_id.is_none();
        self.known.as_ref().filter(|(payment, _)| stands_alone(payment))
    }

    fn settle(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Result<Settled, NotSettled> {
        let realm = self.requester.realm;
        let payment = set.payment(realm, self.payment_id).ok_or(NotSettled::Missing)?.clone();
        let attempt =
            set.attempt(realm, self.payment_id, self.attempt_id).ok_or(NotSettled::Missing)?.clone();
        if self.is_overtaken(&attempt) {
            return Err(NotSettled::Overtaken);
        }
        match (attempt.kind, &self.settlement) {
            (AttemptKind::Charge, Settlement::Failed(failure)) if is_return(&attempt, failure) => {
                self.return_charge(set, deciding, (&payment, &attempt), failure)
            }
            (AttemptKind::Charge, _) => self.settle_charge(set, deciding, &payment, &attempt),
            (AttemptKind::Capture, _) => self.settle_capture(set, deciding, &payment, &attempt),
            (AttemptKind::Void, _) => self.settle_void(set, deciding, &payment, &attempt),
            (AttemptKind::Refund, _) => self.settle_refund(set, deciding, &payment, &attempt),
        }
    }

    fn settle_charge(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        payment: &Payment,
        attempt: &Attempt,
    ) -> Result<Settled, NotSettled> {
        let (at, by) = (deciding.at, self.requester.actor);
        let settled = payment.settle_charge(attempt, &self.settlement, self.reference.as_deref(), at, by)?;
        if let Some(next) = self.next_charge(deciding, &settled.payment) {
            return Ok(self.go_on(set, deciding, settled.attempt, next));
        }
        let news = (attempt.status, settled.attempt.status);
        let watched = watched(settled.attempt, settled.payment.method_type, deciding.at);
        let attempt = self.put_attempt(set, deciding, watched);
        let event = match settled.payment.state() {
            State::Captured => Some("payment.succeeded"),
            State::Authorized => Some("payment.authorized"),
            State::Failed => Some("payment.failed"),
            State::Canceled => Some("payment.canceled"),
            State::Processing if news.0 != news.1 => Some("payment.processing"),
            State::Processing | State::Pending | State::PartiallyRefunded | State::Refunded => None,
        };
        let follow_up = settled.follow_up;
        let (payment, body) = self.put_payment(set, deciding, settled.payment, event);
        let follow_up =
            follow_up.and_then(|follow_up| self.undo(set, deciding, &payment, follow_up)).map(Box::new);
        Ok(Settled { follow_up, ..self.settled(&attempt, body) })
    }

    /// The payer's bank has taken a debit back that had cleared.
    fn return_charge(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        (payment, attempt): (&Payment, &Attempt),
        failure: &Failure,
    ) -> Result<Settled, NotSettled> {
        let (payment, attempt) =
            payment.return_charge(attempt, failure, deciding.at, self.requester.actor)?;
        raise_return(set, deciding, &payment, &attempt);
        set.put_attempt(attempt.clone());
        let event = if payment.state() == State::Failed { "payment.failed" } else { "payment.updated" };
        let (_, body) = self.put_payment(set, deciding, payment, Some(event));
        Ok(self.settled(&attempt, body))
    }

    fn settle_capture(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        payment: &Payment,
        attempt: &Attempt,
    ) -> Result<Settled, NotSettled> {
        let (at, by) = (deciding.at, self.requester.actor);
        let reference = self.reference.as_deref();
        let (payment, attempt) = payment.settle_capture(attempt, &self.settlement, reference, at, by)?;
        let attempt = self.put_attempt(set, deciding, attempt);
        let event = event_of(attempt.status, "payment.succeeded");
        let (_, body) = self.put_payment(set, deciding, payment, event);
        Ok(self.settled(&attempt, body))
    }

    fn settle_void(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        payment: &Payment,
        attempt: &Attempt,
    ) -> Result<Settled, NotSettled> {
        let (at, by) = (deciding.at, self.requester.actor);
        let realm = self.requester.realm;
        let open_charge = set
            .attempts(realm, payment.id)
            .find(|attempt| attempt.kind == AttemptKind::Charge && attempt.status.is_open())
            .cloned();
        let settled = payment.settle_void(attempt, open_charge.as_ref(), &self.settlement, at, by)?;
        let attempt = self.put_attempt(set, deciding, settled.attempt);
        if let Some(charge) = settled.charge {
            set.put_attempt(charge);
        }
        let event = event_of(attempt.status, "payment.canceled");
        let (_, body) = self.put_payment(set, deciding, settled.payment, event);
        Ok(self.settled(&attempt, body))
    }

    fn settle_refund(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        payment: &Payment,
        attempt: &Attempt,
    ) -> Result<Settled, NotSettled> {
        let (at, by) = (deciding.at, self.requester.actor);
        let refund_id = attempt.refund_id.ok_or(NotSettled::Missing)?;
        let refund = set.refund(self.requester.realm, refund_id).ok_or(NotSettled::Missing)?;
        let before = refund.status;
        let reference = self.reference.as_deref();
        let settled = payment.settle_refund(refund, &self.settlement, reference, at, by)?;
        let attempt = attempt.settle(&self.settlement, reference, at, by).map_err(IllegalChange::from)?;
        put_payment(set, deciding, settled.payment.clone(), Some(refund_id));
        let attempt = self.put_attempt(set, deciding, attempt);
        let (refund_event, payment_event) = match (before, settled.refund.status) {
            (RefundStatus::Pending, RefundStatus::Succeeded)
                if settled.payment.state() == State::Canceled =>
            {
                (Some("refund.succeeded"), Some("payment.canceled"))
            }
            (RefundStatus::Pending, RefundStatus::Succeeded) => {
                (Some("refund.succeeded"), Some("payment.refunded"))
            }
            (RefundStatus::Pending, RefundStatus::Failed) => (Some("refund.failed"), None),
            (RefundStatus::Succeeded, RefundStatus::Failed) => {
                (Some("refund.failed"), Some("payment.updated"))
            }
            (RefundStatus::Pending | RefundStatus::Succeeded | RefundStatus::Failed, _) => (None, None),
        };
        let body = self.put_refund(set, deciding, settled.refund, refund_event);
        if let Some(kind) = payment_event {
            tell_payment(set, deciding, kind, settled.payment);
        }
        Ok(self.settled(&attempt, body))
    }

    fn settled(&self, attempt: &Attempt, body: Arc<str>) -> Settled {
        let answer = outcome_answer(attempt, body, self.success_status, &self.requester.request_id);
        Settled::told(answer)
    }

    /// Puts the attempt. One that is still open is due for a look-up by the schedule.
    fn put_attempt(&self, set: &mut WorkingSet, deciding: &Deciding<'_>, mut attempt: Attempt) -> Attempt {
        if attempt.status.is_open() {
            attempt.lookups = attempt.lookups.saturating_add(u32::from(self.was_looked_up()));
            let due = due_after(attempt.lookups, deciding.at);
            attempt.due_at = (attempt.status != AttemptStatus::NeedsReview).then_some(due);
        }
        follow_review(set, deciding, self.review.as_ref(), (&attempt, self.requester.actor));
        set.put_attempt(attempt.clone());
        attempt
    }

    fn put_payment(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        payment: Payment,
        event: Option<&'static str>,
    ) -> (Payment, Arc<str>) {
        match event {
            Some(kind) => tell_payment(set, deciding, kind, payment),
            None => {
                let body = payment_json(&payment, set.attempts(self.requester.realm, payment.id));
                put_payment(set, deciding, payment.clone(), None);
                (payment, body)
            }
        }
    }

    fn put_refund(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        refund: Refund,
        event: Option<&'static str>,
    ) -> Arc<str> {
        match event {
            Some(kind) => tell_refund(set, deciding, kind, refund).1,
            None => {
                let body = refund_json(&refund);
                set.put_refund(refund);
                body
            }
        }
    }

    /// The answer when somebody else has settled the attempt: what came of it.
    fn as_it_stands(&self, set: &WorkingSet) -> Answer {
        let realm = self.requester.realm;
        let stored = self.keys.iter().find_map(|key| set.key(&(key.realm, key.digest))?.answer.clone());
        if let Some(florin_storage::StoredAnswer { status, body: Some(body) }) = stored {
            return Answer::replay(status, body);
        }
        let payment = set.payment(realm, self.payment_id);
        let attempt = set.attempt(realm, self.payment_id, self.attempt_id);
        let refund = self.refund_id.and_then(|id| set.refund(realm, id));
        match (payment, attempt) {
            (Some(payment), Some(attempt)) => {
                let body = match refund {
                    Some(refund) => refund_json(refund),
                    None => payment_json(payment, set.attempts(realm, payment.id)),
                };
                outcome_answer(attempt, body, self.success_status, &self.requester.request_id)
            }
            _ => self.requester.refuse(Refused::payment_not_found()),
        }
    }

    /// Stores the answer on the keys that wait for it.
    fn answer_keys(&self, set: &mut WorkingSet, answer: &Answer) {
        for key in &self.keys {
            let Some(mut record) = set.key(&(key.realm, key.digest)).cloned() else { continue };
            if record.answer.is_none() {
                set_answer(&mut record, answer);
                set.put_key(record);
            }
        }
    }
}
