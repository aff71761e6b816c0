//! Facts about the schema, alike on both databases.

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error};
use florin_storage::AnyConnection;

use crate::harness::{blob, on_each_database, run, texts, truth};
use crate::samples::{realm, store_charged};

/// The tables, columns, keys and indexes of SQLite as lines.
const SQLITE_FACTS: &str = "
    SELECT 'column ' || t.name || '.' || c.name || ' ' || lower(c.type) || CASE c.\"notnull\" WHEN 1 THEN ' not null' ELSE '' END AS value
    FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'
    UNION ALL
    SELECT 'key ' || t.name || ' (' || (SELECT group_concat(k.name, ', ') FROM (SELECT name FROM pragma_table_info(t.name) WHERE pk > 0 ORDER BY pk) k) || ')'
    FROM sqlite_schema t WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'
    UNION ALL
    SELECT CASE i.\"unique\" WHEN 1 THEN 'unique ' ELSE '' END || 'index ' || i.name || ' on ' || t.name || ' (' ||
        (SELECT group_concat(k.name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) k) || ')' ||
        CASE i.partial WHEN 1 THEN ' in part' ELSE '' END
    FROM sqlite_schema t JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin = 'c'
    UNION ALL
    SELECT 'reference ' || t.name || ' (' || group_concat(f.\"from\", ', ' ORDER BY f.seq) || ') to ' || f.\"table\"
    FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table' GROUP BY t.name, f.id, f.\"table\"";

/// The same of PostgreSQL, in SQLite's words for types.
const POSTGRES_FACTS: &str = r"
    SELECT 'column ' || table_name || '.' || column_name || ' ' ||
        CASE data_type WHEN 'bytea' THEN 'blob' WHEN 'bigint' THEN 'integer' WHEN 'boolean' THEN 'integer' ELSE data_type END ||
        CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END AS value
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\_\_%'
    UNION ALL
    SELECT CASE WHEN i.indisprimary THEN 'key ' || t.relname
            ELSE CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || 'index ' || x.relname || ' on ' || t.relname END ||
        ' (' || (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, n)
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) || ')' ||
        CASE WHEN i.indpred IS NULL THEN '' ELSE ' in part' END
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = 'public' AND t.relname NOT LIKE '\_\_%'
    UNION ALL
    SELECT 'reference ' || t.relname || ' (' || (SELECT string_agg(a.attname, ', ' ORDER BY k.n)
            FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) ||
        ') to ' || r.relname
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid WHERE c.contype = 'f'";

/// The tables, columns, keys, indexes and references as lines.
pub(crate) fn facts(connection: &mut AnyConnection) -> Vec<String> {
    let select = match connection {
        AnyConnection::Postgres(_) => POSTGRES_FACTS,
        AnyConnection::Sqlite(_) => SQLITE_FACTS,
    };
    let mut facts = texts(connection, select);
    facts.sort();
    facts
}

#[test]
fn both_databases_have_the_tables_columns_keys_and_indexes_of_the_reviewed_list() {
    on_each_database(|database| {
        let facts = facts(&mut database.connect()).join("\n");
        let reviewed = include_str!("schema.txt").trim_end();
        assert!(facts == reviewed, "tests/storage/schema.txt should be:\n{facts}");
    });
}

#[test]
fn every_key_and_index_of_a_tenants_objects_begins_with_the_tenant_and_the_mode() {
    // Found before anybody knows whose they are, or nobody's.
    let exceptions = [
        "key tenants (id)",
        "key access_generation (id)",
        "key event_log (id)",
        "unique index api_keys_by_secret on api_keys (secret_digest)",
        "unique index session_tokens_by_digest on session_tokens (digest)",
        "unique index payment_requests_by_token on payment_requests (token)",
        "unique index users_by_email on users (email, tenant_id)",
        "key login_failures (digest)",
        // Users work in both modes.
        "key users (tenant_id, id)",
        // Recovery looks after everybody's, and so does who forgets.
        "index idempotency_keys_answered on idempotency_keys (created_at) in part",
        "index attempts_watched on attempts (due_at) in part",
        "index payments_expiring on payments (authorization_expires_at) in part",
        "index processor_events_by_time on processor_events (received_at)",
    ];
    for fact in include_str!("schema.txt").lines() {
        let is_key = fact.starts_with("key ") || fact.contains("index ");
        let is_confined = fact.contains("(tenant_id, livemode, ") || fact.contains("(tenant_id, livemode)");
        assert!(!is_key || is_confined || exceptions.contains(&fact), "{fact}");
    }
}

