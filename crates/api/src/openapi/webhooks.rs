//! The operations on events and webhook endpoints, and what they take.

use florin_domain::{DeliveryId, DeliveryStatus, EventId, EventType, WebhookEndpoint, WebhookEndpointId};
use florin_engine::requests::SecretOverlap;
use florin_engine::views::schema::{nullable, string, text, time};
use florin_engine::views::{
    DeliveryResponse, ErrorCode, EventData, EventResponse, RedeliveryResponse, TryResponse,
    WebhookEndpointResponse,
};
use serde_json::json;
use utoipa::openapi::path::{
    HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ArrayBuilder, ComponentsBuilder, Object, Ref, RefOr, Schema, Type};

use super::bodies::{boolean, integer, object, or_null};
use super::call::{Call, LIST};
use super::operations::and;
use super::parameters::{named, page, query};
use super::responses::download;
use super::schema;

const EVENTS: &str = "Events";
const ENDPOINTS: &str = "Webhook endpoints";
const OF_ENDPOINT: &[&str] = &[
    "findWebhookEndpoint",
    "updateWebhookEndpoint",
    "deleteWebhookEndpoint",
    "rotateWebhookSecret",
    "testWebhookEndpoint",
    "redeliverToWebhookEndpoint",
    "listDeliveries",
];

