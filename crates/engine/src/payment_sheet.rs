//! A payment with all that a person wants to see of it at once, and what may be done about it.

use std::sync::Arc;

use chrono::TimeDelta;
use florin_domain::{Attempt, AttemptId, AttemptStart, Metadata, NewRefund, Payment, PaymentId, RefundId};

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
        let start = || inner.rehearsal(context, payment);
        let refund = NewRefund {
            id: RefundId::from_uuid(inner.ids.next(inner.now())),
            amount: None,
            reason: None,
            metadata: Metadata::default(),
        };
        let may = |scope: Scope| context.caller.check_scope(scope);
        let captured = || payment.start_capture(None, start()).map_err(Refused::from);
        let canceled = || payment.cancel(None, start()).map_err(Refused::from);
        let refunded = || payment.start_refund(refund, start()).map_err(Refused::from);
        Ok(PaymentSheet {
            no_capture: may(Scope::PaymentsWrite).and_then(|()| captured().map(drop)).err(),
            no_cancel: may(Scope::PaymentsWrite).and_then(|()| canceled().map(drop)).err(),
            no_refund: may(Scope::RefundsWrite).and_then(|()| refunded().map(drop)).err(),
            found,
        })
    }
}

impl Inner {
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
