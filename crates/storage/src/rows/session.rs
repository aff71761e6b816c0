//! Sessions as rows, and the tokens that they gave: by their digests, since the tokens themselves are stored nowhere.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use florin_domain::{
    ClientVersion, Device, DeviceId, Ending, KeyId, Reason, Rotation, Session, SessionId, SessionOwner,
    TokenKind, UserId,
};

use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, micros, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("sessions");

static SESSIONS: Table = Table {
    name: "sessions",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("key_id", Kind::Bytes),
        ("user_id", Kind::Bytes),
        ("user_epoch", Kind::Int),
        ("expires_at", Kind::Int),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("device_id", Kind::Text),
        ("client_version", Kind::Text),
        ("number", Kind::Int),
        ("refresh_expires_at", Kind::Int),
        ("access_expires_at", Kind::Int),
        ("rotated_at", Kind::Int),
        ("nonce", Kind::Bytes),
        ("ended_at", Kind::Int),
        ("ended_by", Kind::Text),
        ("end_cause", Kind::Text),
        ("end_reason", Kind::Text),
        ("ended_tokens", Kind::Int),
        ("updated_at", Kind::Int),
    ],
};

/// The columns of sessions, in the order of a row's fields.
pub(crate) const SESSION_COLUMNS: &str = "tenant_id, livemode, id, key_id, user_id, user_epoch, expires_at, revision, \
    device_id, client_version, number, refresh_expires_at, access_expires_at, rotated_at, nonce, ended_at, ended_by, \
    end_cause, end_reason, ended_tokens, updated_at";