/// What they answer with.
pub(super) fn schemas() -> [(String, RefOr<Schema>); 6] {
    [
        schema::<EventResponse<'_>>(),
        schema::<EventData<'_>>(),
        schema::<WebhookEndpointResponse<'_>>(),
        schema::<DeliveryResponse<'_>>(),
        schema::<TryResponse<'_>>(),
        schema::<RedeliveryResponse>(),
    ]
}

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    let all = PathItem::new(HttpMethod::Get, list());
    let one = and(PathItem::new(HttpMethod::Get, find()), HttpMethod::Patch, update());
    let at = |method, operation| PathItem::new(method, operation);
    builder
        .path("/v1/events", at(HttpMethod::Get, list_events()))
        .path("/v1/events/stream", at(HttpMethod::Get, stream()))
        .path("/v1/events/{id}", at(HttpMethod::Get, find_event()))
        .path("/v1/events/{id}/redeliver", at(HttpMethod::Post, redeliver_event()))
        .path("/v1/webhook_endpoints", and(all, HttpMethod::Post, create()))
        .path("/v1/webhook_endpoints/{id}", and(one, HttpMethod::Delete, delete()))
        .path("/v1/webhook_endpoints/{id}/rotate_secret", at(HttpMethod::Post, rotate()))
        .path("/v1/webhook_endpoints/{id}/test", at(HttpMethod::Post, test()))
        .path("/v1/webhook_endpoints/{id}/redeliver", at(HttpMethod::Post, redeliver()))
        .path("/v1/webhook_endpoints/{id}/deliveries", at(HttpMethod::Get, deliveries()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    let mut since = object([("since", "The time of the first event.", time().build())]);
    since.required = vec!["since".to_owned()];
    since.examples = vec![json!({"since": "2025-11-06T19:54:00Z"})];
    let most = SecretOverlap::MAX.num_seconds();
    let overlap = "For how long the old secret signs as well; a day when absent.";
    builder
        .schema("CreateWebhookEndpoint", endpoint_body(true))
        .schema("UpdateWebhookEndpoint", endpoint_body(false))
        .schema("RotateWebhookSecret", object([("overlap_seconds", overlap, nullable(integer(0, most)))]))
        .schema("TestWebhookEndpoint", object([]))
        .schema("RedeliverToWebhookEndpoint", since)
        .schema(
            "RedeliverEvent",
            object([(
                "webhook_endpoint_id",
                "To this endpoint, whatever it listens to; to all that listen when absent.",
                or_null::<WebhookEndpointId>(),
            )]),
        )
}

fn list_events() -> Operation {
    Call::get("listEvents", "List events")
        .about(
            "Newest first. Whoever goes on from the last one with `ending_before` misses none: an event is shown only \
             once none can come before it any more.",
        )
        .tag(EVENTS)
        .takes(vec![
            query("type", "Of one of these types, with commas between them.", types()),
            query("object", "Of this object, by its id.", string().build()),
        ])
        .takes(page::<EventId>())
        .answers(200, "A page of events, newest first.", "EventList")
        .refuses(LIST)
        .build()
}

fn find_event() -> Operation {
    Call::get("findEvent", "Retrieve an event")
        .tag(EVENTS)
        .of::<EventId>("The event.", ErrorCode::EventNotFound)
        .answers(200, "The event.", "Event")
        .build()
}

fn stream() -> Operation {
    let mut operation = Call::get("streamEvents", "Stream events")
        .about(
            "Server-sent events: `id` is the event's, `event` its type, `data` the event. Begins with what happens next, \
             or after `Last-Event-ID`, or with the first event of `since` or later. Comes back where it was when the client sends \
             `Last-Event-ID`, as browsers do. At most five of a key run on a server at the same time.",
        )
        .tag(EVENTS)
        .takes(vec![
            query("type", "Of one of these types, with commas between them.", types()),
            query("since", "With the first event of this time or later.", time().build()),
            last_event_id(),
        ])
        .refuses(&[ErrorCode::TooManyStreams])
        .build();
    let events = download("The events, as they happen.", &["text/event-stream"]);
    operation.responses.responses.insert("200".to_owned(), events.into());
    operation
}

fn redeliver_event() -> Operation {
    Call::with_body("redeliverEvent", "Deliver an event again", "RedeliverEvent")
        .about("With the whole schedule before it. What is about to be delivered anyway stays as it is.")
        .tag(EVENTS)
        .of::<EventId>("The event.", ErrorCode::EventNotFound)
        .answers(200, "How many deliveries were begun again.", "Redelivery")
        .refuses(&[ErrorCode::WebhookEndpointNotFound, ErrorCode::WebhookEndpointIsDisabled])
        .build()
}

fn create() -> Operation {
    Call::post("createWebhookEndpoint", "Make a webhook endpoint", "CreateWebhookEndpoint")
        .about(
            "The answer shows the secret, this once: a repetition with the same idempotency key is answered without it. \
             The endpoint hears of everything that begins after the answer.",
        )
        .tag(ENDPOINTS)
        .body_required()
        .answers(201, "The endpoint.", "WebhookEndpoint")
        .leads_to(OF_ENDPOINT)
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::TooManyWebhookEndpoints])
        .build()
}

fn list() -> Operation {
    Call::get("listWebhookEndpoints", "List webhook endpoints")
        .about("Disabled ones included.")
        .tag(ENDPOINTS)
        .takes(page::<WebhookEndpointId>())
        .answers(200, "A page of endpoints, newest first.", "WebhookEndpointList")
        .refuses(LIST)
        .build()
}

fn find() -> Operation {
    of_endpoint(Call::get("findWebhookEndpoint", "Retrieve a webhook endpoint"))
        .answers(200, "The endpoint.", "WebhookEndpoint")
        .build()
}

fn update() -> Operation {
    let call = Call::with_body("updateWebhookEndpoint", "Change a webhook endpoint", "UpdateWebhookEndpoint");
    of_endpoint(call)
        .about("Enables or disables it, or changes what it hears of, and where. What is not named stays.")
        .answers(200, "The endpoint.", "WebhookEndpoint")
        .refuses(&[ErrorCode::FieldImmutable])
        .build()
}

fn delete() -> Operation {
    of_endpoint(Call::get("deleteWebhookEndpoint", "Delete a webhook endpoint"))
        .about("Nothing more is sent to it. What was delivered can't be looked up any more.")
        .answers(200, "The endpoint, as it was.", "WebhookEndpoint")
        .refuses(&[ErrorCode::OutcomeUnknown])
        .build()
}

