//! What all requests for a payment have in common: the idempotency key before, the answer or the attempt after.

use std::sync::Arc;

use florin_domain::{
    Amount, Attempt, AttemptId, AttemptKind, AttemptStart, CreditAccount, CreditsRefused, Failure,
    FailureCode, MethodType, Payment, PaymentId, Settlement, Total,
};
use florin_storage::{Needs, Realm, WorkingSet};

use super::booking::put_payment;
use super::gate::{Gate, KeyUse, bind, finish};
use super::telling::tell_payment;
use super::{Begun, Requester, Sender, Sending, Settling};
use crate::routing::Route;
use crate::views::{Answer, ErrorCode, Refused};
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
    /// Names what has to be loaded beside the payment.
    fn needs(&self, _realm: Realm, _needs: &mut Needs) {}

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
    /// Where the charge that is begun goes next.
    others: Vec<Arc<str>>,
}

/// What an operation comes to.
pub(crate) enum Step {
    /// It is over: what is answered, and the payment that it made or changed.
    Done(Answer, PaymentId),
    /// An attempt has to be sent. The payment and attempt are put already.
    Send(Box<(Payment, Attempt)>),
}

impl<'a> Scene<'a> {
    /// What is decided over about that payment, or about one that is made.
    pub(super) fn new(
        set: &'a mut WorkingSet,
        deciding: &'a Deciding<'a>,
        (requester, sender): (&'a Requester, &'a Sender),
        payment_id: Option<PaymentId>,
    ) -> Self {
        Scene { set, deciding, requester, sender, payment_id, others: Vec::new() }
    }

    /// Where the charge that was begun goes next.
    pub(super) fn take_others(self) -> Vec<Arc<str>> {
        self.others
    }
}

