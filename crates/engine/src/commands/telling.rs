//! Telling what happened: events with their snapshots, and answers made of the same JSON.

use std::net::IpAddr;
use std::sync::Arc;

use florin_domain::{
    Actor, Attempt, AttemptKind, AttemptStatus, AuditAction, AuditEntryId, EventId, Payment, Refund,
};
use florin_storage::access::AuditEntry;
use florin_storage::{Event, InRealm, Realm, WorkingSet};

use super::booking::put_payment;
use crate::access::Context;
use crate::views::{Answer, PaymentResponse, RefundResponse, Refused, to_json};
use crate::writer::Deciding;

/// Who asks, in which realm, and by which request.
#[derive(Clone, Debug)]
pub(crate) struct Requester {
    /// Whose objects, and of which mode.
    pub(crate) realm: Realm,
    /// Who asks.
    pub(crate) actor: Actor,
    /// The request, for error bodies.
    pub(crate) request_id: Arc<str>,
    /// The address that it came from.
    pub(crate) address: Option<IpAddr>,
}

impl From<&Context> for Requester {
    fn from(context: &Context) -> Self {
        let caller = &context.caller;
        Requester {
            realm: caller.realm(),
            actor: caller.actor(),
            request_id: Arc::from(context.request_id.as_str()),
            address: context.address,
        }
    }
}

impl Requester {
    /// Whoever has the server's command line.
    pub(crate) fn operator(realm: Realm) -> Self {
        Requester { realm, actor: Actor::Operator, request_id: Arc::from(""), address: None }
    }

    /// What the audit log says of something that they did.
    pub(crate) fn audit_entry(
        &self,
        id: AuditEntryId,
        action: AuditAction,
        object_id: impl ToString,
        details: &serde_json::Value,
    ) -> AuditEntry {
        AuditEntry {
            realm: self.realm,
            id,
            action,
            object_id: object_id.to_string(),
            actor: self.actor,
            address: self.address,
            request_id: Some(self.request_id.to_string()).filter(|id| !id.is_empty()),
            details: details.to_string(),
        }
    }

    /// Florin by itself.
    pub(crate) fn system(realm: Realm) -> Self {
        Requester { actor: Actor::System, ..Requester::operator(realm) }
    }

    /// A refusal as this request's answer.
    pub(crate) fn refuse(&self, refused: impl Into<Refused>) -> Answer {
        refused.into().to_answer(&self.request_id)
    }
}

/// The payment as JSON, with those of `attempts` that are charges.
pub(crate) fn payment_json<'a>(
    payment: &'a Payment,
    attempts: impl Iterator<Item = &'a Attempt>,
) -> Arc<str> {
    Arc::from(to_json(&PaymentResponse::new(payment, attempts), 2048))
}

/// The refund as JSON.
pub(crate) fn refund_json(refund: &Refund) -> Arc<str> {
    Arc::from(to_json(&RefundResponse::new(refund), 1024))
}

/// Puts a changed payment and an event that tells of it; gives back the payment and its JSON.
///
/// The payment's attempts have to be put before, since they are part of the snapshot.
pub(crate) fn tell_payment(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    kind: &'static str,
    payment: Payment,
) -> (Payment, Arc<str>) {
    let payment = payment.with_event();
    let realm = payment.realm();
    let snapshot = payment_json(&payment, set.attempts(realm, payment.id));
    put_event(set, deciding, realm, kind, (payment.id.bytes(), payment.event_count), &snapshot);
    put_payment(set, deciding, payment.clone(), None);
    (payment, snapshot)
}

/// Puts a changed refund and an event that tells of it; gives back the refund and its JSON.
pub(crate) fn tell_refund(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    kind: &'static str,
    mut refund: Refund,
) -> (Refund, Arc<str>) {
    refund.event_count = refund.event_count.saturating_add(1);
    let realm = refund.realm();
    let snapshot = refund_json(&refund);
    put_event(set, deciding, realm, kind, (refund.id.bytes(), refund.event_count), &snapshot);
    set.put_refund(refund.clone());
    (refund, snapshot)
}

/// Puts an event of the object, its `sequence`th.
pub(super) fn put_event(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    realm: Realm,
    kind: &'static str,
    (object_id, sequence): ([u8; 16], i64),
    snapshot: &Arc<str>,
) {
    let id = EventId::from_uuid(deciding.new_event_id());
    set.put_event(Event { realm, id, kind, object_id, sequence, snapshot: Arc::clone(snapshot) });
}

/// An answer of a body that is JSON already.
pub(crate) fn answer(status: u16, body: Arc<str>) -> Answer {
    Answer { status, body, replayed: false, retry_after_seconds: None }
}

/// What an attempt's outcome is answered with, where `body` is the payment or refund that it changed.
pub(crate) fn outcome_answer(
    attempt: &Attempt,
    body: Arc<str>,
    success_status: u16,
    request_id: &str,
) -> Answer {
    let is_refund = attempt.kind == AttemptKind::Refund;
    match (attempt.status, &attempt.failure) {
        // A refund that failed is answered as a refund, with its failure inside.
        (AttemptStatus::Failed, Some(failure)) if !is_refund => {
            Refused::declined(failure, attempt.payment_id).to_answer(request_id)
        }
        (
            AttemptStatus::Succeeded
            | AttemptStatus::Failed
            | AttemptStatus::Pending
            | AttemptStatus::RequiresAction,
            _,
        ) => answer(success_status, body),
        (AttemptStatus::Sending | AttemptStatus::Unknown | AttemptStatus::NeedsReview, _) => {
            answer(202, body)
        }
    }
}
