//! Sessions and users beyond what a batch changes: finding them, noting their use, forgetting what is over, and counting
//! attempts to sign in.

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use florin_domain::{Failures, Session, SessionId, TenantId, TokenKind, User, UserId};

use crate::batch::{Lock, Statement, Value};
pub use crate::rows::SessionToken;
use crate::rows::{
    Realm, Stored, load_token_by_digest, load_users_by_email, load_users_of, object_key, user_key,
};
use crate::transaction::in_transaction;
use crate::{AnyConnection, StorageError};

/// The token whose SHA-256 this is, expired or not, and its session.
///
/// # Errors
/// As the database and its rows give cause.
pub fn find_token(
    connection: &mut AnyConnection,
    digest: &[u8; 32],
) -> Result<Option<(SessionToken, Session)>, StorageError> {
    let Some(token) = load_token_by_digest(connection, digest)? else { return Ok(None) };
    let session = find_session(connection, token.realm, token.session_id)?;
    Ok(session.map(|session| (token, session)))
}

/// A session, ended or not.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_session(
    connection: &mut AnyConnection,
    realm: Realm,
    id: SessionId,
) -> Result<Option<Session>, StorageError> {
    Ok(Session::load(connection, Lock::None, &[object_key(realm, id.bytes())])?.pop())
}

/// A user, disabled or not.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_user(
    connection: &mut AnyConnection,
    tenant: TenantId,
    id: UserId,
) -> Result<Option<User>, StorageError> {
    Ok(User::load(connection, Lock::None, &[user_key((tenant, id))])?.pop())
}

/// A user by their id, whose tenant an operator need not know.
///
/// # Errors
/// As the database and its rows give cause.
pub fn find_user_anywhere(connection: &mut AnyConnection, id: UserId) -> Result<Option<User>, StorageError> {
    let statement = Statement::<diesel::sql_types::Binary>::new("SELECT tenant_id FROM users WHERE id = ")
        .value(Value::Id(id.bytes()))
        .rare();
    let tenants: Vec<Vec<u8>> = statement.load(connection)?;
    let Some(tenant) = tenants.first().and_then(|bytes| bytes[..].try_into().ok()) else { return Ok(None) };
    find_user(connection, TenantId::from_bytes(tenant), id)
}

/// The users of all tenants with this address, which is normalized.
///
/// # Errors
/// As the database and its rows give cause.
pub fn find_users_by_email(connection: &mut AnyConnection, email: &str) -> Result<Vec<User>, StorageError> {
    load_users_by_email(connection, &[vec![Value::text(Some(email))]])
}

/// All users of a tenant, oldest first.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_users(connection: &mut AnyConnection, tenant: TenantId) -> Result<Vec<User>, StorageError> {
    load_users_of(connection, tenant)
}

/// Notes when sessions were used last. A later time that stands stays.
///
/// # Errors
/// As the database gives cause.
pub fn note_session_uses(
    connection: &mut AnyConnection,
    uses: &[(Realm, SessionId, DateTime<Utc>)],
) -> Result<(), StorageError> {
    for (realm, id, at) in uses {
        let [tenant, mode] = realm.values();
        // What was forgotten meanwhile is not noted.
        Statement::<()>::new(
            "INSERT INTO session_uses (tenant_id, livemode, session_id, last_seen_at) \
            SELECT tenant_id, livemode, id, ",
        )
        .value(Value::Int(at.timestamp_micros()))
        .sql(" FROM sessions WHERE tenant_id = ")
        .value(tenant)
        .sql(" AND livemode = ")
        .value(mode)
        .sql(" AND id = ")
        .value(Value::Id(id.bytes()))
        .sql(
            " ON CONFLICT (tenant_id, livemode, session_id) DO UPDATE SET last_seen_at = excluded.last_seen_at \
            WHERE excluded.last_seen_at > session_uses.last_seen_at",
        )
        .execute(connection)?;
    }
    Ok(())
}

/// When these sessions of a realm were used last, where that was noted.
///
/// # Errors
/// As the database and its rows give cause.
pub fn session_uses(
    connection: &mut AnyConnection,
    realm: Realm,
    ids: &[SessionId],
) -> Result<Vec<(SessionId, DateTime<Utc>)>, StorageError> {
    let mut found = Vec::new();
    for id in ids {
        let [tenant, mode] = realm.values();
        let statement = Statement::<BigInt>::new("SELECT last_seen_at FROM session_uses WHERE tenant_id = ")
            .value(tenant)
            .sql(" AND livemode = ")
            .value(mode)
            .sql(" AND session_id = ")
            .value(Value::Id(id.bytes()));
        let seen: Vec<i64> = statement.load(connection)?;
        found.extend(
            seen.first().and_then(|micros| DateTime::from_timestamp_micros(*micros)).map(|at| (*id, at)),
        );
    }
    Ok(found)
}

