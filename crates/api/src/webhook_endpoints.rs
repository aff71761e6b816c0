//! Handlers of webhook endpoints: parse, call the engine, answer.

use chrono::TimeDelta;
use florin_domain::{
    DeliveryId, DeliveryStatus, EndpointChange, EventId, EventType, TextRefused, WebhookEndpoint,
    WebhookEndpointId, check_text,
};
use florin_engine::requests::{CreateEndpoint, DeliveryFilter, SecretOverlap};
use florin_engine::views::{Answer, ErrorCode, Refused};

use crate::call::Call;
use crate::fields::{Fields, missing, not_a_word, refuse_immutable};
use crate::idempotency;
use crate::query::PAGE_PARAMETERS;

/// The fields of `POST /v1/webhook_endpoints`.
pub(crate) const ENDPOINT_FIELDS: &[&str] = &["url", "events", "description", "enabled", "max_concurrency"];
/// The fields of `POST /v1/webhook_endpoints/{id}/rotate_secret`.
pub(crate) const ROTATE_SECRET_FIELDS: &[&str] = &["overlap_seconds"];
/// The fields of `POST /v1/webhook_endpoints/{id}/redeliver`.
pub(crate) const REDELIVER_SINCE_FIELDS: &[&str] = &["since"];
/// The filters of `GET /v1/webhook_endpoints/{id}/deliveries`, beside the page.
pub(crate) const DELIVERY_FILTERS: [&str; 2] = ["status", "event_id"];
/// What else an endpoint has, and what can't be changed.
const FIXED_FIELDS: &[&str] = &[
    "id",
    "disabled_reason",
    "secret",
    "old_secret_until",
    "livemode",
    "tenant_id",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
    "deleted_at",
];

