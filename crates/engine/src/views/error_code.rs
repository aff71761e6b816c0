//! Every error the API can answer: its code, its HTTP status, its type, and what it means.
//!
//! `docs/errors.md` is generated from this table.

use std::borrow::Cow;

use florin_domain::FailureCode;
use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::schema::string;

/// The `type` of an error: whose turn it is to do something about it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema, strum::IntoStaticStr, strum::VariantArray,
)]
pub enum ErrorKind {
    /// The request can't be carried out as it is.
    #[serde(rename = "invalid_request_error")]
    #[strum(serialize = "invalid_request_error")]
    InvalidRequest,
    /// Nobody knows who asks.
    #[serde(rename = "authentication_error")]
    #[strum(serialize = "authentication_error")]
    Authentication,
    /// The caller may not do this.
    #[serde(rename = "permission_error")]
    #[strum(serialize = "permission_error")]
    Permission,
    /// The payer's side said no.
    #[serde(rename = "payment_error")]
    #[strum(serialize = "payment_error")]
    Payment,
    /// The idempotency key can't be used like this.
    #[serde(rename = "idempotency_error")]
    #[strum(serialize = "idempotency_error")]
    Idempotency,
    /// Too many requests.
    #[serde(rename = "rate_limit_error")]
    #[strum(serialize = "rate_limit_error")]
    RateLimit,
    /// Something is wrong on the server's side.
    #[serde(rename = "api_error")]
    #[strum(serialize = "api_error")]
    Api,
}

macro_rules! error_codes {
    ($( $variant:ident = $word:literal, $status:literal, $kind:ident, $meaning:literal; )+) => {
        /// The code of an error, named as a fact.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum ErrorCode {
            $( #[doc = $meaning] #[serde(rename = $word)] $variant, )+
        }

        impl ErrorCode {
            /// All codes, by status.
            pub const ALL: &'static [ErrorCode] = &[$( ErrorCode::$variant, )+];

            /// The code as the API writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $( ErrorCode::$variant => $word, )+ }
            }

            /// The HTTP status it is answered with.
            pub const fn status(self) -> u16 {
                match self { $( ErrorCode::$variant => $status, )+ }
            }

            /// Its `type`.
            pub const fn kind(self) -> ErrorKind {
                match self { $( ErrorCode::$variant => ErrorKind::$kind, )+ }
            }

            /// What it means and what to do about it, for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $( ErrorCode::$variant => $meaning, )+ }
            }
        }
    };
}

