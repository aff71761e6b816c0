//! API keys as rows. The secret itself is stored nowhere: its digest is.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use florin_domain::{Actor, KeyId, Mode, TenantId};

use super::stored::{Stored, load_objects};
use super::{REALM, Reader, Realm, micros, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("api_keys");

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The key; its creation time is the id's own.
    pub id: KeyId,
    /// What it opens.
    pub realm: Realm,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the secret, by which it is found.
    pub secret_digest: [u8; 32],
    /// The last characters of the secret, by which people recognize it.
    pub secret_hint: String,
    /// What it allows, as words.
    pub scopes: Vec<String>,
    /// Requests a minute: `Some(0)` for any number, `None` for the tenant's or the server's own limit.
    pub limit_per_minute: Option<u32>,
    /// Requests a second, in the same terms.
    pub limit_per_second: Option<u32>,
    /// Since when it opens nothing any more, because somebody took it away.
    pub revoked_at: Option<DateTime<Utc>>,
    /// From when on it opens nothing.
    pub expires_at: Option<DateTime<Utc>>,
    /// The key that takes its place.
    pub rotated_to: Option<KeyId>,
    /// When it was used last, to a minute or so.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Counts its changes from 1.
    pub revision: i64,
    /// Who made it.
    pub created_by: Actor,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

impl ApiKey {
    /// Whether it opens anything at that time.
    #[must_use]
    pub fn works_at(&self, at: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires_at| at < expires_at)
    }

    /// The key as it is when somebody takes it away. One that was taken away before stays as it is.
    #[must_use]
    pub fn revoke(&self, at: DateTime<Utc>, by: Actor) -> ApiKey {
        if self.revoked_at.is_some() {
            return self.clone();
        }
        ApiKey { revoked_at: Some(at), ..self.changed(at, by) }
    }

    /// The key as it is when another takes its place: it works until `until`, or until it would have expired anyway.
    #[must_use]
    pub fn give_way(&self, to: KeyId, until: DateTime<Utc>, at: DateTime<Utc>, by: Actor) -> ApiKey {
        let expires_at = self.expires_at.map_or(until, |expires_at| expires_at.min(until));
        ApiKey { rotated_to: Some(to), expires_at: Some(expires_at), ..self.changed(at, by) }
    }

    fn changed(&self, at: DateTime<Utc>, by: Actor) -> ApiKey {
        ApiKey { revision: self.revision.saturating_add(1), updated_by: by, updated_at: at, ..self.clone() }
    }
}

pub(crate) static API_KEYS: Table = Table {
    name: "api_keys",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("secret_digest", Kind::Bytes),
        ("secret_hint", Kind::Text),
        ("name", Kind::Text),
        ("scopes", Kind::Text),
        ("limit_per_minute", Kind::Int),
        ("limit_per_second", Kind::Int),
        ("created_by", Kind::Text),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("revoked_at", Kind::Int),
        ("expires_at", Kind::Int),
        ("rotated_to", Kind::Bytes),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

/// The columns of a key and its use, in the order of a row's fields.
pub(crate) const KEY_COLUMNS: &str = "api_keys.tenant_id, api_keys.livemode, api_keys.id, api_keys.secret_digest, api_keys.secret_hint, \
    api_keys.name, api_keys.scopes, api_keys.limit_per_minute, api_keys.limit_per_second, api_keys.revoked_at, \
    api_keys.expires_at, api_keys.rotated_to, api_keys.revision, api_keys.created_by, api_keys.updated_by, \
    api_keys.updated_at, api_key_uses.last_used_at";

/// How a key's use is joined to it.
pub(crate) const JOIN_USES: &str = " LEFT JOIN api_key_uses ON api_key_uses.tenant_id = api_keys.tenant_id \
    AND api_key_uses.livemode = api_keys.livemode AND api_key_uses.key_id = api_keys.id";

static BY_ID: Selection = Selection {
    table: "api_keys",
    join: JOIN_USES,
    columns: &[KEY_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "api_keys.tenant_id, api_keys.livemode, api_keys.id",
};

static BY_SECRET: Selection = Selection {
    table: "api_keys",
    join: JOIN_USES,
    columns: &[KEY_COLUMNS],
    key: &[("secret_digest", Kind::Bytes)],
    order: "api_keys.secret_digest",
};

/// The SQL types of a key's row with the time of its last use.
pub(crate) type KeySqlType = (schema::api_keys::SqlType, Nullable<BigInt>);

/// A key's row with the time of its last use.
pub(crate) type KeyAndUse = (KeyRow, Option<i64>);

/// Loads the key whose secret has this digest.
pub(crate) fn load_key_by_digest(
    connection: &mut AnyConnection,
    digest: &[u8; 32],
) -> Result<Option<ApiKey>, StorageError> {
    let keys = [vec![Value::Bytes(digest)]];
    let found = load_objects::<KeySqlType, KeyAndUse, ApiKey>(connection, &BY_SECRET, Lock::None, &keys)?;
    Ok(found.into_iter().next())
}

/// A row of API keys, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct KeyRow {
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
    expires_at: Option<i64>,
    rotated_to: Option<Vec<u8>>,
    revision: i64,
    created_by: String,
    updated_by: String,
    updated_at: Option<i64>,
}

impl KeyRow {
    /// The row's key: tenant, mode, and the key's id.
    pub(crate) fn key(&self) -> (Vec<u8>, bool, Vec<u8>) {
        (self.tenant_id.clone(), self.livemode, self.id.clone())
    }
}

impl TryFrom<KeyAndUse> for ApiKey {
    type Error = StorageError;

    fn try_from((row, last_used_at): KeyAndUse) -> Result<ApiKey, StorageError> {
        let tenant_id = IN.id(&row.tenant_id, TenantId::from_bytes)?;
        let id = IN.id(&row.id, KeyId::from_bytes)?;
        Ok(ApiKey {
            id,
            realm: Realm { tenant_id, mode: Mode::from_live(row.livemode) },
            name: row.name,
            secret_digest: IN.check(row.secret_digest[..].try_into())?,
            secret_hint: row.secret_hint,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            limit_per_minute: row.limit_per_minute.map(|limit| IN.count(limit)).transpose()?,
            limit_per_second: row.limit_per_second.map(|limit| IN.count(limit)).transpose()?,
            revoked_at: IN.time_opt(row.revoked_at)?,
            expires_at: IN.time_opt(row.expires_at)?,
            rotated_to: IN.id_opt(row.rotated_to.as_deref(), KeyId::from_bytes)?,
            last_used_at: IN.time_opt(last_used_at)?,
            revision: IN.revision(row.revision)?,
            created_by: IN.parse(&row.created_by)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time_opt(row.updated_at)?.unwrap_or_else(|| id.created_at()),
        })
    }
}

impl Stored for ApiKey {
    type Key = (Realm, KeyId);

    const TABLE: &'static Table = &API_KEYS;

    fn key(&self) -> Self::Key {
        (self.realm, self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        object_key(self.realm, self.id.bytes())
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Bytes(&self.secret_digest),
            Value::text(Some(&self.secret_hint)),
            Value::text(Some(&self.name)),
            Value::owned(self.scopes.join(" ")),
            Value::int(self.limit_per_minute.map(i64::from)),
            Value::int(self.limit_per_second.map(i64::from)),
            Value::owned(self.created_by),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            micros(self.revoked_at),
            micros(self.expires_at),
            Value::id(self.rotated_to.map(KeyId::bytes)),
            Value::owned(self.updated_by),
            micros(Some(self.updated_at)),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<KeySqlType, KeyAndUse, Self>(connection, &BY_ID, lock, keys)
    }
}