fn rotate() -> Operation {
    of_endpoint(Call::post("rotateWebhookSecret", "Replace a secret", "RotateWebhookSecret"))
        .about("For the overlap, webhooks carry a signature by either secret.")
        .answers(200, "The endpoint; the answer shows the new secret, this once.", "WebhookEndpoint")
        .build()
}

fn test() -> Operation {
    of_endpoint(Call::post("testWebhookEndpoint", "Send a test event", "TestWebhookEndpoint"))
        .about("To this endpoint only, whatever it listens to. Its deliveries tell what came of it.")
        .answers(202, "The event that is sent.", "Event")
        .refuses(&[ErrorCode::WebhookEndpointIsDisabled])
        .build()
}

fn redeliver() -> Operation {
    let call = Call::with_body(
        "redeliverToWebhookEndpoint",
        "Deliver again what failed",
        "RedeliverToWebhookEndpoint",
    );
    of_endpoint(call)
        .about(
            "Of events since a time: those that were given up, and those that the endpoint never heard of.",
        )
        .body_required()
        .answers(200, "How many deliveries were begun again, or for the first time.", "Redelivery")
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::WebhookEndpointIsDisabled])
        .build()
}

fn deliveries() -> Operation {
    of_endpoint(Call::get("listDeliveries", "List deliveries"))
        .about("With what came of each try.")
        .takes(vec![
            query("status", "What has become of them.", named::<DeliveryStatus>()),
            query("event_id", "Of this event.", named::<EventId>()),
        ])
        .takes(page::<DeliveryId>())
        .answers(200, "A page of deliveries, newest event first.", "DeliveryList")
        .refuses(LIST)
        .build()
}

fn of_endpoint(call: Call) -> Call {
    call.tag(ENDPOINTS).of::<WebhookEndpointId>("The endpoint.", ErrorCode::WebhookEndpointNotFound)
}

fn types() -> Object {
    let any = EventType::WORDS.join("|").replace('.', "\\.");
    string()
        .pattern(Some(format!("^({any})(,({any}))*$")))
        .examples(["payment.succeeded,payment.failed"])
        .build()
}

fn last_event_id() -> Parameter {
    ParameterBuilder::new()
        .name("Last-Event-ID")
        .parameter_in(ParameterIn::Header)
        .description(Some("After this event."))
        .schema(Some(Ref::from_schema_name("EventId")))
        .build()
}

fn endpoint_body(is_new: bool) -> Object {
    let mut types = ArrayBuilder::new()
        .items(Ref::from_schema_name("EventType"))
        .min_items(Some(1))
        .description(Some("What it hears of; null for everything."))
        .build();
    types.schema_type = SchemaType::Array(vec![Type::Array, Type::Null]);
    let url = text(WebhookEndpoint::MAX_URL_CHARS).examples(["https://example.com/webhooks"]);
    let url = if is_new { url.build() } else { nullable(url) };
    let mut fields = object([
        ("url", "Where events are sent to: https, and on the public internet.", url),
        ("description", "What people say about it.", nullable(text(WebhookEndpoint::MAX_DESCRIPTION_CHARS))),
        ("enabled", "Whether it hears of anything.", boolean(true)),
        (
            "max_concurrency",
            "How many deliveries each server process sends to it at once.",
            nullable(integer(1, i64::from(WebhookEndpoint::MAX_CONCURRENCY))),
        ),
    ]);
    fields.properties.insert("events".to_owned(), Schema::Array(types).into());
    if is_new {
        fields.required = vec!["url".to_owned()];
        fields.examples =
            vec![json!({"url": "https://example.com/webhooks", "events": ["payment.succeeded"]})];
    } else {
        fields.examples = vec![json!({"enabled": false})];
    }
    fields
}
