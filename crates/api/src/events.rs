//! Handlers of events: parse, call the engine, answer.

use florin_domain::{EventId, EventType, InvoiceId, PaymentId, RefundId, StoredMethodId, WebhookEndpointId};
use florin_engine::requests::{EventFilter, RedeliverEvent, StreamEvents};
use florin_engine::views::{Answer, ErrorCode, Refused};

use crate::call::Call;
use crate::fields::{Fields, not_a_word};
use crate::query::{PAGE_PARAMETERS, Query};
use crate::reply::EventStreamReply;

/// The filters of `GET /v1/events`, beside the page.
pub(crate) const EVENT_FILTERS: [&str; 2] = ["type", "object"];
/// The parameters of `GET /v1/events/stream`.
pub(crate) const STREAM_PARAMETERS: [&str; 2] = ["type", "since"];
/// The fields of `POST /v1/events/{id}/redeliver`.
pub(crate) const REDELIVER_FIELDS: &[&str] = &["webhook_endpoint_id"];

const LAST_EVENT_ID: &str = "last-event-id";

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[EVENT_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<EventId>(EventId::PREFIX, EventId::uuid)?;
    let filter = EventFilter {
        types: types(&mut query)?,
        object_id: query.take("object").map(|text| object(&text)).transpose()?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_events(call.context, filter, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = call.path_id(Refused::event_not_found)?;
    Ok(call.state.engine.find_event(call.context, id).await)
}

/// To do it twice does no more than to do it once, so it takes no idempotency key.
pub(crate) async fn redeliver(mut call: Call) -> Result<Answer, Refused> {
    let id = call.path_id(Refused::event_not_found)?;
    let body = call.body().await?;
    let mut fields = Fields::new(body, REDELIVER_FIELDS)?;
    let endpoint_id = fields.id("webhook_endpoint_id", Refused::webhook_endpoint_not_found)?;
    Ok(call.state.engine.redeliver_event(call.context, id, RedeliverEvent { endpoint_id }).await)
}

pub(crate) async fn stream(call: Call) -> Result<EventStreamReply, Refused> {
    let mut query = call.query(&STREAM_PARAMETERS)?;
    let after = match call.request.headers().get(LAST_EVENT_ID) {
        None => None,
        Some(value) => {
            Some(value.to_str().ok().and_then(|text| text.parse::<EventId>().ok()).ok_or_else(|| {
                let message = "Last-Event-ID must be the id of an event.";
                Refused::new(ErrorCode::ParameterInvalid, message).param("Last-Event-ID")
            })?)
        }
    };
    let wanted = StreamEvents { types: types(&mut query)?, after, since: query.time("since")? };
    Ok(EventStreamReply(call.state.engine.stream_events(call.context, wanted).await?))
}

/// Event types, with commas between them.
fn types(query: &mut Query) -> Result<Vec<EventType>, Refused> {
    let Some(text) = query.take("type") else { return Ok(Vec::new()) };
    let types: Result<Vec<EventType>, _> = text.split(',').map(str::parse).collect();
    types.map_err(|_unknown| not_a_word("type", EventType::WORDS))
}

/// The id of any object that events tell of.
fn object(text: &str) -> Result<[u8; 16], Refused> {
    let bytes = text
        .parse::<PaymentId>()
        .map(PaymentId::bytes)
        .or_else(|_| text.parse().map(RefundId::bytes))
        .or_else(|_| text.parse().map(InvoiceId::bytes))
        .or_else(|_| text.parse().map(StoredMethodId::bytes))
        .or_else(|_| text.parse().map(WebhookEndpointId::bytes));
    bytes.map_err(|_malformed| {
        let message =
            "object must be the id of a payment, refund, invoice, payment method or webhook endpoint.";
        Refused::new(ErrorCode::ParameterInvalid, message).param("object")
    })
}
