//! The schemas of what callers send.

use florin_domain::{
    CaptureMethod, CustomerId, Description, IdempotencyKey, InvoiceId, Metadata, MethodRef, MethodType,
    Reason,
};
use florin_engine::views::schema::{NamedSchema, metadata, minor_units, nullable, string, text};
use serde_json::json;
use utoipa::openapi::schema::{AdditionalProperties, AllOfBuilder, AnyOfBuilder, KnownFormat, SchemaFormat};
use utoipa::openapi::{ComponentsBuilder, Object, ObjectBuilder, RefOr, Schema, Type};

use super::{
    access, customers, invoices, journal, open_items, payment_methods, payment_requests, processors,
    sessions, webhooks,
};
use crate::payments::MAX_URL_CHARS;

/// Visible ASCII characters.
pub(super) const VISIBLE: &str = "^[!-~]+$";

/// Adds the schemas of all bodies.
pub(super) fn add(builder: ComponentsBuilder) -> ComponentsBuilder {
    let builder = builder
        .schema("CreatePayment", create_payment())
        .schema("UpdatePayment", update_payment())
        .schema("ProcessPayment", object([("payment_method_id", "Another payment method.", method_id())]))
        .schema(
            "CapturePayment",
            object([("amount", "How much; all that is authorized when absent.", optional_amount())]),
        )
        .schema("CancelPayment", object([("reason", "Why.", nullable(text(Reason::MAX_CHARS)))]))
        .schema("CreateRefund", create_refund());
    [
        customers::bodies,
        payment_methods::bodies,
        invoices::bodies,
        payment_requests::bodies,
        journal::bodies,
        processors::bodies,
        access::bodies,
        sessions::bodies,
        webhooks::bodies,
        open_items::bodies,
    ]
    .into_iter()
    .fold(builder, |builder, add| add(builder))
}

fn create_payment() -> Schema {
    let mut fields = object([
        ("amount", "How much, in the currency's minor unit: 1000 is 10.00 USD.", amount()),
        ("currency", "A code of ISO 4217, in any case.", currency()),
        (
            "payment_method_id",
            "What to charge by CARD or ACH; required unless process_payment is false.",
            method_id(),
        ),
        (
            "payment_method_type",
            "Taken from the payment method when absent. OFFLINE and CREDITS have no payment method.",
            method_type(),
        ),
        (
            "destination_type",
            "What kind of thing is paid.",
            nullable(string().enum_values(Some(["INVOICE"]))),
        ),
        ("destination_id", "The invoice that is paid.", or_null::<InvoiceId>()),
        ("process_payment", "Whether to charge at once.", boolean(true)),
        (
            "capture_method",
            "Whether to take the money with the charge, or to authorize now and capture later.",
            capture(),
        ),
        ("return_url", "Where the payer comes back to after a redirect.", url()),
        ("off_session", "Whether nobody is there to act.", boolean(false)),
        ("customer_id", "Who pays.", or_null::<CustomerId>()),
        ("description", "What for.", nullable(text(Description::MAX_CHARS))),
        ("metadata", "Your own data.", or_null::<Metadata>()),
        ("idempotency_key", "The same as the header Idempotency-Key.", idempotency_key()),
    ]);
    fields.required = vec!["amount".to_owned(), "currency".to_owned()];
    fields.examples = vec![json!({
        "amount": 1000,
        "currency": "USD",
        "payment_method_id": "pm_1234567890",
        "description": "Payment for order #12345",
        "metadata": {"order_id": "12345", "customer_id": "cust_abc123"},
    })];
    // What to charge must be known, unless nothing is charged yet, or no processor is to charge anything.
    let charged =
        ObjectBuilder::new().property("payment_method_id", ObjectBuilder::new().schema_type(Type::String));
    let recorded = ObjectBuilder::new().property(
        "process_payment",
        ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false])),
    );
    let booked = ObjectBuilder::new()
        .property("payment_method_type", string().enum_values(Some(["OFFLINE", "CREDITS"])));
    let either = AnyOfBuilder::new()
        .item(charged.required("payment_method_id"))
        .item(booked.required("payment_method_type"))
        .item(recorded.required("process_payment"));
    Schema::AllOf(AllOfBuilder::new().item(fields).item(Schema::AnyOf(either.build())).build())
}

fn update_payment() -> Object {
    object([
        ("description", "What for; null takes it away.", nullable(text(Description::MAX_CHARS))),
        (
            "metadata",
            "New values by key; null removes a key, and what is not named stays.",
            metadata_changes(),
        ),
    ])
}

/// New values of metadata by key, where null takes a key away.
pub(super) fn metadata_changes() -> Object {
    nullable(metadata(nullable(text(Metadata::MAX_VALUE_CHARS))))
}

fn create_refund() -> Object {
    object([
        ("amount", "How much; all that is left when absent.", optional_amount()),
        ("reason", "Why.", nullable(text(Reason::MAX_CHARS))),
        ("metadata", "Your own data.", or_null::<Metadata>()),
    ])
}

/// An object with these fields, by name, description and schema, and no others.
pub(super) fn object<const N: usize>(fields: [(&str, &str, Object); N]) -> Object {
    let mut builder = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
    for (name, description, mut schema) in fields {
        schema.description = Some(description.to_owned());
        builder = builder.property(name, RefOr::T(Schema::Object(schema)));
    }
    builder.build()
}

/// Something, or null.
pub(super) fn or_null<T: NamedSchema>() -> Object {
    nullable(ObjectBuilder::from(T::schema()))
}

/// An amount in minor units.
pub(super) fn amount() -> Object {
    minor_units(1).build()
}

/// An integer between two others.
pub(super) fn integer(minimum: i64, maximum: i64) -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    let integer = ObjectBuilder::new().schema_type(Type::Integer).format(Some(format));
    integer.minimum(Some(minimum)).maximum(Some(maximum))
}

/// An amount, or null.
pub(super) fn optional_amount() -> Object {
    nullable(minor_units(1))
}

/// A currency's code.
pub(super) fn currency() -> Object {
    string().pattern(Some("^[A-Za-z]{3}$")).examples(["USD"]).build()
}

fn method_id() -> Object {
    let id = string().min_length(Some(1)).max_length(Some(MethodRef::MAX_CHARS)).pattern(Some(VISIBLE));
    nullable(id.examples(["pm_test_success"]))
}

fn method_type() -> Object {
    or_null::<MethodType>()
}

pub(super) fn capture() -> Object {
    nullable(ObjectBuilder::from(CaptureMethod::schema()).default(Some(json!("automatic"))))
}

/// True or false, or null for the default.
pub(super) fn boolean(default: bool) -> Object {
    nullable(ObjectBuilder::new().schema_type(Type::Boolean).default(Some(json!(default))))
}

/// A web address, or null.
pub(super) fn url() -> Object {
    nullable(string().max_length(Some(MAX_URL_CHARS)).pattern(Some("^https?://[!-~]+$")))
}

/// An idempotency key, or null.
fn idempotency_key() -> Object {
    nullable(idempotency_key_text())
}

/// An idempotency key.
pub(super) fn idempotency_key_text() -> ObjectBuilder {
    string().min_length(Some(1)).max_length(Some(IdempotencyKey::MAX_CHARS)).pattern(Some(VISIBLE))
}
