//! The operations that callers ask for: create, process, capture, cancel, refund.

use florin_domain::{Amount, Cancellation, MethodRef, NewPayment, NewRefund, Payment, Reason};

use super::request::{Operation, Scene, Step};
use super::telling::{tell_payment, tell_refund};
use crate::views::Refused;

/// Creates a payment, and begins to charge it unless that is for later.
pub(crate) struct Create {
    pub(crate) terms: NewPayment,
    pub(crate) process: bool,
    /// What the processor says about the payment method, found out before. A replay is not refused for it.
    pub(crate) method_refused: Option<Refused>,
}

impl Operation for Create {
    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        if let Some(refused) = &self.method_refused {
            return Err(refused.clone());
        }
        let payment = Payment::create(self.terms.clone());
        if !self.process {
            let (payment, body) = tell_payment(on.set, on.deciding, "payment.created", payment);
            return Ok(Step::Done(201, body, payment.id));
        }
        let (payment, attempt) = payment.start_charge(on.start(), None)?;
        on.set.put_attempt(attempt.clone());
        let (payment, _) = tell_payment(on.set, on.deciding, "payment.created", payment);
        Ok(Step::Send(Box::new((payment, attempt))))
    }
}

/// Begins a charge of a payment that is pending or failed, maybe by another payment method.
pub(crate) struct Process<F> {
    pub(crate) payment_method: Option<MethodRef>,
    /// Why a payment method can't be charged, if so.
    pub(crate) refuse_method: F,
}

impl<F: Fn(&MethodRef) -> Option<Refused> + Send + 'static> Operation for Process<F> {
    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        let (payment, attempt) = on.payment()?.start_charge(
            on.start(),
            self.payment_method.clone().map(|method| (method, florin_domain::MethodType::Card)),
        )?;
        match attempt.payment_method.as_ref().and_then(&self.refuse_method) {
            Some(refused) => Err(refused),
            None => Ok(on.send(payment, attempt)),
        }
    }
}

/// Begins a capture, of all that is authorized when no amount is given.
pub(crate) struct Capture {
    pub(crate) amount: Option<Amount>,
}

impl Operation for Capture {
    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        let (payment, attempt) = on.payment()?.start_capture(self.amount, on.start())?;
        Ok(on.send(payment, attempt))
    }
}

/// Cancels a payment, or begins to release what the processor holds for it.
pub(crate) struct Cancel {
    pub(crate) reason: Option<Reason>,
}

impl Operation for Cancel {
    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        let (status, event, payment) = match on.payment()?.cancel(self.reason.clone(), on.start())? {
            Cancellation::Done(payment) => (200, "payment.canceled", payment),
            Cancellation::Remembered(payment) => (202, "payment.updated", payment),
            Cancellation::Void(payment, attempt) => return Ok(on.send(payment, *attempt)),
        };
        let (payment, body) = tell_payment(on.set, on.deciding, event, payment);
        Ok(Step::Done(status, body, payment.id))
    }
}

/// Begins a refund: the amount is reserved before the processor hears of it.
pub(crate) struct MakeRefund {
    pub(crate) refund: NewRefund,
}

impl Operation for MakeRefund {
    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        let started = on.payment()?.start_refund(self.refund.clone(), on.start())?;
        tell_refund(on.set, on.deciding, "refund.created", started.refund);
        Ok(on.send(started.payment, started.attempt))
    }
}
