//! A payment as callers see it.

use std::collections::BTreeMap;

use florin_domain::{
    Actor, Amount, Attempt, AttemptKind, CaptureMethod, Currency, CustomerId, DestinationType, FailureCode,
    InvoiceId, MethodType, Payment, PaymentId, PaymentStatus, Status, TenantId, Total,
};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::{AttemptResponse, Timestamp, schema};

/// A payment.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub struct PaymentResponse<'a> {
    /// The payment.
    #[schema(value_type = schema::PaymentIdSchema)]
    pub id: PaymentId,
    /// How much, in minor units of the currency.
    #[schema(value_type = schema::AmountSchema)]
    pub amount: Amount,
    /// Of what: an ISO 4217 code.
    #[schema(value_type = schema::CurrencySchema)]
    pub currency: Currency,
    /// Where the payment stands, in five words.
    #[schema(value_type = schema::StatusSchema)]
    pub status: Status,
    /// Where the payment stands, in finer words.
    #[schema(value_type = schema::PaymentStatusSchema)]
    pub payment_status: PaymentStatus,
    /// How much was reserved with the payer's bank.
    #[schema(value_type = schema::TotalSchema)]
    pub amount_authorized: Total,
    /// How much was taken.
    #[schema(value_type = schema::TotalSchema)]
    pub amount_captured: Total,
    /// How much was given back by refunds that succeeded.
    #[schema(value_type = schema::TotalSchema)]
    pub amount_refunded: Total,
    /// How much a new refund may take.
    #[schema(value_type = schema::TotalSchema)]
    pub amount_refundable: Total,
    /// How much the payer's bank took back after a bank debit had cleared.
    #[schema(value_type = schema::TotalSchema)]
    pub amount_returned: Total,
    /// When the money is taken: with the charge, or later by a capture.
    #[schema(value_type = schema::CaptureMethodSchema)]
    pub capture_method: CaptureMethod,
    /// What is charged.
    #[schema(required)]
    pub payment_method_id: Option<&'a str>,
    /// What kind of money moves.
    #[schema(value_type = schema::MethodTypeSchema)]
    pub payment_method_type: MethodType,
    /// Who pays.
    #[schema(required, value_type = Option<schema::CustomerIdSchema>)]
    pub customer_id: Option<CustomerId>,
    /// What kind of thing is paid.
    #[schema(required, value_type = Option<schema::DestinationTypeSchema>)]
    pub destination_type: Option<DestinationType>,
    /// What is paid.
    #[schema(required, value_type = Option<schema::InvoiceIdSchema>)]
    pub destination_id: Option<InvoiceId>,
    /// The number of the invoice that is paid.
    #[schema(required)]
    pub invoice_number: Option<&'a str>,
    /// What for, in the merchant's words.
    #[schema(required)]
    pub description: Option<&'a str>,
    /// The merchant's own data.
    #[schema(value_type = schema::MetadataSchema)]
    pub metadata: &'a BTreeMap<String, String>,
    /// The idempotency key it was created with.
    #[schema(required)]
    pub idempotency_key: Option<&'a str>,
    /// Which processor the last charge went to.
    #[schema(required)]
    pub processor: Option<&'a str>,
    /// That processor's name for the payment.
    #[schema(required)]
    pub processor_reference: Option<&'a str>,
    /// Whether `attempts` tells of each charge; it always does.
    pub track_attempts: bool,
    /// The charges, oldest first.
    pub attempts: Vec<AttemptResponse<'a>>,
    /// What the payer must do now.
    #[schema(required)]
    pub next_action: Option<NextAction<'a>>,
    /// Where the payer comes back to after a redirect.
    #[schema(required)]
    pub return_url: Option<&'a str>,
    /// Whether nobody is there to act.
    pub off_session: bool,
    /// Why the last attempt failed, for programs.
    #[schema(required, value_type = Option<schema::FailureCodeSchema>)]
    pub error_code: Option<FailureCode>,
    /// Why the last attempt failed, for people.
    #[schema(required)]
    pub error_message: Option<&'a str>,
    /// Why it was canceled, in the merchant's words.
    #[schema(required)]
    pub cancellation_reason: Option<&'a str>,
    /// Until when an authorization may be captured.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub authorization_expires_at: Option<Timestamp>,
    /// When the money was reserved.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub authorized_at: Option<Timestamp>,
    /// When the money was taken.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub succeeded_at: Option<Timestamp>,
    /// When the last charge failed, while none has succeeded since.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub failed_at: Option<Timestamp>,
    /// When it ended without money.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub canceled_at: Option<Timestamp>,
    /// When the last refund succeeded.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub refunded_at: Option<Timestamp>,
    /// Whether real money moves.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who asked for it.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// Who changed it last.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub updated_by: Actor,
    /// When it was created.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// When it changed last.
    #[schema(value_type = schema::TimeSchema)]
    pub updated_at: Timestamp,
}

