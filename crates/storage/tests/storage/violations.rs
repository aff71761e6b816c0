//! Whatever is broken behind Florin's back, `verify` finds and names it.

use florin_domain::{Payment, PaymentId, RefundId};
use florin_storage::verify::{Summary, verify};
use florin_storage::{AnyConnection, Needs};

use crate::harness::{blob, on_each_database, run, truth};
use crate::money;
use crate::samples::{
    id_bytes, needs, new_refund, put_payment, put_refund, realm, start, store, store_charged, terms, write,
};
use crate::schema::REFUSED_BY_SQLITE;

/// What is planted, and what is said about it. `@a` is a payment of 1000, charged and refunded by 400; `@b` is charged,
/// a refund of 300 under way; `@c` is new; `@d` has a charge under way; `@r` and `@s` are the refunds of `@a` and `@b`;
/// `@x` is nothing.
const PLANTED: &[(&str, &str)] = &[
    (
        "UPDATE payments SET amount_refunded = 500 WHERE id = @a",
        "@a: amount_refunded is 500, its parts come to 400",
    ),
    ("UPDATE payments SET amount_held = 299 WHERE id = @b", "@b: amount_held is 299, its parts come to 300"),
    (
        "UPDATE payments SET amount_captured = 900 WHERE id = @a",
        "@a: amount_captured is 900, its parts come to 1000",
    ),
    (
        "UPDATE payments SET amount_authorized = 999 WHERE id = @a",
        "@a: amount_authorized is 999, its parts come to 1000",
    ),
    ("UPDATE payments SET amount_captured = 399 WHERE id = @a", "@a in payments: the sums of a payment"),
    ("UPDATE payments SET amount_returned = 1001 WHERE id = @a", "@a in payments: the sums of a payment"),
    ("UPDATE payments SET amount = 0 WHERE id = @c", "@c in payments: "),
    ("UPDATE payments SET state = 'captured' WHERE id = @a", "@a in payments: stored as captured"),
    ("UPDATE payments SET state = 'settled' WHERE id = @a", "@a in payments: unknown state \"settled\""),
    ("UPDATE payments SET currency = 'ZZZ' WHERE id = @c", "@c in payments: "),
    ("UPDATE payments SET metadata = 'oops' WHERE id = @c", "@c in payments: "),
    ("UPDATE payments SET canceled_at = 1 WHERE id = @a", "@a in payments: stored as partially_refunded"),
    (
        "@copy 'charge', 2, 'succeeded' @from kind = 'charge' AND payment_id = @a",
        "@a: 2 charges succeeded, one may",
    ),
    (
        "@copy 'capture', 0, 'succeeded' @from kind = 'charge' AND payment_id = @a; UPDATE attempts SET kind = 'capture', refund_id = NULL WHERE refund_id = @r",
        "@a: 2 captures succeeded, one may",
    ),
    (
        "@copy 'void', 0, 'succeeded' @from kind = 'charge' AND payment_id = @a",
        "@a: @x as an attempt voided it, and it is not canceled",
    ),
    (
        "@copy 'charge', 2, 'failed' @from kind = 'charge' AND payment_id = @a",
        "@a: charge_count is 1, its charges are numbered [1, 2]",
    ),
    (
        "UPDATE payments SET charge_count = 3 WHERE id = @a",
        "@a: charge_count is 3, its charges are numbered [1]",
    ),
    (
        "UPDATE attempts SET number = 7 WHERE kind = 'charge' AND payment_id = @a",
        "@a: charge_count is 1, its charges are numbered [7]",
    ),
    (
        "UPDATE payments SET under_way = 'capture' WHERE id = @a",
        "@a: Some(\"capture\") is under way, open are []",
    ),
    ("UPDATE payments SET under_way = NULL WHERE id = @d", "@d: None is under way, open are [\"charge\"]"),
    (
        "UPDATE attempts SET status = 'failed' WHERE payment_id = @d",
        "@d: Some(\"charge\") is under way, open are []",
    ),
    (
        "UPDATE attempts SET status = 'unknown' WHERE kind = 'charge' AND payment_id = @a",
        "@a: None is under way, open are [\"charge\"]",
    ),
    (
        "UPDATE attempts SET amount = 999 WHERE kind = 'charge' AND payment_id = @a",
        "of @a: a charge of 999, 1000 it should be",
    ),
    ("UPDATE attempts SET amount = 399 WHERE refund_id = @r", "of @a: a refund of 399, 400 it should be"),
    (
        "UPDATE attempts SET failure_code = 'payment_declined' WHERE payment_id = @d",
        "in attempts: a failure has a code and a message",
    ),
    ("UPDATE refunds SET currency = 'EUR' WHERE id = @r", "@r of @a: refunds EUR, the payment is in USD"),
    ("UPDATE refunds SET amount = 1001 WHERE id = @r", "@r of @a: refunds 1001, 1000 was captured"),
    ("UPDATE refunds SET status = 'failed' WHERE id = @r", "@a: amount_refunded is 400, its parts come to 0"),
    (
        "UPDATE refunds SET status = 'succeeded' WHERE id = @s",
        "@s is succeeded, with 1 open and 0 succeeded attempts",
    ),
    ("UPDATE refunds SET status = 'lost' WHERE id = @s", "@s in refunds: "),
    ("DELETE FROM attempts WHERE refund_id = @r", "@r is succeeded, with 0 open and 0 succeeded attempts"),
    ("DELETE FROM refunds WHERE id = @s", "in attempts belongs to @s, which does not exist"),
    ("UPDATE refunds SET payment_id = @x WHERE id = @r", "@r in refunds belongs to @x, which does not exist"),
    (
        "UPDATE attempts SET payment_id = @x WHERE payment_id = @d",
        "in attempts belongs to @x, which does not exist",
    ),
    ("DELETE FROM payments WHERE id = @c", "an event in events belongs to object"),
    ("DELETE FROM events WHERE object_id = @c", "@c: event_count is 1, there are 0 events"),
    (
        "DELETE FROM events WHERE object_id = @a AND sequence = 2",
        "@a: event_count is 5, there are 4 events, numbered 1 to 5",
    ),
    (
        "DELETE FROM events WHERE object_id = @r AND sequence = 1",
        "@r: event_count is 2, there are 1 events, numbered 2 to 2",
    ),
    (
        "UPDATE events SET sequence = 4 WHERE object_id = @a AND sequence = 5",
        "@a: event_count is 5, there are 4 events, numbered 1 to 4",
    ),
    (
        "UPDATE payments SET event_count = 9 WHERE id = @c",
        "@c: event_count is 9, there are 1 events, numbered 1 to 1",
    ),
    ("UPDATE events SET type = 'payment.updated' WHERE object_id = @c", "event 1 of @c is payment.updated"),
    (
        "UPDATE events SET type = 'payment.created' WHERE object_id = @a AND sequence = 3",
        "event 3 of @a is payment.created",
    ),
    ("UPDATE events SET snapshot = '{' WHERE object_id = @c", "of @c: the snapshot is not JSON"),
    (
        "UPDATE events SET snapshot = '[]' WHERE object_id = @c",
        "of @c: the snapshot has null as id, not \"@c\"",
    ),
    (
        "UPDATE events SET snapshot = replace(snapshot, 'pay_', 'ref_') WHERE object_id = @c",
        "of @c: the snapshot has \"ref_",
    ),
    (
        "UPDATE events SET snapshot = replace(snapshot, 'false', 'true') WHERE object_id = @c",
        "of @c: the snapshot has true as livemode, not false",
    ),
    (
        "UPDATE counters SET total = total + 1 WHERE name = 'payments.pending'",
        "livemode false: counter payments.pending is 2, the count is 1",
    ),
    ("DELETE FROM counters WHERE name = 'refunds'", "counter refunds is 0, the count is 2"),
    (
        "UPDATE counters SET tenant_id = @x WHERE name = 'payments.pending'",
        "counter payments.pending is 1, the count is 0",
    ),
    ("@key @x, NULL", "in idempotency_keys belongs to @x, which does not exist"),
    ("@key @a, @x", "in idempotency_keys belongs to @x as a refund, which does not exist"),
    (
        "UPDATE attempts SET id = @x, status = 'needs_review' WHERE payment_id = @d",
        "@d: @x as an attempt needs review, and no open item says so",
    ),
];

