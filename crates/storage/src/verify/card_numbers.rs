//! Looking for card numbers in every text that the database holds.
//!
//! The tables are asked for, not listed here, so that none is forgotten. Columns of bytes hold ids, digests and what is
//! encrypted, and are left out.

use std::fmt;

use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Text};
use florin_domain::contains_card_number;

use super::{begin_snapshot, end_snapshot};
use crate::{AnyConnection, StorageError};

/// Stands between the texts of a row when they are looked at together: no text with this character in it becomes another
/// column's, and no number is made of two columns' digits.
const BETWEEN: char = '\u{1f}';

/// Where a card number was found. The number itself is told to nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardNumberFound {
    /// The table.
    pub table: String,
    /// The primary key: its columns as they are, bytes in hexadecimal. Not told where the number is in it.
    pub row: String,
    /// The columns, or all that were searched where one of them holds the character that stands between them.
    pub columns: Vec<String>,
}

impl fmt::Display for CardNumberFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, row {}: a card number in {}", self.table, self.row, self.columns.join(", "))
    }
}

/// How much was looked at, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardNumberSummary {
    /// Tables with columns of text.
    pub tables: u64,
    /// Rows of these tables.
    pub rows: u64,
    /// Rows with a card number.
    pub found: u64,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Bool)]
    is_text: bool,
    #[diesel(sql_type = Bool)]
    is_key: bool,
}

#[derive(QueryableByName)]
struct RowTexts {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    texts: String,
}

const COLUMNS_ON_SQLITE: &str = "SELECT t.name AS table_name, c.name AS column_name, upper(c.type) = 'TEXT' AS is_text, \
    c.pk > 0 AS is_key FROM sqlite_schema t, pragma_table_info(t.name) c \
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid";

const COLUMNS_ON_POSTGRES: &str = "SELECT t.relname::text AS table_name, c.attname::text AS column_name, \
    c.atttypid IN ('text'::regtype, 'varchar'::regtype, 'json'::regtype, 'jsonb'::regtype) AS is_text, \
    coalesce(c.attnum = ANY (k.indkey), false) AS is_key \
    FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped \
    LEFT JOIN pg_index k ON k.indrelid = t.oid AND k.indisprimary \
    WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace ORDER BY t.relname, c.attnum";

/// Searches every column of text, in one snapshot, and reports each row with a card number. Memory does not grow with the
/// database.
///
/// The connection must not be in a transaction. It is given back as it was.
///
/// # Errors
/// As the database gives cause.
pub fn find_card_numbers(
    connection: &mut AnyConnection,
    report: &mut dyn FnMut(CardNumberFound),
) -> Result<CardNumberSummary, StorageError> {
    begin_snapshot(connection)?;
    let searched = search_all(connection, report);
    let ended = end_snapshot(connection);
    let summary = searched?;
    ended?;
    Ok(summary)
}

fn search_all(
    connection: &mut AnyConnection,
    report: &mut dyn FnMut(CardNumberFound),
) -> Result<CardNumberSummary, StorageError> {
    let columns: Vec<Column> = match connection {
        AnyConnection::Postgres(connection) => sql_query(COLUMNS_ON_POSTGRES).load(connection)?,
        AnyConnection::Sqlite(connection) => sql_query(COLUMNS_ON_SQLITE).load(connection)?,
    };
    let mut summary = CardNumberSummary::default();
    for table in columns.chunk_by(|one, other| one.table_name == other.table_name) {
        if table.iter().any(|column| column.is_text) {
            summary.tables += 1;
            search(connection, table, &mut summary, report)?;
        }
    }
    Ok(summary)
}

/// Searches one table, a row at a time.
fn search(
    connection: &mut AnyConnection,
    table: &[Column],
    summary: &mut CardNumberSummary,
    report: &mut dyn FnMut(CardNumberFound),
) -> Result<(), StorageError> {
    let query = sql_query(select(connection, table));
    let mut look_at = |row: RowTexts| {
        summary.rows += 1;
        if contains_card_number(&row.texts) {
            summary.found += 1;
            report(found_in(table, row));
        }
    };
    match connection {
        AnyConnection::Postgres(connection) => {
            for row in query.load_iter::<RowTexts, PgRowByRowLoadingMode>(connection)? {
                look_at(row?);
            }
        }
        AnyConnection::Sqlite(connection) => {
            for row in query.load_iter::<RowTexts, _>(connection)? {
                look_at(row?);
            }
        }
    }
    Ok(())
}

/// Selects each row's key and its texts.
fn select(connection: &AnyConnection, table: &[Column]) -> String {
    let (as_key, as_text, between) = match connection {
        AnyConnection::Postgres(_) => {
            let as_key: fn(&str) -> String = |name| format!("coalesce(\"{name}\"::text, '')");
            (as_key, as_key, format!("chr({})", u32::from(BETWEEN)))
        }
        AnyConnection::Sqlite(_) => {
            let as_key: fn(&str) -> String = |name| {
                format!(
                    "CASE typeof(\"{name}\") WHEN 'blob' THEN hex(\"{name}\") ELSE coalesce(\"{name}\", '') END"
                )
            };
            let as_text: fn(&str) -> String = |name| format!("coalesce(\"{name}\", '')");
            (as_key, as_text, format!("char({})", u32::from(BETWEEN)))
        }
    };
    let key: Vec<_> =
        table.iter().filter(|column| column.is_key).map(|column| as_key(&column.column_name)).collect();
    let texts: Vec<_> = text_columns(table).map(as_text).collect();
    format!(
        "SELECT {} AS key, {} AS texts FROM \"{}\"",
        if key.is_empty() { "''".to_owned() } else { key.join(" || '/' || ") },
        texts.join(&format!(" || {between} || ")),
        table.first().map_or("", |column| &column.table_name),
    )
}

fn text_columns(table: &[Column]) -> impl Iterator<Item = &str> {
    table.iter().filter(|column| column.is_text).map(|column| column.column_name.as_str())
}

fn found_in(table: &[Column], row: RowTexts) -> CardNumberFound {
    let names: Vec<_> = text_columns(table).map(str::to_owned).collect();
    let texts: Vec<_> = row.texts.split(BETWEEN).collect();
    let columns = match texts.len() == names.len() {
        false => names,
        true => names
            .into_iter()
            .zip(texts)
            .filter_map(|(name, text)| contains_card_number(text).then_some(name))
            .collect(),
    };
    let table = table.first().map(|column| column.table_name.clone()).unwrap_or_default();
    let row = match contains_card_number(&row.key) {
        true => "with the number in its key".to_owned(),
        false => row.key.to_lowercase(),
    };
    CardNumberFound { table, row, columns }
}
