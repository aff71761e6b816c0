//! Making, canceling and sending payment requests. Paying one is [`super::pay`]'s.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use florin_domain::{
    AttemptId, AttemptStart, AuditAction, CancelRefused, Cancellation, CustomerId, Destination, Email,
    NewPaymentRequest, PageToken, Payment, PaymentId, PaymentRequest, PaymentRequestId, Reason,
    RequestCancellation,
};
use florin_storage::{IdempotencyRecord, InRealm, Needs, Realm, WorkingSet};
use serde_json::json;

use super::booking::put_payment;
use super::change::{Change, Desk, Made};
use super::gate::{Bound, Gate, KeyUse, bind_object, finish, set_answer};
use super::telling::{answer, put_event, tell_payment};
use super::{Requester, Sender, Sending};
use crate::requests::CreatePaymentRequest;
use crate::views::{
    Answer, EmailStatus, PaymentRequestResponse, PaymentRequestSentResponse, Refused, to_json,
};
use crate::writer::{Command, Deciding};

/// Makes a payment request.
pub(crate) struct NewRequest {
    pub(crate) request: CreatePaymentRequest,
    /// What its page is found by, random.
    pub(crate) token: PageToken,
}

impl Change for NewRequest {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.customers.extend(self.request.customer_id.map(|id| (realm, id)));
        needs.invoices.extend(self.request.invoice_id.map(|id| (realm, id)));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let wanted = self.request.clone();
        on.check_customer(wanted.customer_id)?;
        let invoice = match wanted.invoice_id {
            None => None,
            Some(id) => {
                let invoice = on.set.invoice(on.realm, id);
                let invoice = invoice.ok_or_else(|| Refused::invoice_not_found().param("destination_id"))?;
                invoice.check_payable(wanted.amount, wanted.currency)?;
                Some(invoice)
            }
        };
        let request = PaymentRequest::create(NewPaymentRequest {
            id: PaymentRequestId::from_uuid(on.deciding.new_id()),
            tenant_id: on.realm.tenant_id,
            mode: on.realm.mode,
            token: self.token.clone(),
            kind: wanted.kind,
            amount: wanted.amount,
            currency: wanted.currency,
            description: wanted.description,
            customer_id: wanted.customer_id.or_else(|| invoice.and_then(|invoice| invoice.customer_id)),
            destination: invoice.map(|invoice| Destination {
                invoice_id: invoice.id,
                invoice_number: invoice.number.clone(),
            }),
            capture_method: wanted.capture_method,
            expires_at: wanted.expires_at,
            success_url: wanted.success_url,
            metadata: wanted.metadata,
            created_by: on.actor,
        })?;
        let view = PaymentRequestResponse::new(&request, on.deciding.public_url, on.deciding.at);
        let made = Made::new(201, &view, request.id);
        on.set.put_payment_request(request);
        Ok(made)
    }
}

/// Cancels a payment request, and begins to cancel its payment where a charge of it is under way.
pub(crate) struct CancelRequest {
    pub(crate) requester: Requester,
    pub(crate) key: Option<KeyUse>,
    pub(crate) sender: Sender,
    pub(crate) id: PaymentRequestId,
    /// Its payment, as it was known before the command was queued.
    pub(crate) payment_id: Option<PaymentId>,
    pub(crate) reason: Option<Reason>,
}

/// What canceling a payment request comes to.
pub(crate) enum RequestCanceled {
    /// This is the answer; an attempt may have to be sent that calls the charge off.
    Answered(Answer, Option<Box<Sending>>),
    /// It has got a payment since it was read: read it again.
    Stale,
}

impl Command for CancelRequest {
    type Answer = RequestCanceled;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        need_request(needs, self.requester.realm, self.id, self.payment_id);
        if let Some(key) = &self.key {
            key.need(needs);
        }
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> RequestCanceled {
        let key = self.key.as_ref();
        if let Gate::Closed(answer) = Gate::check(set, deciding, key, &self.requester) {
            return RequestCanceled::Answered(answer, None);
        }
        if is_stale(set, self.requester.realm, self.id) {
            // A refusal that is not kept frees the key.
            finish(set, deciding, key, Bound::Nothing, self.requester.refuse(Refused::overloaded()));
            return RequestCanceled::Stale;
        }
        match self.cancel(set, deciding) {
            Ok((answer, sending)) => {
                let answer = finish(set, deciding, key, Bound::Object(self.id.to_string()), answer);
                RequestCanceled::Answered(answer, sending)
            }
            Err(refused) => {
                let answer = finish(set, deciding, key, Bound::Nothing, self.requester.refuse(refused));
                RequestCanceled::Answered(answer, None)
            }
        }
    }
}

