//! Tenants and API keys.
//!
//! A key is found by the SHA-256 digest of its secret, before anybody knows whose it is; the secret itself is stored
//! nowhere. What is changed of keys and tenants goes with an entry in the audit log, so it is saved by a
//! [`WorkingSet`](crate::WorkingSet); what is here makes tenants and keys by Florin itself, for sandboxes, and finds them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use florin_domain::{Actor, KeyId, TenantId};

use crate::batch::{Change, Kind, OnConflict, Statement, Table, Value, save};
use crate::rows::{
    API_KEYS, JOIN_USES, KEY_COLUMNS, KeyAndUse, KeySqlType, Reader, Realm, Stored, load_key_by_digest,
};
pub use crate::rows::{ApiKey, AuditEntry, TenantSettings};
use crate::schema::tenants;
use crate::{AnyConnection, StorageError};

/// One of those who share an installation, none of whom sees another's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant; its creation time is the id's own.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
}

/// An API key to be stored.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The key.
    pub id: KeyId,
    /// What it opens.
    pub realm: Realm,
    /// What people call it.
    pub name: String,
    /// What it allows, as words without blanks.
    pub scopes: Vec<String>,
    /// Requests a minute, as [`ApiKey::limit_per_minute`].
    pub limit_per_minute: Option<u32>,
    /// Requests a second.
    pub limit_per_second: Option<u32>,
    /// SHA-256 of the secret.
    pub secret_digest: [u8; 32],
    /// The last characters of the secret.
    pub secret_hint: String,
}

impl NewKey {
    /// The key, made by Florin itself, for ever.
    fn as_stored(&self) -> ApiKey {
        ApiKey {
            id: self.id,
            realm: self.realm,
            name: self.name.clone(),
            secret_digest: self.secret_digest,
            secret_hint: self.secret_hint.clone(),
            scopes: self.scopes.clone(),
            limit_per_minute: self.limit_per_minute,
            limit_per_second: self.limit_per_second,
            revoked_at: None,
            expires_at: None,
            rotated_to: None,
            last_used_at: None,
            revision: 1,
            created_by: Actor::System,
            updated_by: Actor::System,
            updated_at: self.id.created_at(),
        }
    }
}

static TENANTS: Table =
    Table { name: "tenants", key: &[("id", Kind::Bytes)], fixed: &[("name", Kind::Text)], changing: &[] };

const TENANT: Reader = Reader("tenants");

/// Stores a new tenant.
///
/// # Errors
/// As the database gives cause: the id is taken, or the name is empty or longer than 200 characters.
pub fn create_tenant(connection: &mut AnyConnection, tenant: &Tenant) -> Result<(), StorageError> {
    insert_tenant(connection, tenant, OnConflict::Fail)
}

/// Stores a tenant unless there is one with its id.
///
/// # Errors
/// As [`create_tenant`].
pub fn ensure_tenant(connection: &mut AnyConnection, tenant: &Tenant) -> Result<(), StorageError> {
    insert_tenant(connection, tenant, OnConflict::Ignore)
}

fn insert_tenant(
    connection: &mut AnyConnection,
    tenant: &Tenant,
    on_conflict: OnConflict,
) -> Result<(), StorageError> {
    let row = vec![Value::Id(tenant.id.bytes()), Value::text(Some(&tenant.name))];
    save(connection, &[Change::Insert(&TENANTS, on_conflict, vec![row])])
}

/// All tenants, oldest first.
///
/// # Errors
/// As the database gives cause.
pub fn list_tenants(connection: &mut AnyConnection) -> Result<Vec<Tenant>, StorageError> {
    let rows: Vec<TenantRow> = tenants::table.order(tenants::id).load(connection)?;
    rows.into_iter().map(Tenant::try_from).collect()
}

/// A tenant.
///
/// # Errors
/// As the database gives cause.
pub fn find_tenant(connection: &mut AnyConnection, id: TenantId) -> Result<Option<Tenant>, StorageError> {
    let row: Option<TenantRow> =
        tenants::table.filter(tenants::id.eq(&id.bytes()[..])).first(connection).optional()?;
    row.map(Tenant::try_from).transpose()
}

/// Stores a new key.
///
/// # Errors
/// As the database gives cause: the id or the secret is taken, or there is no such tenant.
pub fn create_key(connection: &mut AnyConnection, key: &NewKey) -> Result<(), StorageError> {
    insert_key(connection, key, OnConflict::Fail)
}

fn insert_key(
    connection: &mut AnyConnection,
    key: &NewKey,
    on_conflict: OnConflict,
) -> Result<(), StorageError> {
    let key = key.as_stored();
    save(connection, &[Change::Insert(&API_KEYS, on_conflict, vec![key.insert_row()])])
}

