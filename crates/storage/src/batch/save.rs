//! Saving changes of several tables: one statement each on SQLite, a single one on PostgreSQL.
//!
//! There each statement costs a round trip and two process switches, which is more than most of them have to do. So all
//! parts become `WITH` queries of one statement, whose result is the number of rows that each update changed.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary};

use super::insert::{PostgresInsert, insert_rows};
use super::update::{PostgresUpdate, check_count, update_rows};
use super::{OnConflict, Row, Table};
use crate::webhooks::Guard;
use crate::{AnyConnection, StorageError};

/// What is to be done to one table.
pub(crate) enum Change<'a> {
    /// Rows that are new.
    Insert(&'static Table, OnConflict, Vec<Row<'a>>),
    /// The key, the expected revision and the changing columns of rows that exist. A row of another revision is a
    /// conflict.
    Update(&'static Table, Vec<Row<'a>>),
}

impl Change<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Change::Insert(_, _, rows) | Change::Update(_, rows) => rows.is_empty(),
        }
    }
}

/// Makes all changes: the updates in their order, then the inserts in theirs.
///
/// # Errors
/// [`StorageError::Conflict`] when a row's revision is not the expected one; the transaction has to be rolled back then.
pub(crate) fn save(connection: &mut AnyConnection, changes: &[Change<'_>]) -> Result<(), StorageError> {
    save_guarded(connection, None, changes)
}

/// The same, held against who listens to events and up to where their order is settled, as of this statement.
///
/// # Errors
/// As [`save`]; a conflict of `event_log` as well.
pub(crate) fn save_guarded(
    connection: &mut AnyConnection,
    guard: Option<Guard>,
    changes: &[Change<'_>],
) -> Result<(), StorageError> {
    if let (AnyConnection::Sqlite(_), Some(guard)) = (&*connection, guard) {
        guard.ask(connection)?;
    }
    match connection {
        AnyConnection::Postgres(connection) => save_at_once(connection, guard, changes),
        AnyConnection::Sqlite(connection) => changes.iter().try_for_each(|change| match change {
            Change::Insert(table, on_conflict, rows) => insert_rows(connection, table, *on_conflict, rows),
            Change::Update(table, rows) => update_rows(connection, table, rows),
        }),
    }
}

fn save_at_once(
    connection: &mut PgConnection,
    guard: Option<Guard>,
    changes: &[Change<'_>],
) -> Result<(), StorageError> {
    let (mut updates, mut inserts, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for change in changes.iter().filter(|change| !change.is_empty()) {
        match change {
            Change::Update(table, rows) => {
                updates.push(PostgresUpdate::new(table, rows));
                expected.push((*table, rows.len()));
            }
            Change::Insert(table, on_conflict, rows) => {
                inserts.push(PostgresInsert::new(table, *on_conflict, None, rows));
            }
        }
    }
    if updates.is_empty() && inserts.is_empty() {
        return Ok(());
    }
    let mut changed: Vec<i64> = PostgresSave { updates, inserts, guard }.get_result(connection)?;
    if let Some(guard) = guard {
        guard.check(changed.pop().unwrap_or_default())?;
    }
    expected.into_iter().zip(changed).try_for_each(|((table, expected), changed)| {
        check_count(table, expected, usize::try_from(changed).unwrap_or(0))
    })
}

struct PostgresSave {
    updates: Vec<PostgresUpdate>,
    inserts: Vec<PostgresInsert>,
    guard: Option<Guard>,
}

impl QueryFragment<Pg> for PostgresSave {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut counts = Vec::with_capacity(self.updates.len());
        for (index, update) in self.updates.iter().enumerate() {
            out.push_sql(&format!("{} u{index} AS (", separator(index)));
            update.walk_ast(out.reborrow())?;
            out.push_sql(" RETURNING 1)");
            counts.push(format!("(SELECT count(*) FROM u{index})"));
        }
        for (index, insert) in self.inserts.iter().enumerate() {
            out.push_sql(&format!("{} i{index} AS (", separator(self.updates.len() + index)));
            insert.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        // The counts are made before any part that they don't name, so that what an update frees an insert may take.
        out.push_sql(&format!(" SELECT ARRAY[{}", counts.join(", ")));
        if let Some(guard) = &self.guard {
            let [before, after] = Guard::SELECT;
            out.push_sql(if counts.is_empty() { "(" } else { ", (" });
            out.push_sql(before);
            out.push_bind_param::<Binary, [u8]>(&guard.first)?;
            out.push_sql(after);
            out.push_sql(")");
        }
        out.push_sql("]::bigint[]");
        Ok(())
    }
}

/// What stands before a part, by how many there are before it.
fn separator(before: usize) -> &'static str {
    if before == 0 { "WITH" } else { "," }
}

impl QueryId for PostgresSave {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for PostgresSave {
    type SqlType = Array<BigInt>;
}

impl RunQueryDsl<PgConnection> for PostgresSave {}
