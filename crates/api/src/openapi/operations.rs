//! Every operation: its path and method, what it takes, and each way in which it can answer.

use florin_domain::{AttemptId, PaymentId, RefundId};
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::string;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, PathItem, Paths, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, Required, ResponseBuilder, Type};

use super::parameters::{idempotency_key, page, path_id, payment_filters, refund_filters, refund_page};
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
/// What every charge can answer besides.
const CHARGES: &[ErrorCode] = &[
    ErrorCode::PaymentDeclined,
    ErrorCode::InsufficientFunds,
    ErrorCode::ExpiredPaymentMethod,
    ErrorCode::SuspectedFraud,
    ErrorCode::ProcessorUnreachable,
    ErrorCode::NotProcessed,
    ErrorCode::AttemptAbandoned,
    ErrorCode::PaymentMethodNotFound,
    ErrorCode::PaymentMethodInvalid,
];
const LIST: &[ErrorCode] = &[ErrorCode::ParametersConflict, ErrorCode::CardNumberNotAllowed];

/// The operations on one payment, which a new payment leads to.
const OF_PAYMENT: &[&str] = &[
    "findPayment",
    "updatePayment",
    "processPayment",
    "capturePayment",
    "cancelPayment",
    "refundPayment",
    "listRefundsOfPayment",
    "listAttempts",
];
/// All paths.
pub(super) fn paths() -> Paths {
    let payments = PathItem::new(HttpMethod::Get, list_payments());
    let payment = PathItem::new(HttpMethod::Get, find_payment());
    PathsBuilder::new()
        .path("/v1/payments", and(payments, HttpMethod::Post, create_payment()))
        .path("/v1/payments/{id}", and(payment, HttpMethod::Patch, update_payment()))
        .path("/v1/payments/{id}/process", PathItem::new(HttpMethod::Post, process_payment()))
        .path("/v1/payments/{id}/capture", PathItem::new(HttpMethod::Post, capture_payment()))
        .path("/v1/payments/{id}/cancel", PathItem::new(HttpMethod::Post, cancel_payment()))
        .path("/v1/payments/{id}/refund", PathItem::new(HttpMethod::Post, refund_payment()))
        .path("/v1/payments/{id}/refunds", PathItem::new(HttpMethod::Get, list_refunds_of_payment()))
        .path("/v1/payments/{id}/attempts", PathItem::new(HttpMethod::Get, list_attempts()))
        .path("/v1/refunds", PathItem::new(HttpMethod::Get, list_refunds()))
        .path("/v1/refunds/{id}", PathItem::new(HttpMethod::Get, find_refund()))
        .path("/healthz", PathItem::new(HttpMethod::Get, healthz()))
        .path("/readyz", PathItem::new(HttpMethod::Get, readyz()))
        .path(
            "/metrics",
            PathItem::new(HttpMethod::Get, text_page("metrics", "Metrics for Prometheus", "text/plain")),
        )
        .path("/openapi.json", PathItem::new(HttpMethod::Get, document()))
        .path(
            "/docs",
            PathItem::new(HttpMethod::Get, text_page("docs", "This document for people", "text/html")),
        )
        .build()
}

fn and(mut item: PathItem, method: HttpMethod, operation: Operation) -> PathItem {
    item.merge_operations(PathItem::new(method, operation));
    item
}

fn create_payment() -> Operation {
    Call::post("createPayment", "Create a payment", "CreatePayment")
        .about("Charges the payment method at once, unless `process_payment` is false.")
        .body_required()
        .answers(201, "The payment: charged, authorized, or under way by its nature.", "Payment")
        .leads_to(OF_PAYMENT)
        .answers(202, "The outcome of the charge is not known yet; read the payment later.", "Payment")
        .refuses(CHARGES)
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::CurrencyNotSupported, ErrorCode::NotSupportedYet])
        .build()
}