static BY_ID: Selection = Selection {
    table: "sessions",
    join: "",
    columns: &[SESSION_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// A row of sessions, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct SessionRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    key_id: Option<Vec<u8>>,
    user_id: Option<Vec<u8>>,
    user_epoch: Option<i64>,
    expires_at: i64,
    revision: i64,
    device_id: Option<String>,
    client_version: Option<String>,
    number: i64,
    refresh_expires_at: i64,
    access_expires_at: i64,
    rotated_at: Option<i64>,
    nonce: Option<Vec<u8>>,
    ended_at: Option<i64>,
    ended_by: Option<String>,
    end_cause: Option<String>,
    end_reason: Option<String>,
    ended_tokens: Option<i64>,
    updated_at: i64,
}

impl TryFrom<SessionRow> for Session {
    type Error = StorageError;

    fn try_from(row: SessionRow) -> Result<Session, StorageError> {
        let Realm { tenant_id, mode } = IN.realm(&row.tenant_id, row.livemode)?;
        Ok(Session {
            id: IN.id(&row.id, SessionId::from_bytes)?,
            tenant_id,
            mode,
            owner: owner(&row)?,
            device: Device {
                device_id: IN.parse_opt::<DeviceId>(row.device_id.as_deref())?,
                client_version: IN.parse_opt::<ClientVersion>(row.client_version.as_deref())?,
            },
            number: row.number,
            refresh_expires_at: IN.time(row.refresh_expires_at)?,
            access_expires_at: IN.time(row.access_expires_at)?,
            rotation: rotation(&row)?,
            expires_at: IN.time(row.expires_at)?,
            ended: ending(&row)?,
            revision: IN.revision(row.revision)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

fn owner(row: &SessionRow) -> Result<SessionOwner, StorageError> {
    let key = IN.id_opt(row.key_id.as_deref(), KeyId::from_bytes)?;
    let user = IN.id_opt(row.user_id.as_deref(), UserId::from_bytes)?;
    match (key, user, row.user_epoch) {
        (Some(key), None, None) => Ok(SessionOwner::Key(key)),
        (None, Some(id), Some(epoch)) => Ok(SessionOwner::User { id, epoch }),
        _ => Err(StorageError::corrupt(IN.0, "a session has a key, or a user with an epoch")),
    }
}

fn rotation(row: &SessionRow) -> Result<Option<Rotation>, StorageError> {
    match (row.rotated_at, &row.nonce) {
        (None, None) => Ok(None),
        (Some(at), Some(nonce)) => {
            Ok(Some(Rotation { at: IN.time(at)?, nonce: IN.check(nonce[..].try_into())? }))
        }
        _ => Err(StorageError::corrupt(IN.0, "a rotation has a time and a nonce")),
    }
}

fn ending(row: &SessionRow) -> Result<Option<Ending>, StorageError> {
    match (row.ended_at, &row.ended_by, &row.end_cause) {
        (None, None, None) => Ok(None),
        (Some(at), Some(by), Some(cause)) => Ok(Some(Ending {
            at: IN.time(at)?,
            by: IN.parse(by)?,
            cause: IN.parse(cause)?,
            reason: IN.parse_opt::<Reason>(row.end_reason.as_deref())?,
            tokens: IN.count(row.ended_tokens.unwrap_or_default())?,
        })),
        _ => Err(StorageError::corrupt(IN.0, "a session ended at a time, by somebody, for a cause, or not")),
    }
}

impl Stored for Session {
    type Key = (Realm, SessionId);

    const TABLE: &'static Table = &SESSIONS;

    fn key(&self) -> Self::Key {
        (self.realm(), self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        object_key(self.realm(), self.id.bytes())
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        let (key, user, epoch) = match self.owner {
            SessionOwner::Key(id) => (Some(id), None, None),
            SessionOwner::User { id, epoch } => (None, Some(id), Some(epoch)),
        };
        row.extend([
            Value::id(key.map(KeyId::bytes)),
            Value::id(user.map(UserId::bytes)),
            Value::int(epoch),
            Value::Int(self.expires_at.timestamp_micros()),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        let ended = self.ended.as_ref();
        let rotation = self.rotation.as_ref();
        row.extend([
            Value::Int(self.revision),
            Value::text(self.device.device_id.as_ref().map(DeviceId::as_str)),
            Value::text(self.device.client_version.as_ref().map(ClientVersion::as_str)),
            Value::Int(self.number),
            Value::Int(self.refresh_expires_at.timestamp_micros()),
            Value::Int(self.access_expires_at.timestamp_micros()),
            micros(rotation.map(|rotation| rotation.at)),
            rotation.map_or(Value::Null, |rotation| Value::Bytes(&rotation.nonce)),
            micros(ended.map(|ended| ended.at)),
            ended.map_or(Value::Null, |ended| Value::owned(ended.by)),
            Value::text(ended.map(|ended| ended.cause.as_str())),
            Value::text(ended.and_then(|ended| ended.reason.as_ref()).map(Reason::as_str)),
            Value::int(ended.map(|ended| i64::from(ended.tokens))),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::sessions::SqlType, SessionRow, Self>(connection, &BY_ID, lock, keys)
    }
}

/// A token that a session gave. It is never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionToken {
    /// Whose session.
    pub realm: Realm,
    /// The session.
    pub session_id: SessionId,
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    /// What it is for.
    pub kind: TokenKind,
    /// The refresh token's number; an access token has that of the refresh token it came with.
    pub number: i64,
    /// From when on it opens nothing.
    pub expires_at: DateTime<Utc>,
}

/// The table of tokens.
pub(crate) static SESSION_TOKENS: Table = Table {
    name: "session_tokens",
    key: &[REALM[0], REALM[1], ("session_id", Kind::Bytes), ("digest", Kind::Bytes)],
    fixed: &[("kind", Kind::Text), ("number", Kind::Int), ("expires_at", Kind::Int)],
    changing: &[],
};

const TOKEN_COLUMNS: &str = "tenant_id, livemode, session_id, digest, kind, number, expires_at";

static TOKENS_BY_DIGEST: Selection = Selection {
    table: "session_tokens",
    join: "",
    columns: &[TOKEN_COLUMNS],
    key: &[("digest", Kind::Bytes)],
    order: "digest",
};

static TOKENS_BY_SESSION: Selection = Selection {
    table: "session_tokens",
    join: "",
    columns: &[TOKEN_COLUMNS],
    key: &[REALM[0], REALM[1], ("session_id", Kind::Bytes)],
    order: "tenant_id, livemode, session_id, digest",
};

/// A new token's row.
pub(crate) fn token_row(token: &SessionToken) -> Row<'_> {
    let mut row = object_key(token.realm, token.session_id.bytes());
    row.extend([
        Value::Bytes(&token.digest),
        Value::text(Some(token.kind.as_str())),
        Value::Int(token.number),
        Value::Int(token.expires_at.timestamp_micros()),
    ]);
    row
}

/// Loads the token with this digest.
pub(crate) fn load_token_by_digest(
    connection: &mut AnyConnection,
    digest: &[u8; 32],
) -> Result<Option<SessionToken>, StorageError> {
    load_tokens(connection, &TOKENS_BY_DIGEST, &[vec![Value::Bytes(digest)]]).map(|mut found| found.pop())
}

/// Loads the tokens of these sessions.
pub(crate) fn load_tokens_of(
    connection: &mut AnyConnection,
    keys: &[Row<'_>],
) -> Result<Vec<SessionToken>, StorageError> {
    load_tokens(connection, &TOKENS_BY_SESSION, keys)
}

fn load_tokens(
    connection: &mut AnyConnection,
    selection: &'static Selection,
    keys: &[Row<'_>],
) -> Result<Vec<SessionToken>, StorageError> {
    load_objects::<schema::session_tokens::SqlType, TokenRow, SessionToken>(
        connection,
        selection,
        Lock::None,
        keys,
    )
}

/// A row of tokens, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct TokenRow {
    tenant_id: Vec<u8>,
    livemode: bool,
    session_id: Vec<u8>,
    digest: Vec<u8>,
    kind: String,
    number: i64,
    expires_at: i64,
}

impl TryFrom<TokenRow> for SessionToken {
    type Error = StorageError;

    fn try_from(row: TokenRow) -> Result<SessionToken, StorageError> {
        const IN: Reader = Reader("session_tokens");
        Ok(SessionToken {
            realm: IN.realm(&row.tenant_id, row.livemode)?,
            session_id: IN.id(&row.session_id, SessionId::from_bytes)?,
            digest: IN.check(row.digest[..].try_into())?,
            kind: TokenKind::from_word(&row.kind)
                .ok_or_else(|| StorageError::corrupt(IN.0, "a token is for access or for refreshing"))?,
            number: row.number,
            expires_at: IN.time(row.expires_at)?,
        })
    }
}
