//! The operations on payment requests, and what they take.

use florin_domain::{
    CustomerId, Description, DestinationType, InvoiceId, Metadata, PaymentId, PaymentRequestId,
    PaymentRequestStatus, PaymentRequestType, Reason,
};
use florin_engine::views::schema::{NamedSchema, nullable, text, time};
use florin_engine::views::{EmailStatus, ErrorCode, PaymentRequestResponse, PaymentRequestSentResponse};
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, PathItem, PathsBuilder};
use utoipa::openapi::{ComponentsBuilder, Object, ObjectBuilder};

use super::bodies::{amount, capture, currency, object, or_null, url};
use super::call::{Call, LIST};
use super::customers::email;
use super::operations::and;
use super::parameters::{named, page, query};
use super::{Named, schema};

const TAG: &str = "Payment requests";
const OF_REQUEST: &[&str] = &["findPaymentRequest", "cancelPaymentRequest", "sendPaymentRequest"];

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    let all = PathItem::new(HttpMethod::Get, list());
    builder
        .path("/v1/payment_requests", and(all, HttpMethod::Post, create()))
        .path("/v1/payment_requests/{id}", PathItem::new(HttpMethod::Get, find()))
        .path("/v1/payment_requests/{id}/cancel", PathItem::new(HttpMethod::Post, cancel()))
        .path("/v1/payment_requests/{id}/send", PathItem::new(HttpMethod::Post, send()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    builder
        .schema("CreatePaymentRequest", request())
        .schema("CancelPaymentRequest", object([("reason", "Why.", nullable(text(Reason::MAX_CHARS)))]))
        .schema(
            "SendPaymentRequest",
            object([("email", "Whom to send it to; the customer when absent.", nullable(email()))]),
        )
}

/// What is answered.
pub(super) fn schemas() -> [Named; 3] {
    [
        schema::<PaymentRequestResponse<'_>>(),
        schema::<PaymentRequestSentResponse<'_>>(),
        schema::<EmailStatus>(),
    ]
}

fn create() -> Operation {
    Call::post("createPaymentRequest", "Create a payment request", "CreatePaymentRequest")
        .about("Its `url` is a page on which whoever has the link pays, once.")
        .tag(TAG)
        .body_required()
        .answers(201, "The payment request.", "PaymentRequest")
        .leads_to(OF_REQUEST)
        .refuses(&[
            ErrorCode::ParameterMissing,
            ErrorCode::ParametersConflict,
            ErrorCode::CustomerNotFound,
            ErrorCode::InvoiceNotFound,
            ErrorCode::InvoiceNotPayable,
            ErrorCode::AmountExceedsInvoice,
            ErrorCode::CurrencyNotSupported,
        ])
        .build()
}

fn list() -> Operation {
    Call::get("listPaymentRequests", "List payment requests")
        .tag(TAG)
        .takes(filters())
        .takes(page::<PaymentRequestId>())
        .answers(200, "A page of payment requests, newest first.", "PaymentRequestList")
        .refuses(LIST)
        .build()
}

fn find() -> Operation {
    of_request(Call::get("findPaymentRequest", "Retrieve a payment request"))
        .answers(200, "The payment request.", "PaymentRequest")
        .build()
}

fn cancel() -> Operation {
    of_request(Call::post("cancelPaymentRequest", "Cancel a payment request", "CancelPaymentRequest"))
        .about("While somebody is paying, the wish is remembered: should the charge succeed, it is undone.")
        .answers(200, "The payment request.", "PaymentRequest")
        .answers(202, "The cancellation is remembered; read the payment request later.", "PaymentRequest")
        .refuses(&[ErrorCode::PaymentRequestNotOpen])
        .build()
}

fn send() -> Operation {
    of_request(Call::post("sendPaymentRequest", "Send a payment request by e-mail", "SendPaymentRequest"))
        .about(
            "Gives the link, and sends it to the address that is given, or to the customer's. `email_status` says \
             whether an e-mail was sent.",
        )
        .answers(200, "The link, and what became of the e-mail.", "PaymentRequestSent")
        .refuses(&[ErrorCode::PaymentRequestNotOpen])
        .build()
}

fn of_request(call: Call) -> Call {
    call.tag(TAG).of::<PaymentRequestId>("The payment request.", ErrorCode::PaymentRequestNotFound)
}

fn filters() -> Vec<Parameter> {
    vec![
        query("status", "Where they stand now.", named::<PaymentRequestStatus>()),
        query("type", "For this kind of thing.", named::<PaymentRequestType>()),
        query("customer_id", "Of this customer.", named::<CustomerId>()),
        query("destination_id", "For this invoice.", named::<InvoiceId>()),
        query("payment_id", "With this payment.", named::<PaymentId>()),
    ]
}

fn request() -> Object {
    let kind = ObjectBuilder::from(PaymentRequestType::schema()).build();
    let mut fields = object([
        ("type", "What for.", kind),
        ("amount", "How much, in the currency's minor unit: 1000 is 10.00 USD.", amount()),
        ("currency", "A code of ISO 4217, in any case.", currency()),
        ("description", "What for; the payer sees it.", nullable(text(Description::MAX_CHARS))),
        ("customer_id", "Who is asked; the invoice's customer when absent.", or_null::<CustomerId>()),
        ("destination_type", "What kind of thing is paid; may be left out.", or_null::<DestinationType>()),
        ("destination_id", "The invoice that is paid; for the type `invoice` only.", or_null::<InvoiceId>()),
        (
            "capture_method",
            "Whether to take the money when it is paid, or to authorize it then and capture later.",
            capture(),
        ),
        ("expires_at", "Until when it can be paid; for ever when absent.", nullable(time())),
        ("success_url", "Where the payer goes afterwards.", url()),
        ("metadata", "Your own data, which the payment gets too.", or_null::<Metadata>()),
    ]);
    fields.required = vec!["type".to_owned(), "amount".to_owned(), "currency".to_owned()];
    fields.examples = vec![json!({
        "type": "product",
        "amount": 4900,
        "currency": "EUR",
        "description": "A chair",
    })];
    fields
}
