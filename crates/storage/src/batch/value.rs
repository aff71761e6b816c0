//! The few kinds of value that both databases know.

use std::borrow::Cow;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::Row;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A 64-bit integer.
    Int,
    /// A truth value.
    Bool,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

/// One value, borrowed where possible.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    /// None.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// Text.
    Text(Cow<'a, str>),
    /// Sixteen bytes, such as an id.
    Id([u8; 16]),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl Kind {
    /// The array type of PostgreSQL for a column of this kind.
    pub(super) const fn array_type(self) -> &'static str {
        match self {
            Kind::Int => "bigint[]",
            Kind::Bool => "boolean[]",
            Kind::Text => "text[]",
            Kind::Bytes => "bytea[]",
        }
    }
}

impl<'a> Value<'a> {
    /// Text, or null.
    pub(crate) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Value::Null, |text| Value::Text(Cow::Borrowed(text)))
    }

    /// Owned text.
    pub(crate) fn owned(text: impl ToString) -> Self {
        Value::Text(Cow::Owned(text.to_string()))
    }

    /// An integer, or null.
    pub(crate) fn int(value: Option<i64>) -> Self {
        value.map_or(Value::Null, Value::Int)
    }

    /// Sixteen bytes, or null.
    pub(crate) fn id(id: Option<[u8; 16]>) -> Self {
        id.map_or(Value::Null, Value::Id)
    }

    fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::Id(_) | Value::Bytes(_) => None,
        }
    }

    fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            Value::Null | Value::Int(_) | Value::Text(_) | Value::Id(_) | Value::Bytes(_) => None,
        }
    }

    fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(value) => Some(value),
            Value::Null | Value::Int(_) | Value::Bool(_) | Value::Id(_) | Value::Bytes(_) => None,
        }
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Id(value) => Some(value),
            Value::Bytes(value) => Some(value),
            Value::Null | Value::Int(_) | Value::Bool(_) | Value::Text(_) => None,
        }
    }
}

macro_rules! bind {
    ($name:ident, $backend:ty, $doc:literal) => {
        #[doc = $doc]
        pub(super) fn $name<'b>(&'b self, out: &mut AstPass<'_, 'b, $backend>) -> QueryResult<()> {
            static NOTHING: Option<i64> = None;
            match self {
                Value::Null => out.push_bind_param::<Nullable<BigInt>, _>(&NOTHING),
                Value::Int(value) => out.push_bind_param::<BigInt, _>(value),
                Value::Bool(value) => out.push_bind_param::<Bool, _>(value),
                Value::Text(value) => out.push_bind_param::<Text, str>(value),
                Value::Id(value) => out.push_bind_param::<Binary, [u8]>(value),
                Value::Bytes(value) => out.push_bind_param::<Binary, [u8]>(value),
            }
        }
    };
}

impl Value<'_> {
    bind!(bind, Sqlite, "Binds the value on SQLite.");
    bind!(bind_on_postgres, Pg, "Binds the value on PostgreSQL, where a null has to be an integer's.");
}

/// One column of many rows, as PostgreSQL takes it.
pub(super) enum ColumnArray<'a> {
    Int(Vec<Option<i64>>),
    Bool(Vec<Option<bool>>),
    Text(Vec<Option<&'a str>>),
    Bytes(Vec<Option<&'a [u8]>>),
}

impl<'a> ColumnArray<'a> {
    /// The values of `rows` at `index`.
    fn new(kind: Kind, rows: &'a [Row<'a>], index: usize) -> Self {
        let values = rows.iter().map(|row| &row[index]);
        match kind {
            Kind::Int => ColumnArray::Int(values.map(Value::as_int).collect()),
            Kind::Bool => ColumnArray::Bool(values.map(Value::as_bool).collect()),
            Kind::Text => ColumnArray::Text(values.map(Value::as_text).collect()),
            Kind::Bytes => ColumnArray::Bytes(values.map(Value::as_bytes).collect()),
        }
    }

    /// Turns rows into columns.
    pub(super) fn transpose(kinds: impl Iterator<Item = Kind>, rows: &'a [Row<'a>]) -> Vec<Self> {
        kinds.enumerate().map(|(index, kind)| ColumnArray::new(kind, rows, index)).collect()
    }

    /// Binds the array.
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            ColumnArray::Int(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(values),
            ColumnArray::Bool(values) => out.push_bind_param::<Array<Nullable<Bool>>, _>(values),
            ColumnArray::Text(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values),
            ColumnArray::Bytes(values) => out.push_bind_param::<Array<Nullable<Binary>>, _>(values),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            ColumnArray::Int(_) => Kind::Int,
            ColumnArray::Bool(_) => Kind::Bool,
            ColumnArray::Text(_) => Kind::Text,
            ColumnArray::Bytes(_) => Kind::Bytes,
        }
    }
}

/// Writes `SELECT unnest($1::bigint[]) AS id, unnest($2::text[]) AS state, …`, where the names are optional.
///
/// In the select list, since `FROM unnest($1, $2, …)` collects each column in a store of its own before the first row.
pub(super) fn push_unnest<'b>(
    columns: &'b [ColumnArray<'b>],
    prefix: &str,
    names: impl IntoIterator<Item = &'static str>,
    out: &mut AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    let mut names = names.into_iter();
    for (index, column) in columns.iter().enumerate() {
        out.push_sql(if index > 0 { ", unnest(" } else { "SELECT unnest(" });
        column.bind(out)?;
        for text in ["::", column.kind().array_type(), ")"] {
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

/// Writes the names, separated by commas, each behind `prefix`.
pub(super) fn push_names<DB: diesel::backend::Backend>(
    names: impl Iterator<Item = &'static str>,
    prefix: &str,
    out: &mut AstPass<'_, '_, DB>,
) {
    for (index, name) in names.enumerate() {
        if index > 0 {
            out.push_sql(", ");
        }
        out.push_sql(prefix);
        out.push_sql(name);
    }
}
