//! The operations on processor accounts and routes, and what they take.

use florin_domain::{AccountPosition, Metadata, ProcessorAccountId, ProcessorName, ProcessorRoutes};
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::{NamedSchema, metadata, nullable, string, text};
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem, PathsBuilder};
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder};
use utoipa::openapi::{ComponentsBuilder, Object, ObjectBuilder, Ref, RefOr, Schema, Type};

use super::bodies::{currency, integer, object};
use super::call::{Call, LIST};
use super::operations::and;
use super::parameters::page;
use crate::processors::ROUTED;

const TAG: &str = "Processor accounts";
const OF_ACCOUNT: &[&str] = &[
    "findProcessorAccount",
    "updateProcessorAccount",
    "disableProcessorAccount",
    "rotateProcessorCredentials",
];
const KEY_MISSING: &[ErrorCode] = &[ErrorCode::CredentialsKeyMissing];
/// Names of accounts and connectors.
const NAME: &str = "^[a-z][a-z0-9_-]*$";

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    let all = PathItem::new(HttpMethod::Get, list());
    let one = PathItem::new(HttpMethod::Get, find());
    let one = and(one, HttpMethod::Patch, update());
    let routes = PathItem::new(HttpMethod::Get, find_routes());
    builder
        .path("/v1/processor_accounts", and(all, HttpMethod::Post, create()))
        .path("/v1/processor_accounts/{id}", and(one, HttpMethod::Delete, disable()))
        .path("/v1/processor_accounts/{id}/rotate_credentials", PathItem::new(HttpMethod::Post, rotate()))
        .path("/v1/processor_routes", and(routes, HttpMethod::Put, set_routes()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    builder
        .schema("CreateProcessorAccount", account())
        .schema("UpdateProcessorAccount", object([settings(), enabled(), position()]))
        .schema("RotateProcessorCredentials", rotation())
        .schema("SetProcessorRoutes", routes())
        .schema("SetRouteRule", rule())
}

fn create() -> Operation {
    Call::post("createProcessorAccount", "Add a processor account", "CreateProcessorAccount")
        .about("Its credentials are encrypted before they are stored, and are in no answer.")
        .tag(TAG)
        .body_required()
        .answers(201, "The account.", "ProcessorAccount")
        .leads_to(OF_ACCOUNT)
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::ProcessorNameTaken])
        .refuses(KEY_MISSING)
        .build()
}

fn list() -> Operation {
    Call::get("listProcessorAccounts", "List processor accounts")
        .about("Disabled ones included.")
        .tag(TAG)
        .takes(page::<ProcessorAccountId>())
        .answers(200, "A page of accounts, newest first.", "ProcessorAccountList")
        .refuses(LIST)
        .build()
}

fn find() -> Operation {
    of_account(Call::get("findProcessorAccount", "Retrieve a processor account"))
        .answers(200, "The account.", "ProcessorAccount")
        .build()
}

fn update() -> Operation {
    of_account(Call::with_body(
        "updateProcessorAccount",
        "Change a processor account",
        "UpdateProcessorAccount",
    ))
    .about("Enables or disables it, or changes its place or settings. What is not named stays.")
    .answers(200, "The account.", "ProcessorAccount")
    .refuses(&[ErrorCode::FieldImmutable])
    .refuses(KEY_MISSING)
    .build()
}

fn disable() -> Operation {
    of_account(Call::get("disableProcessorAccount", "Disable a processor account"))
        .about("It takes no new charges from the next second on. Again, it stays disabled.")
        .answers(200, "The account.", "ProcessorAccount")
        .refuses(&[ErrorCode::OutcomeUnknown])
        .build()
}

fn rotate() -> Operation {
    let call = Call::post("rotateProcessorCredentials", "Replace credentials", "RotateProcessorCredentials");
    of_account(call)
        .about("The former ones are no longer used from the next second on.")
        .body_required()
        .answers(200, "The account.", "ProcessorAccount")
        .refuses(&[ErrorCode::ParameterMissing])
        .refuses(KEY_MISSING)
        .build()
}

fn find_routes() -> Operation {
    Call::get("findProcessorRoutes", "Retrieve the routes")
        .about("Which accounts take which charges, and in what order.")
        .tag(TAG)
        .answers(200, "The routes.", "ProcessorRoutes")
        .build()
}

