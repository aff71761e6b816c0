//! Handlers of payments: parse, call the engine, answer.

use florin_domain::{
    AttemptId, CaptureMethod, CustomerId, Description, DestinationType, IdempotencyKey, InvoiceId, MethodRef,
    MethodType, PaymentId, PaymentStatus, Reason, Status, check_text,
};
use florin_engine::requests::{AttemptFilter, CreatePayment, CreateRefund, PaymentFilter, UpdatePayment};
use florin_engine::views::{Answer, ErrorCode, Refused};

use crate::call::Call;
use crate::fields::{Fields, missing};
use crate::idempotency;
use crate::json::Object;
use crate::query::{PAGE_PARAMETERS, search_text};

/// The fields of `POST /v1/payments`.
pub(crate) const CREATE_FIELDS: &[&str] = &[
    "amount",
    "currency",
    "payment_method_id",
    "payment_method_type",
    "destination_type",
    "destination_id",
    "process_payment",
    "capture_method",
    "return_url",
    "off_session",
    "customer_id",
    "description",
    "metadata",
    "idempotency_key",
];
/// The fields of `POST /v1/payments/{id}/process`.
pub(crate) const PROCESS_FIELDS: &[&str] = &["payment_method_id"];
/// The fields of `POST /v1/payments/{id}/capture`.
pub(crate) const CAPTURE_FIELDS: &[&str] = &["amount"];
/// The fields of `POST /v1/payments/{id}/cancel`.
pub(crate) const CANCEL_FIELDS: &[&str] = &["reason"];
/// The fields of `POST /v1/payments/{id}/refund`.
pub(crate) const REFUND_FIELDS: &[&str] = &["amount", "reason", "metadata"];
/// The fields of `PATCH /v1/payments/{id}`.
pub(crate) const UPDATE_FIELDS: &[&str] = &["description", "metadata"];
/// What else a payment has, and what can't be changed.
pub(crate) const IMMUTABLE_FIELDS: &[&str] = &[
    "id",
    "amount",
    "currency",
    "status",
    "payment_status",
    "amount_authorized",
    "amount_captured",
    "amount_refunded",
    "amount_refundable",
    "amount_returned",
    "capture_method",
    "payment_method_id",
    "payment_method_type",
    "customer_id",
    "destination_type",
    "destination_id",
    "invoice_number",
    "idempotency_key",
    "processor",
    "processor_reference",
    "track_attempts",
    "attempts",
    "next_action",
    "return_url",
    "off_session",
    "error_code",
    "error_message",
    "cancellation_reason",
    "authorization_expires_at",
    "authorized_at",
    "succeeded_at",
    "failed_at",
    "canceled_at",
    "refunded_at",
    "livemode",
    "tenant_id",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
    "process_payment",
];
/// The filters of `GET /v1/payments`, beside the page.
pub(crate) const LIST_FILTERS: [&str; 9] = [
    "status",
    "payment_status",
    "customer_id",
    "currency",
    "payment_method_type",
    "destination_id",
    "idempotency_key",
    "metadata",
    "q",
];

/// How many characters a web address may have.
pub(crate) const MAX_URL_CHARS: usize = 2048;

