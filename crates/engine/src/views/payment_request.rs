//! A payment request as callers see it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use florin_domain::{
    Actor, Amount, CaptureMethod, Currency, CustomerId, DestinationType, InvoiceId, NotOpen, PaymentId,
    PaymentRequest, PaymentRequestId, PaymentRequestRefused, PaymentRequestStatus, PaymentRequestType,
    TenantId,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{ErrorCode, Refused, Timestamp, schema};

/// Something that a merchant asks somebody to pay on a page.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PaymentRequest)]
pub struct PaymentRequestResponse<'a> {
    /// The payment request.
    #[schema(value_type = schema::PaymentRequestIdSchema)]
    pub id: PaymentRequestId,
    /// What for.
    #[serde(rename = "type")]
    #[schema(value_type = schema::PaymentRequestTypeSchema)]
    pub kind: PaymentRequestType,
    /// How much, in minor units of the currency.
    #[schema(value_type = schema::AmountSchema)]
    pub amount: Amount,
    /// Of what: an ISO 4217 code.
    #[schema(value_type = schema::CurrencySchema)]
    pub currency: Currency,
    /// What for, in the merchant's words; the payer sees it.
    #[schema(required)]
    pub description: Option<&'a str>,
    /// Where it stands.
    #[schema(value_type = schema::PaymentRequestStatusSchema)]
    pub status: PaymentRequestStatus,
    /// The page on which it is paid. Whoever has the link may pay.
    pub url: String,
    /// Who is asked.
    #[schema(required, value_type = Option<schema::CustomerIdSchema>)]
    pub customer_id: Option<CustomerId>,
    /// What kind of thing is paid, for one of type `invoice`.
    #[schema(required, value_type = Option<schema::DestinationTypeSchema>)]
    pub destination_type: Option<DestinationType>,
    /// The invoice that is paid.
    #[schema(required, value_type = Option<schema::InvoiceIdSchema>)]
    pub destination_id: Option<InvoiceId>,
    /// Its number.
    #[schema(required)]
    pub invoice_number: Option<&'a str>,
    /// When the money is taken; `manual` makes a pre-authorization.
    #[schema(value_type = schema::CaptureMethodSchema)]
    pub capture_method: CaptureMethod,
    /// Its one payment, once somebody has tried to pay.
    #[schema(required, value_type = Option<schema::PaymentIdSchema>)]
    pub payment_id: Option<PaymentId>,
    /// Whether its payment waits for an outcome.
    pub payment_in_progress: bool,
    /// Until when it can be paid. A try that began earlier counts.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub expires_at: Option<Timestamp>,
    /// Where the payer goes afterwards.
    #[schema(required)]
    pub success_url: Option<&'a str>,
    /// The merchant's own data, which the payment gets too.
    #[schema(value_type = schema::MetadataSchema)]
    pub metadata: &'a BTreeMap<String, String>,
    /// When it was paid.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub paid_at: Option<Timestamp>,
    /// When it was canceled.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub canceled_at: Option<Timestamp>,
    /// When its cancellation was asked for; it is carried out when a try that was under way has ended.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub cancellation_requested_at: Option<Timestamp>,
    /// Why, in the merchant's words.
    #[schema(required)]
    pub cancellation_reason: Option<&'a str>,
    /// When it was last sent by e-mail.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub last_sent_at: Option<Timestamp>,
    /// Whether real money moves.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who created it.
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

impl<'a> PaymentRequestResponse<'a> {
    /// The view of a payment request as it stands at that time, with the link of its page.
    pub fn new(request: &'a PaymentRequest, public_url: &str, at: DateTime<Utc>) -> Self {
        let destination = request.destination.as_ref();
        PaymentRequestResponse {
            id: request.id,
            kind: request.kind,
            amount: request.amount,
            currency: request.currency,
            description: request.description.as_ref().map(|text| text.as_str()),
            status: request.status(at),
            url: page_url(request, public_url),
            customer_id: request.customer_id,
            destination_type: destination.map(|_| DestinationType::Invoice),
            destination_id: destination.map(|invoice| invoice.invoice_id),
            invoice_number: destination.map(|invoice| invoice.invoice_number.as_str()),
            capture_method: request.capture_method,
            payment_id: request.payment_id,
            payment_in_progress: request.charging,
            expires_at: request.expires_at.map(Timestamp),
            success_url: request.success_url.as_deref(),
            metadata: request.metadata.as_map(),
            paid_at: request.paid_at.map(Timestamp),
            canceled_at: request.canceled_at.map(Timestamp),
            cancellation_requested_at: request.cancel_requested_at.map(Timestamp),
            cancellation_reason: request.cancellation_reason.as_ref().map(|text| text.as_str()),
            last_sent_at: request.last_sent_at.map(Timestamp),
            livemode: request.mode.is_live(),
            tenant_id: request.tenant_id,
            created_by: request.created_by,
            updated_by: request.updated_by,
            created_at: Timestamp(request.id.created_at()),
            updated_at: Timestamp(request.updated_at),
        }
    }
}

