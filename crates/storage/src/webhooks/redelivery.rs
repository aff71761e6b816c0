//! Sending events again.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Binary, Text};
use florin_domain::{DeliveryId, EventId, EventType};

use super::deliveries::{DELIVERIES, delivery_row, of_endpoint};
use super::{EndpointKey, NewDelivery};
use crate::access::AuditEntry;
use crate::batch::{Change, OnConflict, Statement, Value, save};
use crate::rows::{AUDIT_LOG, Reader, Realm, audit_row};
use crate::{AnyConnection, StorageError};

const IN: Reader = Reader("events");

/// Makes deliveries due now, with the whole schedule before them: new ones, those that are over, and those whose next try
/// is later than `unless_due_before`; the others are about to be tried, or are being tried.
///
/// # Errors
/// As the database gives cause.
pub fn redeliver(
    connection: &mut AnyConnection,
    deliveries: &[NewDelivery],
    (now, unless_due_before): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), StorageError> {
    let rows = deliveries.iter().map(delivery_row).collect();
    save(connection, &[Change::Insert(&DELIVERIES, OnConflict::Ignore, rows)])?;
    for delivery in deliveries {
        let statement = begin_anew(now);
        of_endpoint(statement, delivery.realm, delivery.endpoint_id)
            .sql(" AND id = ")
            .value(Value::Id(delivery.id().bytes()))
            .sql(" AND (status <> 'pending' OR due_at > ")
            .value(Value::Int(unless_due_before.timestamp_micros()))
            .sql(")")
            .execute(connection)?;
    }
    Ok(())
}

/// The same for all deliveries of an endpoint that were given up, of events since a time. Says how many there were.
///
/// # Errors
/// As the database gives cause.
pub fn redeliver_failed(
    connection: &mut AnyConnection,
    (realm, endpoint_id): EndpointKey,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<usize, StorageError> {
    of_endpoint(begin_anew(now), realm, endpoint_id)
        .sql(" AND status = 'failed' AND id >= ")
        .value(Value::Id(DeliveryId::first_at(since).bytes()))
        .execute(connection)
}

fn begin_anew<'a>(now: DateTime<Utc>) -> Statement<'a> {
    Statement::new(
        "UPDATE webhook_deliveries SET status = 'pending', failed_tries = 0, finished_at = NULL, due_at = ",
    )
    .value(Value::Int(now.timestamp_micros()))
}

/// Events after an id that an endpoint would have heard of, whether it did or not, oldest first; and the id after which
/// to go on, none at the end.
///
/// # Errors
/// As the database and its rows give cause.
pub fn missed_events(
    connection: &mut AnyConnection,
    realm: Realm,
    after: [u8; 16],
    hears: impl Fn(EventType) -> bool,
) -> Result<(Vec<EventId>, Option<[u8; 16]>), StorageError> {
    const PAGE: i64 = 1000;
    let [tenant, mode] = realm.values();
    let rows: Vec<(Vec<u8>, String)> =
        Statement::<(Binary, Text)>::new("SELECT id, type FROM events WHERE tenant_id = ")
            .value(tenant)
            .sql(" AND livemode = ")
            .value(mode)
            .sql(" AND id > ")
            .value(Value::Id(after))
            .sql(" ORDER BY id LIMIT ")
            .value(Value::Int(PAGE))
            .load(connection)?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|found| found == PAGE);
    let mut events = Vec::new();
    let mut last = None;
    for (id, kind) in rows {
        let id = IN.id(&id, EventId::from_bytes)?;
        last = Some(id.bytes());
        if hears(IN.parse(&kind)?) {
            events.push(id);
        }
    }
    Ok((events, last.filter(|_| is_full)))
}

/// Adds deliveries that were never made. Says how many.
///
/// # Errors
/// As the database gives cause.
pub fn deliver_missed(
    connection: &mut AnyConnection,
    deliveries: &[NewDelivery],
) -> Result<usize, StorageError> {
    let rows: Vec<_> = deliveries.iter().map(delivery_row).collect();
    let ids = crate::batch::insert_returning_keys(connection, &DELIVERIES, "tenant_id, livemode, id", &rows)?;
    Ok(ids.len())
}

/// Writes an entry of the audit log, in the transaction of what it tells of.
///
/// # Errors
/// As the database gives cause.
pub fn write_audit_entry(connection: &mut AnyConnection, entry: &AuditEntry) -> Result<(), StorageError> {
    save(connection, &[Change::Insert(&AUDIT_LOG, OnConflict::Fail, vec![audit_row(entry)])])
}
