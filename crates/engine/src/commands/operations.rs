//! The operations that callers ask for of a payment that there is: process, capture, cancel, refund.

use florin_domain::{Amount, Cancellation, MethodRef, NewRefund, Reason};
use florin_storage::{Needs, Realm};

use super::chargeable::{ToCharge, need_method};
use super::create::check_capture;
use super::request::{Operation, Scene, Step};
use super::telling::{answer, tell_payment, tell_refund};
use crate::views::Refused;

/// Begins a charge of a payment that is pending or failed, maybe by another payment method.
pub(crate) struct Process {
    pub(crate) payment_method: Option<MethodRef>,
    /// The payment method that the payment had before the request was queued.
    pub(crate) own_method: Option<MethodRef>,
}

impl Operation for Process {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        need_method(realm, self.payment_method.as_ref(), needs);
        need_method(realm, self.own_method.as_ref(), needs);
    }

    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        let payment = on.payment()?.clone();
        // Whether there can be a charge at all comes before whether its payment method is any good.
        let start = on.start_charge(payment.method_type, None);
        let given = self.payment_method.clone().map(|method| (method, payment.method_type));
        let (_, attempt) = payment.start_charge(start.clone(), given)?;
        let Some(method) = &attempt.payment_method else {
            let (payment, attempt) = payment.start_charge(start, None)?;
            return on.charge(payment, attempt, None);
        };
        let (amount, currency, named) = (payment.amount, payment.currency, Some(payment.method_type));
        let route = on.check_chargeable(method, ToCharge { amount, currency, named })?.route;
        let method_type = route.method_type;
        check_capture(method_type, payment.capture_method)?;
        let method = method.clone();
        let start = on.start_charge(method_type, Some(route));
        let (payment, attempt) = payment.start_charge(start, Some((method, method_type)))?;
        on.charge(payment, attempt, None)
    }
}

/// Begins a capture, of all that is authorized when no amount is given.
pub(crate) struct Capture {
    pub(crate) amount: Option<Amount>,
}

impl Operation for Capture {
    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        let payment = on.payment()?;
        let (payment, attempt) = payment.start_capture(self.amount, on.start(payment))?;
        on.check_capture_at(&payment, attempt.amount)?;
        Ok(on.send(payment, attempt))
    }
}

/// Cancels a payment, or begins to release what the processor holds for it.
pub(crate) struct Cancel {
    pub(crate) reason: Option<Reason>,
}

impl Operation for Cancel {
    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        let payment = on.payment()?;
        let start = on.start(payment);
        let (status, event, payment) = match payment.cancel(self.reason.clone(), start)? {
            Cancellation::Done(payment) => (200, "payment.canceled", payment),
            Cancellation::Remembered(payment) => (202, "payment.updated", payment),
            Cancellation::Void(payment, attempt) => return Ok(on.send(payment, *attempt)),
        };
        let (payment, body) = tell_payment(on.set, on.deciding, event, payment);
        Ok(Step::Done(answer(status, body), payment.id))
    }
}

/// Begins a refund: the amount is reserved before the processor hears of it.
pub(crate) struct MakeRefund {
    pub(crate) refund: NewRefund,
}

impl Operation for MakeRefund {
    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        let payment = on.payment()?;
        let started = payment.start_refund(self.refund.clone(), on.start(payment))?;
        on.check_expressible_at(&started.payment, started.refund.amount)?;
        on.check_credits_fit(&started.payment, started.refund.amount)?;
        tell_refund(on.set, on.deciding, "refund.created", started.refund);
        on.put(&started.payment, &started.attempt);
        Ok(on.carry_out(started.payment, started.attempt))
    }
}
