//! API keys and the audit log: single ones and lists.

use chrono::{DateTime, Utc};
use florin_domain::{Actor, AuditAction, AuditEntryId, KeyId};

use super::filter::Filter;
use super::objects::{find, list};
use super::{Listed, Slice, list_by_ids};
use crate::access::{ApiKey, TenantSettings};
use crate::batch::{Lock, Value};
use crate::rows::{AuditEntry, Realm, Stored, load_audit_entries, object_key};
use crate::{AnyConnection, StorageError};

/// Which keys are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyQuery {
    /// Whose.
    pub realm: Realm,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which entries of the audit log are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// Whose.
    pub realm: Realm,
    /// What was done.
    pub action: Option<AuditAction>,
    /// To which object.
    pub object_id: Option<String>,
    /// By whom.
    pub actor: Option<Actor>,
    /// Later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl AuditQuery {
    fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::new("audit_log", self.realm);
        if let Some(action) = self.action {
            filter.add_unindexed("action = ?", vec![Value::text(Some(action.as_str()))]);
        }
        if let Some(object_id) = &self.object_id {
            filter.add("object_id = ?", vec![Value::text(Some(object_id))]);
        }
        if let Some(actor) = self.actor {
            filter.add_unindexed("actor = ?", vec![Value::owned(actor)]);
        }
        filter.add_creation(self.created_after, self.created_before);
        filter
    }
}

/// A part of a list of keys, the revoked and expired ones too.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_api_keys(
    connection: &mut AnyConnection,
    query: &KeyQuery,
    slice: Slice,
) -> Result<Listed<ApiKey>, StorageError> {
    let mut filter = Filter::new("api_keys", query.realm);
    filter.add_creation(query.created_after, query.created_before);
    list(connection, &filter, None, slice)
}

/// A key.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_api_key(
    connection: &mut AnyConnection,
    realm: Realm,
    id: KeyId,
) -> Result<Option<ApiKey>, StorageError> {
    find(connection, realm, id.bytes())
}

/// A tenant's settings in one mode; none when nobody has changed any.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_tenant_settings(
    connection: &mut AnyConnection,
    realm: Realm,
) -> Result<Option<TenantSettings>, StorageError> {
    Ok(TenantSettings::load(connection, Lock::None, &[realm.values().into()])?.pop())
}

/// A part of the audit log.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_audit_log(
    connection: &mut AnyConnection,
    query: &AuditQuery,
    slice: Slice,
) -> Result<Listed<AuditEntry>, StorageError> {
    let filter = query.filter();
    list_by_ids(connection, &filter, None, slice, |connection, ids| {
        let keys: Vec<_> = ids.iter().map(|id| object_key(query.realm, *id)).collect();
        load_audit_entries(connection, &keys)
    })
}

/// An entry of the audit log.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_audit_entry(
    connection: &mut AnyConnection,
    realm: Realm,
    id: AuditEntryId,
) -> Result<Option<AuditEntry>, StorageError> {
    Ok(load_audit_entries(connection, &[object_key(realm, id.bytes())])?.pop())
}
