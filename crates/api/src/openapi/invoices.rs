//! The operations on invoices, and what they take.

use florin_domain::{CustomerId, Description, InvoiceId, InvoiceNumber, InvoiceStatus, Metadata};
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::{nullable, string, text, time};
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, PathItem, PathsBuilder};
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, ArrayItems, SchemaType};
use utoipa::openapi::{ArrayBuilder, ComponentsBuilder, Object, ObjectBuilder, RefOr, Schema, Type};

use super::bodies::{VISIBLE, amount, currency, integer, object, optional_amount, or_null};
use super::call::{Call, LIST};
use super::operations::and;
use super::parameters::{named, page, query};

const TAG: &str = "Invoices";
const OF_INVOICE: &[&str] = &["findInvoice", "voidInvoice"];

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    let all = PathItem::new(HttpMethod::Get, list());
    builder
        .path("/v1/invoices", and(all, HttpMethod::Post, create()))
        .path("/v1/invoices/{id}", PathItem::new(HttpMethod::Get, find()))
        .path("/v1/invoices/{id}/void", PathItem::new(HttpMethod::Post, void()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    builder
        .schema("CreateInvoice", invoice())
        .schema("CreateInvoiceLine", line())
        .schema("VoidInvoice", object([]))
}

fn create() -> Operation {
    Call::post("createInvoice", "Create an invoice", "CreateInvoice")
        .about(
            "Without a number, the next one is counted up, without gaps. With lines, what is due is their sum; an \
             `amount_due` beside them has to agree.",
        )
        .tag(TAG)
        .body_required()
        .answers(201, "The invoice.", "Invoice")
        .leads_to(OF_INVOICE)
        .refuses(&[
            ErrorCode::ParameterMissing,
            ErrorCode::ParametersConflict,
            ErrorCode::CustomerNotFound,
            ErrorCode::InvoiceNumberTaken,
            ErrorCode::CurrencyNotSupported,
        ])
        .build()
}

fn list() -> Operation {
    Call::get("listInvoices", "List invoices")
        .tag(TAG)
        .takes(filters())
        .takes(page::<InvoiceId>())
        .answers(200, "A page of invoices, newest first.", "InvoiceList")
        .refuses(LIST)
        .build()
}

fn find() -> Operation {
    of_invoice(Call::get("findInvoice", "Retrieve an invoice"))
        .answers(200, "The invoice.", "Invoice")
        .build()
}

fn void() -> Operation {
    of_invoice(Call::post("voidInvoice", "Void an invoice", "VoidInvoice"))
        .about("Nothing of it is due any more. An invoice with payments, made or under way, can't be voided.")
        .answers(200, "The invoice.", "Invoice")
        .refuses(&[ErrorCode::InvoiceNotVoidable])
        .build()
}

fn of_invoice(call: Call) -> Call {
    call.tag(TAG).of::<InvoiceId>("The invoice.", ErrorCode::InvoiceNotFound)
}

fn filters() -> Vec<Parameter> {
    vec![
        query("status", "Where they stand.", named::<InvoiceStatus>()),
        query("customer_id", "Of this customer.", named::<CustomerId>()),
        query("number", "With this number.", number().build()),
    ]
}

fn invoice() -> Schema {
    // A given number must not have the shape of those that are counted up.
    let given = number().pattern(Some("^(?![Ii][Nn][Vv]-[0-9]+$)[!-~]+$"));
    let mut fields = object([
        ("number", "Its number; the next one is counted up when absent.", nullable(given)),
        ("customer_id", "Who owes it.", or_null::<CustomerId>()),
        ("currency", "A code of ISO 4217, in any case.", currency()),
        ("amount_due", "How much is due, in the currency's minor unit.", optional_amount()),
        ("due_at", "Until when it should be paid.", nullable(time())),
        ("metadata", "Your own data.", or_null::<Metadata>()),
    ]);
    let mut lines = ArrayBuilder::new()
        .items(ArrayItems::RefOrSchema(Box::new(
            utoipa::openapi::Ref::from_schema_name("CreateInvoiceLine").into(),
        )))
        .description(Some("The positions."))
        .build();
    lines.schema_type = SchemaType::Array(vec![Type::Array, Type::Null]);
    fields.properties.insert("lines".to_owned(), RefOr::T(Schema::Array(lines)));
    fields.required = vec!["currency".to_owned()];
    fields.examples = vec![json!({
        "currency": "USD",
        "lines": [{"description": "A year of service", "quantity": 12, "unit_amount": 500}],
    })];
    // What is due must be known, by itself or from at least one line.
    let due = ObjectBuilder::new().property("amount_due", ObjectBuilder::new().schema_type(Type::Integer));
    let listed = ObjectBuilder::new().property("lines", ArrayBuilder::new().min_items(Some(1)));
    let either = AnyOfBuilder::new().item(due.required("amount_due")).item(listed.required("lines"));
    Schema::AllOf(AllOfBuilder::new().item(fields).item(Schema::AnyOf(either.build())).build())
}

fn line() -> Object {
    let mut fields = object([
        ("description", "What for.", text(Description::MAX_CHARS).build()),
        ("quantity", "How many.", nullable(integer(1, i64::from(u32::MAX)).default(Some(json!(1))))),
        ("unit_amount", "How much each, in the currency's minor unit.", amount()),
    ]);
    fields.required = vec!["description".to_owned(), "unit_amount".to_owned()];
    fields
}

fn number() -> ObjectBuilder {
    string().min_length(Some(1)).max_length(Some(InvoiceNumber::MAX_CHARS)).pattern(Some(VISIBLE))
}
