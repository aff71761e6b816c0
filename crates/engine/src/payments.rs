//! What can be done with payments: each use case checks what it can before the queue, writes, and answers.

use std::sync::Arc;

use florin_domain::{Amount, MethodRef, NewRefund, PaymentId, Reason, RefundId};

use crate::access::Context;
use crate::commands::{
    Begun, Cancel, Capture, ChangePayment, Create, KeyUse, MakeRefund, Operation, Process, Request, Requester,
};
use crate::engine::{Engine, Inner};
use crate::requests::{CreatePayment, CreateRefund, Idempotency, UpdatePayment};
use crate::views::{Answer, Refused};
use crate::writer::WriteFailed;

impl Engine {
    /// Creates a payment, and charges it unless that is for later.
    pub async fn create_payment(
        &self,
        context: Context,
        request: CreatePayment,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        if let Err(refused) = context.caller.check_currency(request.currency) {
            return requester.refuse(refused);
        }
        let operation = Create { id: PaymentId::from_uuid(self.inner.ids.next(self.inner.now())), request };
        self.inner.request(requester, None, operation, idempotency).await
    }

    /// Charges a payment that is pending or has failed.
    pub async fn process_payment(
        &self,
        context: Context,
        id: PaymentId,
        payment_method: Option<MethodRef>,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let own_method = match &payment_method {
            Some(_) => None,
            None => match self.inner.payment(requester.realm, id).await {
                Ok(found) => found.and_then(|found| found.0.payment_method.clone()),
                Err(refused) => return requester.refuse(refused),
            },
        };
        let operation = Process { payment_method, own_method };
        self.inner.request(requester, Some(id), operation, idempotency).await
    }

    /// Captures an authorized payment, all of it when no amount is given.
    pub async fn capture_payment(
        &self,
        context: Context,
        id: PaymentId,
        amount: Option<Amount>,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        self.inner.request(Requester::from(&context), Some(id), Capture { amount }, idempotency).await
    }

    /// Cancels a payment that is not paid.
    pub async fn cancel_payment(
        &self,
        context: Context,
        id: PaymentId,
        reason: Option<Reason>,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        self.inner.request(Requester::from(&context), Some(id), Cancel { reason }, idempotency).await
    }

    /// Refunds a payment, all that is left when no amount is given.
    pub async fn refund_payment(
        &self,
        context: Context,
        id: PaymentId,
        request: CreateRefund,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let refund = NewRefund {
            id: RefundId::from_uuid(self.inner.ids.next(self.inner.now())),
            amount: request.amount,
            reason: request.reason,
            metadata: request.metadata,
        };
        self.inner.request(Requester::from(&context), Some(id), MakeRefund { refund }, idempotency).await
    }

    /// Changes a payment's description and metadata.
    pub async fn update_payment(&self, context: Context, id: PaymentId, request: UpdatePayment) -> Answer {
        let requester = Requester::from(&context);
        let command = ChangePayment { requester: requester.clone(), payment_id: id, change: request };
        self.inner.write(command).await.unwrap_or_else(|failed| not_written(failed, &requester))
    }
}

impl Inner {
    /// Writes a request, and carries out what it decides, also when its caller goes away meanwhile.
    async fn request<O: Operation>(
        self: &Arc<Self>,
        requester: Requester,
        payment_id: Option<PaymentId>,
        operation: O,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        if self.is_closed() {
            return requester.refuse(Refused::overloaded());
        }
        let sender = match self.sender(requester.realm).await {
            Ok(sender) => sender,
            Err(refused) => return requester.refuse(refused),
        };
        let success_status = if payment_id.is_none() { 201 } else { 200 };
        let key = idempotency.map(|idempotency| KeyUse::new(requester.realm, &idempotency, success_status));
        let caller = requester.clone();
        let command = Request { requester: requester.clone(), payment_id, sender, key, operation };
        let inner = Arc::clone(self);
        let work = self.outlive(async move {
            match inner.write(command).await {
                Ok(Begun::Answered(answer)) => answer,
                Ok(Begun::Send(sending)) => inner.carry_out(*sending, requester).await,
                Err(failed) => not_written(failed, &requester),
            }
        });
        work.await.unwrap_or_else(|_panicked| caller.refuse(Refused::outcome_unknown()))
    }
}

/// What is answered when nothing could be written, or nobody knows.
pub(crate) fn not_written(failed: WriteFailed, requester: &Requester) -> Answer {
    requester.refuse(match failed {
        WriteFailed::NotWritten => Refused::overloaded(),
        WriteFailed::Unknown => Refused::outcome_unknown(),
    })
}
