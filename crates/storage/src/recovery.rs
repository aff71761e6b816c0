//! What recovery looks for: attempts whose outcome is open, bank debits that may be returned, and leases of a process
//! that is no more.
//!
//! The partial indexes that keep two attempts from racing hold exactly the open ones, few among millions. Each
//! statement repeats their conditions word for word, which is what SQLite wants to see before it uses them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{BigInt, Binary, Bool};
use florin_domain::{Attempt, AttemptId, Mode, PaymentId, TenantId};

use crate::batch::{Statement, Value};
use crate::rows::{Reader, Realm};
use crate::{AnyConnection, StorageError};

/// The conditions of the three partial indexes over open attempts.
const OPEN: [&str; 3] = [
    "kind = 'charge' AND status NOT IN ('succeeded', 'failed')",
    "kind IN ('capture', 'void') AND status NOT IN ('succeeded', 'failed')",
    "kind = 'refund' AND status NOT IN ('succeeded', 'failed')",
];

const IN: Reader = Reader("attempts");

/// What was changed further ahead of now than this was changed before the clock was set back. The clocks of processes
/// differ by less.
pub(crate) const AHEAD: TimeDelta = TimeDelta::minutes(1);

/// The longest that an attempt is left alone, and some time more.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(36);

/// Whether something happened before the clock was set back, so that nobody knows how long ago, and times that were
/// reckoned from it mean nothing.
pub fn is_ahead(happened_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    happened_at.signed_duration_since(now) > AHEAD
}

/// Whether an attempt is due: its time has come, or was reckoned before the clock was set back.
pub fn is_due(attempt: &Attempt, now: DateTime<Utc>) -> bool {
    attempt.due_at.is_some_and(|due_at| {
        due_at <= now || is_ahead(attempt.updated_at, now) || due_at.signed_duration_since(now) > LONGEST_WAIT
    })
}

