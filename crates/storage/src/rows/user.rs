//! Users as rows. They belong to a tenant in both modes, so their key has no mode.

use diesel::prelude::*;
use florin_domain::{SealedCredentials, SecondFactor, TenantId, User, UserId, UserName};

use super::Reader;
use super::micros;
use super::stored::{Stored, load_objects};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("users");

static USERS: Table = Table {
    name: "users",
    key: &[("tenant_id", Kind::Bytes), ("id", Kind::Bytes)],
    fixed: &[("email", Kind::Text), ("created_by", Kind::Text)],
    changing: &[
        ("revision", Kind::Int),
        ("name", Kind::Text),
        ("role", Kind::Text),
        ("password_hash", Kind::Text),
        ("epoch", Kind::Int),
        ("totp_secret", Kind::Bytes),
        ("totp_key_id", Kind::Text),
        ("totp_last_step", Kind::Int),
        ("recovery_digests", Kind::Text),
        ("disabled_at", Kind::Int),
        ("logged", Kind::Int),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

/// The columns of users, in the order of a row's fields.
const USER_COLUMNS: &str = "tenant_id, id, email, revision, name, role, password_hash, epoch, totp_secret, \
    totp_key_id, totp_last_step, recovery_digests, disabled_at, logged, created_by, updated_by, updated_at";

static BY_ID: Selection = Selection {
    table: "users",
    join: "",
    columns: &[USER_COLUMNS],
    key: &[("tenant_id", Kind::Bytes), ("id", Kind::Bytes)],
    order: "tenant_id, id",
};

static BY_EMAIL: Selection = Selection {
    table: "users",
    join: "",
    columns: &[USER_COLUMNS],
    key: &[("email", Kind::Text)],
    order: "email, tenant_id",
};

static BY_TENANT: Selection = Selection {
    table: "users",
    join: "",
    columns: &[USER_COLUMNS],
    key: &[("tenant_id", Kind::Bytes)],
    order: "tenant_id, id",
};

/// Loads the users with this address, of all tenants.
pub(crate) fn load_users_by_email(
    connection: &mut AnyConnection,
    emails: &[Row<'_>],
) -> Result<Vec<User>, StorageError> {
    load_objects::<schema::users::SqlType, UserRow, User>(connection, &BY_EMAIL, Lock::None, emails)
}

/// Loads all users of a tenant, oldest first.
pub(crate) fn load_users_of(
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<Vec<User>, StorageError> {
    let keys = [vec![Value::Id(tenant.bytes())]];
    load_objects::<schema::users::SqlType, UserRow, User>(connection, &BY_TENANT, Lock::None, &keys)
}

/// A row of users, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct UserRow {
    tenant_id: Vec<u8>,
    id: Vec<u8>,
    email: String,
    revision: i64,
    name: Option<String>,
    role: String,
    password_hash: String,
    epoch: i64,
    totp_secret: Option<Vec<u8>>,
    totp_key_id: Option<String>,
    totp_last_step: Option<i64>,
    recovery_digests: Option<String>,
    disabled_at: Option<i64>,
    logged: i64,
    created_by: String,
    updated_by: String,
    updated_at: i64,
}

impl TryFrom<UserRow> for User {
    type Error = StorageError;

    fn try_from(row: UserRow) -> Result<User, StorageError> {
        let second_factor =
            second_factor(row.totp_secret, row.totp_key_id, row.totp_last_step, row.recovery_digests)?;
        Ok(User {
            id: IN.id(&row.id, UserId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            email: IN.parse(&row.email)?,
            name: IN.parse_opt::<UserName>(row.name.as_deref())?,
            role: IN.parse(&row.role)?,
            password_hash: row.password_hash,
            epoch: IN.revision(row.epoch)?,
            second_factor,
            disabled_at: IN.time_opt(row.disabled_at)?,
            revision: IN.revision(row.revision)?,
            logged: row.logged,
            created_by: IN.parse(&row.created_by)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

fn second_factor(
    secret: Option<Vec<u8>>,
    key_id: Option<String>,
    last_step: Option<i64>,
    recovery: Option<String>,
) -> Result<SecondFactor, StorageError> {
    let secret = match (secret, key_id) {
        (None, None) => return Ok(SecondFactor::Off),
        (Some(bytes), Some(key_id)) => SealedCredentials { key_id, bytes },
        _ => return Err(StorageError::corrupt(IN.0, "a secret has a key that encrypts it")),
    };
    let Some(last_step) = last_step else { return Ok(SecondFactor::Pending { secret }) };
    let digests = recovery.unwrap_or_default();
    let recovery = digests.split_whitespace().map(digest).collect::<Result<_, _>>()?;
    Ok(SecondFactor::On { secret, last_step, recovery })
}

fn digest(text: &str) -> Result<[u8; 32], StorageError> {
    let mut bytes = [0; 32];
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    let parsed: Option<Vec<u8>> = pairs.collect();
    match parsed {
        Some(parsed) if parsed.len() == bytes.len() => {
            bytes.copy_from_slice(&parsed);
            Ok(bytes)
        }
        Some(_) | None => {
            Err(StorageError::corrupt(IN.0, "a recovery code's digest is 64 hexadecimal digits"))
        }
    }
}

fn hexadecimal(digests: &[[u8; 32]]) -> String {
    let one = |digest: &[u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    digests.iter().map(one).collect::<Vec<_>>().join(" ")
}

impl Stored for User {
    type Key = (TenantId, UserId);

    const TABLE: &'static Table = &USERS;

    fn key(&self) -> Self::Key {
        (self.tenant_id, self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        user_key((self.tenant_id, self.id))
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([Value::text(Some(self.email.as_str())), Value::owned(self.created_by)]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        let (secret, last_step, recovery) = match &self.second_factor {
            SecondFactor::Off => (None, None, None),
            SecondFactor::Pending { secret } => (Some(secret), None, None),
            SecondFactor::On { secret, last_step, recovery } => {
                (Some(secret), Some(*last_step), Some(hexadecimal(recovery)))
            }
        };
        row.extend([
            Value::Int(self.revision),
            Value::text(self.name.as_ref().map(UserName::as_str)),
            Value::text(Some(self.role.as_str())),
            Value::text(Some(&self.password_hash)),
            Value::Int(self.epoch),
            secret.map_or(Value::Null, |secret| Value::Bytes(&secret.bytes)),
            Value::text(secret.map(|secret| secret.key_id.as_str())),
            Value::int(last_step),
            recovery.map_or(Value::Null, Value::owned),
            micros(self.disabled_at),
            Value::Int(self.logged),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::users::SqlType, UserRow, Self>(connection, &BY_ID, lock, keys)
    }
}

/// A user's key.
pub(crate) fn user_key<'a>((tenant, id): (TenantId, UserId)) -> Row<'a> {
    vec![Value::Id(tenant.bytes()), Value::Id(id.bytes())]
}
