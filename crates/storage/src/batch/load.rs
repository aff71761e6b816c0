//! Loading rows by their keys.

use std::marker::PhantomData;

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::columns::{ColumnArray, push_unnest};
use super::{Column, Row};
use crate::faults::Bug;
use crate::{AnyConnection, StorageError};

/// Whether loaded rows are locked until the transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Read only.
    None,
    /// `FOR NO KEY UPDATE` on PostgreSQL; `FOR UPDATE` would block foreign-key inserts. SQLite has one writer anyway.
    NoKeyUpdate,
}

/// Which rows of which table, and in what order.
pub(crate) struct Selection {
    /// The table.
    pub(crate) table: &'static str,
    /// What is joined to it; nothing mostly.
    pub(crate) join: &'static str,
    /// The columns to load, in the order of the row's fields.
    pub(crate) columns: &'static [&'static str],
    /// The columns that the keys give.
    pub(crate) key: &'static [Column],
    /// The order: also the order in which rows are locked, so that two writers can't deadlock.
    pub(crate) order: &'static str,
}

impl Selection {
    fn push_select<DB: diesel::backend::Backend>(&self, out: &mut AstPass<'_, '_, DB>) {
        for (index, columns) in self.columns.iter().enumerate() {
            out.push_sql(if index > 0 { ", " } else { "SELECT " });
            out.push_sql(columns);
        }
        for text in [" FROM ", self.table, self.join] {
            out.push_sql(text);
        }
    }
}

/// Loads the rows that `keys` name. `ST` is the SQL type of `selection.columns`.
pub(crate) fn load_rows<ST, R>(
    connection: &mut AnyConnection,
    selection: &'static Selection,
    lock: Lock,
    keys: &[Row<'_>],
) -> Result<Vec<R>, StorageError>
where
    for<'q> PostgresLoad<ST>: LoadQuery<'q, PgConnection, R>,
    for<'q> SqliteLoad<'q, ST>: LoadQuery<'q, SqliteConnection, R>,
{
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    match connection {
        AnyConnection::Postgres(connection) => {
            let keys = ColumnArray::transpose(selection.key.iter().map(|column| column.1), keys);
            Ok(PostgresLoad { selection, lock, keys, sql_type: PhantomData }.load(connection)?)
        }
        AnyConnection::Sqlite(connection) => {
            let mut rows = Vec::with_capacity(keys.len());
            for key in keys {
                let query = SqliteLoad { selection, key, sql_type: PhantomData };
                for row in query.internal_load(connection)? {
                    rows.push(row?);
                }
            }
            Ok(rows)
        }
    }
}

pub(crate) struct PostgresLoad<ST> {
    selection: &'static Selection,
    lock: Lock,
    keys: Vec<ColumnArray>,
    sql_type: PhantomData<ST>,
}

impl<ST> QueryFragment<Pg> for PostgresLoad<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let selection = self.selection;
        selection.push_select(&mut out);
        out.push_sql(" JOIN (");
        push_unnest(&self.keys, "k_", selection.key.iter().map(|column| column.0), &mut out)?;
        out.push_sql(") AS k ON ");
        for (index, (name, _)) in selection.key.iter().enumerate() {
            for text in [if index > 0 { " AND " } else { "" }, selection.table, ".", name, " = k_", name] {
                out.push_sql(text);
            }
        }
        out.push_sql(" ORDER BY ");
        out.push_sql(selection.order);
        if self.lock == Lock::NoKeyUpdate && !Bug::LostUpdate.is_planted() {
            let strength = if Bug::RepeatableRead.is_planted() { "UPDATE" } else { "NO KEY UPDATE" };
            [" FOR ", strength, " OF "].iter().for_each(|text| out.push_sql(text));
            out.push_sql(selection.table);
        }
        Ok(())
    }
}

pub(crate) struct SqliteLoad<'a, ST> {
    selection: &'static Selection,
    key: &'a Row<'a>,
    sql_type: PhantomData<ST>,
}

impl<ST> QueryFragment<Sqlite> for SqliteLoad<'_, ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let selection = self.selection;
        selection.push_select(&mut out);
        out.push_sql(" WHERE ");
        for (index, ((name, _), value)) in selection.key.iter().zip(self.key).enumerate() {
            for text in [if index > 0 { " AND " } else { "" }, selection.table, ".", name, " = "] {
                out.push_sql(text);
            }
            value.bind(&mut out)?;
        }
        out.push_sql(" ORDER BY ");
        out.push_sql(selection.order);
        Ok(())
    }
}

impl<ST> QueryId for PostgresLoad<ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> QueryId for SqliteLoad<'_, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for PostgresLoad<ST> {
    type SqlType = ST;
}

impl<ST> Query for SqliteLoad<'_, ST> {
    type SqlType = ST;
}

impl<ST> RunQueryDsl<PgConnection> for PostgresLoad<ST> {}
impl<ST> RunQueryDsl<SqliteConnection> for SqliteLoad<'_, ST> {}
