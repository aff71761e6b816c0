//! The order in which events may be read, and what every commit of events is held against.
//!
//! Ids are not commit order: a transaction that made its ids early may commit late. A reader that went on after the last
//! id it saw would miss such an event for good. So before ids are given to a reader as a place to go on from, their order
//! is **settled**: the log is sealed up to the newest event that is there, after which no commit may add an event with a
//! lower id; and whoever had begun to write events before is waited for. Nothing of this costs a payment anything but
//! one row to read in the statement that saves a whole batch.
//!
//! Who may still add events below the seal is known from PostgreSQL's locks: a statement that inserts events takes its
//! lock on the table before it takes its snapshot. A transaction that has no lock yet when the seal stands will therefore
//! see the seal; one that has is waited for. On SQLite, where one transaction writes at a time, nobody has to be.

use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::events::newest_event;
use crate::batch::{Statement, Value};
use crate::rows::Realm;
use crate::{AnyConnection, StorageError};

/// Less than every id.
pub(super) const ZERO: [u8; 16] = [0; 16];

/// How long to wait between two looks at who is still writing.
const PACE: Duration = Duration::from_millis(2);

/// What a commit of events is held against: that nobody has begun to listen whom it does not know, and that the order of
/// events is not settled where it adds some.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    /// Who listens, as the commit knows it.
    pub(crate) generation: i64,
    /// The lowest id of its events.
    pub(crate) first: [u8; 16],
}

impl Guard {
    /// The statement that answers the generation, negative where the order is settled already.
    pub(crate) const SELECT: [&'static str; 2] =
        ["SELECT CASE WHEN sealed < ", " THEN listeners ELSE -listeners END FROM event_log"];

    /// Holds the answer against what the commit knows.
    pub(crate) fn check(&self, found: i64) -> Result<(), StorageError> {
        if found == self.generation {
            return Ok(());
        }
        Err(StorageError::Conflict { table: "event_log", expected: 1, changed: 0 })
    }

    /// Asks, and holds the answer against what the commit knows.
    pub(crate) fn ask(&self, connection: &mut AnyConnection) -> Result<(), StorageError> {
        let [before, after] = Guard::SELECT;
        let statement = Statement::<BigInt>::new(before).value(Value::Id(self.first)).sql(after);
        let found: Vec<i64> = statement.load(connection)?;
        self.check(found.first().copied().unwrap_or_default())
    }
}

/// Up to which id the order of events is settled, as far as anybody has asked.
///
/// # Errors
/// As the database gives cause.
pub fn settled_events(connection: &mut AnyConnection) -> Result<[u8; 16], StorageError> {
    let found: Vec<Vec<u8>> = Statement::<Binary>::new("SELECT settled FROM event_log").load(connection)?;
    let settled = found.into_iter().next().and_then(|settled| settled.try_into().ok());
    settled.ok_or_else(|| StorageError::corrupt("event_log", "it has no row with an id of 16 bytes"))
}

/// Settles the order of a realm's events up to the newest one that is there, and gives that back: every event with an id
/// up to it is there to be read. When somebody who may add some takes longer than `patience`, the id up to which
/// the order was settled before.
///
/// # Errors
/// As the database gives cause.
pub fn settle_events(
    connection: &mut AnyConnection,
    realm: Realm,
    patience: Duration,
) -> Result<[u8; 16], StorageError> {
    let settled = settled_events(connection)?;
    let Some(newest) = newest_event(connection, realm)? else { return Ok(settled) };
    if newest <= settled {
        return Ok(settled);
    }
    update(connection, "sealed", newest)?;
    let mut writers = event_writers(connection)?;
    let started = Instant::now();
    while !writers.is_empty() {
        if started.elapsed() > patience {
            tracing::warn!(
                "a transaction that may write events does not end; newer events are not shown yet"
            );
            return settled_events(connection);
        }
        std::thread::sleep(PACE);
        let now = event_writers(connection)?;
        writers.retain(|writer| now.contains(writer));
    }
    update(connection, "settled", newest)?;
    Ok(newest)
}

fn update(
    connection: &mut AnyConnection,
    column: &'static str,
    through: [u8; 16],
) -> Result<(), StorageError> {
    Statement::<()>::new("UPDATE event_log SET ")
        .sql(column)
        .sql(" = ")
        .value(Value::Id(through))
        .sql(" WHERE ")
        .sql(column)
        .sql(" < ")
        .value(Value::Id(through))
        .execute(connection)?;
    Ok(())
}

/// The transactions that may be inserting events.
fn event_writers(connection: &mut AnyConnection) -> Result<Vec<String>, StorageError> {
    if let AnyConnection::Sqlite(_) = connection {
        return Ok(Vec::new());
    }
    let writers: Vec<Option<String>> = Statement::<Nullable<Text>>::new(
        "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = 'events'::regclass \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND mode = 'RowExclusiveLock' AND granted AND pid IS DISTINCT FROM pg_backend_pid()",
    )
    .load(connection)?;
    Ok(writers.into_iter().flatten().collect())
}
