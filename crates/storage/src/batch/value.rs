//! The few kinds of value that both databases know.

use std::borrow::Cow;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;

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

    /// How many bytes it has in binary form.
    pub(super) fn size(&self) -> usize {
        match self {
            Value::Null => 0,
            Value::Int(_) => 8,
            Value::Bool(_) => 1,
            Value::Text(text) => text.len(),
            Value::Id(id) => id.len(),
            Value::Bytes(bytes) => bytes.len(),
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
