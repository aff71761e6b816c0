//! Events on their way: who listens, in which order events may be read, deliveries and their tries.
//!
//! Deliveries are made by the commit of their event, wherever an endpoint listens, and what came of them is saved with a
//! working set. They are claimed and made due again here, beside the writer: nothing of that is a payment's.

mod deliveries;
mod delivery_log;
mod event_log;
mod events;
mod listeners;
mod outcomes;
mod redelivery;
mod retention;

pub use deliveries::{Claimed, Wanted, claim_deliveries};
pub(crate) use deliveries::{DELIVERIES, delivery_row};
pub use delivery_log::{DeliveryQuery, DeliveryRecord, find_delivery, list_deliveries};
pub(crate) use event_log::Guard;
pub use event_log::{settle_events, settled_events};
pub use events::{EventQuery, EventRecord, events_after, find_event, find_events, list_events, newest_event};
pub use listeners::{Listeners, listeners_generation, load_listeners};
pub(crate) use outcomes::save_finished;
pub use outcomes::{Failing, Finished, Tried, Verdict, failing_endpoints};
pub use redelivery::{deliver_missed, missed_events, redeliver, redeliver_failed, write_audit_entry};
pub use retention::OldEvents;

use chrono::{DateTime, Utc};
use florin_domain::{EventId, WebhookEndpoint, WebhookEndpointId};

use crate::batch::Lock;
use crate::rows::{Realm, Stored, load_endpoints_of, object_key};
use crate::{AnyConnection, StorageError};

/// Which endpoint: whose, and its id.
pub type EndpointKey = (Realm, WebhookEndpointId);

/// A delivery to be made: of an event, to an endpoint that need not listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Whose.
    pub realm: Realm,
    /// Where to.
    pub endpoint_id: WebhookEndpointId,
    /// What.
    pub event_id: EventId,
    /// Until when it belongs to whoever makes it, who sends it without having to claim it; nobody's if none.
    pub leased_until: Option<DateTime<Utc>>,
}

impl NewDelivery {
    /// To which endpoint it goes.
    pub fn key(&self) -> EndpointKey {
        (self.realm, self.endpoint_id)
    }
}

/// A webhook endpoint; not one that is gone.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_endpoint(
    connection: &mut AnyConnection,
    realm: Realm,
    id: WebhookEndpointId,
) -> Result<Option<WebhookEndpoint>, StorageError> {
    let found = WebhookEndpoint::load(connection, Lock::None, &[object_key(realm, id.bytes())])?.pop();
    Ok(found.filter(|endpoint| endpoint.deleted_at.is_none()))
}

/// All webhook endpoints of a realm, oldest first; not those that are gone.
///
/// # Errors
/// As the database and its rows give cause.
pub fn endpoints_of(
    connection: &mut AnyConnection,
    realm: Realm,
) -> Result<Vec<WebhookEndpoint>, StorageError> {
    let mut endpoints = load_endpoints_of(connection, Lock::None, &[realm.values().into()])?;
    endpoints.retain(|endpoint| endpoint.deleted_at.is_none());
    Ok(endpoints)
}
