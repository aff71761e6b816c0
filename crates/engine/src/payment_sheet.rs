//! A payment with all that a person wants to see of it at once, and what may be done about it.

use std::sync::Arc;

use chrono::TimeDelta;
use florin_domain::{
    Amount, Attempt, AttemptId, AttemptStart, Metadata, NewRefund, Payment, PaymentId, RefundId,
};

use crate::access::{Context, Scope};
use crate::engine::{Engine, Inner};
use crate::views::Refused;

/// A payment, every attempt of it, and what may be done about it.
#[derive(Clone, Debug)]
pub struct PaymentSheet {
    found: Arc<(Payment, Vec<Attempt>)>,
    /// Why it can't be captured now; none when it can.
    pub no_capture: Option<Refused>,
    /// Why it can't be canceled now.
    pub no_cancel: Option<Refused>,
    /// Why nothing of it can be refunded now.
    pub no_refund: Option<Refused>,
}

impl PaymentSheet {
    /// The payment.
    pub fn payment(&self) -> &Payment {
        &self.found.0
    }

    /// Its attempts of every kind, the oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.found.1
    }
}

impl Engine {
    /// A payment with its attempts, and what may be done about it as it stands now: what the operations themselves would
    /// refuse is refused here, in the same words.
    ///
    /// # Errors
    /// 404 when there is no such payment, 503 when the database can't be read.
    pub async fn payment_sheet(&self, context: &Context, id: PaymentId) -> Result<PaymentSheet, Refused> {
        let inner = &self.inner;
        let found =
            inner.payment(context.caller.realm(), id).await?.ok_or_else(Refused::payment_not_found)?;
        let payment = &found.0;
        let canceled = || payment.cancel(None, inner.rehearsal(context, payment)).map_err(Refused::from);
        let may_cancel = context.caller.check_scope(Scope::PaymentsWrite);
        Ok(PaymentSheet {
            no_capture: inner.rehearse_capture(context, payment, None).err(),
            no_cancel: may_cancel.and_then(|()| canceled().map(drop)).err(),
            no_refund: inner.rehearse_refund(context, payment, None).err(),
            found,
        })
    }

    /// Whether so much of the payment can be captured as it stands, all of it when no amount is given.
    ///
    /// # Errors
    /// What the operation itself would refuse, in the same words.
    pub fn rehearse_capture(
        &self,
        context: &Context,
        sheet: &PaymentSheet,
        amount: Option<Amount>,
    ) -> Result<(), Refused> {
        self.inner.rehearse_capture(context, sheet.payment(), amount)
    }

    /// Whether so much of the payment can be refunded as it stands, all that is left when no amount is given.
    ///
    /// # Errors
    /// What the operation itself would refuse, in the same words.
    pub fn rehearse_refund(
        &self,
        context: &Context,
        sheet: &PaymentSheet,
        amount: Option<Amount>,
    ) -> Result<(), Refused> {
        self.inner.rehearse_refund(context, sheet.payment(), amount)
    }
}

impl Inner {
    fn rehearse_capture(
        &self,
        context: &Context,
        payment: &Payment,
        amount: Option<Amount>,
    ) -> Result<(), Refused> {
        context.caller.check_scope(Scope::PaymentsWrite)?;
        payment.start_capture(amount, self.rehearsal(context, payment))?;
        Ok(())
    }

    fn rehearse_refund(
        &self,
        context: &Context,
        payment: &Payment,
        amount: Option<Amount>,
    ) -> Result<(), Refused> {
        context.caller.check_scope(Scope::RefundsWrite)?;
        let refund = NewRefund {
            id: RefundId::from_uuid(self.ids.next(self.now())),
            amount,
            reason: None,
            metadata: Metadata::default(),
        };
        payment.start_refund(refund, self.rehearsal(context, payment))?;
        Ok(())
    }

    /// The start of an attempt that nobody will send.
    fn rehearsal(&self, context: &Context, payment: &Payment) -> AttemptStart {
        let at = self.now();
        AttemptStart {
            id: AttemptId::from_uuid(self.ids.next(at)),
            processor: payment.processor.as_deref().unwrap_or("none").to_owned(),
            lease_until: at + TimeDelta::minutes(1),
            at,
            by: context.caller.actor(),
        }
    }
}
