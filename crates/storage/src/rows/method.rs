//! Stored payment methods as rows: a token, and what may be shown.

use diesel::prelude::*;
use florin_domain::{CustomerId, Expiry, Last4, Mode, StoredMethod, StoredMethodId, TenantId};

use super::payment::{metadata, metadata_value};
use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, micros, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::counters::PAYMENT_METHODS;
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("payment_methods");

static TABLE: Table = Table {
    name: "payment_methods",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("customer_id", Kind::Bytes),
        ("type", Kind::Text),
        ("token", Kind::Text),
        ("brand", Kind::Text),
        ("last4", Kind::Text),
        ("exp_year", Kind::Int),
        ("exp_month", Kind::Int),
        ("bank_name", Kind::Text),
        ("metadata", Kind::Text),
        ("created_by", Kind::Text),
        ("processor", Kind::Text),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("event_count", Kind::Int),
        ("detached_at", Kind::Int),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

/// The columns of payment methods, in the order of a row's fields.
pub(crate) const METHOD_COLUMNS: &str = "tenant_id, livemode, id, revision, event_count, customer_id, type, token, brand, last4, exp_year, \
    exp_month, bank_name, metadata, detached_at, created_by, updated_by, updated_at, processor";

static BY_ID: Selection = Selection {
    table: "payment_methods",
    join: "",
    columns: &[METHOD_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// A row of payment methods, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct MethodRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    revision: i64,
    pub(crate) event_count: i64,
    customer_id: Option<Vec<u8>>,
    method_type: String,
    token: String,
    brand: Option<String>,
    last4: Option<String>,
    exp_year: Option<i64>,
    exp_month: Option<i64>,
    bank_name: Option<String>,
    metadata: String,
    detached_at: Option<i64>,
    created_by: String,
    updated_by: String,
    updated_at: i64,
    processor: Option<String>,
}

impl TryFrom<MethodRow> for StoredMethod {
    type Error = StorageError;

    fn try_from(row: MethodRow) -> Result<StoredMethod, StorageError> {
        let expiry = row.exp_year.zip(row.exp_month);
        Ok(StoredMethod {
            id: IN.id(&row.id, StoredMethodId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            customer_id: IN.id_opt(row.customer_id.as_deref(), CustomerId::from_bytes)?,
            method_type: IN.parse(&row.method_type)?,
            token: IN.parse(&row.token)?,
            processor: IN.parse_opt(row.processor.as_deref())?,
            brand: IN.parse_opt(row.brand.as_deref())?,
            last4: row.last4.map(|digits| IN.check(Last4::parse(&digits))).transpose()?,
            expiry: expiry.map(|(year, month)| IN.check(Expiry::new(year, month))).transpose()?,
            bank_name: IN.parse_opt(row.bank_name.as_deref())?,
            metadata: metadata(IN, &row.metadata)?,
            detached_at: IN.time_opt(row.detached_at)?,
            revision: IN.revision(row.revision)?,
            event_count: row.event_count,
            created_by: IN.parse(&row.created_by)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

impl Stored for StoredMethod {
    type Key = (Realm, StoredMethodId);

    const TABLE: &'static Table = &TABLE;

    fn key(&self) -> Self::Key {
        (self.realm(), self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn counter(&self) -> Option<&'static str> {
        self.detached_at.is_none().then_some(PAYMENT_METHODS)
    }

    fn key_values(&self) -> Row<'_> {
        let (realm, id) = self.key();
        object_key(realm, id.bytes())
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::id(self.customer_id.map(CustomerId::bytes)),
            Value::text(Some(self.method_type.as_str())),
            Value::text(Some(self.token.as_str())),
            Value::text(self.brand.as_ref().map(|text| text.as_str())),
            Value::text(self.last4.as_ref().map(Last4::as_str)),
            Value::int(self.expiry.map(|expiry| i64::from(expiry.year()))),
            Value::int(self.expiry.map(|expiry| i64::from(expiry.month()))),
            Value::text(self.bank_name.as_ref().map(|text| text.as_str())),
            metadata_value(&self.metadata),
            Value::owned(self.created_by),
            Value::text(self.processor.as_ref().map(|name| name.as_str())),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            Value::Int(self.event_count),
            micros(self.detached_at),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::payment_methods::SqlType, MethodRow, Self>(connection, &BY_ID, lock, keys)
    }
}
