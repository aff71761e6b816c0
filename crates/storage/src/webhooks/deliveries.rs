//! Deliveries: made with their event, claimed with a lease, and finished by comparing it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Bool};
use florin_domain::{DeliveryId, EventId, WebhookEndpointId};

use super::NewDelivery;
use crate::batch::{Change, Kind, OnConflict, Row, Statement, Table, Value, save};
use crate::rows::{REALM, Reader, Realm, object_key};
use crate::{AnyConnection, StorageError, in_transaction};

const IN: Reader = Reader("webhook_deliveries");

/// The key of an endpoint and of what belongs to it.
pub(super) const OF_ENDPOINT: [(&str, Kind); 3] = [REALM[0], REALM[1], ("endpoint_id", Kind::Bytes)];

/// The table of deliveries, as far as new ones set it.
pub(crate) static DELIVERIES: Table = Table {
    name: "webhook_deliveries",
    key: &[OF_ENDPOINT[0], OF_ENDPOINT[1], OF_ENDPOINT[2], ("id", Kind::Bytes)],
    fixed: &[("event_id", Kind::Bytes), ("due_at", Kind::Int)],
    changing: &[],
};

static TRIES: Table = Table {
    name: "webhook_tries",
    key: &[
        OF_ENDPOINT[0],
        OF_ENDPOINT[1],
        OF_ENDPOINT[2],
        ("delivery_id", Kind::Bytes),
        ("number", Kind::Int),
    ],
    fixed: &[
        ("tried_at", Kind::Int),
        ("duration_ms", Kind::Int),
        ("status_code", Kind::Int),
        ("error", Kind::Text),
        ("answer", Kind::Text),
    ],
    changing: &[],
};

static FAILING: Table =
    Table { name: "failing_endpoints", key: &OF_ENDPOINT, fixed: &[("since", Kind::Int)], changing: &[] };

/// A new delivery's row: due at once, which is the time of the event.
pub(crate) fn delivery_row<'a>(delivery: &NewDelivery) -> Row<'a> {
    let mut row = object_key(delivery.realm, delivery.endpoint_id.bytes());
    row.extend([
        Value::Id(delivery.id().bytes()),
        Value::Id(delivery.event_id.bytes()),
        Value::Int(delivery.event_id.created_at().timestamp_micros()),
    ]);
    row
}

/// What a process can send: so many deliveries to an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Whose.
    pub realm: Realm,
    /// To which endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// How many at most.
    pub at_most: u32,
}

/// A delivery that a process has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Whose.
    pub realm: Realm,
    /// To which endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The delivery.
    pub id: DeliveryId,
    /// What is delivered.
    pub event_id: EventId,
    /// The lease, by which it is finished.
    pub lease: i64,
    /// How many tries of the schedule failed before.
    pub failed_tries: u32,
}

type ClaimedSqlType = (Binary, Bool, Binary, Binary, Binary, BigInt, BigInt);
type ClaimedRow = (Vec<u8>, bool, Vec<u8>, Vec<u8>, Vec<u8>, i64, i64);