fn list_payments() -> Operation {
    Call::get("listPayments", "List payments")
        .about("Newest first.")
        .takes(payment_filters())
        .takes(page::<PaymentId>())
        .answers(200, "A page of payments.", "PaymentList")
        .refuses(LIST)
        .refuses(&[ErrorCode::CurrencyNotSupported])
        .build()
}

fn find_payment() -> Operation {
    Call::get("findPayment", "Retrieve a payment")
        .of_payment()
        .answers(200, "The payment.", "Payment")
        .build()
}

fn update_payment() -> Operation {
    Call::with_body("updatePayment", "Change a payment's description and metadata", "UpdatePayment")
        .about("A null value removes a key of metadata; what is not named stays.")
        .of_payment()
        .answers(200, "The payment.", "Payment")
        .refuses(&[ErrorCode::FieldImmutable])
        .build()
}

fn process_payment() -> Operation {
    Call::post("processPayment", "Charge a payment", "ProcessPayment")
        .about("Charges a payment that is pending or failed, maybe by another payment method.")
        .of_payment()
        .answers(200, "The payment: charged, authorized, or under way by its nature.", "Payment")
        .answers(202, "The outcome of the charge is not known yet; read the payment later.", "Payment")
        .refuses(CHARGES)
        .refuses(&[
            ErrorCode::ParameterMissing,
            ErrorCode::NotSupportedYet,
            ErrorCode::PaymentNotProcessable,
            ErrorCode::OperationInProgress,
        ])
        .build()
}

fn capture_payment() -> Operation {
    Call::post("capturePayment", "Capture an authorized payment", "CapturePayment")
        .about("Less than all releases the rest.")
        .of_payment()
        .answers(200, "The payment.", "Payment")
        .answers(202, "The outcome of the capture is not known yet; read the payment later.", "Payment")
        .refuses(&[
            ErrorCode::OperationDeclined,
            ErrorCode::ProcessorUnreachable,
            ErrorCode::NotProcessed,
            ErrorCode::PaymentNotCapturable,
            ErrorCode::OperationInProgress,
            ErrorCode::AmountExceedsAuthorized,
        ])
        .build()
}

fn cancel_payment() -> Operation {
    Call::post("cancelPayment", "Cancel a payment", "CancelPayment")
        .about("While a charge is under way, the wish is remembered: should it succeed, it is undone.")
        .of_payment()
        .answers(200, "The payment.", "Payment")
        .answers(202, "The cancellation is remembered, or its outcome is not known yet.", "Payment")
        .refuses(&[
            ErrorCode::PaymentNotCancelable,
            ErrorCode::OperationDeclined,
            ErrorCode::ProcessorUnreachable,
            ErrorCode::NotProcessed,
            ErrorCode::PaymentAlreadyCanceled,
            ErrorCode::OperationInProgress,
        ])
        .build()
}

fn refund_payment() -> Operation {
    Call::post("refundPayment", "Refund a payment", "CreateRefund")
        .about("Without an amount, all that is available.")
        .of_payment()
        .answers(200, "The refund; its `status` says whether the money went back.", "Refund")
        .answers(202, "The outcome of the refund is not known yet; read the refund later.", "Refund")
        .refuses(&[
            ErrorCode::PaymentNotRefundable,
            ErrorCode::PaymentAlreadyRefunded,
            ErrorCode::RefundExceedsAvailable,
        ])
        .build()
}

fn list_refunds_of_payment() -> Operation {
    Call::get("listRefundsOfPayment", "List a payment's refunds")
        .of_payment()
        .takes(refund_page())
        .answers(200, "A page of refunds.", "RefundList")
        .refuses(LIST)
        .build()
}

fn list_attempts() -> Operation {
    Call::get("listAttempts", "List a payment's charges")
        .of_payment()
        .takes(page::<AttemptId>())
        .answers(200, "A page of charges, newest first.", "AttemptList")
        .refuses(LIST)
        .build()
}

