//! Reading events.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Bool, Text};
use florin_domain::{EventId, EventType};

use crate::batch::{Kind, Lock, Selection, Statement, Value, load_rows};
use crate::read::{Filter, Listed, Slice, list_by_ids};
use crate::rows::{REALM, Reader, Realm, object_key};
use crate::{AnyConnection, StorageError};

const IN: Reader = Reader("events");

/// An event as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Whose.
    pub realm: Realm,
    /// The event; its creation time is the id's own.
    pub id: EventId,
    /// What it tells of.
    pub kind: EventType,
    /// The object.
    pub object_id: [u8; 16],
    /// Counts the object's events from 1.
    pub sequence: i64,
    /// The object as JSON.
    pub snapshot: String,
}

type EventSqlType = (Binary, Bool, Binary, Text, Binary, BigInt, Text);
type EventRow = (Vec<u8>, bool, Vec<u8>, String, Vec<u8>, i64, String);

const COLUMNS: &str = "tenant_id, livemode, id, type, object_id, sequence, snapshot";

static BY_ID: Selection = Selection {
    table: "events",
    join: "",
    columns: &[COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

fn record(row: EventRow) -> Result<EventRecord, StorageError> {
    let (tenant_id, livemode, id, kind, object_id, sequence, snapshot) = row;
    Ok(EventRecord {
        realm: IN.realm(&tenant_id, livemode)?,
        id: IN.id(&id, EventId::from_bytes)?,
        kind: IN.parse(&kind)?,
        object_id: IN.id(&object_id, |bytes| bytes)?,
        sequence,
        snapshot,
    })
}

/// Which events are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Whose.
    pub realm: Realm,
    /// Of one of these types; any when there are none.
    pub types: Vec<EventType>,
    /// Of this object.
    pub object_id: Option<[u8; 16]>,
    /// Later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Earlier than this.
    pub created_before: Option<DateTime<Utc>>,
    /// Up to this id, up to which the order of events is settled.
    pub through: [u8; 16],
}

impl EventQuery {
    fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::new("events", self.realm);
        filter.add_highest(self.through);
        if !self.types.is_empty() {
            filter.add_rare_unindexed(any_type(&self.types), types(&self.types));
        }
        if let Some(object_id) = self.object_id {
            // No event of an object is older than the object.
            let mut first = [0; 16];
            first[..6].copy_from_slice(&object_id[..6]);
            filter.add_lowest(first);
            filter.add_unindexed("object_id = ?", vec![Value::Id(object_id)]);
        }
        filter.add_creation(self.created_after, self.created_before);
        filter
    }
}

fn any_type(types: &[EventType]) -> String {
    format!("type IN ({})", vec!["?"; types.len()].join(", "))
}

fn types<'a>(types: &[EventType]) -> Vec<Value<'a>> {
    types.iter().map(|kind| Value::text(Some(kind.as_str()))).collect()
}

/// A part of a list of events, newest first.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_events(
    connection: &mut AnyConnection,
    query: &EventQuery,
    slice: Slice,
) -> Result<Listed<EventRecord>, StorageError> {
    let filter = query.filter();
    list_by_ids(connection, &filter, None, slice, |connection, ids| {
        let keys: Vec<_> = ids.iter().map(|id| (query.realm, EventId::from_bytes(*id))).collect();
        find_events(connection, &keys)
    })
}

/// An event.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_event(
    connection: &mut AnyConnection,
    realm: Realm,
    id: EventId,
) -> Result<Option<EventRecord>, StorageError> {
    Ok(find_events(connection, &[(realm, id)])?.pop())
}

/// The events of these ids, by tenant, mode and id.
///
/// # Errors
/// As the database and its rows give cause.
pub fn find_events(
    connection: &mut AnyConnection,
    ids: &[(Realm, EventId)],
) -> Result<Vec<EventRecord>, StorageError> {
    let keys: Vec<_> = ids.iter().map(|(realm, id)| object_key(*realm, id.bytes())).collect();
    let rows = load_rows::<EventSqlType, EventRow>(connection, &BY_ID, Lock::None, &keys)?;
    rows.into_iter().map(record).collect()
}

/// The events after an id, oldest first, up to one up to which their order is settled: at most `limit`.
///
/// # Errors
/// As the database and its rows give cause.
pub fn events_after(
    connection: &mut AnyConnection,
    realm: Realm,
    (after, through): ([u8; 16], [u8; 16]),
    limit: u32,
) -> Result<Vec<EventRecord>, StorageError> {
    let [tenant, mode] = realm.values();
    let rows: Vec<EventRow> = Statement::<EventSqlType>::new("SELECT ")
        .sql(COLUMNS)
        .sql(" FROM events WHERE tenant_id = ")
        .value(tenant)
        .sql(" AND livemode = ")
        .value(mode)
        .sql(" AND id > ")
        .value(Value::Id(after))
        .sql(" AND id <= ")
        .value(Value::Id(through))
        .sql(" ORDER BY id LIMIT ")
        .value(Value::Int(i64::from(limit)))
        .load(connection)?;
    rows.into_iter().map(record).collect()
}

/// The highest id of a realm's events.
///
/// # Errors
/// As the database and its rows give cause.
pub fn newest_event(connection: &mut AnyConnection, realm: Realm) -> Result<Option<[u8; 16]>, StorageError> {
    let [tenant, mode] = realm.values();
    let found: Vec<Vec<u8>> = Statement::<Binary>::new("SELECT id FROM events WHERE tenant_id = ")
        .value(tenant)
        .sql(" AND livemode = ")
        .value(mode)
        .sql(" ORDER BY id DESC LIMIT 1")
        .load(connection)?;
    found.first().map(|id| IN.id(id, |bytes| bytes)).transpose()
}
