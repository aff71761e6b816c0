//! SQLite's checkpoints: moving what was committed from the write-ahead log into the database file.
//!
//! SQLite would do it within the commit that fills the log, and let that one commit wait for tens of milliseconds. So
//! the writer's connection never does, and another connection does it beside it.

use diesel::connection::SimpleConnection;

use crate::{AnyConnection, StorageError};

/// How thorough a checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// Moves what it can without making anybody wait.
    Passive,
    /// Makes the writer wait until all is moved and the log begins anew. Quick right after a passive one.
    Truncate,
}

/// Leaves checkpoints to another connection from now on. Does nothing on PostgreSQL, which has a process for them.
///
/// # Errors
/// As the database gives cause.
pub fn leave_checkpoints_to_others(connection: &mut AnyConnection) -> Result<(), StorageError> {
    if let AnyConnection::Sqlite(connection) = connection {
        connection.batch_execute("PRAGMA wal_autocheckpoint = 0")?;
    }
    Ok(())
}

/// Makes a checkpoint. Does nothing on PostgreSQL.
///
/// # Errors
/// As the database gives cause.
pub fn checkpoint(connection: &mut AnyConnection, kind: Checkpoint) -> Result<(), StorageError> {
    let AnyConnection::Sqlite(connection) = connection else { return Ok(()) };
    let pragma = match kind {
        Checkpoint::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Checkpoint::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    Ok(connection.batch_execute(pragma)?)
}