/// Takes deliveries that are due, the longest overdue first, of each endpoint by itself, so that none waits for
/// another's. They belong to the caller until `until`.
///
/// # Errors
/// As the database and its rows give cause.
pub fn claim_deliveries(
    connection: &mut AnyConnection,
    wanted: &[Wanted],
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Claimed>, StorageError> {
    let (now, until) = (now.timestamp_micros(), until.timestamp_micros());
    let mut claimed = Vec::new();
    for wanted in wanted.chunks(100) {
        let rows: Vec<ClaimedRow> = match connection {
            AnyConnection::Postgres(_) => claim_together(wanted, now, until).load(connection)?,
            AnyConnection::Sqlite(_) => {
                let mut rows = Vec::new();
                for wanted in wanted {
                    // A write would have to wait for the writer, so it is begun only for something.
                    if is_anything_due(connection, wanted, now)? {
                        rows.extend(claim_alone(wanted, now, until).load::<ClaimedRow>(connection)?);
                    }
                }
                rows
            }
        };
        for (tenant_id, livemode, endpoint_id, id, event_id, lease, failed_tries) in rows {
            claimed.push(Claimed {
                realm: IN.realm(&tenant_id, livemode)?,
                endpoint_id: IN.id(&endpoint_id, WebhookEndpointId::from_bytes)?,
                id: IN.id(&id, DeliveryId::from_bytes)?,
                event_id: IN.id(&event_id, EventId::from_bytes)?,
                lease,
                failed_tries: IN.count(failed_tries)?,
            });
        }
    }
    Ok(claimed)
}

const DUE: &str = "status = 'pending' AND due_at <= ";

/// All endpoints in one statement. Rows that another process is taking are skipped.
fn claim_together<'a>(wanted: &[Wanted], now: i64, until: i64) -> Statement<'a, ClaimedSqlType> {
    let mut statement = Statement::new(
        "WITH taken AS MATERIALIZED (SELECT w.tenant_id, w.livemode, w.endpoint_id, d.id FROM (VALUES ",
    )
    .rare();
    for (index, wanted) in wanted.iter().enumerate() {
        let [tenant, mode] = wanted.realm.values();
        statement = statement.sql(if index > 0 { ", (" } else { "(" }).value(tenant).sql("::bytea, ");
        statement = statement.value(mode).sql("::boolean, ").value(Value::Id(wanted.endpoint_id.bytes()));
        statement = statement.sql("::bytea, ").value(Value::Int(wanted.at_most.into())).sql("::bigint)");
    }
    statement
        .sql(
            ") AS w (tenant_id, livemode, endpoint_id, at_most) CROSS JOIN LATERAL (SELECT id FROM webhook_deliveries AS x \
             WHERE x.tenant_id = w.tenant_id AND x.livemode = w.livemode AND x.endpoint_id = w.endpoint_id AND ",
        )
        .sql(DUE)
        .value(Value::Int(now))
        .sql(" ORDER BY due_at LIMIT w.at_most FOR UPDATE SKIP LOCKED) AS d) UPDATE webhook_deliveries AS d SET due_at = ")
        .value(Value::Int(until))
        .sql(
            ", leases = d.leases + 1 FROM taken AS t WHERE d.tenant_id = t.tenant_id AND d.livemode = t.livemode \
             AND d.endpoint_id = t.endpoint_id AND d.id = t.id \
             RETURNING d.tenant_id, d.livemode, d.endpoint_id, d.id, d.event_id, d.leases, d.failed_tries",
        )
}

fn is_anything_due(connection: &mut AnyConnection, wanted: &Wanted, now: i64) -> Result<bool, StorageError> {
    let statement = Statement::<BigInt>::new("SELECT 1 FROM webhook_deliveries");
    let statement = of_endpoint(statement, wanted.realm, wanted.endpoint_id).sql(" AND ").sql(DUE);
    let found: Vec<i64> = statement.value(Value::Int(now)).sql(" LIMIT 1").load(connection)?;
    Ok(!found.is_empty())
}

fn claim_alone<'a>(wanted: &Wanted, now: i64, until: i64) -> Statement<'a, ClaimedSqlType> {
    let statement = Statement::new("UPDATE webhook_deliveries SET due_at = ").value(Value::Int(until));
    let statement = statement.sql(", leases = leases + 1");
    let statement = of_endpoint(statement, wanted.realm, wanted.endpoint_id);
    let statement = statement.sql(" AND id IN (SELECT id FROM webhook_deliveries");
    of_endpoint(statement, wanted.realm, wanted.endpoint_id)
        .sql(" AND ")
        .sql(DUE)
        .value(Value::Int(now))
        .sql(" ORDER BY due_at LIMIT ")
        .value(Value::Int(wanted.at_most.into()))
        .sql(") RETURNING tenant_id, livemode, endpoint_id, id, event_id, leases, failed_tries")
}

/// Goes on with a condition: of this endpoint.
pub(super) fn of_endpoint<'a, ST>(
    statement: Statement<'a, ST>,
    realm: Realm,
    endpoint_id: WebhookEndpointId,
) -> Statement<'a, ST> {
    let [tenant, mode] = realm.values();
    statement
        .sql(" WHERE tenant_id = ")
        .value(tenant)
        .sql(" AND livemode = ")
        .value(mode)
        .sql(" AND endpoint_id = ")
        .value(Value::Id(endpoint_id.bytes()))
}

/// What follows from a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is delivered.
    Succeeded,
    /// It is tried again at that time.
    Again(DateTime<Utc>),
    /// It is given up.
    Failed,
}

/// A try, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Which try of the delivery it was.
    pub number: i64,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// What the endpoint answered; none when no answer came.
    pub status_code: Option<u16>,
    /// Why no answer came.
    pub error: Option<String>,
    /// The first part of the answer.
    pub answer: Option<String>,
}

