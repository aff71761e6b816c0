//! Inserting rows, and claiming those that may exist already.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Binary, Bool};
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::columns::{ColumnArray, push_unnest};
use super::value::push_names;
use super::{Column, Row, Table};
use crate::{AnyConnection, StorageError};

/// What happens to a row whose key exists.
#[derive(Clone, Copy)]
pub(crate) enum OnConflict {
    /// The statement fails.
    Fail,
    /// The row is left out.
    Ignore,
    /// The named column of the existing row grows by the new row's.
    Add(&'static str),
}

/// A key as it is given back.
type InsertedKey = (Vec<u8>, bool, Vec<u8>);

/// Inserts all rows, some at a time.
pub(super) fn insert_rows(
    connection: &mut SqliteConnection,
    table: &'static Table,
    on_conflict: OnConflict,
    rows: &[Row<'_>],
) -> Result<(), StorageError> {
    for group in Groups(rows) {
        SqliteInsert { table, on_conflict, returning: None, rows: group }.execute(connection)?;
    }
    Ok(())
}

/// Inserts those rows whose key is free, and gives back these keys: tenant, mode, and the rest, as `returning` names
/// them.
pub(crate) fn insert_returning_keys(
    connection: &mut AnyConnection,
    table: &'static Table,
    returning: &'static str,
    rows: &[Row<'_>],
) -> Result<Vec<InsertedKey>, StorageError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let (on_conflict, returning) = (OnConflict::Ignore, Some(returning));
    match connection {
        AnyConnection::Postgres(connection) => {
            Ok(PostgresInsert::new(table, on_conflict, returning, rows).load(connection)?)
        }
        AnyConnection::Sqlite(connection) => claim_on_sqlite(connection, table, returning, rows),
    }
}

fn claim_on_sqlite(
    connection: &mut SqliteConnection,
    table: &'static Table,
    returning: Option<&'static str>,
    rows: &[Row<'_>],
) -> Result<Vec<InsertedKey>, StorageError> {
    let mut claimed = Vec::with_capacity(rows.len());
    for group in Groups(rows) {
        let insert = SqliteInsert { table, on_conflict: OnConflict::Ignore, returning, rows: group };
        claimed.extend(insert.load::<InsertedKey>(connection)?);
    }
    Ok(claimed)
}

/// Cuts rows into groups of a few sizes, so that few statements are prepared.
struct Groups<'a>(&'a [Row<'a>]);

impl<'a> Iterator for Groups<'a> {
    type Item = &'a [Row<'a>];

    fn next(&mut self) -> Option<Self::Item> {
        let size = [32, 8, 1].into_iter().find(|size| *size <= self.0.len())?;
        let (group, rest) = self.0.split_at(size);
        self.0 = rest;
        Some(group)
    }
}

impl Table {
    fn insert_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().chain(self.fixed).chain(self.changing)
    }

    fn push_insert_into<DB: diesel::backend::Backend>(&self, out: &mut AstPass<'_, '_, DB>) {
        out.push_sql("INSERT INTO ");
        out.push_sql(self.name);
        out.push_sql(" (");
        push_names(self.insert_columns().map(|column| column.0), "", out);
        out.push_sql(") ");
    }

    fn push_on_conflict<DB: diesel::backend::Backend>(
        &self,
        on_conflict: OnConflict,
        returning: Option<&'static str>,
        out: &mut AstPass<'_, '_, DB>,
    ) {
        match on_conflict {
            OnConflict::Fail => {}
            OnConflict::Ignore => out.push_sql(" ON CONFLICT DO NOTHING"),
            OnConflict::Add(column) => {
                out.push_sql(" ON CONFLICT (");
                push_names(self.key.iter().map(|column| column.0), "", out);
                out.push_sql(") DO UPDATE SET ");
                for text in [column, " = ", self.name, ".", column, " + excluded.", column] {
                    out.push_sql(text);
                }
            }
        }
        if let Some(column) = returning {
            out.push_sql(" RETURNING ");
            out.push_sql(column);
        }
    }
}

pub(super) struct PostgresInsert {
    table: &'static Table,
    on_conflict: OnConflict,
    returning: Option<&'static str>,
    columns: Vec<ColumnArray>,
}

impl PostgresInsert {
    pub(super) fn new(
        table: &'static Table,
        on_conflict: OnConflict,
        returning: Option<&'static str>,
        rows: &[Row<'_>],
    ) -> Self {
        let columns = ColumnArray::transpose(table.insert_columns().map(|column| column.1), rows);
        PostgresInsert { table, on_conflict, returning, columns }
    }
}

impl QueryFragment<Pg> for PostgresInsert {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.table.push_insert_into(&mut out);
        push_unnest(&self.columns, "", [], &mut out)?;
        self.table.push_on_conflict(self.on_conflict, self.returning, &mut out);
        Ok(())
    }
}

struct SqliteInsert<'a> {
    table: &'static Table,
    on_conflict: OnConflict,
    returning: Option<&'static str>,
    rows: &'a [Row<'a>],
}

impl QueryFragment<Sqlite> for SqliteInsert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.table.push_insert_into(&mut out);
        out.push_sql("VALUES ");
        for (index, row) in self.rows.iter().enumerate() {
            out.push_sql(if index == 0 { "(" } else { ", (" });
            for (position, value) in row.iter().enumerate() {
                if position > 0 {
                    out.push_sql(", ");
                }
                value.bind(&mut out)?;
            }
            out.push_sql(")");
        }
        self.table.push_on_conflict(self.on_conflict, self.returning, &mut out);
        Ok(())
    }
}

macro_rules! dynamic_query {
    ($name:ty, $connection:ty) => {
        impl QueryId for $name {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl Query for $name {
            type SqlType = (Binary, Bool, Binary);
        }

        impl RunQueryDsl<$connection> for $name {}
    };
}

dynamic_query!(PostgresInsert, diesel::pg::PgConnection);
dynamic_query!(SqliteInsert<'_>, SqliteConnection);