impl CancelRequest {
    fn cancel(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
    ) -> Result<(Answer, Option<Box<Sending>>), Refused> {
        let Requester { realm, actor, .. } = self.requester;
        let request = set.payment_request(realm, self.id).ok_or_else(Refused::payment_request_not_found)?;
        let (status, request) = match request.cancel(self.reason.clone(), deciding.at, actor)? {
            RequestCancellation::Done(request) => (200, request),
            RequestCancellation::Remembered(request) => (202, request),
        };
        let details = json!({ "amount": request.amount.minor(), "currency": request.currency.code() });
        let payment = request.payment_id.and_then(|id| set.payment(realm, id)).cloned();
        set.put_payment_request(request);
        let requester = &self.requester;
        let mut desk = Desk { set: &mut *set, deciding, realm, actor, requester };
        desk.log(AuditAction::PaymentRequestCanceled, self.id, &details);
        let sending = match payment {
            Some(payment) if status == 202 => self.cancel_payment(set, deciding, &payment),
            Some(_) | None => None,
        };
        let request = set.payment_request(realm, self.id).ok_or_else(Refused::internal)?;
        Ok((answer(status, payment_request_json(request, deciding)), sending))
    }

    /// Has the payment canceled whose charge is under way, unless that is on its way already.
    fn cancel_payment(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        payment: &Payment,
    ) -> Option<Box<Sending>> {
        if payment.cancel_requested_at.is_some() {
            return None;
        }
        let start = AttemptStart {
            id: AttemptId::from_uuid(deciding.new_id()),
            processor: payment.processor.clone().unwrap_or_default(),
            lease_until: self.sender.lease_until(deciding.at),
            at: deciding.at,
            by: self.requester.actor,
        };
        match payment.cancel(self.reason.clone(), start) {
            Ok(Cancellation::Void(payment, attempt)) => {
                put_payment(set, deciding, payment.clone(), None);
                set.put_attempt((*attempt).clone());
                Some(Box::new(Sending::unasked(payment, *attempt)))
            }
            Ok(Cancellation::Remembered(payment)) => {
                tell_payment(set, deciding, "payment.updated", payment);
                None
            }
            Ok(Cancellation::Done(payment)) => {
                tell_payment(set, deciding, "payment.canceled", payment);
                None
            }
            Err(
                CancelRefused::AlreadyCanceled
                | CancelRefused::NotCancelable(_)
                | CancelRefused::InProgress(_),
            ) => None,
        }
    }
}

/// Begins to send a payment request by e-mail: the first of two commits, between which the mail server is asked.
pub(crate) struct BeginSend {
    pub(crate) requester: Requester,
    pub(crate) key: Option<KeyUse>,
    pub(crate) id: PaymentRequestId,
    /// The request's customer, as it was read.
    pub(crate) customer_id: Option<CustomerId>,
    /// The address that was given; the customer's when absent.
    pub(crate) email: Option<Email>,
    /// How long the mail server may take; none where there is none.
    pub(crate) patience: Option<Duration>,
}

/// What beginning to send comes to.
pub(crate) enum SendBegun {
    /// It is over: this is the answer.
    Answered(Answer),
    /// An e-mail has to be sent to that address, and the answer depends on it.
    Send(Box<(PaymentRequest, Email, Option<IdempotencyRecord>)>),
}

impl Command for BeginSend {
    type Answer = SendBegun;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        need_request(needs, self.requester.realm, self.id, None);
        needs.customers.extend(self.customer_id.map(|id| (self.requester.realm, id)));
        if let Some(key) = &self.key {
            key.need(needs);
        }
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> SendBegun {
        let key = self.key.as_ref();
        if let Gate::Closed(answer) = Gate::check(set, deciding, key, &self.requester) {
            return SendBegun::Answered(answer);
        }
        let (request, to) = match self.addressed(set, deciding.at) {
            Ok(addressed) => addressed,
            Err(refused) => {
                let answer = finish(set, deciding, key, Bound::Nothing, self.requester.refuse(refused));
                return SendBegun::Answered(answer);
            }
        };
        match (to, self.patience) {
            (Some(to), Some(patience)) => {
                let Requester { realm, actor, .. } = self.requester;
                let requester = &self.requester;
                let mut desk = Desk { set: &mut *set, deciding, realm, actor, requester };
                desk.log(AuditAction::PaymentRequestSent, self.id, &json!({ "email": to.as_str() }));
                let until = deciding.at.checked_add_signed(patience).unwrap_or(deciding.at);
                let key = bind_object(set, deciding, key, self.id.to_string(), until);
                SendBegun::Send(Box::new((request, to, key)))
            }
            (to, _) => {
                let status = if to.is_some() { EmailStatus::NotConfigured } else { EmailStatus::NoAddress };
                let answer = sent_answer(&request, deciding, to.as_ref(), status);
                let bound = Bound::Object(self.id.to_string());
                SendBegun::Answered(finish(set, deciding, key, bound, answer))
            }
        }
    }
}

