//! Rows turned into columns, each of them one array in PostgreSQL's binary form.
//!
//! The form is written here rather than by diesel, which writes each element twice into a buffer that grows as it does.
//! A column without any value, of which a payment has twenty, is an empty array: `unnest` of it gives nulls for as long
//! as another column of the same statement has values, and neither side has anything to do for it.

use std::io::Write as _;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Array, BigInt, Binary, Bool, HasSqlType, Nullable, SqlType, Text, is_nullable};

use super::{Kind, Row, Value};

/// One column of many rows.
#[derive(Debug)]
pub(super) struct ColumnArray {
    kind: Kind,
    encoded: Vec<u8>,
}

impl Kind {
    /// The array type of PostgreSQL for a column of this kind.
    const fn array_type(self) -> &'static str {
        match self {
            Kind::Int => "bigint[]",
            Kind::Bool => "boolean[]",
            Kind::Text => "text[]",
            Kind::Bytes => "bytea[]",
        }
    }

    /// What PostgreSQL calls the type of an element; the numbers of its own types never change.
    const fn element_oid(self) -> u32 {
        match self {
            Kind::Int => 20,
            Kind::Bool => 16,
            Kind::Text => 25,
            Kind::Bytes => 17,
        }
    }

    /// The value in binary form, in a column of this kind; none for null.
    fn encode<'v>(self, value: &'v Value<'_>, fixed: &'v mut [u8; 8]) -> Option<&'v [u8]> {
        match (self, value) {
            (Kind::Int, Value::Int(value)) => {
                *fixed = value.to_be_bytes();
                Some(fixed)
            }
            (Kind::Bool, Value::Bool(value)) => {
                fixed[0] = u8::from(*value);
                Some(&fixed[..1])
            }
            (Kind::Text, Value::Text(value)) => Some(value.as_bytes()),
            (Kind::Bytes, Value::Id(value)) => Some(value),
            (Kind::Bytes, Value::Bytes(value)) => Some(value),
            (Kind::Int | Kind::Bool | Kind::Text | Kind::Bytes, other) => {
                debug_assert!(matches!(other, Value::Null), "{other:?} in a column of {self:?}");
                None
            }
        }
    }
}

impl ColumnArray {
    /// Turns rows into columns.
    pub(super) fn transpose(kinds: impl Iterator<Item = Kind>, rows: &[Row<'_>]) -> Vec<Self> {
        kinds.enumerate().map(|(index, kind)| ColumnArray::new(kind, rows, index)).collect()
    }

    /// The values of `rows` at `index`.
    fn new(kind: Kind, rows: &[Row<'_>], index: usize) -> Self {
        let values = || rows.iter().map(|row| &row[index]);
        if values().all(|value| matches!(value, Value::Null)) {
            return ColumnArray { kind, encoded: header(kind, NO_DIMENSION) };
        }
        let mut encoded = header(kind, ONE_DIMENSION);
        encoded.reserve_exact(8 + values().map(|value| 4 + value.size()).sum::<usize>());
        encoded.extend(length(rows.len()));
        encoded.extend(FIRST_INDEX.to_be_bytes());
        for value in values() {
            match kind.encode(value, &mut [0; 8]) {
                Some(value) => {
                    encoded.extend(length(value.len()));
                    encoded.extend_from_slice(value);
                }
                None => encoded.extend(NULL.to_be_bytes()),
            }
        }
        ColumnArray { kind, encoded }
    }

    /// Binds the array.
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self.kind {
            Kind::Int => out.push_bind_param::<Array<Nullable<BigInt>>, _>(self),
            Kind::Bool => out.push_bind_param::<Array<Nullable<Bool>>, _>(self),
            Kind::Text => out.push_bind_param::<Array<Nullable<Text>>, _>(self),
            Kind::Bytes => out.push_bind_param::<Array<Nullable<Binary>>, _>(self),
        }
    }
}

// What PostgreSQL's `array_recv` reads: dimensions, whether there are nulls, the elements' type; for each dimension its
// length and first index; then each element's length, which is -1 for null, and bytes.
const NO_DIMENSION: i32 = 0;
const ONE_DIMENSION: i32 = 1;
const FIRST_INDEX: i32 = 1;
const NULL: i32 = -1;

/// The beginning of an array. Whether there are nulls PostgreSQL sees for itself.
fn header(kind: Kind, dimensions: i32) -> Vec<u8> {
    let mut header = Vec::with_capacity(12);
    header.extend(dimensions.to_be_bytes());
    header.extend(0_i32.to_be_bytes());
    header.extend(kind.element_oid().to_be_bytes());
    header
}

/// A number of elements or bytes.
fn length(number: usize) -> [u8; 4] {
    let number = i32::try_from(number).expect("256 rows of 64 KiB each are far from 2 GiB");
    number.to_be_bytes()
}

impl<ST> ToSql<Array<Nullable<ST>>, Pg> for ColumnArray
where
    Pg: HasSqlType<ST>,
    ST: SqlType<IsNull = is_nullable::NotNull>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.encoded)?;
        Ok(IsNull::No)
    }
}

