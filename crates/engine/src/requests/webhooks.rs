//! What callers ask for about events and webhook endpoints.

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{DeliveryStatus, EventId, EventType, WebhookEndpointId};

/// A webhook endpoint to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateEndpoint {
    /// Where to send.
    pub url: String,
    /// What it hears of; none for everything.
    pub types: Option<Vec<EventType>>,
    /// What people say about it.
    pub description: Option<String>,
    /// Whether it hears of anything.
    pub enabled: bool,
    /// How many deliveries each server process sends to it at once.
    pub max_concurrency: u32,
}

/// How long the old secret of an endpoint signs beside the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretOverlap(pub TimeDelta);

impl SecretOverlap {
    /// The longest.
    pub const MAX: TimeDelta = TimeDelta::days(30);
    /// When none is chosen.
    pub const DEFAULT: TimeDelta = TimeDelta::days(1);
}

/// Which events are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of one of these types; any when there are none.
    pub types: Vec<EventType>,
    /// Of this object.
    pub object_id: Option<[u8; 16]>,
    /// Later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which deliveries are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// What has become of them.
    pub status: Option<DeliveryStatus>,
    /// Of this event.
    pub event_id: Option<EventId>,
    /// Of events later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Of events earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// Where an event is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RedeliverEvent {
    /// To this endpoint only, whatever it listens to; none for all that listen.
    pub endpoint_id: Option<WebhookEndpointId>,
}

/// Where a stream of events begins.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StreamEvents {
    /// Of one of these types; any when there are none.
    pub types: Vec<EventType>,
    /// After this event.
    pub after: Option<EventId>,
    /// With the first event of this time or later.
    pub since: Option<DateTime<Utc>>,
}
