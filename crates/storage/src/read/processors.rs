//! Processor accounts and routes: those of one tenant and mode, and, for the directory that every server process keeps
//! in memory, all of them.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use florin_domain::{ProcessorAccount, ProcessorAccountId, ProcessorRoutes};

use super::objects::find;
use crate::batch::{Lock, Statement};
use crate::rows::{AccountRow, Realm, RoutesRow, Stored, load_accounts_of};
use crate::schema::{processor_accounts, processor_routes};
use crate::{AnyConnection, StorageError};

/// The processor accounts of a realm, oldest first.
///
/// # Errors
/// As the database and its rows give cause.
pub fn accounts_of(
    connection: &mut AnyConnection,
    realm: Realm,
) -> Result<Vec<ProcessorAccount>, StorageError> {
    load_accounts_of(connection, Lock::None, &[realm.values().to_vec()])
}

/// A processor account.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_account(
    connection: &mut AnyConnection,
    realm: Realm,
    id: ProcessorAccountId,
) -> Result<Option<ProcessorAccount>, StorageError> {
    find(connection, realm, id.bytes())
}

/// The routes of a realm; none where nobody ever set any.
///
/// # Errors
/// As the database and its row give cause.
pub fn routes_of(
    connection: &mut AnyConnection,
    realm: Realm,
) -> Result<Option<ProcessorRoutes>, StorageError> {
    Ok(ProcessorRoutes::load(connection, Lock::None, &[realm.values().to_vec()])?.pop())
}

/// What differs after every change of any account or route: revisions only grow, and no row is ever deleted.
///
/// # Errors
/// As the database gives cause.
pub fn directory_version(connection: &mut AnyConnection) -> Result<i64, StorageError> {
    let sum = |table| format!("(SELECT COALESCE(SUM(revision), 0) FROM {table})");
    let select = format!(
        "SELECT CAST({} + {} AS BIGINT) AS version",
        sum("processor_accounts"),
        sum("processor_routes")
    );
    let rows: Vec<i64> = Statement::<BigInt>::new(select).load(connection)?;
    Ok(rows.into_iter().next().unwrap_or_default())
}

/// Every processor account of every tenant, by tenant, mode and age, and all routes. A row that is corrupt is logged and
/// left out: one tenant's must not take all tenants' accounts away.
///
/// # Errors
/// As the database gives cause.
pub fn directory(
    connection: &mut AnyConnection,
) -> Result<(Vec<ProcessorAccount>, Vec<ProcessorRoutes>), StorageError> {
    let accounts: Vec<AccountRow> = processor_accounts::table
        .order((processor_accounts::tenant_id, processor_accounts::livemode, processor_accounts::id))
        .load(connection)?;
    let routes: Vec<RoutesRow> = processor_routes::table.load(connection)?;
    Ok((sound(accounts), sound(routes)))
}

/// What is not corrupt.
fn sound<R, T: TryFrom<R, Error = StorageError>>(rows: Vec<R>) -> Vec<T> {
    let object = |row| match T::try_from(row) {
        Ok(object) => Some(object),
        Err(error) => {
            tracing::error!(%error, "a row of processor accounts or routes is left out");
            None
        }
    };
    rows.into_iter().filter_map(object).collect()
}
