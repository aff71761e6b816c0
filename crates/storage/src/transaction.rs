//! One transaction, begun and committed explicitly: `transaction()` would hide whether COMMIT itself failed.

use diesel::connection::SimpleConnection;

use crate::faults::Bug;
use crate::{AnyConnection, StorageError};

/// Begins a transaction that may write.
///
/// # Errors
/// [`StorageError::Refused`] when the database refuses, for example because a lock was not to be had in time.
pub fn begin(connection: &mut AnyConnection) -> Result<(), StorageError> {
    let begin = match connection {
        AnyConnection::Postgres(_) if Bug::RepeatableRead.is_planted() => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ"
        }
        AnyConnection::Postgres(_) => "BEGIN ISOLATION LEVEL READ COMMITTED",
        // A deferred transaction that reads and then writes fails at once with BUSY, whatever the time-out.
        AnyConnection::Sqlite(_) => "BEGIN IMMEDIATE",
    };
    Ok(connection.batch_execute(begin)?)
}

/// Begins a transaction that may write behind a pooler, which gives each transaction whatever connection is free: what a
/// connection of one's own is told once, this tells each transaction, in the same round trip.
///
/// # Errors
/// As [`begin`].
pub fn begin_pooled(connection: &mut AnyConnection) -> Result<(), StorageError> {
    match connection {
        AnyConnection::Postgres(connection) => Ok(connection.batch_execute(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'; \
             SET LOCAL idle_in_transaction_session_timeout = '30s'; SET LOCAL jit = off",
        )?),
        AnyConnection::Sqlite(_) => begin(connection),
    }
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

/// Does all of some work or nothing: commits what it has done, or rolls back when it fails.
///
/// # Errors
/// What the work fails with, or the database; when COMMIT failed, nobody knows whether the transaction stands.
pub fn in_transaction<T, E: From<StorageError>>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    begin(connection)?;
    match work(connection).and_then(|done| Ok(commit(connection).map(|()| done)?)) {
        Ok(done) => Ok(done),
        Err(error) => {
            // When this fails too, the connection is replaced, and the database rolls back by itself.
            let _broken = rollback(connection);
            Err(error)
        }
    }
}
