//! Customers as rows.

use diesel::prelude::*;
use florin_domain::{Customer, CustomerId, Mode, TenantId};

use super::payment::{metadata, metadata_value};
use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::counters::CUSTOMERS;
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("customers");

static TABLE: Table = Table {
    name: "customers",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[("created_by", Kind::Text)],
    changing: &[
        ("revision", Kind::Int),
        ("name", Kind::Text),
        ("email", Kind::Text),
        ("external_id", Kind::Text),
        ("metadata", Kind::Text),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

/// The columns of customers, in the order of a row's fields.
pub(crate) const CUSTOMER_COLUMNS: &str = "tenant_id, livemode, id, revision, name, email, external_id, metadata, created_by, updated_by, updated_at";

static BY_ID: Selection = Selection {
    table: "customers",
    join: "",
    columns: &[CUSTOMER_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

static BY_EXTERNAL_ID: Selection = Selection {
    table: "customers",
    join: "",
    columns: &[CUSTOMER_COLUMNS],
    key: &[REALM[0], REALM[1], ("external_id", Kind::Text)],
    order: "tenant_id, livemode, external_id",
};

/// Loads the customers that have these external ids.
pub(crate) fn load_customers_by_external_id(
    connection: &mut AnyConnection,
    keys: &[Row<'_>],
) -> Result<Vec<Customer>, StorageError> {
    load_objects::<schema::customers::SqlType, CustomerRow, _>(connection, &BY_EXTERNAL_ID, Lock::None, keys)
}

/// A row of customers, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct CustomerRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    revision: i64,
    name: Option<String>,
    email: Option<String>,
    external_id: Option<String>,
    metadata: String,
    created_by: String,
    updated_by: String,
    updated_at: i64,
}

impl TryFrom<CustomerRow> for Customer {
    type Error = StorageError;

    fn try_from(row: CustomerRow) -> Result<Customer, StorageError> {
        Ok(Customer {
            id: IN.id(&row.id, CustomerId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            name: IN.parse_opt(row.name.as_deref())?,
            email: IN.parse_opt(row.email.as_deref())?,
            external_id: IN.parse_opt(row.external_id.as_deref())?,
            metadata: metadata(IN, &row.metadata)?,
            revision: IN.revision(row.revision)?,
            created_by: IN.parse(&row.created_by)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

impl Stored for Customer {
    type Key = (Realm, CustomerId);

    const TABLE: &'static Table = &TABLE;

    fn key(&self) -> Self::Key {
        (self.realm(), self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn counter(&self) -> Option<&'static str> {
        Some(CUSTOMERS)
    }

    fn key_values(&self) -> Row<'_> {
        let (realm, id) = self.key();
        object_key(realm, id.bytes())
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        row.push(Value::owned(self.created_by));
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            Value::text(self.name.as_ref().map(|text| text.as_str())),
            Value::text(self.email.as_ref().map(|text| text.as_str())),
            Value::text(self.external_id.as_ref().map(|text| text.as_str())),
            metadata_value(&self.metadata),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::customers::SqlType, CustomerRow, Self>(connection, &BY_ID, lock, keys)
    }
}