/// The link of a request's page.
pub(crate) fn page_url(request: &PaymentRequest, public_url: &str) -> String {
    format!("{public_url}/pay/{}", request.token)
}

/// Whether a payment request was sent by e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmailStatus {
    /// The mail server has taken the e-mail.
    Sent,
    /// No e-mail was sent: no address was given, and the customer has none.
    NoAddress,
    /// No e-mail was sent: the server has no SMTP server configured.
    NotConfigured,
    /// No e-mail was sent: the mail server refused it, or could not be reached.
    Failed,
    /// Nobody knows whether the e-mail was sent.
    Unknown,
}

impl EmailStatus {
    const fn message(self) -> &'static str {
        match self {
            EmailStatus::Sent => "The e-mail was sent.",
            EmailStatus::NoAddress => {
                "No e-mail was sent: the request's customer has no address. Send one as email, or pass the url on yourself."
            }
            EmailStatus::NotConfigured => {
                "No e-mail was sent: no SMTP server is configured here. Pass the url on yourself."
            }
            EmailStatus::Failed => {
                "No e-mail was sent: the mail server refused it or could not be reached. Send it again later, or pass the url on yourself."
            }
            EmailStatus::Unknown => {
                "The e-mail may or may not have been sent: the mail server gave no answer in time. Pass the url on yourself, or send it again."
            }
        }
    }
}

/// What became of sending a payment request.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PaymentRequestSent)]
pub struct PaymentRequestSentResponse<'a> {
    /// The payment request.
    #[schema(value_type = schema::PaymentRequestIdSchema)]
    pub payment_request_id: PaymentRequestId,
    /// The page on which it is paid.
    pub url: String,
    /// Whether it was sent by e-mail.
    pub email_status: EmailStatus,
    /// The address that it was sent to, or would have been.
    #[schema(required)]
    pub email: Option<&'a str>,
    /// The same for people.
    pub message: &'static str,
}

impl<'a> PaymentRequestSentResponse<'a> {
    /// What became of sending that request.
    pub(crate) fn new(
        request: &PaymentRequest,
        public_url: &str,
        email: Option<&'a str>,
        email_status: EmailStatus,
    ) -> Self {
        PaymentRequestSentResponse {
            payment_request_id: request.id,
            url: page_url(request, public_url),
            email_status,
            email,
            message: email_status.message(),
        }
    }
}

impl From<PaymentRequestRefused> for Refused {
    fn from(refused: PaymentRequestRefused) -> Self {
        match refused {
            PaymentRequestRefused::ExpiresTooEarly => {
                let message = "Send an expires_at in the future, or none.";
                Refused::new(ErrorCode::ParameterInvalid, message).param("expires_at")
            }
            PaymentRequestRefused::NoInvoice => {
                let message = "Send destination_id, the invoice that is to be paid.";
                Refused::new(ErrorCode::ParameterMissing, message).param("destination_id")
            }
            PaymentRequestRefused::TakesNoInvoice(kind) => {
                let message = format!(
                    "A payment request of type {kind} is for no invoice; send type: invoice, or no destination_id."
                );
                Refused::new(ErrorCode::ParametersConflict, message).param("destination_id")
            }
        }
    }
}

impl From<NotOpen> for Refused {
    fn from(refused: NotOpen) -> Self {
        let is = match refused {
            NotOpen::Paid => "is paid already",
            NotOpen::Expired => "has expired",
            NotOpen::Canceled => "is canceled already",
            NotOpen::Canceling => "is about to be canceled",
        };
        let message =
            format!("The payment request {is}, so nothing was done; make a new one if it is needed.");
        Refused::new(ErrorCode::PaymentRequestNotOpen, message)
    }
}

impl Refused {
    /// No payment request of that id is the caller's to see.
    pub fn payment_request_not_found() -> Self {
        let message =
            "There is no such payment request in this tenant and mode; send the id of one of yours.";
        Refused::new(ErrorCode::PaymentRequestNotFound, message)
    }
}
