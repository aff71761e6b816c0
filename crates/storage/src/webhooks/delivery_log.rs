//! Deliveries as they are listed: with what came of each try.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use florin_domain::{DeliveryId, DeliveryStatus, EventId, WebhookEndpointId};

use super::EndpointKey;
use super::deliveries::OF_ENDPOINT;
use super::outcomes::Tried;
use crate::batch::{Kind, Lock, Row, Selection, Value, load_rows};
use crate::read::{Filter, Listed, Slice, list_by_ids};
use crate::rows::{Reader, Realm, object_key};
use crate::{AnyConnection, StorageError};

const IN: Reader = Reader("webhook_deliveries");

/// A delivery with what came of each try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Whose.
    pub realm: Realm,
    /// To which endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The delivery; its creation time is that of the event.
    pub id: DeliveryId,
    /// What is delivered.
    pub event_id: EventId,
    /// What has become of it.
    pub status: DeliveryStatus,
    /// When it is tried next, or its lease ends.
    pub due_at: DateTime<Utc>,
    /// How many tries of the present schedule failed.
    pub failed_tries: u32,
    /// When it succeeded or was given up.
    pub finished_at: Option<DateTime<Utc>>,
    /// Its tries, the last one last.
    pub tries: Vec<Tried>,
}

type DeliverySqlType = (Binary, Bool, Binary, Binary, Binary, Text, BigInt, BigInt, Nullable<BigInt>);
type DeliveryRow = (Vec<u8>, bool, Vec<u8>, Vec<u8>, Vec<u8>, String, i64, i64, Option<i64>);
type TrySqlType = (Binary, BigInt, BigInt, BigInt, Nullable<BigInt>, Nullable<Text>, Nullable<Text>);
type TryRow = (Vec<u8>, i64, i64, i64, Option<i64>, Option<String>, Option<String>);

static BY_ID: Selection = Selection {
    table: "webhook_deliveries",
    join: "",
    columns: &["tenant_id, livemode, endpoint_id, id, event_id, status, due_at, failed_tries, finished_at"],
    key: &[OF_ENDPOINT[0], OF_ENDPOINT[1], OF_ENDPOINT[2], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, endpoint_id, id",
};

static TRIES_OF: Selection = Selection {
    table: "webhook_tries",
    join: "",
    columns: &["delivery_id, number, tried_at, duration_ms, status_code, error, answer"],
    key: &[OF_ENDPOINT[0], OF_ENDPOINT[1], OF_ENDPOINT[2], ("delivery_id", Kind::Bytes)],
    order: "delivery_id, number",
};

/// Which deliveries are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// Whose.
    pub realm: Realm,
    /// To which endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// What has become of them.
    pub status: Option<DeliveryStatus>,
    /// Of an event.
    pub event_id: Option<EventId>,
    /// Of events later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Of events earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// A part of the deliveries to an endpoint, newest first.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_deliveries(
    connection: &mut AnyConnection,
    query: &DeliveryQuery,
    slice: Slice,
) -> Result<Listed<DeliveryRecord>, StorageError> {
    let mut filter = Filter::new("webhook_deliveries", query.realm);
    filter.add_range("endpoint_id = ?", vec![Value::Id(query.endpoint_id.bytes())]);
    if let Some(status) = query.status {
        filter.add_unindexed("status = ?", vec![Value::text(Some(status.as_str()))]);
    }
    if let Some(event_id) = query.event_id {
        let id = florin_domain::delivery_id(event_id, query.endpoint_id);
        filter.add("id = ?", vec![Value::Id(id.bytes())]);
    }
    filter.add_creation(query.created_after, query.created_before);
    list_by_ids(connection, &filter, None, slice, |connection, ids| {
        load_deliveries(connection, (query.realm, query.endpoint_id), ids)
    })
}

/// A delivery.
///
/// # Errors
/// As the database and its rows give cause.
pub fn find_delivery(
    connection: &mut AnyConnection,
    realm: Realm,
    endpoint_id: WebhookEndpointId,
    id: DeliveryId,
) -> Result<Option<DeliveryRecord>, StorageError> {
    Ok(load_deliveries(connection, (realm, endpoint_id), &[id.bytes()])?.pop())
}

pub(super) fn load_deliveries(
    connection: &mut AnyConnection,
    (realm, endpoint_id): EndpointKey,
    ids: &[[u8; 16]],
) -> Result<Vec<DeliveryRecord>, StorageError> {
    let ids: BTreeSet<_> = ids.iter().copied().collect();
    let key = |id: &[u8; 16]| {
        let mut key = object_key(realm, endpoint_id.bytes());
        key.push(Value::Id(*id));
        key
    };
    let keys: Vec<Row<'_>> = ids.iter().map(key).collect();
    let rows = load_rows::<DeliverySqlType, DeliveryRow>(connection, &BY_ID, Lock::None, &keys)?;
    let mut tries: BTreeMap<Vec<u8>, Vec<Tried>> = BTreeMap::new();
    for row in load_rows::<TrySqlType, TryRow>(connection, &TRIES_OF, Lock::None, &keys)? {
        let (id, tried) = tried(row)?;
        tries.entry(id).or_default().push(tried);
    }
    let records = rows.into_iter().map(|row| {
        let (tenant_id, livemode, endpoint_id, id, event_id, status, due_at, failed_tries, finished_at) = row;
        Ok(DeliveryRecord {
            realm: IN.realm(&tenant_id, livemode)?,
            endpoint_id: IN.id(&endpoint_id, WebhookEndpointId::from_bytes)?,
            event_id: IN.id(&event_id, EventId::from_bytes)?,
            status: IN.parse(&status)?,
            due_at: IN.time(due_at)?,
            failed_tries: IN.count(failed_tries)?,
            finished_at: IN.time_opt(finished_at)?,
            tries: tries.remove(&id).unwrap_or_default(),
            id: IN.id(&id, DeliveryId::from_bytes)?,
        })
    });
    records.collect()
}

fn tried(row: TryRow) -> Result<(Vec<u8>, Tried), StorageError> {
    let (id, number, at, duration_ms, status_code, error, answer) = row;
    let status_code = status_code.map(|code| IN.check(u16::try_from(code))).transpose()?;
    Ok((id, Tried { number, at: IN.time(at)?, duration_ms, status_code, error, answer }))
}
