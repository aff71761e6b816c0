//! Handlers of payment requests: parse, call the engine, answer.

use florin_domain::{
    CaptureMethod, CustomerId, Description, DestinationType, Email, InvoiceId, PaymentId, PaymentRequestId,
    PaymentRequestStatus, PaymentRequestType, Reason,
};
use florin_engine::requests::{CreatePaymentRequest, PaymentRequestFilter};
use florin_engine::views::{Answer, Refused};

use crate::call::Call;
use crate::fields::{Fields, missing};
use crate::idempotency;
use crate::payments::web_address;
use crate::query::PAGE_PARAMETERS;

/// The fields of `POST /v1/payment_requests`.
pub(crate) const REQUEST_FIELDS: &[&str] = &[
    "type",
    "amount",
    "currency",
    "description",
    "customer_id",
    "destination_type",
    "destination_id",
    "capture_method",
    "expires_at",
    "success_url",
    "metadata",
];
/// The fields of `POST /v1/payment_requests/{id}/cancel`.
pub(crate) const CANCEL_REQUEST_FIELDS: &[&str] = &["reason"];
/// The fields of `POST /v1/payment_requests/{id}/send`.
pub(crate) const SEND_FIELDS: &[&str] = &["email"];
/// The filters of `GET /v1/payment_requests`, beside the page.
pub(crate) const REQUEST_FILTERS: [&str; 5] =
    ["status", "type", "customer_id", "destination_id", "payment_id"];

pub(crate) async fn create(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let idempotency = idempotency::by_header(&call.request, "POST /v1/payment_requests".to_owned(), &body)?;
    let mut fields = Fields::new(body, REQUEST_FIELDS)?;
    let words = PaymentRequestType::WORDS;
    let request = CreatePaymentRequest {
        kind: fields
            .word("type", words)?
            .ok_or_else(|| missing("type", &format!("Send type: {}.", words.join(", "))))?,
        amount: fields.required_amount("amount")?,
        currency: fields.required_currency("currency")?,
        description: fields.text("description", Description::parse)?,
        customer_id: fields.id("customer_id", Refused::customer_not_found)?,
        invoice_id: invoice(&mut fields)?,
        capture_method: fields
            .word("capture_method", CaptureMethod::WORDS)?
            .unwrap_or(CaptureMethod::Automatic),
        expires_at: fields.time("expires_at")?,
        success_url: web_address(&mut fields, "success_url")?,
        metadata: fields.metadata()?,
    };
    Ok(call.state.engine.create_payment_request(call.context, request, idempotency).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[REQUEST_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<PaymentRequestId>(PaymentRequestId::PREFIX, PaymentRequestId::uuid)?;
    let filter = PaymentRequestFilter {
        status: query.word("status", PaymentRequestStatus::WORDS)?,
        kind: query.word("type", PaymentRequestType::WORDS)?,
        customer_id: query.id("customer_id", CustomerId::PREFIX)?,
        destination_id: query.id("destination_id", InvoiceId::PREFIX)?,
        payment_id: query.id("payment_id", PaymentId::PREFIX)?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_payment_requests(call.context, filter, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = request_id(&call)?;
    Ok(call.state.engine.find_payment_request(call.context, id).await)
}

pub(crate) async fn cancel(mut call: Call) -> Result<Answer, Refused> {
    let id = request_id(&call)?;
    let body = call.body().await?;
    let idempotency =
        idempotency::by_header(&call.request, format!("POST /v1/payment_requests/{id}/cancel"), &body)?;
    let mut fields = Fields::new(body, CANCEL_REQUEST_FIELDS)?;
    let reason = fields.text("reason", Reason::parse)?;
    Ok(call.state.engine.cancel_payment_request(call.context, id, reason, idempotency).await)
}

pub(crate) async fn send(mut call: Call) -> Result<Answer, Refused> {
    let id = request_id(&call)?;
    let body = call.body().await?;
    let idempotency =
        idempotency::by_header(&call.request, format!("POST /v1/payment_requests/{id}/send"), &body)?;
    let mut fields = Fields::new(body, SEND_FIELDS)?;
    let email = fields.text("email", Email::parse)?;
    Ok(call.state.engine.send_payment_request(call.context, id, email, idempotency).await)
}

/// The invoice to pay. What kind of thing it is, the request's own type says already.
fn invoice(fields: &mut Fields) -> Result<Option<InvoiceId>, Refused> {
    let kind: Option<DestinationType> = fields.word("destination_type", DestinationType::WORDS)?;
    let id = fields.id("destination_id", Refused::invoice_not_found)?;
    match (kind, id) {
        (Some(DestinationType::Invoice), None) => {
            Err(missing("destination_id", "Send destination_id, the invoice's id, or no destination_type."))
        }
        (_, id) => Ok(id),
    }
}

/// The payment request in the path.
fn request_id(call: &Call) -> Result<PaymentRequestId, Refused> {
    call.path_id(Refused::payment_request_not_found)
}
