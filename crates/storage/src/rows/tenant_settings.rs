//! What a tenant takes and how often it may ask, per mode, as rows. A realm without a row has the server's settings.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use florin_domain::{Actor, Currency};

use super::stored::{Stored, load_objects};
use super::{REALM, Reader, Realm};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("tenant_settings");

/// A tenant's settings in one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSettings {
    /// Whose, and in which mode.
    pub realm: Realm,
    /// The currencies it takes, in order; none for all there are.
    pub currencies: Option<Vec<Currency>>,
    /// Requests a minute for each of its keys: `Some(0)` for any number, `None` for the server's own limit.
    pub limit_per_minute: Option<u32>,
    /// Requests a second, in the same terms.
    pub limit_per_second: Option<u32>,
    /// Counts its changes from 1.
    pub revision: i64,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

static TABLE: Table = Table {
    name: "tenant_settings",
    key: &REALM,
    fixed: &[],
    changing: &[
        ("revision", Kind::Int),
        ("currencies", Kind::Text),
        ("limit_per_minute", Kind::Int),
        ("limit_per_second", Kind::Int),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

static BY_REALM: Selection = Selection {
    table: "tenant_settings",
    join: "",
    columns: &[
        "tenant_id, livemode, revision, currencies, limit_per_minute, limit_per_second, updated_by, updated_at",
    ],
    key: &REALM,
    order: "tenant_id, livemode",
};

/// A row of tenants' settings, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct TenantSettingsRow {
    tenant_id: Vec<u8>,
    livemode: bool,
    revision: i64,
    currencies: Option<String>,
    limit_per_minute: Option<i64>,
    limit_per_second: Option<i64>,
    updated_by: String,
    updated_at: i64,
}

impl TryFrom<TenantSettingsRow> for TenantSettings {
    type Error = StorageError;

    fn try_from(row: TenantSettingsRow) -> Result<TenantSettings, StorageError> {
        let codes = |text: String| text.split_whitespace().map(|code| IN.parse(code)).collect();
        Ok(TenantSettings {
            realm: IN.realm(&row.tenant_id, row.livemode)?,
            currencies: row.currencies.map(codes).transpose()?,
            limit_per_minute: row.limit_per_minute.map(|limit| IN.count(limit)).transpose()?,
            limit_per_second: row.limit_per_second.map(|limit| IN.count(limit)).transpose()?,
            revision: IN.revision(row.revision)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

impl Stored for TenantSettings {
    type Key = Realm;

    const TABLE: &'static Table = &TABLE;

    fn key(&self) -> Self::Key {
        self.realm
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        self.realm.values().into()
    }

    fn push_fixed<'a>(&'a self, _row: &mut Row<'a>) {}

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        let codes = |currencies: &Vec<Currency>| {
            Value::owned(currencies.iter().map(|currency| currency.code()).collect::<Vec<_>>().join(" "))
        };
        row.extend([
            Value::Int(self.revision),
            self.currencies.as_ref().map_or(Value::Null, codes),
            Value::int(self.limit_per_minute.map(i64::from)),
            Value::int(self.limit_per_second.map(i64::from)),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::tenant_settings::SqlType, TenantSettingsRow, Self>(
            connection, &BY_REALM, lock, keys,
        )
    }
}