fn set_routes() -> Operation {
    Call::with_body("setProcessorRoutes", "Set the routes", "SetProcessorRoutes")
        .about("All rules at once: those that are not sent are gone.")
        .tag(TAG)
        .body_required()
        .answers(200, "The routes.", "ProcessorRoutes")
        .refuses(&[
            ErrorCode::ParameterMissing,
            ErrorCode::CurrencyNotSupported,
            ErrorCode::ProcessorAccountNotFound,
        ])
        .build()
}

fn of_account(call: Call) -> Call {
    call.tag(TAG).of::<ProcessorAccountId>("The account.", ErrorCode::ProcessorAccountNotFound)
}

fn account() -> Object {
    let name = || string().min_length(Some(1)).max_length(Some(ProcessorName::MAX_CHARS)).pattern(Some(NAME));
    let mut fields = object([
        ("name", "What payments will call it, for ever.", name().examples(["stripe-eu"]).build()),
        ("connector", "Which connector speaks to the processor: stripe or sandbox.", name().build()),
        (
            "credentials",
            "What opens the account; for stripe: secret_key and webhook_secret.",
            nullable(credentials()),
        ),
        settings(),
        enabled(),
        position(),
    ]);
    fields.required = vec!["name".to_owned(), "connector".to_owned()];
    fields.examples = vec![json!({"name": "trial", "connector": "sandbox"})];
    fields
}

fn settings() -> (&'static str, &'static str, Object) {
    let about = "What the connector has to know beside the credentials, and max_concurrency; all of it.";
    ("settings", about, nullable(metadata(text(Metadata::MAX_VALUE_CHARS).build())))
}

fn enabled() -> (&'static str, &'static str, Object) {
    ("enabled", "Whether it takes new charges.", nullable(ObjectBuilder::new().schema_type(Type::Boolean)))
}

fn position() -> (&'static str, &'static str, Object) {
    let about = "Its place where no rule says otherwise: lower ones first, older ones first among equals.";
    ("position", about, nullable(integer(0, AccountPosition::MAX)))
}

fn rotation() -> Object {
    let mut fields = object([("credentials", "All parts of the new credentials.", credentials().build())]);
    fields.required = vec!["credentials".to_owned()];
    fields
}

fn credentials() -> ObjectBuilder {
    let part = text(2000).min_length(Some(1)).build();
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(Schema::Object(text(40).min_length(Some(1)).build())))
        .additional_properties(Some(AdditionalProperties::from(Schema::Object(part))))
        .max_properties(Some(20))
}

fn routes() -> Object {
    let rules = ArrayBuilder::new()
        .items(Ref::from_schema_name("SetRouteRule"))
        .max_items(Some(ProcessorRoutes::MAX_RULES))
        .description(Some("All rules, in the order in which they are asked."));
    let mut fields = object([]);
    fields.properties.insert("rules".to_owned(), RefOr::T(Schema::Array(rules.build())));
    fields.required = vec!["rules".to_owned()];
    fields.examples = vec![json!({"rules": []})];
    fields
}

fn rule() -> Object {
    let accounts = ArrayBuilder::new()
        .items(ObjectBuilder::from(ProcessorAccountId::schema()))
        .max_items(Some(ProcessorRoutes::MAX_ACCOUNTS))
        .unique_items(true)
        .description(Some("The accounts, the first of which is tried first; none refuses such charges."));
    let mut code = currency();
    code.description = None;
    let mut fields = object([
        (
            "payment_method_type",
            "For this kind of money; any when absent.",
            nullable(string().enum_values(Some(ROUTED.iter().copied()))),
        ),
        ("currency", "For this currency; any when absent.", nullable(ObjectBuilder::from(code))),
    ]);
    fields.properties.insert("accounts".to_owned(), RefOr::T(Schema::Array(accounts.build())));
    fields.required = vec!["accounts".to_owned()];
    fields
}

/// A processor's name of an account, for other bodies.
pub(super) fn account_name() -> Object {
    nullable(string().min_length(Some(1)).max_length(Some(ProcessorName::MAX_CHARS)).pattern(Some(NAME)))
}
