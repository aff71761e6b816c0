//! One call with a key, put together from what it takes and each way in which it can answer.

use florin_domain::PaymentId;
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::NamedSchema;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, Required};

use super::parameters::{idempotency_key, path_id};
use super::responses::{Success, responses};

/// What every call with a key can answer.
const COMMON: &[ErrorCode] = &[
    ErrorCode::ParameterUnknown,
    ErrorCode::ParameterInvalid,
    ErrorCode::Unauthenticated,
    ErrorCode::PermissionDenied,
    ErrorCode::RateLimitExceeded,
    ErrorCode::InternalError,
    ErrorCode::Overloaded,
];
/// What every call with a body can answer besides.
const WITH_BODY: &[ErrorCode] = &[
    ErrorCode::JsonInvalid,
    ErrorCode::CardNumberNotAllowed,
    ErrorCode::RequestTimeout,
    ErrorCode::BodyTooLarge,
    ErrorCode::ContentTypeNotSupported,
    ErrorCode::OutcomeUnknown,
];
/// What every POST can answer besides.
const WITH_KEY: &[ErrorCode] = &[
    ErrorCode::IdempotencyKeysDiffer,
    ErrorCode::IdempotencyKeyInUse,
    ErrorCode::IdempotencyKeyExpired,
    ErrorCode::IdempotencyKeyReused,
];
/// What every list can answer besides.
pub(super) const LIST: &[ErrorCode] = &[ErrorCode::ParametersConflict, ErrorCode::CardNumberNotAllowed];

/// One call with a key, in the making.
pub(super) struct Call {
    operation: OperationBuilder,
    tag: &'static str,
    body: Option<(&'static str, Required)>,
    successes: Vec<Success>,
    errors: Vec<ErrorCode>,
}

impl Call {
    /// A call without a body.
    pub(super) fn get(id: &str, summary: &str) -> Self {
        let operation = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(summary))
            .security(SecurityRequirement::new("bearer", Vec::<String>::new()))
            .security(SecurityRequirement::new("api_key", Vec::<String>::new()));
        Call { operation, tag: "Payments", body: None, successes: Vec::new(), errors: COMMON.to_vec() }
    }

    /// A call with a body.
    pub(super) fn with_body(id: &str, summary: &str, schema: &'static str) -> Self {
        let call = Self::get(id, summary).refuses(WITH_BODY);
        Call { body: Some((schema, Required::False)), ..call }
    }

    /// A call with a body, which happens once when it has a key.
    pub(super) fn post(id: &str, summary: &str, schema: &'static str) -> Self {
        Self::with_body(id, summary, schema).takes(vec![idempotency_key()]).refuses(WITH_KEY)
    }

    /// What it does, beside its summary.
    pub(super) fn about(mut self, description: &str) -> Self {
        self.operation = self.operation.description(Some(description));
        self
    }

    /// The section of the document that it belongs to; payments when not said.
    pub(super) fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// Its parameters.
    pub(super) fn takes(mut self, parameters: Vec<Parameter>) -> Self {
        self.operation = parameters.into_iter().fold(self.operation, OperationBuilder::parameter);
        self
    }

    /// The payment in the path.
    pub(super) fn of_payment(self) -> Self {
        self.of::<PaymentId>("The payment.", ErrorCode::PaymentNotFound)
    }

    /// The object in the path.
    pub(super) fn of<T: NamedSchema>(self, description: &str, missing: ErrorCode) -> Self {
        self.takes(vec![path_id::<T>(description)]).refuses(&[missing])
    }

    /// Demands a body.
    pub(super) fn body_required(mut self) -> Self {
        self.body = self.body.map(|(schema, _)| (schema, Required::True));
        self
    }

    /// What it answers when it succeeds.
    pub(super) fn answers(mut self, status: u16, meaning: &'static str, schema: &'static str) -> Self {
        self.successes.push(Success { status, meaning, schema, links: &[] });
        self
    }

    /// Says of the last answer that its `id` is what these operations take.
    pub(super) fn leads_to(mut self, operations: &'static [&'static str]) -> Self {
        if let Some(answer) = self.successes.last_mut() {
            answer.links = operations;
        }
        self
    }

    /// With which errors it answers.
    pub(super) fn refuses(mut self, codes: &[ErrorCode]) -> Self {
        self.errors.extend(codes);
        self
    }

    /// The operation.
    pub(super) fn build(mut self) -> Operation {
        self.errors.sort_unstable();
        self.errors.dedup();
        let body = self.body.map(|(schema, required)| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
            RequestBodyBuilder::new().content("application/json", content).required(Some(required)).build()
        });
        self.operation
            .tag(self.tag)
            .request_body(body)
            .responses(responses(&self.successes, &self.errors))
            .build()
    }
}
