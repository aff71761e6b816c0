//! The operations on API keys, the audit log and the tenant's settings, and what they take.

use florin_domain::{AuditAction, AuditEntryId, KeyId};
use florin_engine::access::SCOPE_WORDS;
use florin_engine::requests::RotateApiKey;
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::{nullable, string, text, time};
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, PathItem, PathsBuilder};
use utoipa::openapi::{ArrayBuilder, ComponentsBuilder, Object, ObjectBuilder, Schema, Type};

use super::bodies::{integer, object};
use super::call::{Call, LIST};
use super::operations::and;
use super::parameters::{named, page, query};
use crate::access::MAX_NAME_CHARS;

const KEYS: &str = "API keys";
const AUDIT: &str = "Audit log";
const TENANT: &str = "Tenant";
const OF_KEY: &[&str] = &["findApiKey", "revokeApiKey", "rotateApiKey"];

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    let keys = PathItem::new(HttpMethod::Get, list_keys());
    let key = PathItem::new(HttpMethod::Get, find_key());
    let tenant = PathItem::new(HttpMethod::Get, find_tenant());
    builder
        .path("/v1/api_keys", and(keys, HttpMethod::Post, create_key()))
        .path("/v1/api_keys/{id}", and(key, HttpMethod::Delete, revoke_key()))
        .path("/v1/api_keys/{id}/rotate", PathItem::new(HttpMethod::Post, rotate_key()))
        .path("/v1/audit_log", PathItem::new(HttpMethod::Get, list_audit_log()))
        .path("/v1/audit_log/{id}", PathItem::new(HttpMethod::Get, find_audit_entry()))
        .path("/v1/tenant", and(tenant, HttpMethod::Patch, change_tenant()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    builder
        .schema("CreateApiKey", key_body())
        .schema("RotateApiKey", rotate_body())
        .schema("UpdateTenant", tenant_body())
}

fn create_key() -> Operation {
    Call::post("createApiKey", "Make an API key", "CreateApiKey")
        .about(
            "The answer shows the key, this once: a repetition with the same idempotency key is answered without it. A \
             key can't grant more than it has itself: no other scopes, no later expiry, no higher limits.",
        )
        .tag(KEYS)
        .body_required()
        .answers(201, "The API key.", "ApiKey")
        .leads_to(OF_KEY)
        .refuses(&[ErrorCode::ParameterMissing])
        .build()
}

fn list_keys() -> Operation {
    Call::get("listApiKeys", "List API keys")
        .about("The expired and revoked ones, too.")
        .tag(KEYS)
        .takes(page::<KeyId>())
        .answers(200, "A page of API keys, newest first.", "ApiKeyList")
        .refuses(LIST)
        .build()
}

fn find_key() -> Operation {
    of_key(Call::get("findApiKey", "Retrieve an API key")).answers(200, "The API key.", "ApiKey").build()
}

fn revoke_key() -> Operation {
    of_key(Call::get("revokeApiKey", "Revoke an API key"))
        .about("No request that is sent after the answer gets in with it. Again, the answer is the same.")
        .answers(200, "The API key.", "ApiKey")
        .refuses(&[ErrorCode::OutcomeUnknown])
        .build()
}

fn rotate_key() -> Operation {
    of_key(Call::post("rotateApiKey", "Replace an API key", "RotateApiKey"))
        .about("Makes a successor with the same scopes and limits; the old key still works for the overlap.")
        .answers(201, "The successor; the answer shows it, this once.", "ApiKey")
        .leads_to(OF_KEY)
        .refuses(&[ErrorCode::ApiKeyNotActive])
        .build()
}

fn of_key(call: Call) -> Call {
    call.tag(KEYS).of::<KeyId>("The API key.", ErrorCode::ApiKeyNotFound)
}

fn list_audit_log() -> Operation {
    Call::get("listAuditLog", "List the audit log")
        .about(
            "Who did what, to which object, from where and when. Nothing in it is ever changed or removed.",
        )
        .tag(AUDIT)
        .takes(filters())
        .takes(page::<AuditEntryId>())
        .answers(200, "A page of entries, newest first.", "AuditEntryList")
        .refuses(LIST)
        .build()
}

fn find_audit_entry() -> Operation {
    Call::get("findAuditEntry", "Retrieve an entry of the audit log")
        .tag(AUDIT)
        .of::<AuditEntryId>("The entry.", ErrorCode::AuditEntryNotFound)
        .answers(200, "The entry.", "AuditEntry")
        .build()
}

fn find_tenant() -> Operation {
    Call::get("findTenant", "Retrieve the tenant")
        .about("The tenant whose key is sent, with its settings in the key's mode.")
        .tag(TENANT)
        .answers(200, "The tenant.", "Tenant")
        .build()
}

fn change_tenant() -> Operation {
    Call::with_body("updateTenant", "Change the tenant's settings", "UpdateTenant")
        .about(
            "In the key's mode only. What is under way in a currency that is switched off goes on. The name and the \
             limits are the operator's to change.",
        )
        .tag(TENANT)
        .answers(200, "The tenant.", "Tenant")
        .refuses(&[ErrorCode::FieldImmutable, ErrorCode::CurrencyNotSupported])
        .build()
}

fn filters() -> Vec<Parameter> {
    vec![
        query("action", "What was done.", named::<AuditAction>()),
        query("object_id", "To which object.", text(MAX_NAME_CHARS).min_length(Some(1)).build()),
        query("actor", "By whom: the id of a key or a user, `operator` or `system`.", actor().build()),
    ]
}

fn actor() -> ObjectBuilder {
    let id = "[0-7][0-9a-hjkmnp-tv-z]{9}[ef][0-9a-hjkmnp-tv-z]{2}[89abrstv][0-9a-hjkmnp-tv-z]{12}";
    string().pattern(Some(format!("^((key|usr)_{id}|operator|system)$")))
}

fn key_body() -> Object {
    let scopes = ArrayBuilder::new()
        .items(string().enum_values(Some(SCOPE_WORDS.iter().copied())))
        .min_items(Some(1))
        .description(Some("What it may do; `admin` is everything."));
    let mut fields = object([
        ("name", "What people call it.", nullable(text(MAX_NAME_CHARS))),
        ("expires_at", "From when on it opens nothing; never when absent.", nullable(time())),
    ]);
    fields.properties.insert("scopes".to_owned(), Schema::Array(scopes.build()).into());
    fields.required = vec!["scopes".to_owned()];
    fields.examples = vec![json!({"name": "Shop", "scopes": ["payments:read", "payments:write"]})];
    fields
}

fn rotate_body() -> Object {
    let most = RotateApiKey::MAX_OVERLAP.num_seconds();
    let mut fields = object([
        (
            "overlap_seconds",
            "For how long the old key still works; a day when absent.",
            nullable(integer(0, most)),
        ),
        (
            "expires_at",
            "From when on the new key opens nothing; as the old one when absent.",
            nullable(time()),
        ),
    ]);
    fields.examples = vec![json!({"overlap_seconds": 3600})];
    fields
}

fn tenant_body() -> Object {
    let code = string().pattern(Some("^[A-Za-z]{3}$"));
    let mut currencies = ArrayBuilder::new()
        .items(code)
        .description(Some("The currencies that it takes, as codes of ISO 4217; null for all there are."))
        .build();
    currencies.schema_type = utoipa::openapi::schema::SchemaType::Array(vec![Type::Array, Type::Null]);
    let mut fields = object([]);
    fields.properties.insert("currencies".to_owned(), Schema::Array(currencies).into());
    fields.examples = vec![json!({"currencies": ["EUR", "USD"]})];
    fields
}
