//! Open items: raising and closing them, and what a person decides about an attempt that needs review.

use florin_domain::{
    Actor, Attempt, AttemptId, AttemptKind, AttemptStatus, Closing, ClosingNote, Failure, FailureCode,
    OpenItem, OpenItemId, OpenItemStatus, Payment, PaymentId, RefundId, Resolution, Settlement,
    cause_of_review,
};
use florin_storage::{IdempotencyRecord, InRealm, Needs, Realm, WorkingSet};

use super::change::{Change, Desk, Made};
use super::gate::{Bound, Gate, KeyUse, finish};
use super::{Requester, Sender, Sending, Settled, Settling};
use crate::requests::ResolveAttempt;
use crate::views::{Answer, OpenItemResponse, Refused};
use crate::writer::{Command, Deciding};

/// Raises an item, unless it was raised before.
pub(crate) struct Raise {
    /// Makes the item of its id.
    pub(crate) item: OpenItem,
}

impl Command for Raise {
    /// Whether it is new.
    type Answer = bool;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.open_item_causes.insert((self.realm(), self.item.cause.clone()));
    }

    fn decide(&self, set: &mut WorkingSet, _deciding: &Deciding<'_>) -> bool {
        if set.open_item_of(self.realm(), &self.item.cause).is_some() {
            return false;
        }
        tracing::warn!(item = %self.item.id, kind = %self.item.kind, "an open item was raised");
        metrics::counter!("florin_open_items_total", "type" => self.item.kind.as_str()).increment(1);
        set.raise(self.item.clone());
        true
    }
}

impl Raise {
    fn realm(&self) -> Realm {
        self.item.realm()
    }
}

/// Raises the item of an attempt that a person has to settle, in the commit that finds so; or closes it, in the commit
/// that finds out what became of the attempt.
pub(super) fn follow_review(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    review: Option<&Review>,
    (attempt, by): (&Attempt, Actor),
) {
    let realm = attempt.realm();
    if attempt.status == AttemptStatus::NeedsReview {
        let Some(payment) = set.payment(realm, attempt.payment_id) else { return };
        let item = OpenItem::needs_review(OpenItemId::from_uuid(deciding.new_id()), payment, attempt);
        return set.raise(item);
    }
    if let Some(review) = review.filter(|_| !attempt.status.is_open()) {
        let closing = told_by_the_processor(attempt, deciding, by);
        close_review(set, realm, attempt, Closing { note: review.note.clone(), ..closing });
    }
}

/// Raises the item of a bank debit that came back after refunds, in the commit of its return.
pub(super) fn raise_return(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    payment: &Payment,
    attempt: &Attempt,
) {
    if payment.facts.refunded().is_zero() && payment.facts.held().is_zero() {
        return;
    }
    tracing::error!(payment = %payment.id, "a debit was returned after refunds: an open item tells of it");
    metrics::counter!("florin_open_items_total", "type" => "returned_after_refund").increment(1);
    let id = OpenItemId::from_uuid(deciding.new_id());
    set.raise(OpenItem::returned_after_refund(id, payment, attempt));
}

/// Closes the item about an attempt that needed review, once its outcome is known after all.
fn close_review(set: &mut WorkingSet, realm: Realm, attempt: &Attempt, closing: Closing) {
    let item = set.open_item_of(realm, &cause_of_review(attempt.id));
    let Some(item) = item.filter(|item| item.status() == OpenItemStatus::Open) else { return };
    let settled = item.settled(closing);
    set.put_open_item(settled);
}

/// What closes an item by itself: the processor has told the outcome.
fn told_by_the_processor(attempt: &Attempt, deciding: &Deciding<'_>, by: Actor) -> Closing {
    let resolution = match attempt.status {
        AttemptStatus::Succeeded => Some(Resolution::Succeeded),
        AttemptStatus::Failed => Some(Resolution::Failed),
        AttemptStatus::Sending
        | AttemptStatus::Unknown
        | AttemptStatus::Pending
        | AttemptStatus::RequiresAction
        | AttemptStatus::NeedsReview => None,
    };
    Closing { resolution, note: None, by, at: deciding.at }
}

/// Closes an item by hand.
pub(crate) struct CloseItem {
    pub(crate) id: OpenItemId,
    pub(crate) note: ClosingNote,
}

impl Change for CloseItem {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.open_items.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let item = on.set.open_item(on.realm, self.id).ok_or_else(Refused::open_item_not_found)?;
        let closed = item.close(self.note.clone(), on.deciding.at, on.actor)?;
        let made = Made::new(200, &OpenItemResponse::new(&closed), self.id);
        if closed != *item {
            on.set.put_open_item(closed);
        }
        Ok(made)
    }
}