pub(crate) async fn create(mut call: Call) -> Result<Answer, Refused> {
    let mut body = call.body().await?;
    let idempotency =
        idempotency::by_header_or_field(&call.request, "POST /v1/payments".to_owned(), &mut body)?;
    let key = idempotency.as_ref().map(|idempotency| idempotency.key.clone());
    let request = parse_create(body, key)?;
    Ok(call.state.engine.create_payment(call.context, request, idempotency).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = payment_id(&call)?;
    Ok(call.state.engine.find_payment(call.context, id).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[LIST_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<PaymentId>(PaymentId::PREFIX, PaymentId::uuid)?;
    let filter = PaymentFilter {
        ids: None,
        status: query.word("status", Status::WORDS)?,
        payment_statuses: query.word("payment_status", PaymentStatus::WORDS)?.map(|status| vec![status]),
        customer_id: query.id("customer_id", CustomerId::PREFIX)?,
        currency: query.currency("currency")?,
        payment_method_type: query.word("payment_method_type", MethodType::WORDS)?,
        destination_type: None,
        destination_id: query.id("destination_id", InvoiceId::PREFIX)?,
        idempotency_key: query.text("idempotency_key", IdempotencyKey::parse)?,
        metadata: query.metadata()?,
        q: query.text("q", search_text)?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_payments(call.context, filter, page).await)
}

pub(crate) async fn update(mut call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    let body = call.body().await?;
    if let Some(name) = IMMUTABLE_FIELDS.iter().find(|name| body.contains_key(**name)) {
        let message = format!("{name} can't be changed; send description and metadata only.");
        return Err(Refused::new(ErrorCode::FieldImmutable, message).param(*name));
    }
    let mut fields = Fields::new(body, UPDATE_FIELDS)?;
    let request = UpdatePayment {
        description: fields.erasable_text("description", Description::parse)?,
        metadata: fields.metadata_changes()?,
        replaces_metadata: false,
    };
    Ok(call.state.engine.update_payment(call.context, id, request).await)
}

pub(crate) async fn process(mut call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    let body = call.body().await?;
    let idempotency =
        idempotency::by_header(&call.request, format!("POST /v1/payments/{id}/process"), &body)?;
    let mut fields = Fields::new(body, PROCESS_FIELDS)?;
    let method = fields.text("payment_method_id", MethodRef::parse)?;
    Ok(call.state.engine.process_payment(call.context, id, method, idempotency).await)
}

pub(crate) async fn capture(mut call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    let body = call.body().await?;
    let idempotency =
        idempotency::by_header(&call.request, format!("POST /v1/payments/{id}/capture"), &body)?;
    let mut fields = Fields::new(body, CAPTURE_FIELDS)?;
    let amount = fields.amount("amount")?;
    Ok(call.state.engine.capture_payment(call.context, id, amount, idempotency).await)
}

pub(crate) async fn cancel(mut call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    let body = call.body().await?;
    let idempotency = idempotency::by_header(&call.request, format!("POST /v1/payments/{id}/cancel"), &body)?;
    let mut fields = Fields::new(body, CANCEL_FIELDS)?;
    let reason = fields.text("reason", Reason::parse)?;
    Ok(call.state.engine.cancel_payment(call.context, id, reason, idempotency).await)
}

pub(crate) async fn refund(mut call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    let body = call.body().await?;
    let idempotency = idempotency::by_header(&call.request, format!("POST /v1/payments/{id}/refund"), &body)?;
    let mut fields = Fields::new(body, REFUND_FIELDS)?;
    let request = CreateRefund {
        amount: fields.amount("amount")?,
        reason: fields.text("reason", Reason::parse)?,
        metadata: fields.metadata()?,
    };
    Ok(call.state.engine.refund_payment(call.context, id, request, idempotency).await)
}

pub(crate) async fn attempts(call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    let mut query = call.query(&PAGE_PARAMETERS)?;
    let page = query.page::<AttemptId>(AttemptId::PREFIX, AttemptId::uuid)?;
    let filter = AttemptFilter {
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_attempts(call.context, id, filter, page).await)
}

/// The payment in the path.
pub(crate) fn payment_id(call: &Call) -> Result<PaymentId, Refused> {
    call.path_id(Refused::payment_not_found)
}

/// The engine's request for a payment.
pub(crate) fn parse_create(
    body: Object,
    idempotency_key: Option<IdempotencyKey>,
) -> Result<CreatePayment, Refused> {
    let mut fields = Fields::new(body, CREATE_FIELDS)?;
    let request = CreatePayment {
        amount: fields.required_amount("amount")?,
        currency: fields.required_currency("currency")?,
        payment_method: fields.text("payment_method_id", MethodRef::parse)?,
        payment_method_type: fields.word("payment_method_type", MethodType::WORDS)?,
        customer_id: fields.id("customer_id", Refused::customer_not_found)?,
        invoice_id: destination(&mut fields)?,
        process_payment: fields.boolean("process_payment")?.unwrap_or(true),
        capture_method: fields
            .word("capture_method", CaptureMethod::WORDS)?
            .unwrap_or(CaptureMethod::Automatic),
        return_url: web_address(&mut fields, "return_url")?,
        off_session: fields.boolean("off_session")?.unwrap_or(false),
        description: fields.text("description", Description::parse)?,
        metadata: fields.metadata()?,
        idempotency_key,
    };
    request.check_method()?;
    Ok(request)
}

/// The invoice to pay: its type and its id, or neither.
pub(crate) fn destination(fields: &mut Fields) -> Result<Option<InvoiceId>, Refused> {
    let kind: Option<DestinationType> = fields.word("destination_type", DestinationType::WORDS)?;
    let id = fields.id("destination_id", Refused::invoice_not_found)?;
    match (kind, id) {
        (Some(DestinationType::Invoice), None) => {
            Err(missing("destination_id", "Send destination_id, the invoice's id, or no destination_type."))
        }
        (None, Some(_)) => {
            Err(missing("destination_type", "Send destination_type: INVOICE with a destination_id."))
        }
        (_, id) => Ok(id),
    }
}

/// A web address, which nobody visits here: it is handed to the payer's browser.
pub(crate) fn web_address(fields: &mut Fields, name: &'static str) -> Result<Option<String>, Refused> {
    let Some(text) = fields.text(name, |text| check_text(&text, MAX_URL_CHARS).map(|()| text))? else {
        return Ok(None);
    };
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    if rest.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message =
            format!("{name} must be a web address that begins with https:// or http://, in visible ASCII.");
        return Err(Refused::new(ErrorCode::ParameterInvalid, message).param(name));
    }
    Ok(Some(text))
}
