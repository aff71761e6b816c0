//! Small look-ups: whether a commit of unknown fate stands and may be acknowledged, and which keys wait for an answer.

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use florin_domain::PaymentId;

use crate::batch::Statement;
use crate::rows::{IdempotencyRecord, IdempotencyRow, Realm, Stored};
use crate::schema::{events, idempotency_keys as k};
use crate::{AnyConnection, StorageError};

/// Whether an event stands.
pub(crate) fn event_exists(
    connection: &mut AnyConnection,
    realm: Realm,
    id: [u8; 16],
) -> Result<bool, StorageError> {
    let event = events::table
        .filter(events::tenant_id.eq(realm.tenant_id.bytes().to_vec()))
        .filter(events::livemode.eq(realm.mode.is_live()))
        .filter(events::id.eq(id.to_vec()));
    Ok(diesel::select(exists(event)).get_result(connection)?)
}

/// The revision at which an object stands, if it does.
pub(crate) fn revision<T: Stored>(
    connection: &mut AnyConnection,
    object: &T,
) -> Result<Option<i64>, StorageError> {
    let select = format!("SELECT revision FROM {} WHERE ", T::TABLE.name);
    let mut statement = Statement::<BigInt>::new(select);
    for (index, ((name, _), value)) in T::TABLE.key.iter().zip(object.key_values()).enumerate() {
        let and = if index > 0 { " AND " } else { "" };
        statement = statement.sql(and).sql(*name).sql(" = ").value(value);
    }
    Ok(statement.rare().load(connection)?.pop())
}

/// The idempotency keys that are bound to a payment and still without an answer.
///
/// # Errors
/// As the database and its rows give cause.
pub fn unanswered_keys(
    connection: &mut AnyConnection,
    realm: Realm,
    payment_id: PaymentId,
) -> Result<Vec<IdempotencyRecord>, StorageError> {
    let rows: Vec<IdempotencyRow> = k::table
        .filter(k::tenant_id.eq(realm.tenant_id.bytes().to_vec()))
        .filter(k::livemode.eq(realm.mode.is_live()))
        .filter(k::payment_id.eq(payment_id.bytes().to_vec()))
        .filter(k::answer_status.is_null())
        .load(connection)?;
    rows.into_iter().map(IdempotencyRecord::try_from).collect()
}

diesel::define_sql_function! {
    /// The process that serves a connection.
    fn pg_backend_pid() -> Integer;
}

/// The server process of a connection; none on SQLite.
///
/// # Errors
/// As the database gives cause.
pub fn backend_pid(connection: &mut AnyConnection) -> Result<Option<i32>, StorageError> {
    match connection {
        AnyConnection::Postgres(connection) => {
            Ok(Some(diesel::select(pg_backend_pid()).get_result(connection)?))
        }
        AnyConnection::Sqlite(_) => Ok(None),
    }
}

/// Who was told to commit, and may still be at it although the connection has broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committer {
    /// The server process of a connection of one's own.
    Backend(i32),
    /// A transaction, by PostgreSQL's number of it: behind a pooler the process serves others by now.
    Transaction(String),
}

/// The transaction that the connection is in, by PostgreSQL's number of it.
///
/// # Errors
/// As the database gives cause.
pub fn own_transaction(connection: &mut AnyConnection) -> Result<Option<Committer>, StorageError> {
    match connection {
        AnyConnection::Postgres(connection) => {
            let found: Text =
                diesel::sql_query("SELECT pg_current_xact_id()::text AS text").get_result(connection)?;
            Ok(Some(Committer::Transaction(found.text)))
        }
        AnyConnection::Sqlite(_) => Ok(None),
    }
}

/// Whether somebody who was told to commit might still do so.
///
/// A transaction with a number that this server has not given out yet was begun on another one, before a standby took its
/// place: it is at work nowhere.
///
/// # Errors
/// As the database gives cause.
pub fn is_at_work(connection: &mut AnyConnection, committer: &Committer) -> Result<bool, StorageError> {
    let AnyConnection::Postgres(connection) = connection else { return Ok(false) };
    let found: Count = match committer {
        Committer::Backend(pid) => {
            diesel::sql_query("SELECT count(*) AS count FROM pg_stat_activity WHERE pid = $1")
                .bind::<diesel::sql_types::Integer, _>(pid)
                .get_result(connection)?
        }
        Committer::Transaction(number) => diesel::sql_query(
            "SELECT CASE WHEN $1::xid8 >= pg_current_xact_id() THEN 0 \
             WHEN pg_xact_status($1::xid8) = 'in progress' THEN 1 ELSE 0 END::bigint AS count",
        )
        .bind::<diesel::sql_types::Text, _>(number)
        .get_result(connection)?,
    };
    Ok(found.count > 0)
}

/// Waits until the synchronous standbys, where there are any, have all that is committed by now.
///
/// A commit whose wait for them was cut short stands on this server, and may be seen, although they lack it. Nothing may be
/// acknowledged for having been seen there before this has returned: a message of no content is written into the log, and
/// its commit waits as every commit does.
///
/// # Errors
/// As the database gives cause.
pub fn wait_for_standbys(connection: &mut AnyConnection) -> Result<(), StorageError> {
    if let AnyConnection::Postgres(connection) = connection {
        diesel::sql_query("SELECT pg_logical_emit_message(true, 'florin', '')").execute(connection)?;
    }
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}
