//! Payment requests.

use std::sync::Arc;

use chrono::TimeDelta;
use florin_domain::{Email, PageToken, PaymentRequest, PaymentRequestId, Reason};
use florin_storage::IdempotencyRecord;
use florin_storage::access::find_tenant;
use florin_storage::read::{self, PaymentRequestQuery};

use crate::access::Context;
use crate::commands::{
    BeginSend, CancelRequest, EndSend, KeyUse, NewRequest, RequestCanceled, Requester, SendBegun,
};
use crate::engine::{Engine, Inner};
use crate::mail::{RequestMail, is_deliverable};
use crate::payments::not_written;
use crate::reading::{list_answer, slice, unavailable};
use crate::requests::{CreatePaymentRequest, Idempotency, Page, PaymentRequestFilter};
use crate::secret::random_characters;
use crate::views::{Answer, EmailStatus, ErrorCode, PaymentRequestResponse, Refused, page_url};

/// How often a command is decided anew because the request has got its payment meanwhile. It gets one once.
pub(crate) const STALE_AGAIN: usize = 3;

impl Engine {
    /// Creates a payment request.
    pub async fn create_payment_request(
        &self,
        context: Context,
        request: CreatePaymentRequest,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        if let Err(refused) = context.caller.check_currency(request.currency) {
            return requester.refuse(refused);
        }
        let Some(token) = new_token() else {
            return requester.refuse(Refused::overloaded());
        };
        self.inner.change(requester, NewRequest { request, token }, 201, idempotency).await
    }