error_codes! {
    RequestMalformed = "request_malformed", 400, InvalidRequest,
        "The request is not well-formed HTTP/1.1, or has no `Host`; nothing was done.";
    JsonInvalid = "json_invalid", 400, InvalidRequest,
        "The body is not a JSON object, has a key twice, or is not UTF-8. Send one JSON object.";
    ParameterMissing = "parameter_missing", 400, InvalidRequest,
        "A required field is missing; `param` names it.";
    ParameterInvalid = "parameter_invalid", 400, InvalidRequest,
        "A field or query parameter has a value that is not allowed; `param` names it, the message says what to send.";
    ParameterUnknown = "parameter_unknown", 400, InvalidRequest,
        "A field or query parameter is not known, maybe because it is misspelt; `param` names it.";
    ParametersConflict = "parameters_conflict", 400, InvalidRequest,
        "Two parameters exclude each other; `param` names one of them.";
    FieldImmutable = "field_immutable", 400, InvalidRequest,
        "The field can't be changed after creation; `param` names it.";
    CardNumberNotAllowed = "card_number_not_allowed", 400, InvalidRequest,
        "A text contains a payment card's number, which is never stored here. Send it without.";
    PaymentNotRefundable = "payment_not_refundable", 400, InvalidRequest,
        "Nothing of the payment is captured, so there is nothing to refund.";
    PaymentNotCancelable = "payment_not_cancelable", 400, InvalidRequest,
        "The payment has succeeded or failed. Refund a succeeded one instead.";
    WebhookNotVerified = "webhook_not_verified", 400, InvalidRequest,
        "A processor's webhook is not signed as it should be, or too old; nothing was done.";
    IdempotencyKeysDiffer = "idempotency_keys_differ", 400, Idempotency,
        "The header `Idempotency-Key` and the field `idempotency_key` name different keys. Send one.";
    Unauthenticated = "authentication_error", 401, Authentication,
        "The API key is missing or wrong, or two credentials disagree.";
    RefreshTokenInvalid = "refresh_token_invalid", 401, Authentication,
        "The refresh token is wrong, was replaced, or its session has ended. Begin a new session.";
    RefreshTokenExpired = "refresh_token_expired", 401, Authentication,
        "The refresh token has expired. Begin a new session.";
    LoginFailed = "login_failed", 401, Authentication,
        "The e-mail address, the password or the code is wrong, or the user is disabled.";
    TotpRequired = "totp_required", 401, Authentication,
        "The password is right, and the user has a second factor: send its code as `totp_code`.";
    PaymentDeclined = "payment_declined", 402, Payment,
        "The payer's bank or the processor declined.";
    InsufficientFunds = "insufficient_funds", 402, Payment,
        "There is not enough money to charge.";
    InsufficientCredits = "insufficient_credits", 402, Payment,
        "The customer has fewer credits than the payment is for; the message says how many.";
    ExpiredPaymentMethod = "expired_payment_method", 402, Payment,
        "The processor found that the payment method has expired.";
    SuspectedFraud = "suspected_fraud", 402, Payment,
        "The processor suspects fraud.";
    ActionNotCompleted = "action_not_completed", 402, Payment,
        "The payer did not complete the action that was asked for.";
    ProcessorUnreachable = "processor_unreachable", 402, Payment,
        "The processor could not be reached, and nothing was charged. Process the payment again later.";
    NotProcessed = "not_processed", 402, Payment,
        "The processor has no record of the attempt: nothing was charged. Process the payment again.";
    RefundDeclined = "refund_declined", 402, Payment,
        "The processor declined a refund. Seen as `error_code` of a refund that failed.";
    OperationDeclined = "operation_declined", 402, Payment,
        "The processor refused to capture or to void; the authorization stands.";
    BankDebitReturned = "bank_debit_returned", 402, Payment,
        "A bank debit was returned after it had cleared. Seen as `error_code` of a payment.";
    AttemptAbandoned = "abandoned", 402, Payment,
        "The charge was given up because the payment was canceled meanwhile.";
    PermissionDenied = "permission_denied", 403, Permission,
        "The API key lacks a scope, or would grant more than it has; the message says what.";
    PathNotFound = "path_not_found", 404, InvalidRequest,
        "There is nothing at this path.";
    PaymentNotFound = "payment_not_found", 404, InvalidRequest,
        "There is no such payment in this tenant and mode.";
    RefundNotFound = "refund_not_found", 404, InvalidRequest,
        "There is no such refund in this tenant and mode.";
    PaymentMethodNotFound = "payment_method_not_found", 404, InvalidRequest,
        "There is no such payment method, neither stored here nor at the processor.";
    CustomerNotFound = "customer_not_found", 404, InvalidRequest,
        "There is no such customer in this tenant and mode.";
    InvoiceNotFound = "invoice_not_found", 404, InvalidRequest,
        "There is no such invoice in this tenant and mode.";
    PaymentRequestNotFound = "payment_request_not_found", 404, InvalidRequest,
        "There is no such payment request in this tenant and mode.";
    TransactionNotFound = "transaction_not_found", 404, InvalidRequest,
        "There is no such transaction in this tenant and mode.";
    ProcessorAccountNotFound = "processor_account_not_found", 404, InvalidRequest,
        "There is no such processor account in this tenant and mode.";
    ApiKeyNotFound = "api_key_not_found", 404, InvalidRequest,
        "There is no such API key in this tenant and mode.";
    SessionNotFound = "session_not_found", 404, InvalidRequest,
        "There is no such session of this API key or user in this tenant and mode.";
    UserNotFound = "user_not_found", 404, InvalidRequest,
        "There is no such user in this tenant.";
    AuditEntryNotFound = "audit_entry_not_found", 404, InvalidRequest,
        "There is no such entry of the audit log in this tenant and mode.";
    WebhookEndpointNotFound = "webhook_endpoint_not_found", 404, InvalidRequest,
        "There is no such webhook endpoint in this tenant and mode.";
    EventNotFound = "event_not_found", 404, InvalidRequest,
        "There is no such event in this tenant and mode, or it was removed because of its age.";
    OpenItemNotFound = "open_item_not_found", 404, InvalidRequest,
        "There is no open item with this id in the tenant and mode of the API key.";
    AttemptNotFound = "attempt_not_found", 404, InvalidRequest,
        "There is no attempt with this id that needs, or needed, a review.";
    MethodNotAllowed = "method_not_allowed", 405, InvalidRequest,
        "The path does not have this method; the header `Allow` lists those it has.";
    RequestTimeout = "request_timeout", 408, InvalidRequest,
        "The request's head or body did not arrive in time; nothing was done. Send it again.";
    PaymentNotProcessable = "payment_not_processable", 409, InvalidRequest,
        "The payment is neither pending nor failed, so it can't be charged.";
    PaymentNotCapturable = "payment_not_capturable", 409, InvalidRequest,
        "The payment is not authorized, so there is nothing to capture.";
    PaymentAlreadyRefunded = "payment_already_refunded", 409, InvalidRequest,
        "The payment is refunded in full already.";
    PaymentAlreadyCanceled = "payment_already_canceled", 409, InvalidRequest,
        "The payment is canceled already.";
    OperationInProgress = "operation_in_progress", 409, InvalidRequest,
        "Another operation of this kind waits for the processor. Read the payment and try again.";
    InvoiceNotPayable = "invoice_not_payable", 409, InvalidRequest,
        "The invoice is paid or void, so no payment can be made towards it.";
    PaymentRequestNotOpen = "payment_request_not_open", 409, InvalidRequest,
        "The payment request is paid, has expired, or is canceled; the message says which.";
    InvoiceNotVoidable = "invoice_not_voidable", 409, InvalidRequest,
        "The invoice is void already, or payments have been made towards it or are under way.";
    InvoiceNumberTaken = "invoice_number_taken", 409, InvalidRequest,
        "Another invoice has this number. Send another, or none to have one counted up.";
    ExternalIdTaken = "external_id_taken", 409, InvalidRequest,
        "Another customer has this `external_id`; the message names the customer.";
    ProcessorNameTaken = "processor_name_taken", 409, InvalidRequest,
        "Another processor account has this name, or it is a name of Florin's own. Send another.";
    CredentialsKeyMissing = "credentials_key_missing", 409, Api,
        "The server has no key to encrypt credentials with, or not the one they are encrypted with; its operator sets `FLORIN_CREDENTIALS_KEY`.";
    ApiKeyNotActive = "api_key_not_active", 409, InvalidRequest,
        "The API key is revoked, has expired, or has a successor already, so it can't be rotated.";
    TokenRotationFailed = "token_rotation_failed", 409, InvalidRequest,
        "The refresh token was replaced a moment ago, so it can't stay valid. Send it again with rotation, at once.";
    EmailTaken = "email_taken", 409, InvalidRequest,
        "Another user of the tenant has this e-mail address.";
    TotpNotPending = "totp_not_pending", 409, InvalidRequest,
        "The user's second factor is on already, or none waits for a code.";
    AttemptNotInReview = "attempt_not_in_review", 409, InvalidRequest,
        "The attempt does not need a person's decision: its outcome is known, or still looked for.";
    OpenItemNotClosable = "open_item_not_closable", 409, InvalidRequest,
        "The open item was closed with another note, or is closed by resolving its attempt.";
    WebhookEndpointIsDisabled = "webhook_endpoint_is_disabled", 409, InvalidRequest,
        "The webhook endpoint is disabled, so nothing is sent to it. Enable it first.";
    TooManyWebhookEndpoints = "too_many_webhook_endpoints", 409, InvalidRequest,
        "There are as many webhook endpoints as a tenant may have in a mode. Delete one.";
    IdempotencyKeyInUse = "idempotency_key_in_use", 409, Idempotency,
        "The first request with this key is still running. Send it again after `Retry-After`.";
    IdempotencyKeyExpired = "idempotency_key_expired", 409, Idempotency,
        "The key was used more than 30 days ago; the message names the object it made. Use a new key.";
    BodyTooLarge = "body_too_large", 413, InvalidRequest,
        "The body is larger than 64 KiB, or a processor's webhook than 256 KiB.";
    ContentTypeNotSupported = "content_type_not_supported", 415, InvalidRequest,
        "The body is not `application/json`, or it is compressed.";
    CurrencyNotSupported = "currency_not_supported", 422, InvalidRequest,
        "The currency does not exist, or the tenant does not take it.";
    PaymentMethodInvalid = "payment_method_invalid", 422, InvalidRequest,
        "The payment method has expired or was detached; no payment was made.";
    AmountExceedsAuthorized = "amount_exceeds_authorized", 422, InvalidRequest,
        "More was to be captured than is authorized; the message says how much is.";
    PartialCaptureNotSupported = "partial_capture_not_supported", 422, InvalidRequest,
        "The processor captures all that is authorized or nothing; the message says how much that is.";
    AmountExceedsInvoice = "amount_exceeds_invoice", 422, InvalidRequest,
        "The payment is for more than remains of the invoice; the message says what remains.";
    CreditLimitExceeded = "credit_limit_exceeded", 422, InvalidRequest,
        "The customer would have more credits than a balance can hold.";
    RefundExceedsAvailable = "refund_exceeds_available", 422, InvalidRequest,
        "More was to be refunded than is left; the message says what is left.";
    IdempotencyKeyReused = "idempotency_key_reused", 422, Idempotency,
        "The key was used with another body. Use a new key for a new request.";
    RateLimitExceeded = "rate_limit_exceeded", 429, RateLimit,
        "Too many requests with this API key. Send it again after `Retry-After`.";
    LoginThrottled = "login_throttled", 429, RateLimit,
        "Too many attempts to sign in have failed, from this address or on this account. Try again after `Retry-After`.";
    TooManyStreams = "too_many_streams", 429, RateLimit,
        "The API key has as many streams of events open as it may have. Close one.";
    HeadTooLarge = "head_too_large", 431, InvalidRequest,
        "The request's head is larger than 128 KiB or has more than 96 headers; nothing was done.";
    InternalError = "internal_error", 500, Api,
        "Something went wrong on our side. Quote the `request_id` when you report it.";
    Overloaded = "overloaded", 503, Api,
        "The server or its database is busy or away; nothing was done. Send it again after `Retry-After`.";
    OutcomeUnknown = "outcome_unknown", 503, Api,
        "The request may or may not have been carried out. Send it again with the same idempotency key only.";
}

