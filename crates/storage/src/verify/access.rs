//! API keys as rows, and the audit log: each change of a key has its entry there.

use diesel::sql_types::BigInt;
use florin_domain::{Actor, AuditEntryId, KeyId};

use super::payments::reason;
use super::{Key, Run, Violation, name, next_page};
use crate::access::{ApiKey, AuditEntry, find_key};
use crate::batch::{Statement, Value};
use crate::rows::{AUDIT_COLUMNS, AuditRow, JOIN_USES, KEY_COLUMNS, KeyAndUse, KeySqlType};
use crate::{AnyConnection, StorageError, schema};

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    check_keys(connection, run)?;
    check_log(connection, run)
}

fn check_keys(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let select = format!("SELECT {KEY_COLUMNS} FROM api_keys{JOIN_USES}");
    let columns = ["api_keys.tenant_id", "api_keys.livemode", "api_keys.id"];
    let mut after: Option<Key> = None;
    loop {
        let statement = next_page::<KeySqlType>(select.clone(), "WHERE", columns, after.as_ref());
        let rows: Vec<KeyAndUse> = statement.load(connection)?;
        let Some(last) = rows.last().map(|(row, _)| row.key()) else { return Ok(()) };
        after = Some(last);
        for row in rows {
            let id = name(&row.0.key().2, KeyId::from_bytes);
            match ApiKey::try_from(row) {
                Ok(key) => check_key(connection, &key, run)?,
                Err(error) => {
                    run.report(Violation::CorruptRow { table: "api_keys", id, reason: reason(error) });
                }
            }
        }
    }
}

fn check_key(connection: &mut AnyConnection, key: &ApiKey, run: &mut Run<'_>) -> Result<(), StorageError> {
    // What Florin makes by itself, or made before there was a log, was made without an entry.
    let silent = i64::from(key.created_by == Actor::System);
    let changes = key.revision.saturating_sub(silent);
    let [tenant, mode] = key.realm.values();
    let entries: Vec<i64> = Statement::<BigInt>::new("SELECT count(*) FROM audit_log WHERE tenant_id = ")
        .value(tenant)
        .sql(" AND livemode = ")
        .value(mode)
        .sql(" AND object_id = ")
        .value(Value::owned(key.id))
        .load(connection)?;
    let entries = entries.into_iter().sum();
    if entries != changes {
        run.report(Violation::AuditIncomplete { object_id: key.id.to_string(), changes, entries });
    }
    if let Some(successor) = key.rotated_to
        && find_key(connection, successor)?.is_none_or(|successor| successor.realm != key.realm)
    {
        run.report(Violation::Orphan {
            table: "api_keys",
            id: key.id.to_string(),
            parent: successor.to_string(),
        });
    }
    Ok(())
}

fn check_log(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    type SqlType = schema::audit_log::SqlType;
    let columns = ["tenant_id", "livemode", "id"];
    let mut after: Option<Key> = None;
    loop {
        let select = format!("SELECT {AUDIT_COLUMNS} FROM audit_log");
        let rows: Vec<AuditRow> =
            next_page::<SqlType>(select, "WHERE", columns, after.as_ref()).load(connection)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some((last.tenant_id.clone(), last.livemode, last.id.clone()));
        for row in rows {
            let id = name(&row.id, AuditEntryId::from_bytes);
            let refused = match AuditEntry::try_from(row) {
                Ok(entry) => {
                    match serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(&entry.details) {
                        Ok(_) => continue,
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => reason(error),
            };
            run.report(Violation::CorruptRow { table: "audit_log", id, reason: refused });
        }
    }
}
