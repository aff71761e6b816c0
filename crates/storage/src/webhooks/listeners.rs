//! Who listens to events, as each process remembers it. A commit of events is refused when that has changed meanwhile, so
//! that it is never out of date (`event_log`).

use std::collections::HashMap;

use diesel::sql_types::{BigInt, Binary};
use florin_domain::{EventType, WebhookEndpoint, WebhookEndpointId};

use super::event_log::ZERO;
use crate::batch::Statement;
use crate::rows::{ENDPOINT_COLUMNS, EndpointRow, Event, Realm, Stored};
use crate::{AnyConnection, StorageError, schema};

/// All endpoints that are enabled, as of a generation.
#[derive(Clone, Debug)]
pub struct Listeners {
    /// Counts whatever changes who listens.
    pub(crate) generation: i64,
    /// No event may be committed any more with an id up to this one.
    pub(crate) sealed: [u8; 16],
    endpoints: HashMap<Realm, Vec<WebhookEndpoint>>,
}

impl Default for Listeners {
    /// Nobody, as of no generation at all.
    fn default() -> Self {
        Listeners { generation: 0, sealed: ZERO, endpoints: HashMap::new() }
    }
}

impl Listeners {
    /// The last id that no new event may have, nor a lower one.
    pub fn sealed(&self) -> [u8; 16] {
        self.sealed
    }

    /// Counts whatever changes who listens.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// An endpoint that is enabled.
    pub fn endpoint(&self, realm: Realm, id: WebhookEndpointId) -> Option<&WebhookEndpoint> {
        self.endpoints.get(&realm)?.iter().find(|endpoint| endpoint.id == id)
    }

    /// Every endpoint that is enabled.
    pub fn endpoints(&self) -> impl Iterator<Item = &WebhookEndpoint> {
        self.endpoints.values().flatten()
    }

    /// Who hears of an event.
    pub(crate) fn hearing<'a>(
        &'a self,
        event: &Event,
    ) -> impl Iterator<Item = &'a WebhookEndpoint> + use<'a> {
        let listening = self.endpoints.get(&event.realm);
        let kind: Option<EventType> = listening.and_then(|_| event.kind.parse().ok());
        let hears = move |endpoint: &&WebhookEndpoint| kind.is_some_and(|kind| endpoint.hears(kind));
        listening.into_iter().flatten().filter(hears)
    }
}

/// Counts whatever changes who listens, as of now.
///
/// # Errors
/// As the database gives cause.
pub fn listeners_generation(connection: &mut AnyConnection) -> Result<i64, StorageError> {
    let found: Vec<i64> = Statement::<BigInt>::new("SELECT listeners FROM event_log").load(connection)?;
    found.first().copied().ok_or_else(|| StorageError::corrupt("event_log", "it has no row"))
}

/// Everybody who listens now.
///
/// # Errors
/// As the database and its rows give cause.
pub fn load_listeners(connection: &mut AnyConnection) -> Result<Listeners, StorageError> {
    // The generation first: what changes in between is noticed by the next commit.
    let row: Vec<(i64, Vec<u8>)> =
        Statement::<(BigInt, Binary)>::new("SELECT listeners, sealed FROM event_log").load(connection)?;
    let (generation, sealed) =
        row.into_iter().next().ok_or_else(|| StorageError::corrupt("event_log", "it has no row"))?;
    let sealed =
        sealed.try_into().map_err(|_| StorageError::corrupt("event_log", "an id is not 16 bytes long"))?;
    let select = format!("SELECT {ENDPOINT_COLUMNS} FROM webhook_endpoints WHERE enabled ORDER BY id");
    let rows: Vec<EndpointRow> =
        Statement::<schema::webhook_endpoints::SqlType>::new(select).load(connection)?;
    let mut endpoints: HashMap<Realm, Vec<WebhookEndpoint>> = HashMap::new();
    for row in rows {
        let endpoint = WebhookEndpoint::try_from(row)?;
        endpoints.entry(endpoint.key().0).or_default().push(endpoint);
    }
    Ok(Listeners { generation, sealed, endpoints })
}
