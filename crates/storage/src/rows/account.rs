//! Processor accounts as rows. Their credentials come and go encrypted.

use diesel::prelude::*;
use florin_domain::{
    AccountPosition, Mode, ProcessorAccount, ProcessorAccountId, SealedCredentials, TenantId,
};

use super::payment::{metadata, metadata_value};
use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("processor_accounts");

static TABLE: Table = Table {
    name: "processor_accounts",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[("name", Kind::Text), ("connector", Kind::Text), ("created_by", Kind::Text)],
    changing: &[
        ("revision", Kind::Int),
        ("settings", Kind::Text),
        ("credentials_key", Kind::Text),
        ("credentials", Kind::Bytes),
        ("credentials_changed_at", Kind::Int),
        ("enabled", Kind::Bool),
        ("position", Kind::Int),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

const COLUMNS: &str = "tenant_id, livemode, id, revision, name, connector, settings, credentials_key, credentials, \
    credentials_changed_at, enabled, position, created_by, updated_by, updated_at";

static BY_ID: Selection = Selection {
    table: "processor_accounts",
    join: "",
    columns: &[COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// All accounts of a realm.
static BY_REALM: Selection = Selection {
    table: "processor_accounts",
    join: "",
    columns: &[COLUMNS],
    key: &REALM,
    order: "tenant_id, livemode, id",
};

/// A row of processor accounts, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct AccountRow {
    tenant_id: Vec<u8>,
    livemode: bool,
    pub(crate) id: Vec<u8>,
    revision: i64,
    name: String,
    connector: String,
    settings: String,
    credentials_key: String,
    credentials: Vec<u8>,
    credentials_changed_at: i64,
    enabled: bool,
    position: i64,
    created_by: String,
    updated_by: String,
    updated_at: i64,
}

impl TryFrom<AccountRow> for ProcessorAccount {
    type Error = StorageError;

    fn try_from(row: AccountRow) -> Result<ProcessorAccount, StorageError> {
        Ok(ProcessorAccount {
            id: IN.id(&row.id, ProcessorAccountId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            name: IN.parse(&row.name)?,
            connector: IN.parse(&row.connector)?,
            settings: metadata(IN, &row.settings)?,
            credentials: SealedCredentials { key_id: row.credentials_key, bytes: row.credentials },
            credentials_changed_at: IN.time(row.credentials_changed_at)?,
            enabled: row.enabled,
            position: IN.check(AccountPosition::new(row.position))?,
            revision: IN.revision(row.revision)?,
            created_by: IN.parse(&row.created_by)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

impl Stored for ProcessorAccount {
    type Key = (Realm, ProcessorAccountId);

    const TABLE: &'static Table = &TABLE;

    fn key(&self) -> Self::Key {
        (self.realm(), self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        let (realm, id) = self.key();
        object_key(realm, id.bytes())
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::text(Some(self.name.as_str())),
            Value::text(Some(self.connector.as_str())),
            Value::owned(self.created_by),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            metadata_value(&self.settings),
            Value::text(Some(self.credentials.key_id.as_str())),
            Value::Bytes(&self.credentials.bytes),
            Value::Int(self.credentials_changed_at.timestamp_micros()),
            Value::Bool(self.enabled),
            Value::Int(self.position.number()),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::processor_accounts::SqlType, AccountRow, Self>(connection, &BY_ID, lock, keys)
    }
}

/// All processor accounts of these realms, oldest first in each.
pub(crate) fn load_accounts_of(
    connection: &mut AnyConnection,
    lock: Lock,
    realms: &[Row<'_>],
) -> Result<Vec<ProcessorAccount>, StorageError> {
    load_objects::<schema::processor_accounts::SqlType, AccountRow, ProcessorAccount>(
        connection, &BY_REALM, lock, realms,
    )
}
