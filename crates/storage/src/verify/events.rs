//! Events: numbered without gaps for each object, the first tells of its creation, each holds that object as JSON.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Binary, Bool, Text};
use florin_domain::{
    EventId, InvoiceId, PaymentId, PaymentRequestId, RefundId, StoredMethodId, WebhookEndpointId,
};
use serde_json::Value as Json;

use super::payments::row_key;
use super::{Key, Run, Violation, name, next_page, tenant_name};
use crate::batch::{Kind, Lock, Selection, Statement, load_rows};
use crate::rows::REALM;
use crate::{AnyConnection, StorageError};

/// How the events of one object are numbered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    events: i64,
    numbers: i64,
    first: i64,
    last: i64,
}

/// Events have no index by object, as nothing but this asks for one: their numbers are gathered once.
const GATHER: &str = "CREATE TEMPORARY TABLE event_totals AS \
    SELECT tenant_id, livemode, object_id, count(*) AS events, count(DISTINCT sequence) AS numbers, \
    min(sequence) AS first, max(sequence) AS last FROM events GROUP BY tenant_id, livemode, object_id; \
    CREATE UNIQUE INDEX event_totals_by_object ON event_totals (tenant_id, livemode, object_id); \
    ANALYZE event_totals;";

static TOTALS_BY_OBJECT: Selection = Selection {
    table: "event_totals",
    join: "",
    columns: &["tenant_id, livemode, object_id, events, numbers, first, last"],
    key: &[REALM[0], REALM[1], ("object_id", Kind::Bytes)],
    order: "tenant_id, livemode, object_id",
};

/// Gathers them, and says up to which event some may have been removed because of their age.
pub(super) fn gather(connection: &mut AnyConnection) -> Result<Option<EventId>, StorageError> {
    connection.batch_execute(GATHER)?;
    let removed: Vec<Vec<u8>> = Statement::<Binary>::new("SELECT removed FROM event_log").load(connection)?;
    let removed = removed.into_iter().next().and_then(|removed| <[u8; 16]>::try_from(removed).ok());
    Ok(removed.filter(|removed| *removed != [0; 16]).map(EventId::from_bytes))
}

/// How the events of these objects are numbered.
pub(super) fn load_totals(
    connection: &mut AnyConnection,
    keys: &[Key],
) -> Result<BTreeMap<Key, Totals>, StorageError> {
    type SqlType = (Binary, Bool, Binary, BigInt, BigInt, BigInt, BigInt);
    type Found = (Vec<u8>, bool, Vec<u8>, i64, i64, i64, i64);
    let keys: Vec<_> = keys.iter().map(row_key).collect();
    let found = load_rows::<SqlType, Found>(connection, &TOTALS_BY_OBJECT, Lock::None, &keys)?;
    let totals = found.into_iter().map(|(tenant_id, livemode, object_id, events, numbers, first, last)| {
        ((tenant_id, livemode, object_id), Totals { events, numbers, first, last })
    });
    Ok(totals.collect())
}

impl Totals {
    /// Holds them against the count that the object keeps.
    pub(super) fn check(found: Option<&Totals>, object_id: &str, stored: i64, run: &mut Run<'_>) {
        let none = Totals { events: 0, numbers: 0, first: 1, last: 0 };
        let Totals { events, numbers, first, last } = *found.unwrap_or(&none);
        // Ids as text sort as they do as bytes.
        let suffix = |id: &str| id.rsplit('_').next().unwrap_or_default().to_owned();
        let may_lack_some =
            run.removed.is_some_and(|removed| suffix(object_id) <= suffix(&removed.to_string()));
        let is_whole = events == stored && first == 1 && last == stored;
        if numbers != events || !(is_whole || may_lack_some && last <= stored) {
            let object_id = object_id.to_owned();
            run.report(Violation::EventsMisnumbered { object_id, stored, events: numbers, first, last });
        }
    }
}

/// An event as it stands.
#[derive(diesel::Queryable)]
struct EventRow {
    tenant_id: Vec<u8>,
    livemode: bool,
    id: Vec<u8>,
    kind: String,
    object_id: Vec<u8>,
    sequence: i64,
    snapshot: String,
}

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    type SqlType = (Binary, Bool, Binary, Text, Binary, BigInt, Text);
    let select = "SELECT tenant_id, livemode, id, type, object_id, sequence, snapshot FROM events";
    let mut after: Option<Key> = None;
    loop {
        let statement =
            next_page::<SqlType>(select, "WHERE", ["tenant_id", "livemode", "id"], after.as_ref());
        let rows: Vec<EventRow> = statement.load(connection)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some((last.tenant_id.clone(), last.livemode, last.id.clone()));
        for row in &rows {
            run.summary.events += 1;
            check_event(row, run);
        }
    }
}

fn check_event(row: &EventRow, run: &mut Run<'_>) {
    let event_id = name(&row.id, EventId::from_bytes);
    let object_id = object_name(&row.kind, &row.object_id);
    let tells_of_creation = row.kind.ends_with(".created");
    if tells_of_creation != (row.sequence == 1 && begins_with_creation(&row.kind)) {
        run.report(Violation::CreationMisplaced {
            event_id: event_id.clone(),
            object_id: object_id.clone(),
            sequence: row.sequence,
            kind: row.kind.clone(),
        });
    }
    if let Err(reason) = check_snapshot(row, &object_id) {
        run.report(Violation::SnapshotDiffers { event_id, object_id, reason });
    }
}

/// Payments and refunds tell of their creation; invoices, payment requests and methods and endpoints only of what happens to them later.
fn begins_with_creation(kind: &str) -> bool {
    kind.starts_with("payment.") || kind.starts_with("refund.")
}

/// The object of an event: the type says of what kind it is.
pub(super) fn object_name(kind: &str, id: &[u8]) -> String {
    match kind.split('.').next() {
        Some("refund") => name(id, RefundId::from_bytes),
        Some("invoice") => name(id, InvoiceId::from_bytes),
        Some("payment_request") => name(id, PaymentRequestId::from_bytes),
        Some("payment_method") => name(id, StoredMethodId::from_bytes),
        Some("webhook_endpoint") => name(id, WebhookEndpointId::from_bytes),
        _ => name(id, PaymentId::from_bytes),
    }
}

fn check_snapshot(row: &EventRow, object_id: &str) -> Result<(), String> {
    let json: Json = serde_json::from_str(&row.snapshot).map_err(|error| format!("is not JSON: {error}"))?;
    let tenant_id = tenant_name(&row.tenant_id);
    let expected = [
        ("id", Json::from(object_id)),
        ("tenant_id", Json::from(tenant_id)),
        ("livemode", Json::from(row.livemode)),
    ];
    for (key, expected) in expected {
        let found = json.get(key).unwrap_or(&Json::Null);
        if *found != expected {
            return Err(format!("has {found} as {key}, not {expected}"));
        }
    }
    Ok(())
}