/// A delivery that was sent, or could not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What was taken.
    pub claimed: Claimed,
    /// What follows.
    pub verdict: Verdict,
    /// What came of it.
    pub tried: Tried,
}

/// An endpoint to which nothing could be delivered since a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Whose.
    pub realm: Realm,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Writes down what came of deliveries, each only if the lease is still the caller's, and says which endpoints fail.
///
/// # Errors
/// As the database gives cause; nothing is written then.
pub fn finish_deliveries(
    connection: &mut AnyConnection,
    finished: &[Finished],
    now: DateTime<Utc>,
) -> Result<Vec<Failing>, StorageError> {
    in_transaction(connection, |connection| finish(connection, finished, now))
}

fn finish(
    connection: &mut AnyConnection,
    finished: &[Finished],
    now: DateTime<Utc>,
) -> Result<Vec<Failing>, StorageError> {
    // In one order, so that no two processes wait for each other.
    let mut finished: Vec<&Finished> = finished.iter().collect();
    finished.sort_by_key(|done| (done.claimed.realm, done.claimed.endpoint_id, done.claimed.id));
    let mut succeeded: BTreeMap<(Realm, WebhookEndpointId), bool> = BTreeMap::new();
    for done in &finished {
        update_finished(connection, done, now)?;
        let any = succeeded.entry((done.claimed.realm, done.claimed.endpoint_id)).or_default();
        *any |= done.verdict == Verdict::Succeeded;
    }
    let tries = finished.iter().map(|done| try_row(done)).collect();
    save(connection, &[Change::Insert(&TRIES, OnConflict::Ignore, tries)])?;
    let mut failing = Vec::new();
    for ((realm, endpoint_id), any_succeeded) in succeeded {
        if any_succeeded {
            let statement = Statement::<()>::new("DELETE FROM failing_endpoints");
            of_endpoint(statement, realm, endpoint_id).execute(connection)?;
        } else {
            let since = note_failing(connection, realm, endpoint_id, now)?;
            failing.push(Failing { realm, endpoint_id, since });
        }
    }
    Ok(failing)
}

fn update_finished(
    connection: &mut AnyConnection,
    done: &Finished,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let claimed = &done.claimed;
    let statement = match done.verdict {
        Verdict::Again(due_at) => Statement::<()>::new("UPDATE webhook_deliveries SET due_at = ")
            .value(Value::Int(due_at.timestamp_micros()))
            .sql(", failed_tries = failed_tries + 1"),
        Verdict::Succeeded => Statement::<()>::new("UPDATE webhook_deliveries SET status = 'succeeded', finished_at = ")
            .value(Value::Int(now.timestamp_micros())),
        Verdict::Failed => Statement::<()>::new(
            "UPDATE webhook_deliveries SET status = 'failed', failed_tries = failed_tries + 1, finished_at = ",
        )
        .value(Value::Int(now.timestamp_micros())),
    };
    of_endpoint(statement, claimed.realm, claimed.endpoint_id)
        .sql(" AND id = ")
        .value(Value::Id(claimed.id.bytes()))
        .sql(" AND status = 'pending' AND leases = ")
        .value(Value::Int(claimed.lease))
        .execute(connection)?;
    Ok(())
}

fn try_row(done: &Finished) -> Row<'_> {
    let tried = &done.tried;
    let mut row = object_key(done.claimed.realm, done.claimed.endpoint_id.bytes());
    row.extend([
        Value::Id(done.claimed.id.bytes()),
        Value::Int(tried.number),
        Value::Int(tried.at.timestamp_micros()),
        Value::Int(tried.duration_ms),
        Value::int(tried.status_code.map(i64::from)),
        Value::text(tried.error.as_deref()),
        Value::text(tried.answer.as_deref()),
    ]);
    row
}

/// Since when nothing could be delivered to an endpoint, now being the first time or not.
fn note_failing(
    connection: &mut AnyConnection,
    realm: Realm,
    endpoint_id: WebhookEndpointId,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StorageError> {
    let mut row = object_key(realm, endpoint_id.bytes());
    row.push(Value::Int(now.timestamp_micros()));
    save(connection, &[Change::Insert(&FAILING, OnConflict::Ignore, vec![row])])?;
    let statement = Statement::<BigInt>::new("SELECT since FROM failing_endpoints");
    let since: Vec<i64> = of_endpoint(statement, realm, endpoint_id).load(connection)?;
    since.first().map_or(Ok(now), |since| IN.time(*since))
}
