//! Any other statement, put together from pieces of SQL and values.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::Value;
use crate::{AnyConnection, StorageError};

enum Piece<'a> {
    Sql(Cow<'static, str>),
    Value(Value<'a>),
}

/// A statement that both databases understand. `ST` is the SQL type of its rows.
pub(crate) struct Statement<'a, ST = ()> {
    pieces: Vec<Piece<'a>>,
    prepared_once: bool,
    sql_type: PhantomData<ST>,
}

impl<'a, ST> Statement<'a, ST> {
    /// A statement that begins like this.
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        let pieces = vec![Piece::Sql(sql.into())];
        Statement { pieces, prepared_once: true, sql_type: PhantomData }
    }

    /// Goes on with SQL. Never text that a caller of Florin chose: that is a value.
    pub(crate) fn sql(mut self, sql: impl Into<Cow<'static, str>>) -> Self {
        self.pieces.push(Piece::Sql(sql.into()));
        self
    }

    /// Goes on with a value.
    pub(crate) fn value(mut self, value: Value<'a>) -> Self {
        self.pieces.push(Piece::Value(value));
        self
    }

    /// The statement is not kept prepared: for texts of which there are too many.
    pub(crate) fn rare(mut self) -> Self {
        self.prepared_once = false;
        self
    }

    /// The same with rows of another type.
    #[cfg(test)]
    pub(crate) fn typed<T>(self) -> Statement<'a, T> {
        Statement { pieces: self.pieces, prepared_once: self.prepared_once, sql_type: PhantomData }
    }

    /// Loads its rows.
    pub(crate) fn load<R>(self, connection: &mut AnyConnection) -> Result<Vec<R>, StorageError>
    where
        Self: LoadQuery<'a, PgConnection, R> + LoadQuery<'a, SqliteConnection, R>,
    {
        Ok(match connection {
            AnyConnection::Postgres(connection) => RunQueryDsl::load(self, connection)?,
            AnyConnection::Sqlite(connection) => RunQueryDsl::load(self, connection)?,
        })
    }
}

impl Statement<'_> {
    /// Runs it, and says how many rows it changed.
    pub(crate) fn execute(self, connection: &mut AnyConnection) -> Result<usize, StorageError> {
        Ok(match connection {
            AnyConnection::Postgres(connection) => RunQueryDsl::execute(self, connection)?,
            AnyConnection::Sqlite(connection) => RunQueryDsl::execute(self, connection)?,
        })
    }
}

macro_rules! query_fragment {
    ($backend:ty, $connection:ty, $bind:ident) => {
        impl<ST> QueryFragment<$backend> for Statement<'_, ST> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                if !self.prepared_once {
                    out.unsafe_to_cache_prepared();
                }
                for piece in &self.pieces {
                    match piece {
                        Piece::Sql(sql) => out.push_sql(sql),
                        Piece::Value(value) => value.$bind(&mut out)?,
                    }
                }
                Ok(())
            }
        }

        impl<ST> RunQueryDsl<$connection> for Statement<'_, ST> {}
    };
}

query_fragment!(Pg, PgConnection, bind_on_postgres);
query_fragment!(Sqlite, SqliteConnection, bind);

impl<ST> QueryId for Statement<'_, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Statement<'_, ST> {
    type SqlType = ST;
}