fn payment_id(number: u32) -> PaymentId {
    PaymentId::from_bytes(id_bytes(0, number))
}

/// Takes away all that the table above is about. The journal lets go of nothing before it is disarmed.
fn empty(connection: &mut AnyConnection) {
    for table in [
        "open_items",
        "transactions",
        "attempts",
        "refunds",
        "payments",
        "events",
        "counters",
        "idempotency_keys",
    ] {
        run(connection, &format!("DELETE FROM {table}"));
    }
}

/// Stores the payments that the table above is about.
fn fill(connection: &mut AnyConnection) {
    store_charged(connection, realm(1), 1, Some(400));
    let charged = store_charged(connection, realm(1), 2, None);
    write(connection, &needs(realm(1), charged.id), |set| {
        let started = charged.start_refund(new_refund(2, 300), start(1002)).unwrap();
        put_payment(set, started.payment);
        put_refund(set, started.refund);
        set.put_attempt(started.attempt);
    })
    .unwrap();
    store(connection, terms(realm(1), payment_id(3)));
    let new = store(connection, terms(realm(1), payment_id(4)));
    write(connection, &needs(realm(1), new.id), |set| {
        let (payment, attempt) = new.start_charge(start(4), None).unwrap();
        put_payment(set, payment);
        set.put_attempt(attempt);
    })
    .unwrap();
}

