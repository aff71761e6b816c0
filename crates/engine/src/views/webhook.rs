//! Events, webhook endpoints and deliveries, as callers see them.

use florin_domain::{
    Actor, DeliveryId, DeliveryStatus, DisabledReason, EventId, EventType, TenantId, WebhookEndpoint,
    WebhookEndpointId,
};
use florin_storage::Event;
use florin_storage::webhooks::{DeliveryRecord, EventRecord, Tried};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema, to_json};

/// What happened to an object: also the body of a webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventResponse<'a> {
    /// The event. The same in each delivery of it, so that what comes twice can be told.
    #[schema(value_type = schema::EventIdSchema)]
    pub id: EventId,
    /// What it tells of.
    #[serde(rename = "type")]
    #[schema(value_type = schema::EventTypeSchema)]
    pub kind: &'a str,
    /// When it happened.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// Whether it is about real money.
    pub livemode: bool,
    /// Counts the object's events from 1. Events come in any order; of two of one object the higher one is newer.
    #[schema(minimum = 1)]
    pub sequence: i64,
    /// The object.
    pub data: EventData<'a>,
}

/// The object of an event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventData<'a> {
    /// The object as it was then.
    #[schema(value_type = Object)]
    pub object: &'a RawValue,
}

impl<'a> EventResponse<'a> {
    /// The view of an event.
    ///
    /// # Errors
    /// When its snapshot is not JSON, so that the row is corrupt.
    pub fn new(event: &'a EventRecord) -> Result<Self, serde_json::Error> {
        Ok(EventResponse {
            id: event.id,
            kind: event.kind.as_str(),
            created_at: Timestamp(event.id.created_at()),
            livemode: event.realm.mode.is_live(),
            sequence: event.sequence,
            data: EventData { object: serde_json::from_str(&event.snapshot)? },
        })
    }
}

/// The event as it is sent. The snapshot is JSON already.
pub(crate) fn event_json(event: &EventRecord) -> String {
    json_of(event.id, event.kind.as_str(), event.realm.mode.is_live(), event.sequence, &event.snapshot)
}

/// The same for an event that is about to be stored.
pub(crate) fn event_json_of(event: &Event) -> String {
    json_of(event.id, event.kind, event.realm.mode.is_live(), event.sequence, &event.snapshot)
}

fn json_of(id: EventId, kind: &str, livemode: bool, sequence: i64, snapshot: &str) -> String {
    let created_at = to_json(&Timestamp(id.created_at()), 32);
    format!(
        r#"{{"id":"{id}","type":"{kind}","created_at":{created_at},"livemode":{livemode},"sequence":{sequence},"data":{{"object":{snapshot}}}}}"#
    )
}

/// Where a tenant wants to hear of events.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub struct WebhookEndpointResponse<'a> {
    /// The endpoint.
    #[schema(value_type = schema::WebhookEndpointIdSchema)]
    pub id: WebhookEndpointId,
    /// Where events are sent to.
    pub url: &'a str,
    /// What it hears of; null for everything.
    #[schema(required, value_type = Option<Vec<schema::EventTypeSchema>>)]
    pub events: Option<&'a [EventType]>,
    /// What people say about it.
    #[schema(required)]
    pub description: Option<&'a str>,
    /// Whether it hears of anything.
    pub enabled: bool,
    /// Why it was disabled by the server; null when it is enabled, or a person disabled it.
    #[schema(required, value_type = Option<schema::DisabledReasonSchema>)]
    pub disabled_reason: Option<DisabledReason>,
    /// How many deliveries each server process sends to it at once.
    pub max_concurrency: u32,
    /// What its webhooks are signed with: in the first answer to the request that made it, and never again.
    #[schema(required)]
    pub secret: Option<&'a str>,
    /// Until when the secret before this one signs as well.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub old_secret_until: Option<Timestamp>,
    /// Whether it hears of real money.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who made it.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// Who changed it last.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub updated_by: Actor,
    /// When it was made.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// When it changed last.
    #[schema(value_type = schema::TimeSchema)]
    pub updated_at: Timestamp,
    /// When it was taken away: in the answer to that, and never again.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub deleted_at: Option<Timestamp>,
}

