//! The operations on customers and their credits, and what they take.

use florin_domain::{CustomerId, CustomerName, Email, ExternalId, Metadata, Reason, TransactionId};
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::{nullable, string, text};
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, PathItem, PathsBuilder};
use utoipa::openapi::{ComponentsBuilder, Object, ObjectBuilder};

use super::bodies::{VISIBLE, amount, currency, metadata_changes, object, or_null};
use super::call::{Call, LIST};
use super::operations::and;
use super::parameters::{page, query};

const TAG: &str = "Customers";
/// A name before an @ and a host after it, without blanks.
const ADDRESS: &str = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^\s\x00-\x1f\x7f-\x9f]+$";
const OF_CUSTOMER: &[&str] = &["findCustomer", "updateCustomer", "grantCredits", "findCredits"];

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    let all = PathItem::new(HttpMethod::Get, list());
    let one = PathItem::new(HttpMethod::Get, find());
    let credits = PathItem::new(HttpMethod::Get, credits());
    builder
        .path("/v1/customers", and(all, HttpMethod::Post, create()))
        .path("/v1/customers/{id}", and(one, HttpMethod::Patch, update()))
        .path("/v1/customers/{id}/credits", and(credits, HttpMethod::Post, grant()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    builder
        .schema("CreateCustomer", customer(or_null::<Metadata>()))
        .schema("UpdateCustomer", customer(metadata_changes()))
        .schema("GrantCredits", grant_body())
}

fn create() -> Operation {
    Call::post("createCustomer", "Create a customer", "CreateCustomer")
        .tag(TAG)
        .answers(201, "The customer.", "Customer")
        .leads_to(OF_CUSTOMER)
        .refuses(&[ErrorCode::ExternalIdTaken])
        .build()
}

fn list() -> Operation {
    Call::get("listCustomers", "List customers")
        .tag(TAG)
        .takes(filters())
        .takes(page::<CustomerId>())
        .answers(200, "A page of customers, newest first.", "CustomerList")
        .refuses(LIST)
        .build()
}

fn find() -> Operation {
    of_customer(Call::get("findCustomer", "Retrieve a customer"))
        .answers(200, "The customer.", "Customer")
        .build()
}

fn update() -> Operation {
    of_customer(Call::with_body("updateCustomer", "Change a customer", "UpdateCustomer"))
        .about("A null takes a value away, and a key of metadata; what is not named stays.")
        .answers(200, "The customer.", "Customer")
        .refuses(&[ErrorCode::FieldImmutable, ErrorCode::ExternalIdTaken])
        .build()
}

fn grant() -> Operation {
    of_customer(Call::post("grantCredits", "Grant credits to a customer", "GrantCredits"))
        .about("A payment by `CREDITS` spends them.")
        .body_required()
        .answers(201, "The transaction that brought the credits.", "Transaction")
        .refuses(&[
            ErrorCode::ParameterMissing,
            ErrorCode::CurrencyNotSupported,
            ErrorCode::CreditLimitExceeded,
        ])
        .build()
}

fn credits() -> Operation {
    of_customer(Call::get("findCredits", "Retrieve a customer's credits"))
        .about("What is left in each currency, and a page of the transactions that led there.")
        .takes(page::<TransactionId>())
        .answers(200, "Balances, and a page of entries, newest first.", "Credits")
        .refuses(LIST)
        .build()
}

fn of_customer(call: Call) -> Call {
    call.tag(TAG).of::<CustomerId>("The customer.", ErrorCode::CustomerNotFound)
}

fn filters() -> Vec<Parameter> {
    vec![
        query("email", "With this e-mail address.", email().build()),
        query("external_id", "With this name of your own.", external_id().build()),
    ]
}

fn customer(metadata: Object) -> Object {
    let mut fields = object([
        ("name", "What they are called.", nullable(text(CustomerName::MAX_CHARS).min_length(Some(1)))),
        ("email", "Where they are reached.", nullable(email())),
        ("external_id", "Your own name for them: no two customers have the same.", nullable(external_id())),
        ("metadata", "Your own data.", metadata),
    ]);
    fields.examples = vec![json!({"name": "Ada Lovelace", "email": "ada@example.com"})];
    fields
}

fn grant_body() -> Object {
    let mut fields = object([
        ("amount", "How much, in the currency's minor unit.", amount()),
        ("currency", "A code of ISO 4217, in any case.", currency()),
        ("reason", "Why; it becomes the transaction's notes.", nullable(text(Reason::MAX_CHARS))),
    ]);
    fields.required = vec!["amount".to_owned(), "currency".to_owned()];
    fields.examples = vec![json!({"amount": 5000, "currency": "USD", "reason": "Welcome"})];
    fields
}

/// An e-mail address.
pub(super) fn email() -> ObjectBuilder {
    string().min_length(Some(3)).max_length(Some(Email::MAX_CHARS)).pattern(Some(ADDRESS))
}

fn external_id() -> ObjectBuilder {
    string().min_length(Some(1)).max_length(Some(ExternalId::MAX_CHARS)).pattern(Some(VISIBLE))
}
