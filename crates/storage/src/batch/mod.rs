//! Many rows in one statement, on both databases.
//!
//! diesel's own statements can't do it over a `MultiConnection`, and would not be cached as prepared ones. On
//! PostgreSQL each statement takes one array per column (`unnest`), so that its text does not depend on the number of
//! rows. On SQLite, where a statement costs microseconds, rows are inserted in a few fixed group sizes and updated and
//! loaded one by one. Nothing here knows what a payment is.

mod columns;
mod insert;
mod load;
mod save;
mod statement;
mod update;
mod value;

pub(crate) use insert::{OnConflict, insert_returning_keys};
pub(crate) use load::{Lock, PostgresLoad, Selection, SqliteLoad, load_rows};
pub(crate) use save::{Change, save, save_guarded};
pub(crate) use statement::Statement;
pub(crate) use value::{Kind, Value};

/// A table, as far as batches care.
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// The columns of its key.
    pub(crate) key: &'static [Column],
    /// The columns that are set once, by the insert.
    pub(crate) fixed: &'static [Column],
    /// The columns that the insert and every update set.
    pub(crate) changing: &'static [Column],
}

/// A column: its name and kind.
pub(crate) type Column = (&'static str, Kind);

/// The values of one row, in the order of the columns.
pub(crate) type Row<'a> = Vec<Value<'a>>;