/// Takes away what would keep the corruption out.
pub(crate) fn disarm(connection: &mut AnyConnection) {
    let disarm = match connection {
        AnyConnection::Postgres(_) => {
            "DROP TRIGGER transactions_keep_core ON transactions; DROP TRIGGER transactions_stay ON transactions; \
             DROP TRIGGER amendments_stay ON amendments; \
             DO $$ DECLARE c record; BEGIN FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint \
             WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace LOOP \
             EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname); END LOOP; END $$"
        }
        AnyConnection::Sqlite(_) => {
            "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; \
             DROP TRIGGER transactions_keep_core; DROP TRIGGER transactions_stay; \
             DROP TRIGGER amendments_keep; DROP TRIGGER amendments_stay"
        }
    };
    run(connection, disarm);
}

/// The abbreviations of the table as SQL.
fn as_sql(connection: &AnyConnection, text: &str) -> String {
    let id = |bytes: [u8; 16]| blob(connection, &bytes);
    let (tenant, digest) = (id(realm(1).tenant_id.bytes()), blob(connection, &[1; 32]));
    let key = format!(
        "INSERT INTO idempotency_keys (tenant_id, livemode, digest, revision, request_digest, created_at, \
         running_until, success_status, payment_id, refund_id) SELECT {tenant}, {}, {digest}, 1, {digest}, 0, 0, 201,",
        truth(connection, false)
    );
    let copy = "INSERT INTO attempts (tenant_id, livemode, payment_id, id, revision, amount, capture, processor, lookups, \
        created_by, updated_by, updated_at, kind, number, status) SELECT tenant_id, livemode, payment_id, @x, revision, \
        amount, capture, processor, lookups, created_by, updated_by, updated_at,";
    let text = text.replace("@copy", copy).replace("@from", "FROM attempts WHERE").replace("@key", &key);
    let ids = [("@a", 1), ("@b", 2), ("@c", 3), ("@d", 4), ("@x", 99)];
    let text = ids.iter().fold(text, |text, (name, number)| text.replace(name, &id(id_bytes(0, *number))));
    [("@r", 1), ("@s", 2)]
        .iter()
        .fold(text, |text, (name, number)| text.replace(name, &id(id_bytes(2, *number))))
}

/// The abbreviations of the table as ids.
fn as_text(text: &str) -> String {
    let nothing = id_bytes(0, 99);
    let attempt = florin_domain::AttemptId::from_bytes(nothing).to_string();
    let text = text.replace("@x as an attempt", &attempt);
    let text = text.replace("@x as a refund", &RefundId::from_bytes(nothing).to_string());
    let ids = [("@a", 1), ("@b", 2), ("@c", 3), ("@d", 4), ("@x", 99)];
    let text =
        ids.iter().fold(text, |text, (name, number)| text.replace(name, &payment_id(*number).to_string()));
    let refunds = [("@r", 1), ("@s", 2)];
    refunds.iter().fold(text, |text, (name, number)| {
        text.replace(name, &RefundId::from_bytes(id_bytes(2, *number)).to_string())
    })
}

