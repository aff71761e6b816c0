//! Idempotency keys beyond claiming and answering: freeing a claim, forgetting old answers.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::batch::{Statement, Value};
use crate::rows::DigestKey;
use crate::schema::idempotency_keys as k;
use crate::{AnyConnection, StorageError};

/// Frees keys that were claimed by a request which was then refused without an effect.
pub(crate) fn delete(connection: &mut AnyConnection, keys: &BTreeSet<DigestKey>) -> Result<(), StorageError> {
    for (realm, digest) in keys {
        diesel::delete(k::table)
            .filter(k::tenant_id.eq(&realm.tenant_id.bytes()[..]))
            .filter(k::livemode.eq(realm.mode.is_live()))
            .filter(k::digest.eq(&digest[..]))
            .execute(connection)?;
    }
    Ok(())
}

/// Forgets answers given to keys that were first used before `before`, the oldest hundred at most, since on SQLite nobody
/// else writes meanwhile. Says how many: with none there are no more. The keys stay bound to their objects.
///
/// # Errors
/// As the database gives cause.
pub fn forget_answers(connection: &mut AnyConnection, before: DateTime<Utc>) -> Result<usize, StorageError> {
    forget_oldest(Statement::new(""), before).execute(connection)
}

fn forget_oldest(begun: Statement<'_>, before: DateTime<Utc>) -> Statement<'_> {
    begun
        .sql("UPDATE idempotency_keys SET answer_body = NULL WHERE (tenant_id, livemode, digest) IN (")
        .sql("SELECT tenant_id, livemode, digest FROM idempotency_keys WHERE answer_body IS NOT NULL AND created_at < ")
        .value(Value::Int(before.timestamp_micros()))
        .sql(" ORDER BY created_at LIMIT 100)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{explain, on_each_schema};

    #[test]
    fn old_answers_are_found_by_their_age_and_changed_by_their_key() {
        on_each_schema(|connection| {
            let plan = explain(connection, |begun| forget_oldest(begun, DateTime::UNIX_EPOCH));
            let [by_age, by_key] = match connection {
                AnyConnection::Postgres(_) => ["idempotency_keys_answered", "idempotency_keys_pkey"],
                AnyConnection::Sqlite(_) => {
                    ["idempotency_keys_answered (created_at<?)", "sqlite_autoindex_idempotency_keys_1"]
                }
            };
            assert!(plan.contains(by_age) && plan.contains(by_key), "{plan}");
        });
    }
}