    /// A payment request.
    pub async fn find_payment_request(&self, context: Context, id: PaymentRequestId) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.payment_request(&requester, id).await {
            Ok(request) => {
                let inner = &self.inner;
                let view = PaymentRequestResponse::new(&request, &inner.settings.public_url, inner.now());
                Answer::new(200, &view)
            }
            Err(refused) => requester.refuse(refused),
        }
    }

    /// A list of payment requests.
    pub async fn list_payment_requests(
        &self,
        context: Context,
        filter: PaymentRequestFilter,
        page: Page,
    ) -> Answer {
        let requester = Requester::from(&context);
        let at = self.inner.now();
        let query = PaymentRequestQuery {
            realm: requester.realm,
            at,
            status: filter.status,
            kind: filter.kind,
            customer_id: filter.customer_id,
            invoice_id: filter.destination_id,
            payment_id: filter.payment_id,
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| read::list_payment_requests(connection, &query, slice(page));
        let public_url = &self.inner.settings.public_url;
        let answer = |listed| {
            Ok(list_answer(&listed, |request: &PaymentRequest| {
                (request.id.to_string(), PaymentRequestResponse::new(request, public_url, at))
            }))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// Cancels a payment request that is not paid. While a charge is under way that is remembered.
    pub async fn cancel_payment_request(
        &self,
        context: Context,
        id: PaymentRequestId,
        reason: Option<Reason>,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let canceled = self.inner.cancel_request(&requester, id, reason, idempotency).await;
        canceled.unwrap_or_else(|refused| requester.refuse(refused))
    }

    /// Gives the link of a payment request, and sends it by e-mail to the address that is given, or to the customer's.
    pub async fn send_payment_request(
        &self,
        context: Context,
        id: PaymentRequestId,
        email: Option<Email>,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        if email.as_ref().is_some_and(|email| !is_deliverable(email)) {
            let message = "Send an e-mail address such as ada@example.com as email.";
            return requester.refuse(Refused::new(ErrorCode::ParameterInvalid, message).param("email"));
        }
        let (inner, caller) = (Arc::clone(&self.inner), requester.clone());
        // It goes on when its caller hangs up: the e-mail may be out by then.
        let work =
            self.inner.outlive(async move { inner.send_to_payer(&requester, id, email, idempotency).await });
        let sent = work.await.unwrap_or_else(|_panicked| Err(Refused::outcome_unknown()));
        sent.unwrap_or_else(|refused| caller.refuse(refused))
    }
}

impl Inner {
    async fn payment_request(
        &self,
        requester: &Requester,
        id: PaymentRequestId,
    ) -> Result<PaymentRequest, Refused> {
        let realm = requester.realm;
        let found = self.read(move |connection| read::find_payment_request(connection, realm, id)).await;
        found.map_err(|error| unavailable(&error))?.ok_or_else(Refused::payment_request_not_found)
    }

    async fn cancel_request(
        self: &Arc<Self>,
        requester: &Requester,
        id: PaymentRequestId,
        reason: Option<Reason>,
        idempotency: Option<Idempotency>,
    ) -> Result<Answer, Refused> {
        let sender = self.sender(requester.realm).await?;
        for _ in 0..STALE_AGAIN {
            // One that there is not is refused by the command, which stores that on the key.
            let payment_id = match self.payment_request(requester, id).await {
                Ok(request) => request.payment_id,
                Err(refused) if refused.code == ErrorCode::PaymentRequestNotFound => None,
                Err(refused) => return Err(refused),
            };
            let key = idempotency.as_ref().map(|idempotency| KeyUse::new(requester.realm, idempotency, 200));
            let (requester, sender, reason) = (requester.clone(), sender.clone(), reason.clone());
            let command = CancelRequest { requester: requester.clone(), key, sender, id, payment_id, reason };
            match self.write(command).await {
                Ok(RequestCanceled::Answered(answer, sending)) => {
                    if let Some(sending) = sending {
                        self.undo(*sending, requester);
                    }
                    return Ok(answer);
                }
                Ok(RequestCanceled::Stale) => {}
                Err(failed) => return Ok(not_written(failed, &requester)),
            }
        }
        Err(Refused::overloaded())
    }

    async fn send_to_payer(
        self: &Arc<Self>,
        requester: &Requester,
        id: PaymentRequestId,
        email: Option<Email>,
        idempotency: Option<Idempotency>,
    ) -> Result<Answer, Refused> {
        let customer_id = match self.payment_request(requester, id).await {
            Ok(request) => request.customer_id,
            Err(refused) if refused.code == ErrorCode::PaymentRequestNotFound => None,
            Err(refused) => return Err(refused),
        };
        let key = idempotency.map(|idempotency| KeyUse::new(requester.realm, &idempotency, 200));
        let patience = self.settings.mailer.as_ref().map(|mailer| {
            TimeDelta::from_std(mailer.patience()).unwrap_or(TimeDelta::MAX) + TimeDelta::seconds(5)
        });
        let begin = BeginSend { requester: requester.clone(), key, id, customer_id, email, patience };
        match self.write(begin).await {
            Ok(SendBegun::Answered(answer)) => Ok(answer),
            Ok(SendBegun::Send(begun)) => {
                let (request, to, key) = *begun;
                Ok(self.mail_request(requester, request, to, key).await)
            }
            Err(failed) => Ok(not_written(failed, requester)),
        }
    }

    /// Sends the e-mail, between the two commits, and writes down what became of it.
    async fn mail_request(
        &self,
        requester: &Requester,
        request: PaymentRequest,
        to: Email,
        key: Option<IdempotencyRecord>,
    ) -> Answer {
        let tenant_id = request.tenant_id;
        let tenant = self.read(move |connection| find_tenant(connection, tenant_id)).await;
        let merchant = tenant.ok().flatten().map(|tenant| tenant.name);
        let url = page_url(&request, &self.settings.public_url);
        let status = match (&self.settings.mailer, &merchant) {
            (None, _) => EmailStatus::NotConfigured,
            (Some(_), None) => EmailStatus::Failed,
            (Some(mailer), Some(merchant)) => {
                match mailer.send(&to, &RequestMail { request: &request, merchant, url: &url }).await {
                    Ok(()) => EmailStatus::Sent,
                    Err(failed) => {
                        tracing::warn!(payment_request = %request.id, error = %failed, "an e-mail was not sent");
                        failed.status()
                    }
                }
            }
        };
        let end = EndSend { requester: requester.clone(), request, to, status, key };
        self.write_always(end).await.unwrap_or_else(|failed| not_written(failed, requester))
    }
}

/// What a new page is found by: 142 bits of the operating system's randomness.
fn new_token() -> Option<PageToken> {
    let random = random_characters().ok()?;
    // A text of which a part looks like a card's number is refused; the next one is another.
    PageToken::parse(random.get(..PageToken::MAX_CHARS)?).ok()
}
