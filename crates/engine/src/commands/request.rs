//! What all requests for a payment have in common: the idempotency key before, the answer or the attempt after.

use std::sync::Arc;

use florin_domain::{Attempt, AttemptId, AttemptStart, Payment, PaymentId};
use florin_storage::{Needs, WorkingSet};

use super::gate::{Gate, KeyUse, bind, finish};
use super::telling::answer;
use super::{Begun, Requester, Sender, Sending};
use crate::views::Refused;
use crate::writer::{Command, Deciding};

/// A request: who asks for what, of which payment.
pub(crate) struct Request<O> {
    pub(crate) requester: Requester,
    /// The payment; none for a request that makes one.
    pub(crate) payment_id: Option<PaymentId>,
    pub(crate) sender: Sender,
    pub(crate) key: Option<KeyUse>,
    pub(crate) operation: O,
}

/// What is asked for.
pub(crate) trait Operation: Send + 'static {
    /// Decides, by the domain's rules. A refusal has to leave the set as it was.
    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused>;
}

/// What an operation decides over.
pub(crate) struct Scene<'a> {
    pub(crate) set: &'a mut WorkingSet,
    pub(crate) deciding: &'a Deciding<'a>,
    pub(crate) requester: &'a Requester,
    pub(crate) sender: &'a Sender,
    payment_id: Option<PaymentId>,
}

/// What an operation comes to.
pub(crate) enum Step {
    /// It is over: the status and body to answer, and the payment that it made or changed.
    Done(u16, Arc<str>, PaymentId),
    /// An attempt has to be sent. The payment and attempt are put already.
    Send(Box<(Payment, Attempt)>),
}

impl Scene<'_> {
    /// The payment that the request is about.
    pub(crate) fn payment(&self) -> Result<&Payment, Refused> {
        let found = self.payment_id.and_then(|id| self.set.payment(self.requester.realm, id));
        found.ok_or_else(Refused::payment_not_found)
    }

    /// The start of a new attempt.
    pub(crate) fn start(&self) -> AttemptStart {
        AttemptStart {
            id: AttemptId::from_uuid(self.deciding.new_id()),
            processor: self.sender.processor.to_owned(),
            lease_until: self.sender.lease_until(self.deciding.at),
            at: self.deciding.at,
            by: self.requester.actor,
        }
    }

    /// Puts a payment and the attempt to send for it.
    pub(crate) fn send(&mut self, payment: Payment, attempt: Attempt) -> Step {
        self.set.put_payment(payment.clone());
        self.set.put_attempt(attempt.clone());
        Step::Send(Box::new((payment, attempt)))
    }
}

impl<O: Operation> Command for Request<O> {
    type Answer = Begun;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.payments.extend(self.payment_id.map(|id| (self.requester.realm, id)));
        if let Some(key) = &self.key {
            key.need(needs);
        }
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Begun {
        let key = self.key.as_ref();
        if let Gate::Closed(answer) = Gate::check(set, deciding, key, &self.requester) {
            return Begun::Answered(answer);
        }
        let (requester, sender, payment_id) = (&self.requester, &self.sender, self.payment_id);
        match self.operation.begin(&mut Scene { set, deciding, requester, sender, payment_id }) {
            Ok(Step::Done(status, body, payment_id)) => {
                Begun::Answered(finish(set, deciding, key, Some(payment_id), answer(status, body)))
            }
            Ok(Step::Send(begun)) => {
                let (payment, attempt) = *begun;
                let keys = bind(set, deciding, key, sender, payment.id, attempt.refund_id);
                let is_new = payment_id.is_none();
                let success_status = if is_new { 201 } else { 200 };
                Begun::Send(Box::new(Sending { payment, attempt, keys, is_new, success_status }))
            }
            Err(refused) => {
                // A key is bound to a payment only when there is one.
                let found = payment_id.filter(|id| set.payment(requester.realm, *id).is_some());
                Begun::Answered(finish(set, deciding, key, found, requester.refuse(refused)))
            }
        }
    }
}