fn list_refunds() -> Operation {
    Call::get("listRefunds", "List refunds")
        .tag("Refunds")
        .takes(refund_filters())
        .takes(refund_page())
        .answers(200, "A page of refunds.", "RefundList")
        .refuses(LIST)
        .refuses(&[ErrorCode::PaymentNotFound])
        .build()
}

fn find_refund() -> Operation {
    Call::get("findRefund", "Retrieve a refund")
        .tag("Refunds")
        .takes(vec![path_id::<RefundId>("The refund.")])
        .answers(200, "The refund.", "Refund")
        .refuses(&[ErrorCode::RefundNotFound])
        .build()
}

fn healthz() -> Operation {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Health"))).build();
    let response =
        ResponseBuilder::new().description("The server is alive.").content("application/json", body);
    system("healthz", "Whether the server is alive").response("200", response).build()
}

fn readyz() -> Operation {
    let body = || ContentBuilder::new().schema(Some(Ref::from_schema_name("Readiness"))).build();
    let ready =
        ResponseBuilder::new().description("The server can work.").content("application/json", body());
    let not = ResponseBuilder::new().description("A part is missing.").content("application/json", body());
    system("readyz", "Whether the server can work").response("200", ready).response("503", not).build()
}

fn document() -> Operation {
    let body =
        ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Object).build())).build();
    let response = ResponseBuilder::new().description("This document.").content("application/json", body);
    system("openapi", "This document for programs").response("200", response).build()
}

fn text_page(id: &str, summary: &str, content_type: &str) -> Operation {
    let body = ContentBuilder::new().schema(Some(string().build())).build();
    let response = ResponseBuilder::new().description(summary).content(content_type, body);
    system(id, summary).response("200", response).build()
}

fn system(id: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)).tag("System")
}

/// One call with a key, in the making.
struct Call {
    operation: OperationBuilder,
    tag: &'static str,
    body: Option<(&'static str, Required)>,
    successes: Vec<Success>,
    errors: Vec<ErrorCode>,
}

impl Call {
    fn get(id: &str, summary: &str) -> Self {
        let operation = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(summary))
            .security(SecurityRequirement::new("bearer", Vec::<String>::new()))
            .security(SecurityRequirement::new("api_key", Vec::<String>::new()));
        Call { operation, tag: "Payments", body: None, successes: Vec::new(), errors: COMMON.to_vec() }
    }

    fn with_body(id: &str, summary: &str, schema: &'static str) -> Self {
        let call = Self::get(id, summary).refuses(WITH_BODY);
        Call { body: Some((schema, Required::False)), ..call }
    }

    fn post(id: &str, summary: &str, schema: &'static str) -> Self {
        Self::with_body(id, summary, schema).takes(vec![idempotency_key()]).refuses(WITH_KEY)
    }

    fn about(mut self, description: &str) -> Self {
        self.operation = self.operation.description(Some(description));
        self
    }

    fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    fn takes(mut self, parameters: Vec<Parameter>) -> Self {
        self.operation = parameters.into_iter().fold(self.operation, OperationBuilder::parameter);
        self
    }

    fn of_payment(self) -> Self {
        self.takes(vec![path_id::<PaymentId>("The payment.")]).refuses(&[ErrorCode::PaymentNotFound])
    }

    fn body_required(mut self) -> Self {
        self.body = self.body.map(|(schema, _)| (schema, Required::True));
        self
    }

    fn answers(mut self, status: u16, meaning: &'static str, schema: &'static str) -> Self {
        self.successes.push(Success { status, meaning, schema, links: &[] });
        self
    }

    /// Says of the last answer that its `id` is what these operations take.
    fn leads_to(mut self, operations: &'static [&'static str]) -> Self {
        if let Some(answer) = self.successes.last_mut() {
            answer.links = operations;
        }
        self
    }

    fn refuses(mut self, codes: &[ErrorCode]) -> Self {
        self.errors.extend(codes);
        self
    }

    fn build(mut self) -> Operation {
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