/// Changes that the table's own CHECKs refuse, for a payment of 1000 that is charged and refunded by 400.
const REFUSED: &[(&str, &str)] = &[
    ("payments", "amount = 0"),
    ("payments", "amount = -1"),
    ("payments", "amount = 1000000000000"),
    ("payments", "amount = 999"),
    ("payments", "amount_authorized = 1001"),
    ("payments", "amount_authorized = 999"),
    ("payments", "amount_authorized = -1, amount_captured = -1"),
    ("payments", "amount_captured = 1001"),
    ("payments", "amount_captured = 399"),
    ("payments", "amount_captured = -1, amount_refunded = 0"),
    ("payments", "amount_refunded = 1001"),
    ("payments", "amount_refunded = -1"),
    ("payments", "amount_held = 601"),
    ("payments", "amount_held = -1"),
    ("payments", "amount_returned = 1001"),
    ("payments", "amount_returned = -1"),
    ("refunds", "amount = 0"),
    ("refunds", "amount = 1000000000000"),
    ("refunds", "currency = 'US'"),
    ("refunds", "status = 'canceled'"),
    ("refunds", "revision = 0"),
    ("refunds", "event_count = -1"),
    ("attempts", "amount = 0"),
    ("attempts", "amount = 1000000000000"),
    ("attempts", "refund_id = payment_id, kind = 'charge'"),
    ("attempts", "refund_id = NULL, kind = 'refund'"),
    ("tenants", "name = ''"),
    ("api_keys", "limit_per_minute = -1"),
    ("api_keys", "limit_per_second = -1"),
    ("idempotency_keys", "revision = 0"),
];

/// Changes that SQLite's CHECKs refuse, too. PostgreSQL leaves them to the domain, and `verify` finds them.
pub(crate) const REFUSED_BY_SQLITE: &[(&str, &str)] = &[
    ("payments", "state = 'succeeded'"),
    ("payments", "currency = 'USDT'"),
    ("payments", "currency = ''"),
    ("payments", "capture_method = 'later'"),
    ("payments", "payment_method_type = 'card'"),
    ("payments", "under_way = 'refund'"),
    ("payments", "revision = 0"),
    ("payments", "event_count = -1"),
    ("payments", "charge_count = -1"),
    ("attempts", "kind = 'return'"),
    ("attempts", "status = 'done'"),
    ("attempts", "number = -1"),
    ("attempts", "lookups = -1"),
    ("attempts", "revision = 0"),
    ("events", "sequence = 0"),
];

/// A row in each table.
fn store_everything(connection: &mut AnyConnection) {
    store_charged(connection, realm(1), 1, Some(400));
    let id = blob(connection, &realm(1).tenant_id.bytes());
    let (digest, mode) = (blob(connection, &[1; 32]), truth(connection, false));
    run(connection, &format!("INSERT INTO tenants (id, name) VALUES ({id}, 'Shop')"));
    run(
        connection,
        &format!(
            "INSERT INTO api_keys (tenant_id, livemode, id, secret_digest, secret_hint, name, scopes) \
             VALUES ({id}, {mode}, {id}, {digest}, 'mnop', 'Shop', 'admin')"
        ),
    );
    run(
        connection,
        &format!(
            "INSERT INTO idempotency_keys (tenant_id, livemode, digest, revision, request_digest, created_at, \
             running_until, success_status) VALUES ({id}, {mode}, {digest}, 1, {digest}, 0, 0, 201)"
        ),
    );
}

