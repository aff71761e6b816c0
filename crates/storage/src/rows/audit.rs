//! Entries of the audit log as rows: they are only ever added.

use std::net::IpAddr;

use diesel::prelude::*;
use florin_domain::{Actor, AuditAction, AuditEntryId};

use super::stored::load_objects;
use super::{REALM, Reader, Realm, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("audit_log");

/// Who did what, to which object, and from where. When is the id's own time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Whose.
    pub realm: Realm,
    /// The entry.
    pub id: AuditEntryId,
    /// What was done.
    pub action: AuditAction,
    /// To which object, by its id as the API writes it.
    pub object_id: String,
    /// By whom.
    pub actor: Actor,
    /// From which address; none on the command line.
    pub address: Option<IpAddr>,
    /// By which request; none on the command line.
    pub request_id: Option<String>,
    /// What else there is to say, as a JSON object.
    pub details: String,
}

/// The table of the audit log.
pub(crate) static AUDIT_LOG: Table = Table {
    name: "audit_log",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("action", Kind::Text),
        ("object_id", Kind::Text),
        ("actor", Kind::Text),
        ("address", Kind::Text),
        ("request_id", Kind::Text),
        ("details", Kind::Text),
    ],
    changing: &[],
};

/// The columns of the audit log, in the order of a row's fields.
pub(crate) const AUDIT_COLUMNS: &str =
    "tenant_id, livemode, id, action, object_id, actor, address, request_id, details";

static BY_ID: Selection = Selection {
    table: "audit_log",
    join: "",
    columns: &[AUDIT_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// A new entry's row.
pub(crate) fn audit_row(entry: &AuditEntry) -> Row<'_> {
    let mut row = object_key(entry.realm, entry.id.bytes());
    row.extend([
        Value::text(Some(entry.action.as_str())),
        Value::text(Some(&entry.object_id)),
        Value::owned(entry.actor),
        entry.address.map_or(Value::Null, Value::owned),
        Value::text(entry.request_id.as_deref()),
        Value::text(Some(&entry.details)),
    ]);
    row
}

/// Loads the entries of these keys.
pub(crate) fn load_audit_entries(
    connection: &mut AnyConnection,
    keys: &[Row<'_>],
) -> Result<Vec<AuditEntry>, StorageError> {
    load_objects::<schema::audit_log::SqlType, AuditRow, _>(connection, &BY_ID, Lock::None, keys)
}

/// A row of the audit log, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct AuditRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    action: String,
    object_id: String,
    actor: String,
    address: Option<String>,
    request_id: Option<String>,
    details: String,
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = StorageError;

    fn try_from(row: AuditRow) -> Result<AuditEntry, StorageError> {
        Ok(AuditEntry {
            realm: IN.realm(&row.tenant_id, row.livemode)?,
            id: IN.id(&row.id, AuditEntryId::from_bytes)?,
            action: IN.parse(&row.action)?,
            object_id: row.object_id,
            actor: IN.parse(&row.actor)?,
            address: IN.parse_opt(row.address.as_deref())?,
            request_id: row.request_id,
            details: row.details,
        })
    }
}
