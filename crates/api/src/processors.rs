//! Handlers of processor accounts and routes: parse, call the engine, answer.

use std::collections::BTreeMap;

use florin_domain::{
    AccountChange, AccountPosition, Currency, Metadata, MethodType, ProcessorAccountId, ProcessorName,
    ProcessorRoutes, RouteRule, check_text,
};
use florin_engine::requests::{CreateProcessorAccount, Credentials};
use florin_engine::views::{Answer, ErrorCode, Refused};

use crate::call::Call;
use crate::fields::{Fields, missing, not_a_word, refuse_immutable};
use crate::idempotency;
use crate::query::PAGE_PARAMETERS;

/// The fields of `POST /v1/processor_accounts`.
pub(crate) const ACCOUNT_FIELDS: &[&str] =
    &["name", "connector", "credentials", "settings", "enabled", "position"];
/// The fields of `PATCH /v1/processor_accounts/{id}`.
pub(crate) const UPDATE_FIELDS: &[&str] = &["settings", "enabled", "position"];
/// The fields of `POST /v1/processor_accounts/{id}/rotate_credentials`.
pub(crate) const ROTATE_FIELDS: &[&str] = &["credentials"];
/// The fields of `PUT /v1/processor_routes`.
pub(crate) const ROUTES_FIELDS: &[&str] = &["rules"];
/// The fields of a rule.
pub(crate) const RULE_FIELDS: &[&str] = &["payment_method_type", "currency", "accounts"];
/// The kinds of money that a processor moves.
pub(crate) const ROUTED: &[&str] = &[MethodType::Card.as_str(), MethodType::Ach.as_str()];
/// What else an account has, and what can't be changed.
const IMMUTABLE_FIELDS: &[&str] = &[
    "id",
    "name",
    "connector",
    "credentials",
    "credentials_key_id",
    "credentials_updated_at",
    "livemode",
    "tenant_id",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
];