/// Settles an attempt that needs review as a person has found out.
pub(crate) struct Resolve {
    pub(crate) requester: Requester,
    pub(crate) key: Option<KeyUse>,
    pub(crate) payment_id: PaymentId,
    pub(crate) refund_id: Option<RefundId>,
    pub(crate) attempt_id: AttemptId,
    pub(crate) decision: ResolveAttempt,
    /// The idempotency keys that wait for the outcome.
    pub(crate) waiting: Vec<IdempotencyRecord>,
    pub(crate) success_status: u16,
    pub(crate) sender: Sender,
}

/// What a decision comes to.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) answer: Answer,
    /// An attempt that has to be sent because a cancellation had been asked for.
    pub(crate) follow_up: Option<Box<Sending>>,
}

impl Command for Resolve {
    type Answer = Resolved;

    fn needs(&self, needs: &mut Needs, fresh: bool) {
        self.settling().needs(needs, fresh);
        needs.open_item_causes.insert((self.requester.realm, cause_of_review(self.attempt_id)));
        if let Some(key) = &self.key {
            key.need(needs);
        }
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Resolved {
        let key = self.key.as_ref();
        if let Gate::Closed(answer) = Gate::check(set, deciding, key, &self.requester) {
            return Resolved { answer, follow_up: None };
        }
        let (answer, bound, follow_up) = match self.resolve(set, deciding) {
            Ok((item, follow_up)) => {
                let answer = Answer::new(200, &OpenItemResponse::new(&item));
                (answer, Bound::Object(item.id.to_string()), follow_up)
            }
            Err(refused) => (self.requester.refuse(refused), Bound::Nothing, None),
        };
        Resolved { answer: finish(set, deciding, key, bound, answer), follow_up }
    }
}

impl Resolve {
    fn resolve(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
    ) -> Result<(OpenItem, Option<Box<Sending>>), Refused> {
        let realm = self.requester.realm;
        let cause = cause_of_review(self.attempt_id);
        let item = set.open_item_of(realm, &cause).ok_or_else(Refused::attempt_not_found)?.clone();
        let attempt = set.attempt(realm, self.payment_id, self.attempt_id);
        let attempt = attempt.ok_or_else(Refused::attempt_not_found)?;
        if let Some(closed) = &item.closed {
            // The same decision again, maybe since its answer was lost.
            return match closed.resolution == Some(self.decision.outcome) && closed.note.is_some() {
                true => Ok((item, None)),
                false => Err(Refused::attempt_not_in_review(attempt.status)),
            };
        }
        if attempt.status.as_str() == self.decision.outcome.as_str() {
            // It was settled by what has ended the whole payment, so that only the item is left.
            let closing = told_by_the_processor(attempt, deciding, self.requester.actor);
            let closed = item.settled(Closing { note: Some(self.decision.note.clone()), ..closing });
            set.put_open_item(closed.clone());
            return Ok((closed, None));
        }
        if attempt.status != AttemptStatus::NeedsReview {
            return Err(Refused::attempt_not_in_review(attempt.status));
        }
        self.check_reference(attempt)?;
        let Settled { follow_up, .. } = self.settling().decide(set, deciding);
        let settled = set.attempt(realm, self.payment_id, self.attempt_id);
        match (settled.map(|attempt| attempt.status), set.open_item_of(realm, &cause)) {
            (Some(AttemptStatus::Succeeded | AttemptStatus::Failed), Some(item)) => {
                Ok((item.clone(), follow_up))
            }
            // A charge waits for the void that was sent for it.
            _ => Err(Refused::attempt_waits()),
        }
    }

    /// What has been charged is captured, voided and refunded by the processor's name for it.
    fn check_reference(&self, attempt: &Attempt) -> Result<(), Refused> {
        let is_needed = self.decision.outcome == Resolution::Succeeded && attempt.kind == AttemptKind::Charge;
        match is_needed && self.decision.reference.is_none() && attempt.processor_reference.is_none() {
            true => Err(Refused::reference_missing()),
            false => Ok(()),
        }
    }

    /// The decision as what a look-up would have found.
    fn settling(&self) -> Settling {
        let settlement = match self.decision.outcome {
            Resolution::Succeeded => Settlement::Succeeded,
            Resolution::Failed => Settlement::Failed(Failure {
                code: FailureCode::NotProcessed,
                message: "It was looked into by hand: nothing happened.".to_owned(),
            }),
        };
        Settling {
            requester: self.requester.clone(),
            payment_id: self.payment_id,
            attempt_id: self.attempt_id,
            refund_id: self.refund_id,
            settlement,
            reference: self.decision.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            keys: self.waiting.clone(),
            known: None,
            success_status: self.success_status,
            sender: self.sender.clone(),
            others: Vec::new(),
            review: Some(Review { note: Some(self.decision.note.clone()) }),
            revision: 1,
        }
    }
}

/// That the attempt to settle needs review, so that its open item is closed with it.
#[derive(Clone, Debug)]
pub(crate) struct Review {
    /// What a person has decided; none when the processor has told the outcome after all.
    pub(crate) note: Option<ClosingNote>,
}
