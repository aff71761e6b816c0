//! Updating rows whose revision is still the one that was loaded.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::columns::{ColumnArray, push_unnest};
use super::{Kind, Row, Table};
use crate::StorageError;
use crate::faults::Bug;

/// Sets the updated columns of each row whose `revision` is still the expected one, row by row.
///
/// A row holds the key, the expected revision, and the updated columns.
pub(super) fn update_rows(
    connection: &mut SqliteConnection,
    table: &'static Table,
    rows: &[Row<'_>],
) -> Result<(), StorageError> {
    let mut changed = 0_usize;
    for row in rows {
        changed += SqliteUpdate { table, row }.execute(connection)?;
    }
    check_count(table, rows.len(), changed)
}

/// That as many rows were changed as were to be.
pub(super) fn check_count(table: &Table, expected: usize, changed: usize) -> Result<(), StorageError> {
    if changed == expected {
        Ok(())
    } else {
        Err(StorageError::Conflict { table: table.name, expected, changed })
    }
}

/// The same as [`update_rows`], as a part of one statement for all rows.
pub(super) struct PostgresUpdate {
    table: &'static Table,
    columns: Vec<ColumnArray>,
}

impl PostgresUpdate {
    pub(super) fn new(table: &'static Table, rows: &[Row<'_>]) -> Self {
        let key = table.key.iter().map(|column| column.1);
        let kinds = key.chain([Kind::Int]).chain(table.changing.iter().map(|column| column.1));
        PostgresUpdate { table, columns: ColumnArray::transpose(kinds, rows) }
    }
}

impl QueryFragment<Pg> for PostgresUpdate {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let table = self.table;
        out.push_sql("UPDATE ");
        out.push_sql(table.name);
        out.push_sql(" AS t SET ");
        for (index, (name, _)) in table.changing.iter().enumerate() {
            for text in [if index > 0 { ", " } else { "" }, name, " = v.", name] {
                out.push_sql(text);
            }
        }
        out.push_sql(" FROM (");
        let names = table.key.iter().map(|column| column.0).chain(["expected_revision"]);
        push_unnest(&self.columns, "", names.chain(table.changing.iter().map(|column| column.0)), &mut out)?;
        let expected = if Bug::LostUpdate.is_planted() { "true" } else { "t.revision = v.expected_revision" };
        [") AS v WHERE ", expected].iter().for_each(|text| out.push_sql(text));
        for (name, _) in table.key {
            for text in [" AND t.", name, " = v.", name] {
                out.push_sql(text);
            }
        }
        Ok(())
    }
}

struct SqliteUpdate<'a> {
    table: &'static Table,
    row: &'a Row<'a>,
}

impl QueryFragment<Sqlite> for SqliteUpdate<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let table = self.table;
        let (key, rest) = self.row.split_at(table.key.len());
        out.push_sql("UPDATE ");
        out.push_sql(table.name);
        out.push_sql(" SET ");
        for (index, ((name, _), value)) in table.changing.iter().zip(&rest[1..]).enumerate() {
            out.push_sql(if index > 0 { ", " } else { "" });
            out.push_sql(name);
            out.push_sql(" = ");
            value.bind(&mut out)?;
        }
        out.push_sql(" WHERE revision = ");
        rest[0].bind(&mut out)?;
        for ((name, _), value) in table.key.iter().zip(key) {
            out.push_sql(" AND ");
            out.push_sql(name);
            out.push_sql(" = ");
            value.bind(&mut out)?;
        }
        Ok(())
    }
}

impl QueryId for SqliteUpdate<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<SqliteConnection> for SqliteUpdate<'_> {}