/// What the payer must do before the payment can go on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NextAction)]
pub struct NextAction<'a> {
    /// What kind of action it is.
    #[serde(rename = "type")]
    pub kind: NextActionKind,
    /// Where the payer acts.
    pub url: &'a str,
}

/// What kind of action a payer must take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NextActionKind {
    /// Visit a page.
    Redirect,
}

impl<'a> PaymentResponse<'a> {
    /// The view of a payment. Of its attempts, given oldest first, it shows the charges.
    pub fn new(payment: &'a Payment, attempts: impl Iterator<Item = &'a Attempt>) -> Self {
        let charges = attempts.filter(|attempt| attempt.kind == AttemptKind::Charge);
        let state = payment.state();
        let facts = &payment.facts;
        let destination = payment.destination.as_ref();
        PaymentResponse {
            id: payment.id,
            amount: payment.amount,
            currency: payment.currency,
            status: state.status(),
            payment_status: state.payment_status(),
            amount_authorized: facts.authorized(),
            amount_captured: facts.captured(),
            amount_refunded: facts.refunded(),
            amount_refundable: payment.refundable(),
            amount_returned: facts.returned(),
            capture_method: payment.capture_method,
            payment_method_id: payment.payment_method.as_ref().map(|method| method.as_str()),
            payment_method_type: payment.method_type,
            customer_id: payment.customer_id,
            destination_type: destination.map(|_| DestinationType::Invoice),
            destination_id: destination.map(|invoice| invoice.invoice_id),
            invoice_number: destination.map(|invoice| invoice.invoice_number.as_str()),
            description: payment.description.as_ref().map(|text| text.as_str()),
            metadata: payment.metadata.as_map(),
            idempotency_key: payment.idempotency_key.as_ref().map(|key| key.as_str()),
            processor: payment.processor.as_deref(),
            processor_reference: payment.processor_reference.as_deref(),
            track_attempts: true,
            attempts: charges.map(AttemptResponse::new).collect(),
            next_action: payment.next_action_url.as_deref().map(NextAction::redirect),
            return_url: payment.return_url.as_deref(),
            off_session: payment.off_session,
            error_code: payment.failure.as_ref().map(|failure| failure.code),
            error_message: payment.failure.as_ref().map(|failure| failure.message.as_str()),
            cancellation_reason: payment.cancellation_reason.as_ref().map(|reason| reason.as_str()),
            authorization_expires_at: payment.authorization_expires_at.map(Timestamp),
            authorized_at: payment.authorized_at.map(Timestamp),
            succeeded_at: payment.succeeded_at.map(Timestamp),
            failed_at: payment.failed_at.map(Timestamp),
            canceled_at: payment.canceled_at.map(Timestamp),
            refunded_at: payment.refunded_at.map(Timestamp),
            livemode: payment.mode.is_live(),
            tenant_id: payment.tenant_id,
            created_by: payment.created_by,
            updated_by: payment.updated_by,
            created_at: Timestamp(payment.id.created_at()),
            updated_at: Timestamp(payment.updated_at),
        }
    }
}

impl<'a> NextAction<'a> {
    fn redirect(url: &'a str) -> Self {
        NextAction { kind: NextActionKind::Redirect, url }
    }
}

/// An actor by its id, without a text in between.
pub(super) fn as_text<S: Serializer>(actor: &Actor, serializer: S) -> Result<S::Ok, S::Error> {
    match actor {
        Actor::Key(id) => id.serialize(serializer),
        Actor::User(id) => id.serialize(serializer),
        Actor::Operator => serializer.serialize_str("operator"),
        Actor::System => serializer.serialize_str("system"),
        Actor::Payer => serializer.serialize_str("payer"),
    }
}