pub(crate) async fn create(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let scope = "POST /v1/processor_accounts".to_owned();
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let mut fields = Fields::new(body, ACCOUNT_FIELDS)?;
    let name = fields.text("name", ProcessorName::parse)?;
    let connector = fields.text("connector", ProcessorName::parse)?;
    let request = CreateProcessorAccount {
        name: name.ok_or_else(|| missing("name", "Send name, what payments will call it."))?,
        connector: connector.ok_or_else(|| missing("connector", "Send connector, such as stripe."))?,
        credentials: credentials(&mut fields)?.unwrap_or_default(),
        settings: settings(&mut fields)?.unwrap_or_default(),
        enabled: fields.boolean("enabled")?.unwrap_or(true),
        position: position(&mut fields)?.unwrap_or_default(),
    };
    Ok(call.state.engine.create_processor_account(call.context, request, idempotency).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&PAGE_PARAMETERS)?;
    let page = query.page::<ProcessorAccountId>(ProcessorAccountId::PREFIX, ProcessorAccountId::uuid)?;
    let (after, before) = (query.time("created_after")?, query.time("created_before")?);
    Ok(call.state.engine.list_processor_accounts(call.context, after, before, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = account_id(&call)?;
    Ok(call.state.engine.find_processor_account(call.context, id).await)
}

pub(crate) async fn update(mut call: Call) -> Result<Answer, Refused> {
    let id = account_id(&call)?;
    let body = call.body().await?;
    refuse_immutable(&body, IMMUTABLE_FIELDS, UPDATE_FIELDS)?;
    let mut fields = Fields::new(body, UPDATE_FIELDS)?;
    let change = AccountChange {
        settings: settings(&mut fields)?,
        enabled: fields.boolean("enabled")?,
        position: position(&mut fields)?,
    };
    Ok(call.state.engine.update_processor_account(call.context, id, change).await)
}

pub(crate) async fn rotate(mut call: Call) -> Result<Answer, Refused> {
    let id = account_id(&call)?;
    let body = call.body().await?;
    let scope = format!("POST /v1/processor_accounts/{id}/rotate_credentials");
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let mut fields = Fields::new(body, ROTATE_FIELDS)?;
    let credentials = credentials(&mut fields)?
        .ok_or_else(|| missing("credentials", "Send credentials, an object with all their parts."))?;
    Ok(call.state.engine.rotate_processor_credentials(call.context, id, credentials, idempotency).await)
}

/// An account is never deleted, since payments name it.
pub(crate) async fn disable(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = account_id(&call)?;
    let change = AccountChange { enabled: Some(false), ..AccountChange::default() };
    Ok(call.state.engine.update_processor_account(call.context, id, change).await)
}

pub(crate) async fn routes(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    Ok(call.state.engine.find_processor_routes(call.context).await)
}

pub(crate) async fn set_routes(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let mut fields = Fields::new(body, ROUTES_FIELDS)?;
    if !fields.is_given("rules") {
        return Err(missing("rules", "Send rules, all of them; an empty array takes all away."));
    }
    let objects = fields.objects("rules")?;
    if objects.len() > ProcessorRoutes::MAX_RULES {
        let message = format!("There are too many rules; send at most {}.", ProcessorRoutes::MAX_RULES);
        return Err(Refused::new(ErrorCode::ParameterInvalid, message).param("rules"));
    }
    let rule = |(index, object)| {
        let parsed = Fields::new(object, RULE_FIELDS).and_then(|mut fields| rule(&mut fields));
        parsed.map_err(|refused| in_rule(index, refused))
    };
    let rules: Vec<RouteRule> = objects.into_iter().enumerate().map(rule).collect::<Result<_, _>>()?;
    Ok(call.state.engine.set_processor_routes(call.context, rules).await)
}

/// The account in the path.
fn account_id(call: &Call) -> Result<ProcessorAccountId, Refused> {
    call.path_id(Refused::processor_account_not_found)
}

/// What is wrong with credentials is told without them.
fn credentials(fields: &mut Fields) -> Result<Option<Credentials>, Refused> {
    let Some(parts) = fields.texts("credentials")? else { return Ok(None) };
    for part in parts.values() {
        check_text(part, usize::MAX).map_err(|refused| Refused::from(refused).param("credentials"))?;
    }
    let credentials = Credentials::new(parts).map_err(|malformed| {
        Refused::new(ErrorCode::ParameterInvalid, format!("{malformed}.")).param("credentials")
    })?;
    Ok(Some(credentials))
}

fn settings(fields: &mut Fields) -> Result<Option<Metadata>, Refused> {
    let Some(settings): Option<BTreeMap<String, String>> = fields.texts("settings")? else { return Ok(None) };
    Metadata::new(settings).map(Some).map_err(|refused| Refused::from(refused).param("settings"))
}

fn position(fields: &mut Fields) -> Result<Option<AccountPosition>, Refused> {
    let Some(number) = fields.integer("position", "an integer from 0 to 1000000")? else { return Ok(None) };
    let refused = |_| {
        Refused::new(ErrorCode::ParameterInvalid, "position must be an integer from 0 to 1000000.")
            .param("position")
    };
    AccountPosition::new(number).map(Some).map_err(refused)
}

fn rule(fields: &mut Fields) -> Result<RouteRule, Refused> {
    let payment_method_type: Option<MethodType> = fields.word("payment_method_type", ROUTED)?;
    if payment_method_type.is_some_and(|kind| !kind.needs_processor()) {
        return Err(not_a_word("payment_method_type", ROUTED));
    }
    let currency = if fields.is_given("currency") {
        Some(fields.required_currency("currency")?)
    } else {
        None::<Currency>
    };
    let accounts =
        fields.ids("accounts", ProcessorRoutes::MAX_ACCOUNTS, Refused::processor_account_not_found)?;
    let accounts = accounts.ok_or_else(|| {
        missing("accounts", "Send accounts, their ids in order; an empty array refuses such charges.")
    })?;
    Ok(RouteRule { payment_method_type, currency, accounts })
}

/// Says in which rule it was: `rules[0].currency`.
fn in_rule(index: usize, refused: Refused) -> Refused {
    let param = match &refused.param {
        Some(name) => format!("rules[{index}].{name}"),
        None => format!("rules[{index}]"),
    };
    refused.param(param)
}
