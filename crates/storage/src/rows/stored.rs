//! What all objects have in common that a batch loads, changes and saves.

use diesel::pg::PgConnection;
use diesel::query_dsl::methods::LoadQuery;
use diesel::sqlite::SqliteConnection;

use crate::batch::{Lock, PostgresLoad, Row, Selection, SqliteLoad, Table, Value, load_rows};
use crate::{AnyConnection, StorageError};

/// An object with a revision, as a row of its table.
pub(crate) trait Stored: Sized {
    /// What it is found by.
    type Key: Copy + Ord;

    /// The table.
    const TABLE: &'static Table;

    /// What it is found by.
    fn key(&self) -> Self::Key;

    /// Counts its changes from 1.
    fn revision(&self) -> i64;

    /// The counter that it counts in, if any.
    fn counter(&self) -> Option<&'static str> {
        None
    }

    /// The values of the key's columns.
    fn key_values(&self) -> Row<'_>;

    /// Adds the values that are set once.
    fn push_fixed<'a>(&'a self, row: &mut Row<'a>);

    /// Adds the values that every change sets.
    fn push_changing<'a>(&'a self, row: &mut Row<'a>);

    /// Loads the objects of these keys.
    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError>;

    /// Its row, when it is new.
    fn insert_row(&self) -> Row<'_> {
        let mut row = self.key_values();
        self.push_fixed(&mut row);
        self.push_changing(&mut row);
        row
    }

    /// Its update, when it was loaded at `expected_revision`.
    fn update_row(&self, expected_revision: i64) -> Row<'_> {
        let mut row = self.key_values();
        row.push(Value::Int(expected_revision));
        self.push_changing(&mut row);
        row
    }
}

/// Loads the rows of a selection as the objects that they are. `ST` is their SQL type, `R` the row.
pub(crate) fn load_objects<ST, R, T>(
    connection: &mut AnyConnection,
    selection: &'static Selection,
    lock: Lock,
    keys: &[Row<'_>],
) -> Result<Vec<T>, StorageError>
where
    T: TryFrom<R, Error = StorageError>,
    for<'q> PostgresLoad<ST>: LoadQuery<'q, PgConnection, R>,
    for<'q> SqliteLoad<'q, ST>: LoadQuery<'q, SqliteConnection, R>,
{
    load_rows::<ST, R>(connection, selection, lock, keys)?.into_iter().map(T::try_from).collect()
}
