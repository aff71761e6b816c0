//! Routes to processor accounts as rows: one per tenant and mode, with all its rules.

use diesel::prelude::*;
use florin_domain::{Mode, ProcessorRoutes, RouteRule, TenantId};

use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("processor_routes");

static TABLE: Table = Table {
    name: "processor_routes",
    key: &REALM,
    fixed: &[],
    changing: &[
        ("revision", Kind::Int),
        ("rules", Kind::Text),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

static BY_REALM: Selection = Selection {
    table: "processor_routes",
    join: "",
    columns: &["tenant_id, livemode, revision, rules, updated_by, updated_at"],
    key: &REALM,
    order: "tenant_id, livemode",
};

/// A row of routes, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct RoutesRow {
    pub(crate) tenant_id: Vec<u8>,
    livemode: bool,
    revision: i64,
    rules: String,
    updated_by: String,
    updated_at: i64,
}

impl TryFrom<RoutesRow> for ProcessorRoutes {
    type Error = StorageError;

    fn try_from(row: RoutesRow) -> Result<ProcessorRoutes, StorageError> {
        let rules: Vec<RouteRule> = IN.check(serde_json::from_str(&row.rules))?;
        Ok(ProcessorRoutes {
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            rules,
            revision: IN.revision(row.revision)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

impl Stored for ProcessorRoutes {
    type Key = Realm;

    const TABLE: &'static Table = &TABLE;

    fn key(&self) -> Self::Key {
        self.realm()
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        self.key().values().to_vec()
    }

    fn push_fixed<'a>(&'a self, _row: &mut Row<'a>) {}

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            Value::owned(serde_json::to_string(&self.rules).unwrap_or_default()),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::processor_routes::SqlType, RoutesRow, Self>(connection, &BY_REALM, lock, keys)
    }
}
