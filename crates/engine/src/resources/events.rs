//! Events, alone and in lists, in an order that is settled.

use std::time::Duration;

use chrono::{DateTime, Utc};
use florin_domain::EventId;
use florin_storage::Realm;
use florin_storage::read::Listed;
use florin_storage::webhooks::{EventQuery, EventRecord, find_event, list_events, settle_events};

use crate::access::Context;
use crate::commands::Requester;
use crate::engine::Engine;
use crate::reading::{list_of, slice};
use crate::requests::{EventFilter, Page};
use crate::views::{Answer, EventResponse, Refused};

/// How long a reader waits for transactions that may still add events before its last one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

impl Engine {
    /// An event.
    pub async fn find_event(&self, context: Context, id: EventId) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| find_event(connection, realm, id);
        let answer = |found: Option<EventRecord>| {
            let event = found.ok_or_else(Refused::event_not_found)?;
            Ok(Answer::new(200, &EventResponse::new(&event).map_err(|_| corrupt(&event))?))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// A part of the events. Whoever goes on from its last one misses none.
    pub async fn list_events(&self, context: Context, filter: EventFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let realm: Realm = requester.realm;
        let read = move |connection: &mut _| {
            let through = settle_events(connection, realm, PATIENCE)?;
            let EventFilter { types, object_id, created_after, created_before } = filter;
            let query = EventQuery { realm, types, object_id, created_after, created_before, through };
            list_events(connection, &query, slice(page))
        };
        let answer = |listed: Listed<EventRecord>| {
            if let Some(event) = listed.items.iter().find(|event| EventResponse::new(event).is_err()) {
                return Err(corrupt(event));
            }
            Ok(Answer::new(
                200,
                &list_of(&listed, |event| (event.id.to_string(), EventResponse::new(event).ok())),
            ))
        };
        self.inner.answer_with(&requester, read, answer).await
    }
}

/// A place before all events of a time, and after all earlier ones.
pub(crate) fn place_before(time: DateTime<Utc>) -> [u8; 16] {
    let mut id = EventId::first_at(time).bytes();
    id[6..].fill(0);
    id
}

fn corrupt(event: &EventRecord) -> Refused {
    tracing::error!(event = %event.id, "the snapshot of an event is not JSON");
    Refused::internal()
}
