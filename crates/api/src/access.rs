//! Handlers of API keys, the audit log, and the tenant's settings: parse, call the engine, answer.

use chrono::TimeDelta;
use florin_domain::{Actor, AuditAction, AuditEntryId, Currency, KeyId, check_text};
use florin_engine::access::{SCOPE_WORDS, Scope, Scopes};
use florin_engine::requests::{ApiKeyFilter, AuditFilter, ChangeSettings, CreateApiKey, RotateApiKey};
use florin_engine::views::{Answer, ErrorCode, Refused};

use crate::call::Call;
use crate::fields::{Fields, missing, not_a_word, refuse_immutable};
use crate::idempotency;
use crate::query::{PAGE_PARAMETERS, search_text};

/// The fields of `POST /v1/api_keys`.
pub(crate) const KEY_FIELDS: &[&str] = &["name", "scopes", "expires_at"];
/// The fields of `POST /v1/api_keys/{id}/rotate`.
pub(crate) const ROTATE_KEY_FIELDS: &[&str] = &["overlap_seconds", "expires_at"];
/// The filters of `GET /v1/audit_log`, beside the page.
pub(crate) const AUDIT_FILTERS: [&str; 3] = ["action", "object_id", "actor"];
/// The fields of `PATCH /v1/tenant`.
pub(crate) const TENANT_FIELDS: &[&str] = &["currencies"];
/// What else a tenant has, and what its own keys can't change.
const FIXED_TENANT_FIELDS: &[&str] =
    &["id", "name", "rate_limit_per_minute", "rate_limit_per_second", "livemode", "created_at", "updated_at"];
/// How many characters a key's name may have, and an object's id in a filter.
pub(crate) const MAX_NAME_CHARS: usize = 200;

pub(crate) async fn create_key(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let idempotency = idempotency::by_header(&call.request, "POST /v1/api_keys".to_owned(), &body)?;
    let mut fields = Fields::new(body, KEY_FIELDS)?;
    let request = CreateApiKey {
        name: fields.text("name", name)?.unwrap_or_default(),
        scopes: scopes(&mut fields)?,
        expires_at: fields.time("expires_at")?,
        limit_per_minute: None,
        limit_per_second: None,
    };
    Ok(call.state.engine.create_api_key(call.context, request, idempotency).await)
}

pub(crate) async fn list_keys(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&PAGE_PARAMETERS)?;
    let page = query.page::<KeyId>(KeyId::PREFIX, KeyId::uuid)?;
    let filter = ApiKeyFilter {
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_api_keys(call.context, filter, page).await)
}

pub(crate) async fn find_key(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = key_id(&call)?;
    Ok(call.state.engine.find_api_key(call.context, id).await)
}

pub(crate) async fn revoke_key(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = key_id(&call)?;
    Ok(call.state.engine.revoke_api_key(call.context, id).await)
}

pub(crate) async fn rotate_key(mut call: Call) -> Result<Answer, Refused> {
    let id = key_id(&call)?;
    let body = call.body().await?;
    let scope = format!("POST /v1/api_keys/{id}/rotate");
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let mut fields = Fields::new(body, ROTATE_KEY_FIELDS)?;
    let request = RotateApiKey { overlap: overlap(&mut fields)?, expires_at: fields.time("expires_at")? };
    Ok(call.state.engine.rotate_api_key(call.context, id, request, idempotency).await)
}

pub(crate) async fn list_audit_log(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[AUDIT_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<AuditEntryId>(AuditEntryId::PREFIX, AuditEntryId::uuid)?;
    let filter = AuditFilter {
        action: query.word("action", AuditAction::WORDS)?,
        object_id: query.text("object_id", |text| search_text(text).and_then(name))?,
        actor: query.take("actor").map(|text| actor(&text)).transpose()?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_audit_log(call.context, filter, page).await)
}

pub(crate) async fn find_audit_entry(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = call.path_id(Refused::audit_entry_not_found)?;
    Ok(call.state.engine.find_audit_entry(call.context, id).await)
}

pub(crate) async fn find_tenant(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    Ok(call.state.engine.find_own_tenant(call.context).await)
}

pub(crate) async fn change_tenant(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    refuse_immutable(&body, FIXED_TENANT_FIELDS, TENANT_FIELDS)?;
    let is_given = body.contains_key("currencies");
    let mut fields = Fields::new(body, TENANT_FIELDS)?;
    let currencies = currencies(&mut fields)?;
    let change = ChangeSettings { currencies: is_given.then_some(currencies), ..ChangeSettings::default() };
    Ok(call.state.engine.change_own_tenant(call.context, change).await)
}

/// The key in the path.
fn key_id(call: &Call) -> Result<KeyId, Refused> {
    call.path_id(Refused::api_key_not_found)
}

fn name(text: String) -> Result<String, florin_domain::TextRefused> {
    check_text(&text, MAX_NAME_CHARS).map(|()| text)
}

fn scopes(fields: &mut Fields) -> Result<Scopes, Refused> {
    let words = fields.strings("scopes", "an array of scopes")?;
    let parsed: Result<Vec<Scope>, _> = words.iter().map(|word| word.parse()).collect();
    match parsed {
        Ok(scopes) if scopes.is_empty() => {
            Err(missing("scopes", "Send scopes: what the key may do, such as [\"payments:read\"]."))
        }
        Ok(scopes) => Ok(scopes.into_iter().collect()),
        Err(_unknown) => Err(not_a_word("scopes", SCOPE_WORDS)),
    }
}

fn overlap(fields: &mut Fields) -> Result<TimeDelta, Refused> {
    let most = RotateApiKey::MAX_OVERLAP.num_seconds();
    let expected = format!("an integer from 0 to {most}");
    match fields.integer("overlap_seconds", &expected)? {
        None => Ok(RotateApiKey::DEFAULT_OVERLAP),
        Some(seconds) if (0..=most).contains(&seconds) => Ok(TimeDelta::seconds(seconds)),
        Some(_) => {
            let message = format!("overlap_seconds must be {expected}.");
            Err(Refused::new(ErrorCode::ParameterInvalid, message).param("overlap_seconds"))
        }
    }
}

fn currencies(fields: &mut Fields) -> Result<Option<Vec<Currency>>, Refused> {
    if !fields.is_given("currencies") {
        return Ok(None);
    }
    let codes = fields.strings("currencies", "an array of three-letter codes, or null for all")?;
    let parse =
        |code: &String| Currency::parse(code).map_err(|unknown| Refused::from(unknown).param("currencies"));
    codes.iter().map(parse).collect::<Result<_, _>>().map(Some)
}

fn actor(text: &str) -> Result<Actor, Refused> {
    text.parse().map_err(|_malformed| {
        let message = "actor must be the id of a key or a user, operator, or system.";
        Refused::new(ErrorCode::ParameterInvalid, message).param("actor")
    })
}
