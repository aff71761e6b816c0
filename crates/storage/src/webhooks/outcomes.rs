//! What came of deliveries: each try, what follows from it, and which endpoints fail.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use florin_domain::WebhookEndpointId;

use super::EndpointKey;
use super::deliveries::{Claimed, OF_ENDPOINT, of_endpoint};
use crate::batch::{Change, Kind, OnConflict, Row, Statement, Table, Value, save};
use crate::rows::{Reader, Realm, object_key};
use crate::{AnyConnection, StorageError};

const IN: Reader = Reader("failing_endpoints");

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
    /// When it ended.
    pub at: DateTime<Utc>,
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

impl Failing {
    /// Which endpoint.
    pub fn key(&self) -> EndpointKey {
        (self.realm, self.endpoint_id)
    }
}

/// Writes down what came of deliveries, each only if the lease is still the caller's; and which endpoints have begun to
/// fail, or work again.
///
/// # Errors
/// As the database gives cause; the transaction has to be rolled back then.
pub(crate) fn save_finished(
    connection: &mut AnyConnection,
    finished: &[Finished],
) -> Result<(), StorageError> {
    if finished.is_empty() {
        return Ok(());
    }
    // In one order, so that no two processes wait for each other.
    let mut finished: Vec<&Finished> = finished.iter().collect();
    finished.sort_by_key(|done| (done.claimed.key(), done.claimed.id));
    match connection {
        AnyConnection::Postgres(_) => update_together(connection, &finished)?,
        AnyConnection::Sqlite(_) => finished.iter().try_for_each(|done| update_alone(connection, done))?,
    }
    let tries = finished.iter().map(|done| try_row(done)).collect();
    save(connection, &[Change::Insert(&TRIES, OnConflict::Ignore, tries)])?;
    note_working(connection, &finished)
}

/// Those that succeeded in one statement, which are nearly all.
fn update_together(connection: &mut AnyConnection, finished: &[&Finished]) -> Result<(), StorageError> {
    let (succeeded, others): (Vec<&Finished>, Vec<&Finished>) =
        finished.iter().partition(|done| done.verdict == Verdict::Succeeded);
    if !succeeded.is_empty() {
        let mut statement =
            Statement::<()>::new("WITH done (tenant_id, livemode, endpoint_id, id, leases, at) AS (VALUES ")
                .rare();
        for (index, done) in succeeded.iter().enumerate() {
            let [tenant, mode] = done.claimed.realm.values();
            let separator = if index > 0 { ", (" } else { "(" };
            statement = statement
                .sql(separator)
                .value(tenant)
                .sql("::bytea, ")
                .value(mode)
                .sql("::boolean, ")
                .value(Value::Id(done.claimed.endpoint_id.bytes()))
                .sql("::bytea, ")
                .value(Value::Id(done.claimed.id.bytes()))
                .sql("::bytea, ")
                .value(Value::Int(done.claimed.lease))
                .sql("::bigint, ")
                .value(Value::Int(done.at.timestamp_micros()))
                .sql("::bigint)");
        }
        let update = ") UPDATE webhook_deliveries AS d SET status = 'succeeded', finished_at = done.at FROM done \
             WHERE d.tenant_id = done.tenant_id AND d.livemode = done.livemode AND d.endpoint_id = done.endpoint_id \
             AND d.id = done.id AND d.status = 'pending' AND d.leases = done.leases";
        statement.sql(update).execute(connection)?;
    }
    others.into_iter().try_for_each(|done| update_alone(connection, done))
}

fn update_alone(connection: &mut AnyConnection, done: &Finished) -> Result<(), StorageError> {
    let (claimed, at) = (&done.claimed, Value::Int(done.at.timestamp_micros()));
    let statement = match done.verdict {
        Verdict::Again(due_at) => Statement::<()>::new("UPDATE webhook_deliveries SET due_at = ")
            .value(Value::Int(due_at.timestamp_micros()))
            .sql(", failed_tries = failed_tries + 1"),
        Verdict::Succeeded => {
            Statement::<()>::new("UPDATE webhook_deliveries SET status = 'succeeded', finished_at = ").value(at)
        }
        Verdict::Failed => Statement::<()>::new(
            "UPDATE webhook_deliveries SET status = 'failed', failed_tries = failed_tries + 1, finished_at = ",
        )
        .value(at),
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

/// An endpoint to which anything was delivered works; one to which nothing was fails since the first such time.
fn note_working(connection: &mut AnyConnection, finished: &[&Finished]) -> Result<(), StorageError> {
    let mut endpoints: BTreeMap<EndpointKey, Option<DateTime<Utc>>> = BTreeMap::new();
    for done in finished {
        let failed_at = (done.verdict != Verdict::Succeeded).then_some(done.at);
        endpoints
            .entry(done.claimed.key())
            .and_modify(|failing| *failing = failing.and(failed_at))
            .or_insert(failed_at);
    }
    let mut failing = Vec::new();
    for ((realm, endpoint_id), failed_at) in endpoints {
        if let Some(at) = failed_at {
            let mut row = object_key(realm, endpoint_id.bytes());
            row.push(Value::Int(at.timestamp_micros()));
            failing.push(row);
        } else {
            let statement = Statement::<()>::new("DELETE FROM failing_endpoints");
            of_endpoint(statement, realm, endpoint_id).execute(connection)?;
        }
    }
    save(connection, &[Change::Insert(&FAILING, OnConflict::Ignore, failing)])
}

/// Which of these endpoints fail, and since when.
///
/// # Errors
/// As the database and its rows give cause.
pub fn failing_endpoints(
    connection: &mut AnyConnection,
    endpoints: &[EndpointKey],
) -> Result<Vec<Failing>, StorageError> {
    let mut failing = Vec::new();
    for (realm, endpoint_id) in endpoints.iter().copied() {
        let statement = Statement::<BigInt>::new("SELECT since FROM failing_endpoints");
        for since in of_endpoint(statement, realm, endpoint_id).load::<i64>(connection)? {
            failing.push(Failing { realm, endpoint_id, since: IN.time(since)? });
        }
    }
    Ok(failing)
}
