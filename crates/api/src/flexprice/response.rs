//! The engine's answers in Flexprice's words.
//!
//! The engine's answer to a payment is the JSON of `/v1`, which may be the stored one of an earlier request. What is
//! here is a pure function of it, so that a replay is the same to the byte on this side too.

use std::collections::BTreeMap;
use std::sync::Arc;

use florin_domain::{Amount, Currency, Money, PaymentStatus};
use florin_engine::views::{Answer, Refused, to_json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What both APIs tell by the same name and with the same meaning.
#[derive(Deserialize, Serialize)]
struct Alike {
    id: String,
    attempts: Vec<Attempt>,
    created_at: String,
    created_by: String,
    destination_id: Option<String>,
    destination_type: Option<String>,
    error_message: Option<String>,
    failed_at: Option<String>,
    idempotency_key: Option<String>,
    invoice_number: Option<String>,
    metadata: BTreeMap<String, String>,
    payment_method_id: Option<String>,
    payment_method_type: String,
    refunded_at: Option<String>,
    succeeded_at: Option<String>,
    tenant_id: String,
    track_attempts: bool,
    updated_at: String,
    updated_by: String,
}

/// A charge, of which Flexprice tells less.
#[derive(Deserialize, Serialize)]
struct Attempt {
    attempt_number: u32,
    created_at: String,
    created_by: String,
    error_message: Option<String>,
    id: String,
    metadata: BTreeMap<String, String>,
    payment_id: String,
    tenant_id: String,
    updated_at: String,
    updated_by: String,
}

/// A payment of `/v1`, as far as it is needed here.
#[derive(Deserialize)]
pub(super) struct Payment {
    #[serde(flatten)]
    alike: Alike,
    amount: Amount,
    currency: Currency,
    payment_status: PaymentStatus,
    processor: Option<String>,
    processor_reference: Option<String>,
    next_action: Option<NextAction>,
    canceled_at: Option<String>,
    livemode: bool,
}

#[derive(Deserialize)]
struct NextAction {
    url: String,
}

/// A payment of Flexprice's, with every key of its SDKs' models.
#[derive(Serialize)]
pub(super) struct FlexpricePayment {
    #[serde(flatten)]
    alike: Alike,
    amount: String,
    currency: String,
    environment_id: &'static str,
    gateway_metadata: BTreeMap<String, String>,
    gateway_payment_id: Option<String>,
    gateway_tracking_id: Option<String>,
    payment_gateway: Option<String>,
    payment_status: &'static str,
    payment_url: Option<String>,
    save_card_and_make_default: bool,
    voided_at: Option<String>,
}

#[derive(Serialize)]
struct Success {
    message: &'static str,
}

impl From<Payment> for FlexpricePayment {
    fn from(payment: Payment) -> Self {
        FlexpricePayment {
            amount: Money::of(payment.amount, payment.currency).to_major_string(),
            currency: payment.currency.code().to_ascii_lowercase(),
            environment_id: if payment.livemode { "live" } else { "test" },
            gateway_metadata: BTreeMap::new(),
            gateway_payment_id: payment.processor_reference,
            gateway_tracking_id: None,
            payment_gateway: payment.processor,
            payment_status: status_word(payment.payment_status),
            payment_url: payment.next_action.map(|action| action.url),
            save_card_and_make_default: false,
            voided_at: payment.canceled_at,
            alike: payment.alike,
        }
    }
}

/// Where a payment stands, in Flexprice's words.
pub(super) const fn status_word(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Pending => "PENDING",
        PaymentStatus::Processing | PaymentStatus::Authorized => "PROCESSING",
        PaymentStatus::Succeeded => "SUCCEEDED",
        PaymentStatus::Failed => "FAILED",
        PaymentStatus::Canceled => "VOIDED",
        PaymentStatus::Refunded => "REFUNDED",
        PaymentStatus::PartiallyRefunded => "PARTIALLY_REFUNDED",
    }
}

/// A payment, answered with `status`; a refusal stays as it is.
pub(super) fn payment(answer: Answer, status: u16) -> Result<Answer, Refused> {
    translated(answer, status, |payment: Payment| FlexpricePayment::from(payment))
}

/// That a payment was canceled, or will be when the processor says so; a refusal stays as it is.
pub(super) fn canceled(answer: Answer) -> Result<Answer, Refused> {
    translated(answer, 200, |payment: Payment| match payment.payment_status {
        PaymentStatus::Canceled => Success { message: "payment canceled" },
        _ => Success { message: "payment is being canceled" },
    })
}

/// An answer of another form, made of what is needed of the engine's; a refusal stays as it is.
pub(super) fn translated<V: DeserializeOwned, T: Serialize>(
    answer: Answer,
    status: u16,
    translate: impl FnOnce(V) -> T,
) -> Result<Answer, Refused> {
    if !is_success(&answer) {
        return Ok(answer);
    }
    let view = serde_json::from_str(&answer.body).map_err(|error| {
        tracing::error!(%error, "an answer of the engine is not what the facade expects");
        Refused::internal()
    })?;
    let body = to_json(&translate(view), answer.body.len());
    Ok(Answer { status, body: Arc::from(body), ..answer })
}

fn is_success(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}