fn refusal(connection: &mut AnyConnection, sql: &str) -> DatabaseErrorKind {
    match connection.batch_execute(sql) {
        Err(Error::DatabaseError(kind, _)) => kind,
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn the_database_itself_refuses_every_broken_money_rule_and_unknown_word() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_everything(&mut connection);
        let of_sqlite = matches!(connection, AnyConnection::Sqlite(_)).then_some(REFUSED_BY_SQLITE);
        for (table, change) in REFUSED.iter().chain(of_sqlite.unwrap_or_default()) {
            run(
                &mut connection,
                &format!("UPDATE {table} SET tenant_id = tenant_id")
                    .replace("tenants SET tenant_id = tenant_id", "tenants SET id = id"),
            );
            let kind = refusal(&mut connection, &format!("UPDATE {table} SET {change}"));
            assert!(matches!(kind, DatabaseErrorKind::CheckViolation), "{table} {change}: {kind:?}");
        }
    });
}

#[test]
fn ids_and_digests_of_a_wrong_length_are_refused() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_everything(&mut connection);
        let short = blob(&connection, &[1; 15]);
        let columns = [
            ("api_keys", "id"),
            ("api_keys", "secret_digest"),
            ("payments", "id"),
            ("refunds", "id"),
            ("attempts", "id"),
            ("events", "id"),
            ("idempotency_keys", "digest"),
            ("idempotency_keys", "request_digest"),
        ];
        for (table, column) in columns {
            let kind = refusal(&mut connection, &format!("UPDATE {table} SET {column} = {short}"));
            assert!(matches!(kind, DatabaseErrorKind::CheckViolation), "{table}.{column}: {kind:?}");
        }
    });
}

#[test]
fn refunds_without_their_payment_and_keys_without_a_tenant_are_refused() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_everything(&mut connection);
        let nobody = blob(&connection, &[9; 16]);
        for (table, column) in [("refunds", "payment_id"), ("api_keys", "tenant_id")] {
            let kind = refusal(&mut connection, &format!("UPDATE {table} SET {column} = {nobody}"));
            assert!(matches!(kind, DatabaseErrorKind::ForeignKeyViolation), "{table}.{column}: {kind:?}");
        }
        let kind = refusal(&mut connection, "DELETE FROM payments");
        assert!(matches!(kind, DatabaseErrorKind::ForeignKeyViolation), "{kind:?}");
    });
}

/// A step of SQLite's program for a statement.
#[derive(diesel::QueryableByName)]
struct Step {
    #[diesel(sql_type = diesel::sql_types::Text)]
    opcode: String,
}

#[test]
fn sqlite_makes_no_table_of_words_for_what_each_payment_writes() {
    on_each_database(|database| {
        let mut connection = database.connect();
        if matches!(connection, AnyConnection::Postgres(_)) {
            return;
        }
        for write in [
            "INSERT INTO payments DEFAULT VALUES",
            "INSERT INTO attempts DEFAULT VALUES",
            "INSERT INTO events DEFAULT VALUES",
            "INSERT INTO transactions DEFAULT VALUES",
            "UPDATE payments SET state = 'failed', under_way = NULL WHERE tenant_id = x'00' AND livemode = 0 AND id = x'00'",
            "UPDATE attempts SET status = 'failed' WHERE tenant_id = x'00' AND livemode = 0 AND payment_id = x'00' AND id = x'00'",
        ] {
            let steps: Vec<Step> =
                diesel::sql_query(format!("EXPLAIN {write}")).load(&mut connection).unwrap();
            assert!(steps.iter().any(|step| step.opcode == "OpenWrite"), "{write}");
            assert!(!steps.iter().any(|step| step.opcode == "OpenEphemeral"), "{write}");
        }
    });
}