impl ErrorCode {
    /// Whether an answer with this code is kept for replays: refusals by an object's state and declined payments are;
    /// what was wrong with the request itself, and what was only in the way for a moment, is not.
    pub const fn is_stored(self) -> bool {
        matches!(self.status(), 402 | 404 | 409 | 422)
            && !matches!(self.kind(), ErrorKind::Idempotency | ErrorKind::Api)
    }
}

// By hand: the derive does not see names that come out of a macro.
impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let words = Self::ALL.iter().map(|code| code.as_str());
        RefOr::T(Schema::Object(string().enum_values(Some(words)).build()))
    }
}

impl ToSchema for ErrorCode {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ErrorCode")
    }
}

impl From<FailureCode> for ErrorCode {
    fn from(code: FailureCode) -> Self {
        match code {
            FailureCode::Declined => ErrorCode::PaymentDeclined,
            FailureCode::InsufficientFunds => ErrorCode::InsufficientFunds,
            FailureCode::InsufficientCredits => ErrorCode::InsufficientCredits,
            FailureCode::ExpiredPaymentMethod => ErrorCode::ExpiredPaymentMethod,
            FailureCode::SuspectedFraud => ErrorCode::SuspectedFraud,
            FailureCode::ActionNotCompleted => ErrorCode::ActionNotCompleted,
            FailureCode::NotSent => ErrorCode::ProcessorUnreachable,
            FailureCode::NotProcessed => ErrorCode::NotProcessed,
            FailureCode::RefundDeclined => ErrorCode::RefundDeclined,
            FailureCode::OperationDeclined => ErrorCode::OperationDeclined,
            FailureCode::BankDebitReturned => ErrorCode::BankDebitReturned,
            FailureCode::Abandoned => ErrorCode::AttemptAbandoned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_the_same_word_in_an_error_and_in_an_object() {
        for code in FailureCode::ALL {
            assert_eq!(ErrorCode::from(*code).as_str(), code.as_str());
        }
    }

    #[test]
    fn codes_are_sorted_by_status_and_unique() {
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.status()));
        let mut words: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn an_error_of_the_key_itself_is_never_kept_for_replays() {
        assert!(ErrorCode::PaymentDeclined.is_stored());
        assert!(ErrorCode::RefundExceedsAvailable.is_stored());
        assert!(!ErrorCode::IdempotencyKeyReused.is_stored());
        assert!(!ErrorCode::PaymentNotRefundable.is_stored());
        assert!(!ErrorCode::OutcomeUnknown.is_stored());
    }
}
