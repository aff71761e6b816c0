//! Every operation: its path and method, what it takes, and each way in which it can answer.

use florin_domain::{AttemptId, PaymentId, RefundId};
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::string;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, PathItem, Paths, PathsBuilder};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, ResponseBuilder, Type};

use super::call::{Call, LIST};
use super::parameters::{page, path_id, payment_filters, refund_filters, refund_page};
use super::{
    access, customers, exports, invoices, journal, open_items, payment_methods, payment_requests, processors,
    sessions, webhooks,
};

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
    ErrorCode::InsufficientCredits,
    ErrorCode::ParametersConflict,
    ErrorCode::CurrencyNotSupported,
    ErrorCode::InvoiceNotFound,
    ErrorCode::InvoiceNotPayable,
    ErrorCode::AmountExceedsInvoice,
];
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
    let builder = PathsBuilder::new()
        .path("/v1/payments", and(payments, HttpMethod::Post, create_payment()))
        .path("/v1/payments/{id}", and(payment, HttpMethod::Patch, update_payment()))
        .path("/v1/payments/{id}/process", PathItem::new(HttpMethod::Post, process_payment()))
        .path("/v1/payments/{id}/capture", PathItem::new(HttpMethod::Post, capture_payment()))
        .path("/v1/payments/{id}/cancel", PathItem::new(HttpMethod::Post, cancel_payment()))
        .path("/v1/payments/{id}/refund", PathItem::new(HttpMethod::Post, refund_payment()))
        .path("/v1/payments/{id}/refunds", PathItem::new(HttpMethod::Get, list_refunds_of_payment()))
        .path("/v1/payments/{id}/attempts", PathItem::new(HttpMethod::Get, list_attempts()))
        .path("/v1/refunds", PathItem::new(HttpMethod::Get, list_refunds()))
        .path("/v1/refunds/{id}", PathItem::new(HttpMethod::Get, find_refund()));
    let builder = [
        customers::paths,
        payment_methods::paths,
        invoices::paths,
        payment_requests::paths,
        journal::paths,
        exports::paths,
        processors::paths,
        access::paths,
        sessions::paths,
        webhooks::paths,
        open_items::paths,
    ]
    .into_iter()
    .fold(builder, |builder, add| add(builder));
    builder
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

/// A path with one method more.
pub(super) fn and(mut item: PathItem, method: HttpMethod, operation: Operation) -> PathItem {
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
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::CurrencyNotSupported, ErrorCode::CustomerNotFound])
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
            ErrorCode::PaymentNotProcessable,
            ErrorCode::PaymentRequestNotOpen,
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
            ErrorCode::PartialCaptureNotSupported,
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
