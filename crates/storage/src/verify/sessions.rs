//! Sessions and users as rows: a session that lives has its current refresh token, and each change of a user has its
//! entries in the audit log.

use diesel::sql_types::BigInt;
use florin_domain::{Mode, Session, SessionId, TokenKind, User};

use super::payments::reason;
use super::{Key, Run, Violation, name, next_page, tenant_name};
use crate::access::list_tenants;
use crate::batch::{Statement, Value};
use crate::rows::{InRealm, Realm, SESSION_COLUMNS, SessionRow, load_users_of};
use crate::{AnyConnection, StorageError, schema};

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    for tenant in list_tenants(connection)? {
        match load_users_of(connection, tenant.id) {
            Ok(users) => {
                for user in users {
                    check_user(connection, &user, run)?;
                }
            }
            Err(error @ StorageError::Corrupt { .. }) => {
                let id = tenant_name(&tenant.id.bytes());
                run.report(Violation::CorruptRow { table: "users", id, reason: reason(error) });
            }
            Err(error) => return Err(error),
        }
    }
    check_sessions(connection, run)
}

fn check_user(connection: &mut AnyConnection, user: &User, run: &mut Run<'_>) -> Result<(), StorageError> {
    for mode in [Mode::Test, Mode::Live] {
        let [tenant, mode] = Realm { tenant_id: user.tenant_id, mode }.values();
        let entries: Vec<i64> = Statement::<BigInt>::new("SELECT count(*) FROM audit_log WHERE tenant_id = ")
            .value(tenant)
            .sql(" AND livemode = ")
            .value(mode)
            .sql(" AND object_id = ")
            .value(Value::owned(user.id))
            .load(connection)?;
        let entries = entries.into_iter().sum();
        if entries != user.logged {
            let (object_id, changes) = (user.id.to_string(), user.logged);
            run.report(Violation::AuditIncomplete { object_id, changes, entries });
        }
    }
    Ok(())
}

fn check_sessions(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    type SqlType = schema::sessions::SqlType;
    let columns = ["tenant_id", "livemode", "id"];
    let mut after: Option<Key> = None;
    loop {
        let select = format!("SELECT {SESSION_COLUMNS} FROM sessions");
        let rows: Vec<SessionRow> =
            next_page::<SqlType>(select, "WHERE", columns, after.as_ref()).load(connection)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some((last.tenant_id.clone(), last.livemode, last.id.clone()));
        for row in rows {
            let id = name(&row.id, SessionId::from_bytes);
            match Session::try_from(row) {
                Ok(session) => check_session(connection, &session, run)?,
                Err(error) => {
                    run.report(Violation::CorruptRow { table: "sessions", id, reason: reason(error) });
                }
            }
        }
    }
}

/// A session that lost its current token could not be refreshed, and one with two could be by a thief.
fn check_session(
    connection: &mut AnyConnection,
    session: &Session,
    run: &mut Run<'_>,
) -> Result<(), StorageError> {
    let [tenant, mode] = session.realm().values();
    let statement = Statement::<BigInt>::new("SELECT count(*) FROM session_tokens WHERE tenant_id = ")
        .value(tenant)
        .sql(" AND livemode = ")
        .value(mode)
        .sql(" AND session_id = ")
        .value(Value::Id(session.id.bytes()))
        .sql(" AND kind = ")
        .value(Value::text(Some(TokenKind::Refresh.as_str())))
        .sql(" AND number = ")
        .value(Value::Int(session.number));
    let tokens: Vec<i64> = statement.load(connection)?;
    let tokens: i64 = tokens.into_iter().sum();
    if tokens != 1 {
        run.report(Violation::CorruptRow {
            table: "sessions",
            id: session.id.to_string(),
            reason: format!("it has {tokens} current refresh tokens instead of one"),
        });
    }
    Ok(())
}