pub(crate) async fn create(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let scope = "POST /v1/webhook_endpoints".to_owned();
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let mut fields = Fields::new(body, ENDPOINT_FIELDS)?;
    let url = fields.text("url", url)?;
    let request = CreateEndpoint {
        url: url.ok_or_else(|| missing("url", "Send url, where events are to be sent to."))?,
        types: types(&mut fields)?,
        description: fields.text("description", description)?,
        enabled: fields.boolean("enabled")?.unwrap_or(true),
        max_concurrency: concurrency(&mut fields)?.unwrap_or(WebhookEndpoint::DEFAULT_CONCURRENCY),
    };
    Ok(call.state.engine.create_webhook_endpoint(call.context, request, idempotency).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&PAGE_PARAMETERS)?;
    let page = query.page::<WebhookEndpointId>(WebhookEndpointId::PREFIX, WebhookEndpointId::uuid)?;
    let (after, before) = (query.time("created_after")?, query.time("created_before")?);
    Ok(call.state.engine.list_webhook_endpoints(call.context, after, before, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = endpoint_id(&call)?;
    Ok(call.state.engine.find_webhook_endpoint(call.context, id).await)
}

pub(crate) async fn update(mut call: Call) -> Result<Answer, Refused> {
    let id = endpoint_id(&call)?;
    let body = call.body().await?;
    refuse_immutable(&body, FIXED_FIELDS, ENDPOINT_FIELDS)?;
    let is_about_types = body.contains_key("events");
    let mut fields = Fields::new(body, ENDPOINT_FIELDS)?;
    let types = types(&mut fields)?;
    let change = EndpointChange {
        url: fields.text("url", url)?,
        types: is_about_types.then_some(types),
        description: fields.erasable_text("description", description)?,
        enabled: fields.boolean("enabled")?,
        max_concurrency: concurrency(&mut fields)?,
    };
    Ok(call.state.engine.update_webhook_endpoint(call.context, id, change).await)
}

pub(crate) async fn delete(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = endpoint_id(&call)?;
    Ok(call.state.engine.delete_webhook_endpoint(call.context, id).await)
}

pub(crate) async fn rotate_secret(mut call: Call) -> Result<Answer, Refused> {
    let id = endpoint_id(&call)?;
    let body = call.body().await?;
    let scope = format!("POST /v1/webhook_endpoints/{id}/rotate_secret");
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let overlap = overlap(&mut Fields::new(body, ROTATE_SECRET_FIELDS)?)?;
    Ok(call.state.engine.rotate_webhook_secret(call.context, id, overlap, idempotency).await)
}

pub(crate) async fn test(mut call: Call) -> Result<Answer, Refused> {
    let id = endpoint_id(&call)?;
    let body = call.body().await?;
    let scope = format!("POST /v1/webhook_endpoints/{id}/test");
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    Fields::new(body, &[])?;
    Ok(call.state.engine.test_webhook_endpoint(call.context, id, idempotency).await)
}

/// Sends again what was given up. To do it twice does no more than to do it once, so it takes no idempotency key.
pub(crate) async fn redeliver(mut call: Call) -> Result<Answer, Refused> {
    let id = endpoint_id(&call)?;
    let body = call.body().await?;
    let since = Fields::new(body, REDELIVER_SINCE_FIELDS)?.time("since")?;
    let since = since.ok_or_else(|| missing("since", "Send since, the time of the first event."))?;
    Ok(call.state.engine.redeliver_since(call.context, id, since).await)
}

pub(crate) async fn deliveries(call: Call) -> Result<Answer, Refused> {
    let id = endpoint_id(&call)?;
    let mut query = call.query(&[DELIVERY_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<DeliveryId>(DeliveryId::PREFIX, DeliveryId::uuid)?;
    let filter = DeliveryFilter {
        status: query.word("status", DeliveryStatus::WORDS)?,
        event_id: query.id::<EventId>("event_id", EventId::PREFIX)?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_deliveries(call.context, id, filter, page).await)
}

/// The endpoint in the path.
fn endpoint_id(call: &Call) -> Result<WebhookEndpointId, Refused> {
    call.path_id(Refused::webhook_endpoint_not_found)
}

fn url(text: String) -> Result<String, TextRefused> {
    check_text(&text, WebhookEndpoint::MAX_URL_CHARS).map(|()| text)
}

fn description(text: String) -> Result<String, TextRefused> {
    check_text(&text, WebhookEndpoint::MAX_DESCRIPTION_CHARS).map(|()| text)
}

fn types(fields: &mut Fields) -> Result<Option<Vec<EventType>>, Refused> {
    if !fields.is_given("events") {
        return Ok(None);
    }
    let words = fields.strings("events", "an array of event types, or null for all")?;
    let mut types = Vec::new();
    for word in &words {
        let kind: EventType = word.parse().map_err(|_unknown| not_a_word("events", EventType::WORDS))?;
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    if types.is_empty() {
        let message = "Send at least one event type as events, or null for all.";
        return Err(Refused::new(ErrorCode::ParameterInvalid, message).param("events"));
    }
    Ok(Some(types))
}

fn concurrency(fields: &mut Fields) -> Result<Option<u32>, Refused> {
    let most = WebhookEndpoint::MAX_CONCURRENCY;
    let expected = format!("an integer from 1 to {most}");
    let Some(number) = fields.integer("max_concurrency", &expected)? else { return Ok(None) };
    match u32::try_from(number) {
        Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
        _ => {
            let message = format!("max_concurrency must be {expected}.");
            Err(Refused::new(ErrorCode::ParameterInvalid, message).param("max_concurrency"))
        }
    }
}

fn overlap(fields: &mut Fields) -> Result<SecretOverlap, Refused> {
    let most = SecretOverlap::MAX.num_seconds();
    let expected = format!("an integer from 0 to {most}");
    match fields.integer("overlap_seconds", &expected)? {
        None => Ok(SecretOverlap(SecretOverlap::DEFAULT)),
        Some(seconds) if (0..=most).contains(&seconds) => Ok(SecretOverlap(TimeDelta::seconds(seconds))),
        Some(_) => {
            let message = format!("overlap_seconds must be {expected}.");
            Err(Refused::new(ErrorCode::ParameterInvalid, message).param("overlap_seconds"))
        }
    }
}