impl BeginSend {
    /// The request, and who gets it.
    fn addressed(
        &self,
        set: &WorkingSet,
        at: DateTime<Utc>,
    ) -> Result<(PaymentRequest, Option<Email>), Refused> {
        let realm = self.requester.realm;
        let request = set.payment_request(realm, self.id).ok_or_else(Refused::payment_request_not_found)?;
        request.check_chargeable(at)?;
        let customer = request.customer_id.and_then(|id| set.customer(realm, id));
        let to = self.email.clone().or_else(|| customer.and_then(|customer| customer.email.clone()));
        Ok((request.clone(), to))
    }
}

/// Writes down what became of sending a payment request: the second commit.
pub(crate) struct EndSend {
    pub(crate) requester: Requester,
    pub(crate) request: PaymentRequest,
    pub(crate) to: Email,
    pub(crate) status: EmailStatus,
    /// The idempotency key that waits for the answer.
    pub(crate) key: Option<IdempotencyRecord>,
}

impl Command for EndSend {
    type Answer = Answer;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        need_request(needs, self.requester.realm, self.request.id, None);
        // It exists, so that asking for it loads it.
        needs.keys.extend(self.key.iter().map(|key| ((key.realm, key.digest), key.clone())));
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Answer {
        let Requester { realm, actor, .. } = self.requester;
        if let Some(request) = set.payment_request(realm, self.request.id)
            && self.status == EmailStatus::Sent
        {
            set.put_payment_request(request.sent(deciding.at, actor));
        }
        let answer = sent_answer(&self.request, deciding, Some(&self.to), self.status);
        if let Some(mut record) = self.key.as_ref().and_then(|key| set.key(&(key.realm, key.digest)).cloned())
            && record.answer.is_none()
        {
            set_answer(&mut record, &answer);
            set.put_key(record);
        }
        answer
    }
}

/// What is answered to the repetition of a request whose process died between the two commits.
pub(super) fn of_unknown_fate(
    set: &WorkingSet,
    deciding: &Deciding<'_>,
    record: &IdempotencyRecord,
) -> Option<Answer> {
    let id = record.object_id.as_ref()?.parse().ok()?;
    let request = set.payment_request(record.realm, id)?;
    Some(sent_answer(request, deciding, None, EmailStatus::Unknown))
}

fn sent_answer(
    request: &PaymentRequest,
    deciding: &Deciding<'_>,
    to: Option<&Email>,
    status: EmailStatus,
) -> Answer {
    let to = to.map(Email::as_str);
    Answer::new(200, &PaymentRequestSentResponse::new(request, deciding.public_url, to, status))
}

/// Names a request, with its payment where it is known: rows of payments are locked before those of requests.
pub(super) fn need_request(
    needs: &mut Needs,
    realm: Realm,
    id: PaymentRequestId,
    payment_id: Option<PaymentId>,
) {
    needs.payments.extend(payment_id.map(|id| (realm, id)));
    needs.payment_requests.insert((realm, id));
}

/// Whether the request has got a payment that was not known of.
pub(super) fn is_stale(set: &WorkingSet, realm: Realm, id: PaymentRequestId) -> bool {
    let payment_id = set.payment_request(realm, id).and_then(|request| request.payment_id);
    payment_id.is_some_and(|id| set.payment(realm, id).is_none())
}

/// The payment request as JSON.
fn payment_request_json(request: &PaymentRequest, deciding: &Deciding<'_>) -> Arc<str> {
    Arc::from(to_json(&PaymentRequestResponse::new(request, deciding.public_url, deciding.at), 1024))
}

/// Puts a changed payment request and an event that tells of it.
pub(super) fn tell_request(
    set: &mut WorkingSet,
    deciding: &Deciding<'_>,
    kind: &'static str,
    request: PaymentRequest,
) {
    let request = request.with_event();
    let realm = request.realm();
    let snapshot = payment_request_json(&request, deciding);
    put_event(set, deciding, realm, kind, (request.id.bytes(), request.event_count), &snapshot);
    set.put_payment_request(request);
}
