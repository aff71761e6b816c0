//! Tenants and API keys.
//!
//! A key is found by the SHA-256 digest of its secret, before anybody knows whose it is; the secret itself is stored
//! nowhere.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use florin_domain::{KeyId, Mode, TenantId};

use crate::batch::{Change, Kind, Lock, OnConflict, Row, Selection, Table, Value, load_rows, save};
use crate::rows::{REALM, Reader, Realm};
use crate::schema::{api_keys, tenants};
use crate::{AnyConnection, StorageError};

/// One of those who share an installation, none of whom sees another's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant; its creation time is the id's own.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The key; its creation time is the id's own.
    pub id: KeyId,
    /// What it opens.
    pub realm: Realm,
    /// What people call it.
    pub name: String,
    /// The last characters of the secret, by which people recognize it.
    pub secret_hint: String,
    /// What it allows, as words.
    pub scopes: Vec<String>,
    /// Requests a minute: `Some(0)` for any number, `None` for the server's own limit.
    pub limit_per_minute: Option<u32>,
    /// Requests a second, in the same terms.
    pub limit_per_second: Option<u32>,
    /// Since when it opens nothing any more.
    pub revoked_at: Option<DateTime<Utc>>,
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

static TENANTS: Table =
    Table { name: "tenants", key: &[("id", Kind::Bytes)], fixed: &[("name", Kind::Text)], changing: &[] };

static API_KEYS: Table = Table {
    name: "api_keys",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("secret_digest", Kind::Bytes),
        ("secret_hint", Kind::Text),
        ("name", Kind::Text),
        ("scopes", Kind::Text),
        ("limit_per_minute", Kind::Int),
        ("limit_per_second", Kind::Int),
    ],
    changing: &[],
};

static KEYS_BY_SECRET: Selection = Selection {
    table: "api_keys",
    join: "",
    columns: &[
        "tenant_id, livemode, id, secret_digest, secret_hint, name, scopes, limit_per_minute, limit_per_second, \
        revoked_at",
    ],
    key: &[("secret_digest", Kind::Bytes)],
    order: "secret_digest",
};

const TENANT: Reader = Reader("tenants");
const KEY: Reader = Reader("api_keys");

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
    let scopes = key.scopes.join(" ");
    save(connection, &[Change::Insert(&API_KEYS, on_conflict, vec![key_row(key, &scopes)])])
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

fn key_row<'a>(key: &'a NewKey, scopes: &'a str) -> Row<'a> {
    let [tenant, mode] = key.realm.values();
    vec![
        tenant,
        mode,
        Value::Id(key.id.bytes()),
        Value::Bytes(&key.secret_digest),
        Value::text(Some(&key.secret_hint)),
        Value::text(Some(&key.name)),
        Value::text(Some(scopes)),
        Value::int(key.limit_per_minute.map(i64::from)),
        Value::int(key.limit_per_second.map(i64::from)),
    ]
}

/// A tenant's keys, of test mode first, oldest first; the revoked ones too.
///
/// # Errors
/// As the database gives cause.
pub fn list_keys(connection: &mut AnyConnection, tenant: TenantId) -> Result<Vec<ApiKey>, StorageError> {
    let rows: Vec<KeyRow> = api_keys::table
        .filter(api_keys::tenant_id.eq(&tenant.bytes()[..]))
        .order((api_keys::livemode, api_keys::id))
        .load(connection)?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

/// A key by its id, whose tenant an operator need not know.
///
/// # Errors
/// As the database gives cause.
pub fn find_key(connection: &mut AnyConnection, id: KeyId) -> Result<Option<ApiKey>, StorageError> {
    let row: Option<KeyRow> =
        api_keys::table.filter(api_keys::id.eq(&id.bytes()[..])).first(connection).optional()?;
    row.map(ApiKey::try_from).transpose()
}

/// Revokes a key from `at` on, and says whether there was one that still opened something.
///
/// # Errors
/// As the database gives cause.
pub fn revoke_key(
    connection: &mut AnyConnection,
    tenant: TenantId,
    id: KeyId,
    at: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let revoked = diesel::update(api_keys::table)
        .filter(api_keys::tenant_id.eq(&tenant.bytes()[..]))
        .filter(api_keys::id.eq(&id.bytes()[..]))
        .filter(api_keys::revoked_at.is_null())
        .set(api_keys::revoked_at.eq(at.timestamp_micros()))
        .execute(connection)?;
    Ok(revoked > 0)
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
    let keys = [vec![Value::Bytes(digest)]];
    let rows: Vec<KeyRow> =
        load_rows::<api_keys::SqlType, KeyRow>(connection, &KEYS_BY_SECRET, Lock::None, &keys)?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let stored: [u8; 32] = KEY.check(row.secret_digest[..].try_into())?;
    Ok(Some((ApiKey::try_from(row)?, stored)))
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

#[derive(Queryable)]
struct KeyRow {
    tenant_id: Vec<u8>,
    livemode: bool,
    id: Vec<u8>,
    secret_digest: Vec<u8>,
    secret_hint: String,
    name: String,
    scopes: String,
    limit_per_minute: Option<i64>,
    limit_per_second: Option<i64>,
    revoked_at: Option<i64>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = StorageError;

    fn try_from(row: KeyRow) -> Result<ApiKey, StorageError> {
        let tenant_id = KEY.id(&row.tenant_id, TenantId::from_bytes)?;
        Ok(ApiKey {
            id: KEY.id(&row.id, KeyId::from_bytes)?,
            realm: Realm { tenant_id, mode: Mode::from_live(row.livemode) },
            name: row.name,
            secret_hint: row.secret_hint,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            limit_per_minute: row.limit_per_minute.map(|limit| KEY.count(limit)).transpose()?,
            limit_per_second: row.limit_per_second.map(|limit| KEY.count(limit)).transpose()?,
            revoked_at: KEY.time_opt(row.revoked_at)?,
        })
    }
}
