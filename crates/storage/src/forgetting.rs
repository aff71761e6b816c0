//! Forgetting what is old, the oldest first and some at a time.

use chrono::{DateTime, Utc};

use crate::batch::{Statement, Value};
use crate::{AnyConnection, StorageError};

/// How many rows one transaction forgets: as few as it takes milliseconds to forget, since on SQLite nobody else writes
/// meanwhile.
pub(crate) const PAGE: i64 = 100;

/// Forgets answers given to keys that were first used before `before`, the oldest hundred at most. Says how many: with none
/// there are no more. The keys stay bound to their objects.
///
/// # Errors
/// As the database gives cause.
pub fn forget_answers(connection: &mut AnyConnection, before: DateTime<Utc>) -> Result<usize, StorageError> {
    old_answers(Statement::new(""), before).execute(connection)
}

/// Forgets events of processors that came before `before`, the oldest hundred at most. Says how many: with none there are no
/// more.
///
/// # Errors
/// As the database gives cause.
pub fn forget_processor_events(
    connection: &mut AnyConnection,
    before: DateTime<Utc>,
) -> Result<usize, StorageError> {
    old_processor_events(Statement::new(""), before).execute(connection)
}

fn old_answers(begun: Statement<'_>, before: DateTime<Utc>) -> Statement<'_> {
    let select =
        "SELECT tenant_id, livemode, digest FROM idempotency_keys WHERE answer_body IS NOT NULL AND ";
    let begun = begun.sql("UPDATE idempotency_keys SET answer_body = NULL");
    among_the_oldest(begun, select, "created_at", before)
}

fn old_processor_events(begun: Statement<'_>, before: DateTime<Utc>) -> Statement<'_> {
    let select = "SELECT tenant_id, livemode, digest FROM processor_events WHERE ";
    among_the_oldest(begun.sql("DELETE FROM processor_events"), select, "received_at", before)
}

/// Goes on with the condition that a row's key is among the oldest that are selected.
fn among_the_oldest<'a>(
    begun: Statement<'a>,
    select: &'static str,
    time: &'static str,
    before: DateTime<Utc>,
) -> Statement<'a> {
    begun
        .sql(" WHERE (tenant_id, livemode, digest) IN (")
        .sql(select)
        .sql(time)
        .sql(" < ")
        .value(Value::Int(before.timestamp_micros()))
        .sql(" ORDER BY ")
        .sql(time)
        .sql(" LIMIT ")
        .value(Value::Int(PAGE))
        .sql(")")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{explain, on_each_schema};

    #[test]
    fn what_is_old_is_found_by_its_age_and_changed_by_its_key() {
        on_each_schema(|connection| {
            let indexes = match connection {
                AnyConnection::Postgres(_) => [
                    ["idempotency_keys_answered", "idempotency_keys_pkey"],
                    ["processor_events_by_time", "processor_events_pkey"],
                ],
                AnyConnection::Sqlite(_) => [
                    ["idempotency_keys_answered (created_at<?)", "sqlite_autoindex_idempotency_keys_1"],
                    ["processor_events_by_time (received_at<?)", "sqlite_autoindex_processor_events_1"],
                ],
            };
            let before = DateTime::UNIX_EPOCH;
            let answers = explain(connection, |begun| old_answers(begun, before));
            let events = explain(connection, |begun| old_processor_events(begun, before));
            for (plan, [by_age, by_key]) in [answers, events].into_iter().zip(indexes) {
                assert!(plan.contains(by_age) && plan.contains(by_key), "{plan}");
            }
        });
    }
}
