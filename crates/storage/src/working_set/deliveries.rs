//! Events on their way: the deliveries that follow from a set's events, and what came of earlier ones.

use chrono::{DateTime, Utc};
use florin_domain::{EventId, WebhookEndpoint};

use super::WorkingSet;
use crate::webhooks::{Finished, Guard, Listeners, NewDelivery};
use crate::{AnyConnection, Event, Realm, StorageError};

impl WorkingSet {
    /// Adds a delivery to an endpoint that need not listen.
    pub fn put_delivery(&mut self, delivery: NewDelivery) {
        self.deliveries.push(delivery);
    }

    /// Adds what came of deliveries. Each is written only if its lease still stands.
    pub fn put_finished(&mut self, finished: impl IntoIterator<Item = Finished>) {
        self.finished.extend(finished);
    }

    /// Whether it adds events, of which somebody may want to hear.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// One of its events.
    pub fn event(&self, realm: Realm, id: EventId) -> Option<&Event> {
        self.events.iter().find(|event| event.realm == realm && event.id == id)
    }

    /// Saves as [`WorkingSet::save`] does, with the deliveries that follow from its events, which are given back. `take`
    /// says until when the caller takes one to that endpoint, so that nobody else claims it.
    ///
    /// # Errors
    /// As [`WorkingSet::save`]. A [`StorageError::Conflict`] of `event_log` tells that others listen by now, or that the
    /// events' ids come too late: know the listeners afresh, and decide again.
    pub fn save_and_deliver(
        &self,
        connection: &mut AnyConnection,
        slot: i64,
        listeners: &Listeners,
        mut take: impl FnMut(&WebhookEndpoint) -> Option<DateTime<Utc>>,
    ) -> Result<Vec<NewDelivery>, StorageError> {
        let mut deliveries = self.deliveries.clone();
        for event in &self.events {
            deliveries.extend(listeners.hearing(event).map(|endpoint| NewDelivery {
                realm: event.realm,
                endpoint_id: endpoint.id,
                event_id: event.id,
                leased_until: take(endpoint),
            }));
        }
        self.save_all(connection, slot, self.guard(listeners), &deliveries)?;
        Ok(deliveries)
    }

    /// What its events are held against; nothing when it has none.
    fn guard(&self, listeners: &Listeners) -> Option<Guard> {
        let first = self.events.iter().map(|event| event.id.bytes()).min()?;
        Some(Guard { generation: listeners.generation, first })
    }
}