/// The open attempts that are due by [`is_due`], the longest overdue first; those that wait for a person are not among
/// them.
///
/// # Errors
/// As the database gives cause.
pub fn due_attempts(
    connection: &mut AnyConnection,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<(Realm, PaymentId, AttemptId)>, StorageError> {
    type Key = (Binary, Bool, Binary, Binary, BigInt);
    let statement = select_due(Statement::<Key>::new(""), now, limit);
    type Found = (Vec<u8>, bool, Vec<u8>, Vec<u8>, i64);
    let rows: Vec<Found> = statement.load(connection)?;
    let attempts = rows.into_iter().map(|(tenant_id, livemode, payment_id, id, _)| {
        let tenant_id = IN.id(&tenant_id, TenantId::from_bytes)?;
        let realm = Realm { tenant_id, mode: Mode::from_live(livemode) };
        Ok((realm, IN.id(&payment_id, PaymentId::from_bytes)?, IN.id(&id, AttemptId::from_bytes)?))
    });
    attempts.collect()
}

/// The condition of the partial index over bank debits that have cleared and may still be returned.
const WATCHED: &str = "status = 'succeeded' AND due_at IS NOT NULL";

/// Goes on with the selection of what is due.
fn select_due<ST>(mut statement: Statement<'_, ST>, now: DateTime<Utc>, limit: u32) -> Statement<'_, ST> {
    const SELECT: &str = "SELECT tenant_id, livemode, payment_id, id, due_at FROM attempts WHERE ";
    let later = |by| Value::Int(now.checked_add_signed(by).unwrap_or(now).timestamp_micros());
    let (now, ahead, too_late) = (later(TimeDelta::zero()), later(AHEAD), later(LONGEST_WAIT));
    for open in OPEN {
        statement = statement.sql(SELECT).sql(open).sql(" AND status <> 'needs_review' AND (due_at <= ");
        statement = statement.value(now.clone()).sql(" OR updated_at > ").value(ahead.clone());
        statement = statement.sql(" OR due_at > ").value(too_late.clone()).sql(") UNION ALL ");
    }
    // Of these there may be many, and their index tells only when they are due.
    statement = statement.sql(SELECT).sql(WATCHED).sql(" AND due_at <= ").value(now).sql(" UNION ALL ");
    statement = statement.sql(SELECT).sql(WATCHED).sql(" AND due_at > ").value(too_late);
    statement.sql(" ORDER BY due_at, id LIMIT ").value(Value::Int(i64::from(limit)))
}

/// The authorizations whose time is over, the longest overdue first.
///
/// # Errors
/// As the database gives cause.
pub fn expired_authorizations(
    connection: &mut AnyConnection,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<(Realm, PaymentId)>, StorageError> {
    let statement = select_expired(Statement::<(Binary, Bool, Binary)>::new(""), now, limit);
    let rows: Vec<(Vec<u8>, bool, Vec<u8>)> = statement.load(connection)?;
    let found = rows.into_iter().map(|(tenant_id, livemode, id)| {
        Ok((IN.realm(&tenant_id, livemode)?, IN.id(&id, PaymentId::from_bytes)?))
    });
    found.collect()
}

/// Goes on with the selection of authorizations whose time is over, by the condition of their partial index.
fn select_expired<ST>(statement: Statement<'_, ST>, now: DateTime<Utc>, limit: u32) -> Statement<'_, ST> {
    let statement = statement.sql(
        "SELECT tenant_id, livemode, id FROM payments WHERE state = 'authorized' AND authorization_expires_at <= ",
    );
    let statement = statement.value(Value::Int(now.timestamp_micros()));
    statement.sql(" ORDER BY authorization_expires_at LIMIT ").value(Value::Int(i64::from(limit)))
}

/// What an attempt is looked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptName<'a> {
    /// Its id.
    Id(AttemptId),
    /// Its processor, and that processor's name for it.
    Reference(&'a str, &'a str),
}

/// The attempts of that name, of those that are open, and of bank debits that may be returned.
///
/// # Errors
/// As the database gives cause.
pub fn find_open_attempts(
    connection: &mut AnyConnection,
    realm: Realm,
    name: AttemptName<'_>,
) -> Result<Vec<(PaymentId, AttemptId)>, StorageError> {
    let mut statement = Statement::<(Binary, Binary)>::new("");
    for (index, condition) in OPEN.into_iter().chain([WATCHED]).enumerate() {
        let union = if index > 0 { " UNION ALL " } else { "" };
        let [tenant, mode] = realm.values();
        statement = statement.sql(union).sql("SELECT payment_id, id FROM attempts WHERE ").sql(condition);
        statement = statement.sql(" AND tenant_id = ").value(tenant).sql(" AND livemode = ").value(mode);
        statement = match name {
            AttemptName::Id(id) => statement.sql(" AND id = ").value(Value::Id(id.bytes())),
            AttemptName::Reference(processor, reference) => statement
                .sql(" AND processor = ")
                .value(Value::text(Some(processor)))
                .sql(" AND processor_reference = ")
                .value(Value::text(Some(reference))),
        };
    }
    let rows: Vec<(Vec<u8>, Vec<u8>)> = statement.load(connection)?;
    let found = rows.into_iter().map(|(payment_id, id)| {
        Ok((IN.id(&payment_id, PaymentId::from_bytes)?, IN.id(&id, AttemptId::from_bytes)?))
    });
    found.collect()
}

/// What time it is for PostgreSQL; none on SQLite, which has no clock of its own.
///
/// # Errors
/// As the database gives cause.
pub fn database_time(connection: &mut AnyConnection) -> Result<Option<DateTime<Utc>>, StorageError> {
    if let AnyConnection::Sqlite(_) = connection {
        return Ok(None);
    }
    let now = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)";
    let micros: Vec<i64> = Statement::<BigInt>::new(now).load(connection)?;
    micros.into_iter().next().map(|micros| IN.time(micros)).transpose()
}

/// Makes everything open due now and begins its schedule anew, on SQLite, after its process's clock was set: when later
/// is, nobody knows any more, and what was looked up early because the clock had gone ahead is not to wait the longer.
///
/// # Errors
/// As the database gives cause.
pub fn make_all_due(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<usize, StorageError> {
    if let AnyConnection::Postgres(_) = connection {
        return Ok(0);
    }
    let now = Value::Int(now.timestamp_micros());
    let mut changed = 0;
    for open in OPEN {
        changed += Statement::<()>::new("UPDATE attempts SET lookups = 0, due_at = ")
            .value(now.clone())
            .sql(" WHERE ")
            .sql(open)
            .sql(" AND due_at IS NOT NULL")
            .execute(connection)?;
    }
    Ok(changed)
}

/// Makes due now what is unknown of a processor and was to be looked up much later, because it had given no answer for some
/// time. Each such look-up counts, so that what a processor never tells is not asked for ever and ever.
///
/// # Errors
/// As the database gives cause.
pub fn hurry(
    connection: &mut AnyConnection,
    realm: Realm,
    processor: &str,
    now: DateTime<Utc>,
) -> Result<usize, StorageError> {
    let now = Value::Int(now.timestamp_micros());
    let mut hurried = 0;
    for open in OPEN {
        let [tenant, mode] = realm.values();
        hurried += Statement::<()>::new("UPDATE attempts SET due_at = ")
            .value(now.clone())
            .sql(" WHERE status IN ('sending', 'unknown') AND lookups BETWEEN 2 AND 4 AND ")
            .sql(open)
            .sql(" AND tenant_id = ")
            .value(tenant)
            .sql(" AND livemode = ")
            .value(mode)
            .sql(" AND processor = ")
            .value(Value::text(Some(processor)))
            .sql(" AND due_at > ")
            .value(now.clone())
            .execute(connection)?;
    }
    Ok(hurried)
}

/// How many attempts are open, those included that wait for a person.
///
/// # Errors
/// As the database gives cause.
pub fn open_attempt_count(connection: &mut AnyConnection) -> Result<i64, StorageError> {
    let mut statement = Statement::<BigInt>::new("");
    for (index, open) in OPEN.into_iter().enumerate() {
        let select = "SELECT count(*) FROM attempts WHERE ";
        statement = statement.sql(if index > 0 { " UNION ALL " } else { "" }).sql(select).sql(open);
    }
    let counts: Vec<i64> = statement.load(connection)?;
    Ok(counts.into_iter().sum())
}

/// Ends the leases of the process that had the SQLite file before this one: what it was sending or looking up is due
/// now, and what it was answering runs no more. The schedule of look-ups begins anew, or else each of several quick
/// restarts would count as one of them, and the next would be a day away. Does nothing on PostgreSQL, where other
/// processes may be at work.
///
/// # Errors
/// As the database gives cause.
pub fn release_leases(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<usize, StorageError> {
    if let AnyConnection::Postgres(_) = connection {
        return Ok(0);
    }
    let now = Value::Int(now.timestamp_micros());
    let mut released = 0;
    for open in OPEN {
        released += Statement::<()>::new("UPDATE attempts SET lookups = 0, due_at = ")
            .value(now.clone())
            .sql(" WHERE status IN ('sending', 'unknown') AND ")
            .sql(open)
            .sql(" AND due_at > ")
            .value(now.clone())
            .execute(connection)?;
    }
    released += Statement::<()>::new("UPDATE idempotency_keys SET running_until = ")
        .value(now.clone())
        .sql(" WHERE answer_status IS NULL AND running_until > ")
        .value(now)
        .execute(connection)?;
    Ok(released)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{explain, on_each_schema};

    #[test]
    fn what_is_due_is_found_by_the_partial_indexes_over_open_attempts() {
        on_each_schema(|connection| {
            let plan = explain(connection, |explain| select_due(explain, DateTime::UNIX_EPOCH, 10));
            let indexes = [
                "attempts_one_open_charge",
                "attempts_one_open_capture_or_void",
                "attempts_one_open_refund",
                "attempts_watched",
            ];
            assert!(indexes.iter().all(|index| plan.contains(index)), "{plan}");
        });
    }

    #[test]
    fn authorizations_whose_time_is_over_are_found_by_their_partial_index() {
        on_each_schema(|connection| {
            let plan = explain(connection, |explain| select_expired(explain, DateTime::UNIX_EPOCH, 10));
            assert!(plan.contains("payments_expiring"), "{plan}");
        });
    }
}
