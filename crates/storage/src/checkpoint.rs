//! SQLite's checkpoints: moving what was committed from the write-ahead log into the database file.
//!
//! SQLite would do it within the commit that fills the log, and let that one commit wait for tens of milliseconds. So
//! another connection does it beside the writer. Only beginning the log anew is left to the writer, between two of its
//! transactions: another connection would have to find the moment, and a busy writer leaves none.

use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};

use crate::{AnyConnection, StorageError};

/// How thorough a checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// Moves what it can without making anybody wait.
    Passive,
    /// Moves all and lets the log begin anew, unless readers keep it in use. Takes the writer's lock: for the writer,
    /// and quick right after a passive one. The file keeps its length, which is quicker than to make it grow again.
    Restart,
}

/// What a checkpoint left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpointed {
    /// How many pages the log had.
    pub pages: u64,
    /// Whether all was done that was asked for: a reader may have stood in the way.
    pub is_complete: bool,
}

#[derive(diesel::QueryableByName)]
struct Log {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    busy: i64,
    /// In pages; -1 without a log.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    log: i64,
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
pub fn checkpoint(connection: &mut AnyConnection, kind: Checkpoint) -> Result<Checkpointed, StorageError> {
    let AnyConnection::Sqlite(connection) = connection else {
        return Ok(Checkpointed { pages: 0, is_complete: true });
    };
    let log = match kind {
        Checkpoint::Passive => sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result::<Log>(connection)?,
        Checkpoint::Restart => {
            // A long read may keep the log for minutes, and payments shall not wait for that.
            connection.batch_execute("PRAGMA busy_timeout = 20")?;
            let log = sql_query("PRAGMA wal_checkpoint(RESTART)").get_result::<Log>(connection);
            connection.batch_execute("PRAGMA busy_timeout = 5000")?;
            log?
        }
    };
    Ok(Checkpointed { pages: u64::try_from(log.log).unwrap_or(0), is_complete: log.busy == 0 })
}