/// Forgets access tokens that expired before `now`, and sessions that were over before `before`, with all they had.
///
/// # Errors
/// As the database gives cause.
pub fn forget_sessions(
    connection: &mut AnyConnection,
    now: DateTime<Utc>,
    before: DateTime<Utc>,
) -> Result<usize, StorageError> {
    let access = TokenKind::Access.as_str();
    let mut forgotten = Statement::<()>::new("DELETE FROM session_tokens WHERE kind = ")
        .value(Value::text(Some(access)))
        .sql(" AND expires_at < ")
        .value(Value::Int(now.timestamp_micros()))
        .execute(connection)?;
    for table in ["session_tokens", "session_uses", "sessions"] {
        let id = if table == "sessions" { "id" } else { "session_id" };
        let sql = format!(
            "DELETE FROM {table} WHERE (tenant_id, livemode, {id}) IN \
            (SELECT tenant_id, livemode, id FROM sessions WHERE "
        );
        forgotten += Statement::<()>::new(sql)
            .sql("expires_at < ")
            .value(Value::Int(before.timestamp_micros()))
            .sql(" OR refresh_expires_at < ")
            .value(Value::Int(before.timestamp_micros()))
            .sql(" OR ended_at < ")
            .value(Value::Int(before.timestamp_micros()))
            .sql(")")
            .execute(connection)?;
    }
    Ok(forgotten)
}

/// Counts an attempt to sign in as failed until it is known not to be, and gives back the failures before it; each of
/// `digests` counts apart. `admit` decides over what was counted so far: with false nothing is counted.
///
/// # Errors
/// As the database gives cause.
pub fn count_login_attempt(
    connection: &mut AnyConnection,
    digests: &[[u8; 32]],
    at: DateTime<Utc>,
    admit: impl FnOnce(&[Failures]) -> Vec<Option<u32>>,
) -> Result<(), StorageError> {
    in_transaction(connection, |connection| {
        let found = digests
            .iter()
            .map(|digest| lock_failures(connection, digest, at))
            .collect::<Result<Vec<_>, _>>()?;
        for (digest, count) in digests.iter().zip(admit(&found)) {
            if let Some(count) = count {
                set_failures(connection, digest, count, Some(at))?;
            }
        }
        Ok(())
    })
}

/// The failures counted for a digest, whose row is there and this transaction's from now on.
fn lock_failures(
    connection: &mut AnyConnection,
    digest: &[u8; 32],
    at: DateTime<Utc>,
) -> Result<Failures, StorageError> {
    Statement::<()>::new("INSERT INTO login_failures (digest, failures, last_at) VALUES (")
        .value(Value::Bytes(digest))
        .sql(", 0, ")
        .value(Value::Int(at.timestamp_micros()))
        .sql(") ON CONFLICT (digest) DO UPDATE SET failures = login_failures.failures")
        .execute(connection)?;
    let rows: Vec<(i64, i64)> =
        Statement::<(BigInt, BigInt)>::new("SELECT failures, last_at FROM login_failures WHERE digest = ")
            .value(Value::Bytes(digest))
            .load(connection)?;
    Ok(rows.first().map_or_else(Failures::default, |(failures, last_at)| Failures {
        count: u32::try_from(*failures).unwrap_or(u32::MAX),
        last_at: DateTime::from_timestamp_micros(*last_at),
    }))
}

fn set_failures(
    connection: &mut AnyConnection,
    digest: &[u8; 32],
    count: u32,
    at: Option<DateTime<Utc>>,
) -> Result<(), StorageError> {
    let at = at.map(|at| at.timestamp_micros()).unwrap_or_default();
    Statement::<()>::new("UPDATE login_failures SET failures = ")
        .value(Value::Int(i64::from(count)))
        .sql(", last_at = ")
        .value(Value::Int(at))
        .sql(" WHERE digest = ")
        .value(Value::Bytes(digest))
        .execute(connection)?;
    Ok(())
}

/// Takes an attempt off the failures, since it was none; `forgiven` loses all of its failures.
///
/// # Errors
/// As the database gives cause.
pub fn forgive_login_attempt(
    connection: &mut AnyConnection,
    digests: &[[u8; 32]],
    forgiven: Option<&[u8; 32]>,
) -> Result<(), StorageError> {
    for digest in digests {
        let failures = if forgiven == Some(digest) { "0" } else { "failures - 1" };
        Statement::<()>::new(format!(
            "UPDATE login_failures SET failures = {failures} WHERE failures > 0 AND digest = "
        ))
        .value(Value::Bytes(digest))
        .execute(connection)?;
    }
    Ok(())
}

/// Forgets failures whose last one was before `before`.
///
/// # Errors
/// As the database gives cause.
pub fn forget_login_failures(
    connection: &mut AnyConnection,
    before: DateTime<Utc>,
) -> Result<usize, StorageError> {
    Statement::<()>::new("DELETE FROM login_failures WHERE last_at < ")
        .value(Value::Int(before.timestamp_micros()))
        .execute(connection)
}