/// What verify finds, and its summary.
pub(crate) fn found(connection: &mut AnyConnection) -> (Vec<String>, Summary) {
    let mut found = Vec::new();
    let summary = verify(connection, &mut |violation| found.push(violation.to_string())).unwrap();
    assert_eq!(u64::try_from(found.len()).unwrap(), summary.violations);
    (found, summary)
}

#[test]
fn a_sound_database_has_no_violation_and_everything_is_looked_at() {
    on_each_database(|database| {
        let mut connection = database.connect();
        assert_eq!(found(&mut connection), (Vec::new(), Summary::default()));
        fill(&mut connection);
        let expected = Summary {
            payments: 4,
            refunds: 2,
            attempts: 5,
            transactions: 3,
            invoices: 0,
            events: 15,
            violations: 0,
        };
        assert_eq!(found(&mut connection), (Vec::new(), expected));
        assert_eq!(found(&mut connection), (Vec::new(), expected), "a second time on the same connection");
        assert_eq!(
            expected.to_string(),
            "4 payments, 2 refunds, 5 attempts, 3 transactions, 0 invoices, 15 events: 0 violations"
        );
    });
}

#[test]
fn a_sound_database_in_which_money_moved_in_every_way_has_no_violation() {
    on_each_database(|database| {
        let mut connection = database.connect();
        money::fill(&mut connection);
        let (found, summary) = found(&mut connection);
        assert_eq!(found, Vec::<String>::new());
        assert!(summary.to_string().starts_with(money::SUMMARY), "{summary}");
    });
}

#[test]
fn every_planted_corruption_is_found_and_names_its_object() {
    on_each_database(|database| {
        let mut connection = database.connect();
        disarm(&mut connection);
        for (planted, expected) in PLANTED {
            empty(&mut connection);
            fill(&mut connection);
            let sql = as_sql(&connection, planted);
            run(&mut connection, &sql);
            let (found, _) = found(&mut connection);
            let expected = as_text(expected);
            assert!(found.iter().any(|found| found.contains(&expected)), "{planted}\n{expected}\n{found:#?}");
        }
    });
}

#[test]
fn what_only_sqlite_refuses_at_once_is_found_on_both_databases() {
    on_each_database(|database| {
        let mut connection = database.connect();
        disarm(&mut connection);
        for (table, change) in REFUSED_BY_SQLITE {
            empty(&mut connection);
            fill(&mut connection);
            run(&mut connection, &format!("UPDATE {table} SET {change}"));
            assert_ne!(found(&mut connection).0, Vec::<String>::new(), "{table} {change}");
        }
    });
}

#[test]
fn what_lies_beyond_the_first_page_is_looked_at_too() {
    on_each_database(|database| {
        let mut connection = database.connect();
        write(&mut connection, &Needs::default(), |set| {
            for number in 1..=1_203 {
                put_payment(set, Payment::create(terms(realm(number % 7), payment_id(number))));
            }
        })
        .unwrap();
        assert_eq!(
            found(&mut connection).1,
            Summary { payments: 1_203, events: 1_203, ..Summary::default() }
        );
        run(&mut connection, "UPDATE payments SET charge_count = 1");
        assert_eq!(found(&mut connection).0.len(), 1_203);
        run(&mut connection, "UPDATE payments SET charge_count = 0");
        disarm(&mut connection);
        run(&mut connection, "DELETE FROM payments");
        let orphans = found(&mut connection).0.into_iter().filter(|found| found.starts_with("an event"));
        assert_eq!(orphans.count(), 1_203);
    });
}

#[test]
fn a_writer_that_commits_meanwhile_neither_waits_nor_disturbs() {
    on_each_database(|database| {
        let (mut reader, mut writer) = (database.connect(), database.connect());
        fill(&mut writer);
        run(&mut writer, "UPDATE payments SET charge_count = charge_count + 1");
        let mut found = 0;
        verify(&mut reader, &mut |_| {
            if found == 0 {
                run(&mut writer, "UPDATE payments SET charge_count = charge_count - 1");
            }
            found += 1;
        })
        .unwrap();
        assert_eq!(found, 4, "the snapshot is that of the beginning");
        assert_eq!(self::found(&mut reader).0, Vec::<String>::new());
    });
}
