//! Small look-ups by key: whether a commit of unknown fate stands, and which keys wait for an answer.

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

/// Whether a server process is still there, and might still commit.
///
/// # Errors
/// As the database gives cause.
pub fn backend_is_alive(connection: &mut AnyConnection, pid: i32) -> Result<bool, StorageError> {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    match connection {
        AnyConnection::Postgres(connection) => {
            let found: Count =
                diesel::sql_query("SELECT count(*) AS count FROM pg_stat_activity WHERE pid = $1")
                    .bind::<diesel::sql_types::Integer, _>(pid)
                    .get_result(connection)?;
            Ok(found.count > 0)
        }
        AnyConnection::Sqlite(_) => Ok(false),
    }
}