/// Stores a key unless there is one with its id or its secret, and gives back the one that the secret opens.
///
/// # Errors
/// As the database gives cause: there is no such tenant, or the id belongs to another secret.
pub fn ensure_key(connection: &mut AnyConnection, key: &NewKey) -> Result<ApiKey, StorageError> {
    insert_key(connection, key, OnConflict::Ignore)?;
    match find_key_by_digest(connection, &key.secret_digest)? {
        Some((found, _)) => Ok(found),
        None => Err(StorageError::Refused(diesel::result::Error::NotFound)),
    }
}

/// A tenant's keys, of test mode first, oldest first; the revoked ones too.
///
/// # Errors
/// As the database gives cause.
pub fn list_keys(connection: &mut AnyConnection, tenant: TenantId) -> Result<Vec<ApiKey>, StorageError> {
    let statement = select_keys()
        .sql(" WHERE api_keys.tenant_id = ")
        .value(Value::Id(tenant.bytes()))
        .sql(" ORDER BY api_keys.livemode, api_keys.id");
    let rows: Vec<KeyAndUse> = statement.load(connection)?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

/// A key by its id, whose tenant an operator need not know.
///
/// # Errors
/// As the database gives cause.
pub fn find_key(connection: &mut AnyConnection, id: KeyId) -> Result<Option<ApiKey>, StorageError> {
    let statement = select_keys().sql(" WHERE api_keys.id = ").value(Value::Id(id.bytes()));
    let rows: Vec<KeyAndUse> = statement.load(connection)?;
    rows.into_iter().next().map(ApiKey::try_from).transpose()
}

fn select_keys<'a>() -> Statement<'a, KeySqlType> {
    Statement::new(format!("SELECT {KEY_COLUMNS} FROM api_keys{JOIN_USES}")).rare()
}

/// Gives a tenant another name, and says whether there is such a tenant.
///
/// # Errors
/// As the database gives cause: the name is empty or longer than 200 characters.
pub fn rename_tenant(connection: &mut AnyConnection, id: TenantId, name: &str) -> Result<bool, StorageError> {
    let renamed = diesel::update(tenants::table)
        .filter(tenants::id.eq(&id.bytes()[..]))
        .set(tenants::name.eq(name))
        .execute(connection)?;
    Ok(renamed > 0)
}

/// The key whose secret has this SHA-256 digest, and the stored digest, which the caller compares in constant time.
/// Revoked keys are found too.
///
/// # Errors
/// As the database gives cause.
pub fn find_key_by_digest(
    connection: &mut AnyConnection,
    digest: &[u8; 32],
) -> Result<Option<(ApiKey, [u8; 32])>, StorageError> {
    let found = load_key_by_digest(connection, digest)?;
    Ok(found.map(|key| {
        let stored = key.secret_digest;
        (key, stored)
    }))
}

/// How often what keys may do has changed: what was read of keys stands as long as this does.
///
/// # Errors
/// As the database gives cause.
pub fn access_generation(connection: &mut AnyConnection) -> Result<i64, StorageError> {
    let found: Vec<i64> =
        Statement::<BigInt>::new("SELECT generation FROM access_generation").load(connection)?;
    found.first().copied().ok_or_else(|| StorageError::corrupt("access_generation", "it has no row"))
}

/// Notes when keys were used last. A later time that stands stays.
///
/// # Errors
/// As the database gives cause.
pub fn note_key_uses(
    connection: &mut AnyConnection,
    uses: &[(Realm, KeyId, DateTime<Utc>)],
) -> Result<(), StorageError> {
    for (realm, id, at) in uses {
        let [tenant, mode] = realm.values();
        Statement::<()>::new(
            "INSERT INTO api_key_uses (tenant_id, livemode, key_id, last_used_at) VALUES (",
        )
        .value(tenant)
        .sql(", ")
        .value(mode)
        .sql(", ")
        .value(Value::Id(id.bytes()))
        .sql(", ")
        .value(Value::Int(at.timestamp_micros()))
        .sql(
            ") ON CONFLICT (tenant_id, livemode, key_id) DO UPDATE SET last_used_at = excluded.last_used_at \
            WHERE excluded.last_used_at > api_key_uses.last_used_at",
        )
        .execute(connection)?;
    }
    Ok(())
}

#[derive(Queryable)]
struct TenantRow {
    id: Vec<u8>,
    name: String,
}

impl TryFrom<TenantRow> for Tenant {
    type Error = StorageError;

    fn try_from(row: TenantRow) -> Result<Tenant, StorageError> {
        Ok(Tenant { id: TENANT.id(&row.id, TenantId::from_bytes)?, name: row.name })
    }
}
