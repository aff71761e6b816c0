//! One transaction, begun and committed explicitly: `transaction()` would hide whether COMMIT itself failed.

use diesel::connection::SimpleConnection;

use crate::{AnyConnection, StorageError};

/// Begins a transaction that may write.
///
/// # Errors
/// [`StorageError::Refused`] when the database refuses, for example because a lock was not to be had in time.
pub fn begin(connection: &mut AnyConnection) -> Result<(), StorageError> {
    let begin = match connection {
        AnyConnection::Postgres(_) => "BEGIN ISOLATION LEVEL READ COMMITTED",
        // A deferred transaction that reads and then writes fails at once with BUSY, whatever the time-out.
        AnyConnection::Sqlite(_) => "BEGIN IMMEDIATE",
    };
    Ok(connection.batch_execute(begin)?)
}

/// Commits. After an error nobody knows whether the transaction stands.
///
/// # Errors
/// [`StorageError::Refused`] with the database's reason.
pub fn commit(connection: &mut AnyConnection) -> Result<(), StorageError> {
    Ok(connection.batch_execute("COMMIT")?)
}

/// Rolls back.
///
/// # Errors
/// [`StorageError::Refused`] when the connection is of no use any more.
pub fn rollback(connection: &mut AnyConnection) -> Result<(), StorageError> {
    Ok(connection.batch_execute("ROLLBACK")?)
}
