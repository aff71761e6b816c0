//! Deliveries: made with their event, claimed with a lease.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Bool};
use florin_domain::{DeliveryId, EventId, WebhookEndpointId, delivery_id};

use super::{EndpointKey, NewDelivery};
use crate::batch::{Kind, Row, Statement, Table, Value};
use crate::rows::{REALM, Reader, Realm, object_key};
use crate::{AnyConnection, StorageError};

const IN: Reader = Reader("webhook_deliveries");

/// The key of an endpoint and of what belongs to it.
pub(super) const OF_ENDPOINT: [(&str, Kind); 3] = [REALM[0], REALM[1], ("endpoint_id", Kind::Bytes)];

/// The table of deliveries, as far as new ones set it.
pub(crate) static DELIVERIES: Table = Table {
    name: "webhook_deliveries",
    key: &[OF_ENDPOINT[0], OF_ENDPOINT[1], OF_ENDPOINT[2], ("id", Kind::Bytes)],
    fixed: &[("event_id", Kind::Bytes), ("due_at", Kind::Int), ("leases", Kind::Int)],
    changing: &[],
};

/// A new delivery's row: due at once, which is the time of the event, unless whoever makes it has it already.
pub(crate) fn delivery_row<'a>(delivery: &NewDelivery) -> Row<'a> {
    let mut row = object_key(delivery.realm, delivery.endpoint_id.bytes());
    let due_at = delivery.leased_until.unwrap_or_else(|| delivery.event_id.created_at());
    row.extend([
        Value::Id(delivery.id().bytes()),
        Value::Id(delivery.event_id.bytes()),
        Value::Int(due_at.timestamp_micros()),
        Value::Int(delivery.leased_until.map_or(0, |_| FIRST_LEASE)),
    ]);
    row
}

const FIRST_LEASE: i64 = 1;

impl NewDelivery {
    /// Its id.
    pub fn id(&self) -> DeliveryId {
        delivery_id(self.event_id, self.endpoint_id)
    }

    /// What whoever makes it has taken by that; none if it is anybody's.
    pub fn claimed(&self) -> Option<Claimed> {
        self.leased_until.map(|_| Claimed {
            realm: self.realm,
            endpoint_id: self.endpoint_id,
            id: self.id(),
            event_id: self.event_id,
            lease: FIRST_LEASE,
            failed_tries: 0,
        })
    }
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

impl Wanted {
    /// To which endpoint.
    pub fn key(&self) -> EndpointKey {
        (self.realm, self.endpoint_id)
    }
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

impl Claimed {
    /// To which endpoint it goes.
    pub fn key(&self) -> EndpointKey {
        (self.realm, self.endpoint_id)
    }
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