/// Writes `SELECT unnest($1::bigint[]) AS id, unnest($2::text[]) AS state, …`, where the names are optional.
///
/// In the select list, since `FROM unnest($1, $2, …)` collects each column in a store of its own before the first row.
pub(super) fn push_unnest<'b>(
    columns: &'b [ColumnArray],
    prefix: &str,
    names: impl IntoIterator<Item = &'static str>,
    out: &mut AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    let mut names = names.into_iter();
    for (index, column) in columns.iter().enumerate() {
        out.push_sql(if index > 0 { ", unnest(" } else { "SELECT unnest(" });
        column.bind(out)?;
        for text in ["::", column.kind.array_type(), ")"] {
            out.push_sql(text);
        }
        if let Some(name) = names.next() {
            for text in [" AS ", prefix, name] {
                out.push_sql(text);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::AnyConnection;
    use crate::batch::{Change, OnConflict, Statement, Table, save};
    use crate::plans::on_each_schema;

    static SAMPLES: Table = Table {
        name: "samples",
        key: &[("id", Kind::Bytes)],
        fixed: &[("number", Kind::Int), ("truth", Kind::Bool), ("words", Kind::Text)],
        changing: &[("revision", Kind::Int), ("bytes", Kind::Bytes), ("rest", Kind::Text)],
    };

    type SqlType = (
        Nullable<Binary>,
        Nullable<BigInt>,
        Nullable<Bool>,
        Nullable<Text>,
        Nullable<BigInt>,
        Nullable<Binary>,
        Nullable<Text>,
    );
    type Sample = (
        Option<Vec<u8>>,
        Option<i64>,
        Option<bool>,
        Option<String>,
        Option<i64>,
        Option<Vec<u8>>,
        Option<String>,
    );

    fn stored(connection: &mut AnyConnection) -> Vec<Sample> {
        let select = "SELECT id, number, truth, words, revision, bytes, rest FROM samples ORDER BY id";
        Statement::<SqlType>::new(select).load(connection).unwrap()
    }

    #[test]
    fn values_and_nulls_of_each_kind_arrive_as_they_were_sent_also_where_a_column_has_none() {
        on_each_schema(|connection| {
            let types = match connection {
                AnyConnection::Postgres(_) => ["BYTEA", "BIGINT", "BOOLEAN"],
                AnyConnection::Sqlite(_) => ["BLOB", "INTEGER", "INTEGER"],
            };
            let [bytes, int, truth] = types;
            connection
                .batch_execute(&format!(
                    "CREATE TABLE samples (id {bytes}, number {int}, truth {truth}, words TEXT, revision {int}, \
                     bytes {bytes}, rest TEXT)"
                ))
                .unwrap();
            let text = |text: &'static str| Value::Text(Cow::Borrowed(text));
            let row = |id: u8, rest: [Value<'static>; 6]| [vec![Value::Id([id; 16])], rest.to_vec()].concat();
            let one = Value::Int(1);
            let rows = vec![
                row(
                    1,
                    [
                        Value::Int(i64::MIN),
                        Value::Bool(true),
                        text(""),
                        one.clone(),
                        Value::Null,
                        Value::Null,
                    ],
                ),
                row(2, [Value::Null, Value::Null, Value::Null, one.clone(), Value::Bytes(&[]), Value::Null]),
                row(
                    3,
                    [
                        Value::Int(-1),
                        Value::Bool(false),
                        text("zwölf „Ж“"),
                        one,
                        Value::Bytes(&[0, 255]),
                        Value::Null,
                    ],
                ),
            ];
            save(connection, &[Change::Insert(&SAMPLES, OnConflict::Fail, rows)]).unwrap();
            let id = |id: u8| Some(vec![id; 16]);
            let words = Some("zwölf „Ж“".to_owned());
            let expected: Vec<Sample> = vec![
                (id(1), Some(i64::MIN), Some(true), Some(String::new()), Some(1), None, None),
                (id(2), None, None, None, Some(1), Some(vec![]), None),
                (id(3), Some(-1), Some(false), words.clone(), Some(1), Some(vec![0, 255]), None),
            ];
            assert_eq!(stored(connection), expected);
            // By an update: what had a value has none now, and the other way round.
            let change = |id: u8, nothing| {
                vec![Value::Id([id; 16]), Value::Int(1), Value::Int(2), Value::Null, nothing]
            };
            let rows = vec![change(1, text("something")), change(3, Value::Null)];
            save(connection, &[Change::Update(&SAMPLES, rows)]).unwrap();
            let something = Some("something".to_owned());
            let expected: Vec<Sample> = vec![
                (id(1), Some(i64::MIN), Some(true), Some(String::new()), Some(2), None, something),
                (id(2), None, None, None, Some(1), Some(vec![]), None),
                (id(3), Some(-1), Some(false), words, Some(2), None, None),
            ];
            assert_eq!(stored(connection), expected);
        });
    }
}
