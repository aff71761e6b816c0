//! A refusal on its way to the caller, and the one body in which all errors are answered.

use std::sync::Arc;

use florin_domain::{Failure, PaymentId};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use super::{Answer, ErrorCode, ErrorKind, to_json};

/// Why a request was not carried out: a code, and what the caller needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The fact.
    pub code: ErrorCode,
    /// What was wrong and what to send instead; it never repeats what might hold a card number.
    pub message: String,
    /// The field or query parameter that is to blame.
    pub param: Option<String>,
    /// The payment that stands behind the error.
    pub payment_id: Option<PaymentId>,
    /// When it makes sense to try again.
    pub retry_after_seconds: Option<u32>,
}

impl Refused {
    /// A refusal with a message for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Refused { code, message: message.into(), param: None, payment_id: None, retry_after_seconds: None }
    }

    /// Names the parameter that is to blame.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Names the payment that stands behind it.
    #[must_use]
    pub fn payment(mut self, id: PaymentId) -> Self {
        self.payment_id = Some(id);
        self
    }

    /// Says when it makes sense to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Nothing happened; the caller may send the request again.
    pub fn overloaded() -> Self {
        let message = "The server is busy and nothing was done. Send the request again after Retry-After.";
        Refused::new(ErrorCode::Overloaded, message).retry_after(1)
    }

    /// Nobody knows whether it happened.
    pub fn outcome_unknown() -> Self {
        let message = "The request may or may not have been carried out. Send it again with the same idempotency \
                       key only; without one, look before you send it again.";
        Refused::new(ErrorCode::OutcomeUnknown, message).retry_after(1)
    }

    /// Something is wrong on the server's side; what it is stays in the log.
    pub fn internal() -> Self {
        let message = "Something went wrong on our side. Quote the request_id when you report it.";
        Refused::new(ErrorCode::InternalError, message)
    }

    /// A payment that the payer's side turned down.
    pub fn declined(failure: &Failure, payment_id: PaymentId) -> Self {
        Refused::new(ErrorCode::from(failure.code), failure.message.clone()).payment(payment_id)
    }

    /// The answer to the request of that id.
    pub fn to_answer(&self, request_id: &str) -> Answer {
        let body = ErrorResponse {
            error: ErrorBody {
                code: self.code,
                message: &self.message,
                kind: self.code.kind(),
                param: self.param.as_deref(),
                payment_id: self.payment_id,
                request_id,
            },
        };
        Answer {
            status: self.code.status(),
            body: Arc::from(to_json(&body, 320)),
            replayed: false,
            retry_after_seconds: self.retry_after_seconds,
        }
    }
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorResponse<'a> {
    /// What went wrong.
    #[serde(borrow)]
    pub error: ErrorBody<'a>,
}

/// What went wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ErrorBody)]
pub struct ErrorBody<'a> {
    /// The error for programs.
    pub code: ErrorCode,
    /// The error for people: what was wrong and what to send instead.
    pub message: &'a str,
    /// Whose turn it is.
    #[serde(rename = "type")]
    pub kind: ErrorKind,
    /// The field or query parameter that is to blame.
    #[schema(required)]
    pub param: Option<&'a str>,
    /// The payment that stands behind the error, for example the one that was declined.
    #[schema(required, value_type = Option<schema::PaymentIdSchema>)]
    pub payment_id: Option<PaymentId>,
    /// The request, as in the header `x-request-id`.
    pub request_id: &'a str,
}
