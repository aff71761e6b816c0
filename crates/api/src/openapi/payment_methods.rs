//! The operations on stored payment methods, and what they take.

use florin_domain::{BankName, CardBrand, CustomerId, Metadata, MethodRef, StoredMethodId};
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::{nullable, string, text};
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, PathItem, PathsBuilder};
use utoipa::openapi::{ComponentsBuilder, Object};

use super::bodies::{VISIBLE, integer, object, or_null};
use super::call::{Call, LIST};
use super::operations::and;
use super::parameters::{named, page, query};
use crate::payment_methods::STORABLE;

const TAG: &str = "Payment methods";
const OF_METHOD: &[&str] = &["findPaymentMethod", "detachPaymentMethod"];

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    let all = PathItem::new(HttpMethod::Get, list());
    let one = PathItem::new(HttpMethod::Get, find());
    builder
        .path("/v1/payment_methods", and(all, HttpMethod::Post, create()))
        .path("/v1/payment_methods/{id}", and(one, HttpMethod::Delete, detach()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    builder.schema("CreatePaymentMethod", method())
}

fn create() -> Operation {
    Call::post("createPaymentMethod", "Store a payment method", "CreatePaymentMethod")
        .about("Takes a processor's token, never a card number.")
        .tag(TAG)
        .body_required()
        .answers(201, "The payment method.", "PaymentMethod")
        .leads_to(OF_METHOD)
        .refuses(&[
            ErrorCode::ParameterMissing,
            ErrorCode::ParametersConflict,
            ErrorCode::CustomerNotFound,
            ErrorCode::ProcessorAccountNotFound,
        ])
        .build()
}

fn list() -> Operation {
    Call::get("listPaymentMethods", "List payment methods")
        .about("Detached ones are left out.")
        .tag(TAG)
        .takes(filters())
        .takes(page::<StoredMethodId>())
        .answers(200, "A page of payment methods, newest first.", "PaymentMethodList")
        .refuses(LIST)
        .build()
}

fn find() -> Operation {
    of_method(Call::get("findPaymentMethod", "Retrieve a payment method"))
        .answers(200, "The payment method, which may be detached.", "PaymentMethod")
        .build()
}

fn detach() -> Operation {
    of_method(Call::get("detachPaymentMethod", "Detach a payment method"))
        .about("It can't be charged any more. Again, the answer is the same.")
        .answers(200, "The payment method.", "PaymentMethod")
        .refuses(&[ErrorCode::OutcomeUnknown])
        .build()
}

fn of_method(call: Call) -> Call {
    call.tag(TAG).of::<StoredMethodId>("The payment method.", ErrorCode::PaymentMethodNotFound)
}

fn filters() -> Vec<Parameter> {
    vec![query("customer_id", "Of this customer.", named::<CustomerId>())]
}

fn method() -> Object {
    let token = string().min_length(Some(1)).max_length(Some(MethodRef::MAX_CHARS)).pattern(Some(VISIBLE));
    let some_text = |max_chars| nullable(text(max_chars).min_length(Some(1)));
    let mut fields = object([
        ("token", "The processor's name for it.", token.build()),
        (
            "type",
            "What kind of money it moves.",
            string().enum_values(Some(STORABLE.iter().copied())).build(),
        ),
        ("customer_id", "Whose way to pay it is.", or_null::<CustomerId>()),
        ("brand", "A card's brand.", some_text(CardBrand::MAX_CHARS)),
        (
            "last4",
            "The last four digits, of a card or an account.",
            nullable(string().pattern(Some("^[0-9]{4}$"))),
        ),
        (
            "exp_month",
            "The last month in which a card is good; comes with exp_year.",
            nullable(integer(1, 12)),
        ),
        ("exp_year", "The year of that month.", nullable(integer(2000, 2199))),
        ("bank_name", "A bank account's bank.", some_text(BankName::MAX_CHARS)),
        ("metadata", "Your own data.", or_null::<Metadata>()),
        (
            "processor",
            "The name of the processor account that the token belongs to; chosen by the routes when absent.",
            super::processors::account_name(),
        ),
    ]);
    fields.required = vec!["token".to_owned(), "type".to_owned()];
    fields.examples = vec![json!({
        "token": "pm_test_success", "type": "CARD", "brand": "visa", "last4": "4242",
        "exp_month": 12, "exp_year": 2030,
    })];
    fields
}
