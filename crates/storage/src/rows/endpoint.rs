//! Webhook endpoints as rows. Their secrets come and go as they are stored.

use diesel::prelude::*;
use florin_domain::{
    EventType, Mode, SealedCredentials, StoredSecret, TenantId, WebhookEndpoint, WebhookEndpointId,
};

use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, micros, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("webhook_endpoints");

static TABLE: Table = Table {
    name: "webhook_endpoints",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[("created_by", Kind::Text)],
    changing: &[
        ("revision", Kind::Int),
        ("event_count", Kind::Int),
        ("url", Kind::Text),
        ("types", Kind::Text),
        ("description", Kind::Text),
        ("enabled", Kind::Bool),
        ("disabled_reason", Kind::Text),
        ("enabled_at", Kind::Int),
        ("max_concurrency", Kind::Int),
        ("secret_key", Kind::Text),
        ("secret", Kind::Bytes),
        ("old_secret_key", Kind::Text),
        ("old_secret", Kind::Bytes),
        ("old_secret_until", Kind::Int),
        ("deleted_at", Kind::Int),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

/// The columns, in the order of the row's fields.
pub(crate) const ENDPOINT_COLUMNS: &str = "tenant_id, livemode, id, revision, event_count, url, types, description, \
    enabled, disabled_reason, enabled_at, max_concurrency, secret_key, secret, old_secret_key, old_secret, \
    old_secret_until, deleted_at, created_by, updated_by, updated_at";

static BY_ID: Selection = Selection {
    table: "webhook_endpoints",
    join: "",
    columns: &[ENDPOINT_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// All endpoints of a realm.
static BY_REALM: Selection = Selection {
    table: "webhook_endpoints",
    join: "",
    columns: &[ENDPOINT_COLUMNS],
    key: &REALM,
    order: "tenant_id, livemode, id",
};

/// A row of webhook endpoints, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct EndpointRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    revision: i64,
    event_count: i64,
    url: String,
    types: Option<String>,
    description: Option<String>,
    enabled: bool,
    disabled_reason: Option<String>,
    enabled_at: i64,
    max_concurrency: i64,
    secret_key: Option<String>,
    secret: Vec<u8>,
    old_secret_key: Option<String>,
    old_secret: Option<Vec<u8>>,
    old_secret_until: Option<i64>,
    deleted_at: Option<i64>,
    created_by: String,
    updated_by: String,
    updated_at: i64,
}

impl TryFrom<EndpointRow> for WebhookEndpoint {
    type Error = StorageError;

    fn try_from(row: EndpointRow) -> Result<WebhookEndpoint, StorageError> {
        let old_secret = match (row.old_secret, IN.time_opt(row.old_secret_until)?) {
            (Some(bytes), Some(until)) => Some((secret(row.old_secret_key, bytes), until)),
            (None, None) => None,
            _ => return Err(StorageError::corrupt(IN.0, "an old secret has an end")),
        };
        Ok(WebhookEndpoint {
            id: IN.id(&row.id, WebhookEndpointId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            url: row.url,
            types: row.types.as_deref().map(types).transpose()?,
            description: row.description,
            enabled: row.enabled,
            disabled_reason: IN.parse_opt(row.disabled_reason.as_deref())?,
            enabled_at: IN.time(row.enabled_at)?,
            max_concurrency: IN.count(row.max_concurrency)?,
            secret: secret(row.secret_key, row.secret),
            old_secret,
            deleted_at: IN.time_opt(row.deleted_at)?,
            revision: IN.revision(row.revision)?,
            event_count: row.event_count,
            created_by: IN.parse(&row.created_by)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

fn secret(key_id: Option<String>, bytes: Vec<u8>) -> StoredSecret {
    match key_id {
        Some(key_id) => StoredSecret::Sealed(SealedCredentials { key_id, bytes }),
        None => StoredSecret::Plain(bytes),
    }
}

fn secret_values(secret: &StoredSecret) -> [Value<'_>; 2] {
    match secret {
        StoredSecret::Sealed(sealed) => [Value::text(Some(&sealed.key_id)), Value::Bytes(&sealed.bytes)],
        StoredSecret::Plain(bytes) => [Value::Null, Value::Bytes(bytes)],
    }
}

/// The types that a column names.
pub(crate) fn types(words: &str) -> Result<Vec<EventType>, StorageError> {
    words.split_whitespace().map(|word| IN.parse(word)).collect()
}

impl Stored for WebhookEndpoint {
    type Key = (Realm, WebhookEndpointId);

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
        row.push(Value::owned(self.created_by));
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        let words = |types: &Vec<EventType>| {
            Value::owned(types.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" "))
        };
        row.extend([
            Value::Int(self.revision),
            Value::Int(self.event_count),
            Value::text(Some(&self.url)),
            self.types.as_ref().map_or(Value::Null, words),
            Value::text(self.description.as_deref()),
            Value::Bool(self.enabled),
            Value::text(self.disabled_reason.map(|reason| reason.as_str())),
            Value::Int(self.enabled_at.timestamp_micros()),
            Value::Int(i64::from(self.max_concurrency)),
        ]);
        row.extend(secret_values(&self.secret));
        match &self.old_secret {
            Some((secret, until)) => {
                row.extend(secret_values(secret));
                row.push(micros(Some(*until)));
            }
            None => row.extend([Value::Null, Value::Null, Value::Null]),
        }
        row.extend([
            micros(self.deleted_at),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::webhook_endpoints::SqlType, EndpointRow, Self>(connection, &BY_ID, lock, keys)
    }
}

/// All endpoints of these realms, oldest first in each; those that are gone too.
pub(crate) fn load_endpoints_of(
    connection: &mut AnyConnection,
    lock: Lock,
    realms: &[Row<'_>],
) -> Result<Vec<WebhookEndpoint>, StorageError> {
    load_objects::<schema::webhook_endpoints::SqlType, EndpointRow, WebhookEndpoint>(
        connection, &BY_REALM, lock, realms,
    )
}