impl Scene<'_> {
    /// The payment that the request is about.
    pub(crate) fn payment(&self) -> Result<&Payment, Refused> {
        let found = self.payment_id.and_then(|id| self.set.payment(self.requester.realm, id));
        found.ok_or_else(Refused::payment_not_found)
    }

    /// The start of a charge along a route.
    pub(crate) fn start_charge(&mut self, method_type: MethodType, route: Option<Route>) -> AttemptStart {
        let processor = match (method_type, route) {
            (MethodType::Card | MethodType::Ach, Some(route)) => {
                self.others = route.others;
                route.processor
            }
            (MethodType::Card | MethodType::Ach, None) => Arc::from("none"),
            (MethodType::Offline, _) => Arc::from("offline"),
            (MethodType::Credits, _) => Arc::from("credits"),
        };
        self.start_at(&processor)
    }

    /// The start of an attempt at the processor that has charged a payment.
    pub(crate) fn start(&self, payment: &Payment) -> AttemptStart {
        self.start_at(payment.processor.as_deref().unwrap_or("none"))
    }

    fn start_at(&self, processor: &str) -> AttemptStart {
        AttemptStart {
            id: AttemptId::from_uuid(self.deciding.new_id()),
            processor: processor.to_owned(),
            lease_until: self.sender.lease_until(self.deciding.at),
            at: self.deciding.at,
            by: self.requester.actor,
        }
    }

    /// Checks that the processor of a payment can capture so much of what it has authorized.
    pub(crate) fn check_capture_at(&self, payment: &Payment, amount: Amount) -> Result<(), Refused> {
        let is_part = amount.minor() < payment.facts.authorized().minor();
        match payment.processor.as_deref().and_then(|name| self.sender.routes.named(name)) {
            Some(account) if is_part && !account.captures_parts() => Err(Refused::new(
                ErrorCode::PartialCaptureNotSupported,
                format!(
                    "The processor captures all of it or nothing; send {}, or no amount.",
                    payment.facts.authorized().minor()
                ),
            )
            .param("amount")),
            Some(_) | None => self.check_expressible_at(payment, amount),
        }
    }

    /// Checks that the processor of a payment can count such an amount.
    pub(crate) fn check_expressible_at(&self, payment: &Payment, amount: Amount) -> Result<(), Refused> {
        match payment.processor.as_deref().and_then(|name| self.sender.routes.named(name)) {
            Some(account) => account.check_expressible(amount, payment.currency),
            None => Ok(()),
        }
    }

    /// Puts a payment that is being charged, tells of it where there is something to tell, and carries out the charge.
    pub(crate) fn charge(
        &mut self,
        mut payment: Payment,
        attempt: Attempt,
        event: Option<&'static str>,
    ) -> Result<Step, Refused> {
        if let Some(destination) = &payment.destination {
            let invoice = self.set.invoice(self.requester.realm, destination.invoice_id);
            invoice
                .ok_or_else(Refused::invoice_not_found)?
                .check_payable(payment.amount, payment.currency)?;
        }
        if let Some(id) = payment.request_id {
            let request = self.set.payment_request(self.requester.realm, id);
            request.ok_or_else(Refused::payment_request_not_found)?.check_chargeable(self.deciding.at)?;
        }
        // It is part of what is told.
        self.set.put_attempt(attempt.clone());
        match event {
            Some(kind) => (payment, _) = tell_payment(self.set, self.deciding, kind, payment),
            None => put_payment(self.set, self.deciding, payment.clone(), None),
        }
        Ok(self.carry_out(payment, attempt))
    }

    /// Puts a payment and an attempt for it.
    pub(crate) fn put(&mut self, payment: &Payment, attempt: &Attempt) {
        put_payment(self.set, self.deciding, payment.clone(), None);
        self.set.put_attempt(attempt.clone());
    }

    /// Carries out an attempt that is put, with its payment: it has to be sent, or is settled here and now where no
    /// processor moves the money.
    pub(crate) fn carry_out(&mut self, payment: Payment, attempt: Attempt) -> Step {
        if payment.method_type.needs_processor() {
            return Step::Send(Box::new((payment, attempt)));
        }
        let settlement = match attempt.kind {
            AttemptKind::Charge => self.settlement_of_charge(&payment),
            AttemptKind::Capture | AttemptKind::Void | AttemptKind::Refund => Settlement::Succeeded,
        };
        let settling = Settling {
            requester: self.requester.clone(),
            payment_id: payment.id,
            attempt_id: attempt.id,
            refund_id: attempt.refund_id,
            settlement,
            reference: None,
            keys: Vec::new(),
            known: None,
            success_status: self.success_status(),
            sender: self.sender.clone(),
            others: Vec::new(),
            review: None,
            revision: attempt.revision,
        };
        Step::Done(settling.decide(self.set, self.deciding).answer, payment.id)
    }

    /// Puts a payment and the attempt to send for it.
    pub(crate) fn send(&mut self, payment: Payment, attempt: Attempt) -> Step {
        self.put(&payment, &attempt);
        Step::Send(Box::new((payment, attempt)))
    }

    /// Checks that a refund to credits finds room in the customer's account.
    pub(crate) fn check_credits_fit(&self, payment: &Payment, amount: Amount) -> Result<(), Refused> {
        match self.credits_of(payment) {
            Some(account) => Ok(account.add(amount).map(drop)?),
            None => Ok(()),
        }
    }

    /// What a charge comes to that no processor is asked for: money that changed hands outside, or credits if there are
    /// enough.
    fn settlement_of_charge(&self, payment: &Payment) -> Settlement {
        if payment.method_type != MethodType::Credits {
            return Settlement::Succeeded;
        }
        let none = CreditsRefused::Insufficient { requested: payment.amount, available: Total::ZERO };
        match self.credits_of(payment).map_or(Err(none), |account| account.spend(payment.amount)) {
            Ok(_) => Settlement::Succeeded,
            Err(refused) => {
                let message = Refused::from(refused).message;
                Settlement::Failed(Failure { code: FailureCode::InsufficientCredits, message })
            }
        }
    }

    /// The account that a payment by credits spends from.
    fn credits_of(&self, payment: &Payment) -> Option<&CreditAccount> {
        let customer_id = payment.customer_id.filter(|_| payment.method_type == MethodType::Credits)?;
        self.set.credit_account(self.requester.realm, customer_id, payment.currency)
    }

    /// The HTTP status that success is answered with.
    fn success_status(&self) -> u16 {
        if self.payment_id.is_none() { 201 } else { 200 }
    }
}

impl<O: Operation> Command for Request<O> {
    type Answer = Begun;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.payments.extend(self.payment_id.map(|id| (self.requester.realm, id)));
        self.operation.needs(self.requester.realm, needs);
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
        let mut scene = Scene::new(set, deciding, (requester, sender), payment_id);
        let step = self.operation.begin(&mut scene);
        let others = scene.others;
        match step {
            Ok(Step::Done(answer, payment_id)) => {
                Begun::Answered(finish(set, deciding, key, Some(payment_id), answer))
            }
            Ok(Step::Send(begun)) => {
                let (payment, attempt) = *begun;
                let keys = bind(set, deciding, key, sender, payment.id, attempt.refund_id);
                let is_new = payment_id.is_none();
                let success_status = if is_new { 201 } else { 200 };
                Begun::Send(Box::new(Sending { payment, attempt, keys, is_new, success_status, others }))
            }
            Err(refused) => {
                // A key is bound to a payment only when there is one.
                let found = payment_id.filter(|id| set.payment(requester.realm, *id).is_some());
                Begun::Answered(finish(set, deciding, key, found, requester.refuse(refused)))
            }
        }
    }
}