impl<'a> WebhookEndpointResponse<'a> {
    /// The view of an endpoint, with its secret for whoever made it.
    pub fn new(endpoint: &'a WebhookEndpoint, secret: Option<&'a str>) -> Self {
        WebhookEndpointResponse {
            id: endpoint.id,
            url: &endpoint.url,
            events: endpoint.types.as_deref(),
            description: endpoint.description.as_deref(),
            enabled: endpoint.enabled,
            disabled_reason: endpoint.disabled_reason,
            max_concurrency: endpoint.max_concurrency,
            secret,
            old_secret_until: endpoint.old_secret.as_ref().map(|(_, until)| Timestamp(*until)),
            livemode: endpoint.mode.is_live(),
            tenant_id: endpoint.tenant_id,
            created_by: endpoint.created_by,
            updated_by: endpoint.updated_by,
            created_at: Timestamp(endpoint.id.created_at()),
            updated_at: Timestamp(endpoint.updated_at),
            deleted_at: endpoint.deleted_at.map(Timestamp),
        }
    }
}

/// An event on its way to an endpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryResponse<'a> {
    /// The delivery.
    #[schema(value_type = schema::DeliveryIdSchema)]
    pub id: DeliveryId,
    /// What is delivered.
    #[schema(value_type = schema::EventIdSchema)]
    pub event_id: EventId,
    /// Where to.
    #[schema(value_type = schema::WebhookEndpointIdSchema)]
    pub webhook_endpoint_id: WebhookEndpointId,
    /// What has become of it.
    #[schema(value_type = schema::DeliveryStatusSchema)]
    pub status: DeliveryStatus,
    /// How many tries of the present schedule failed.
    pub failed_tries: u32,
    /// When it is tried next at the latest; null when it is over.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub next_try_at: Option<Timestamp>,
    /// When it succeeded or was given up.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub finished_at: Option<Timestamp>,
    /// What came of each try, the last one last.
    pub tries: Vec<TryResponse<'a>>,
    /// Whether it is about real money.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// When the event happened.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
}

/// What came of a try.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DeliveryTry)]
pub struct TryResponse<'a> {
    /// Which try it was. One is missing where a server ended while it was at it.
    pub number: i64,
    /// When it began.
    #[schema(value_type = schema::TimeSchema)]
    pub tried_at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// What was answered; null when no answer came.
    #[schema(required)]
    pub status_code: Option<u16>,
    /// Why no answer came.
    #[schema(required)]
    pub error: Option<&'a str>,
    /// The first part of the answer, at most 1 KiB.
    #[schema(required)]
    pub answer: Option<&'a str>,
}

impl<'a> DeliveryResponse<'a> {
    /// The view of a delivery.
    pub fn new(delivery: &'a DeliveryRecord) -> Self {
        let is_pending = delivery.status == DeliveryStatus::Pending;
        DeliveryResponse {
            id: delivery.id,
            event_id: delivery.event_id,
            webhook_endpoint_id: delivery.endpoint_id,
            status: delivery.status,
            failed_tries: delivery.failed_tries,
            next_try_at: is_pending.then_some(Timestamp(delivery.due_at)),
            finished_at: delivery.finished_at.map(Timestamp),
            tries: delivery.tries.iter().map(TryResponse::new).collect(),
            livemode: delivery.realm.mode.is_live(),
            tenant_id: delivery.realm.tenant_id,
            created_at: Timestamp(delivery.id.created_at()),
        }
    }
}

impl<'a> TryResponse<'a> {
    fn new(tried: &'a Tried) -> Self {
        TryResponse {
            number: tried.number,
            tried_at: Timestamp(tried.at),
            duration_ms: tried.duration_ms,
            status_code: tried.status_code,
            error: tried.error.as_deref(),
            answer: tried.answer.as_deref(),
        }
    }
}

/// How many deliveries were begun again.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Redelivery)]
pub struct RedeliveryResponse {
    /// How many deliveries were begun again, or for the first time.
    pub deliveries: usize,
}
