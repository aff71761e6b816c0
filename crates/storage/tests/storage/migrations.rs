//! Bringing a database to the schema.

use std::thread;

use florin_domain::strategies::Action;
use florin_domain::{MethodType, NewPayment, OpenItemStatus, OpenItemType, cause_of_review};
use florin_storage::read::{OpenItemQuery, Position, Slice, find_item_of, list_open_items};
use florin_storage::{AnyConnection, StorageError, check_schema, migrate};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::harness::{number, on_each_database, on_each_empty_database, run};
use crate::histories::{live, story};
use crate::samples::{realm, store_charged};
use crate::schema::facts;
use crate::violations::found;

/// One migration there and back, on both databases.
macro_rules! migration {
    ($name:literal, $file:literal, $connection:expr) => {
        match $connection {
            AnyConnection::Postgres(_) => {
                include_str!(concat!("../../../../migrations/postgres/", $name, "/", $file))
            }
            AnyConnection::Sqlite(_) => {
                include_str!(concat!("../../../../migrations/sqlite/", $name, "/", $file))
            }
        }
    };
}

#[test]
fn an_empty_database_gets_every_table_and_a_second_migration_changes_nothing() {
    on_each_empty_database(|database| {
        assert!(check_schema(&mut database.connect()).is_err());
        assert!(!migrate(&database.url).unwrap().is_empty());
        check_schema(&mut database.connect()).unwrap();
        assert!(migrate(&database.url).unwrap().is_empty());
        check_schema(&mut database.connect()).unwrap();
    });
}

#[test]
fn of_four_processes_that_migrate_at_once_one_does_and_all_succeed() {
    on_each_empty_database(|database| {
        let applied = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| migrate(&database.url).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(applied.iter().filter(|applied| !applied.is_empty()).count(), 1);
        check_schema(&mut database.connect()).unwrap();
    });
}

#[test]
fn a_newer_schema_is_refused_with_a_message_that_names_the_migration() {
    on_each_database(|database| {
        let mut connection = database.connect();
        run(&mut connection, "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
        for refused in [migrate(&database.url).map(drop), check_schema(&mut connection)] {
            let Err(StorageError::Schema(message)) = refused else { panic!("the schema was accepted") };
            assert!(message.contains("99990101000000") && message.contains("newer Florin"), "{message}");
        }
    });
}

#[test]
fn an_older_schema_is_refused_with_a_message_that_says_what_to_do() {
    on_each_database(|database| {
        let mut connection = database.connect();
        run(&mut connection, "DELETE FROM __diesel_schema_migrations");
        let Err(StorageError::Schema(message)) = check_schema(&mut connection) else {
            panic!("it was accepted")
        };
        assert!(message.contains("florin migrate"), "{message}");
    });
}

/// Takes the schema back to what it was before there was a journal.
fn forget_the_journal(connection: &mut AnyConnection) {
    for back in [
        migration!("00000000000011_answers_by_age", "down.sql", connection),
        migration!("00000000000010_words_compared", "down.sql", connection),
        migration!("00000000000009_payment_requests", "down.sql", connection),
        migration!("00000000000008_webhooks", "down.sql", connection),
        migration!("00000000000007_sessions", "down.sql", connection),
        migration!("00000000000006_access", "down.sql", connection),
        migration!("00000000000005_open_items", "down.sql", connection),
        migration!("00000000000004_processor_accounts", "down.sql", connection),
        migration!("00000000000003_lean_writes", "down.sql", connection),
        migration!("00000000000002_money", "down.sql", connection),
    ] {
        run(connection, back);
    }
    run(connection, "DELETE FROM __diesel_schema_migrations WHERE version >= '00000000000002'");
}

/// Payments by card as they were before there was anything else, refunded, failed and canceled in many ways.
fn store_histories(connection: &mut AnyConnection) {
    store_charged(connection, realm(1), 1, None);
    store_charged(connection, realm(1), 2, Some(400));
    store_charged(connection, realm(2), 3, Some(1000));
    let mut runner = TestRunner::deterministic();
    for round in 0..60 {
        let (terms, mut actions) = story().new_tree(&mut runner).unwrap().current();
        actions.retain(|action| *action != Action::Return);
        if round % 2 == 0 {
            actions.push(Action::FailRefund { choice: 0 });
        }
        let by_card =
            NewPayment { method_type: MethodType::Card, customer_id: None, destination: None, ..terms };
        live(connection, by_card, &actions);
    }
}

#[test]
fn the_later_migrations_are_taken_back_to_the_first() {
    on_each_empty_database(|database| {
        let mut connection = database.connect();
        let first = migration!("00000000000001_payments", "up.sql", &connection);
        run(&mut connection, first);
        let expected = facts(&mut connection);
        let back = migration!("00000000000001_payments", "down.sql", &connection);
        run(&mut connection, back);
        migrate(&database.url).unwrap();
        forget_the_journal(&mut connection);
        assert_eq!(facts(&mut connection), expected);
    });
}

#[test]
fn payments_from_before_the_journal_are_booked_by_the_migration_and_verify_finds_nothing() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_histories(&mut connection);
        let booked = "SELECT count(*) AS value FROM transactions WHERE type IN ('charge', 'refund')";
        let balance =
            "SELECT CAST(sum(total) AS BIGINT) AS value FROM counters WHERE name LIKE 'balance:merchant%'";
        let expected = [number(&mut connection, booked), number(&mut connection, balance)];
        let reversed = "SELECT count(*) AS value FROM transactions WHERE type = 'refund_reversal'";
        let reversed = number(&mut connection, reversed);
        forget_the_journal(&mut connection);
        let versions: Vec<String> = (2..=11).map(|number| format!("{number:014}")).collect();
        assert_eq!(migrate(&database.url).unwrap(), versions);
        assert_eq!(found(&mut connection).0, Vec::<String>::new());
        // A refund that failed after all has left no trace of when it had succeeded.
        let found = [number(&mut connection, booked) + reversed, number(&mut connection, balance)];
        assert_eq!(found, expected);
        assert!(expected[0] > 30 && reversed > 0, "{expected:?} {reversed}");
    });
}

#[test]
fn what_needed_review_before_there_were_open_items_gets_one_by_the_migration() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_charged(&mut connection, realm(1), 1, None);
        store_charged(&mut connection, realm(1), 2, None);
        run(
            &mut connection,
            "UPDATE attempts SET status = 'needs_review' WHERE id = (SELECT id FROM attempts ORDER BY id LIMIT 1)",
        );
        let back = migration!("00000000000005_open_items", "down.sql", &connection);
        run(&mut connection, back);
        run(&mut connection, "DELETE FROM __diesel_schema_migrations WHERE version = '00000000000005'");
        assert_eq!(migrate(&database.url).unwrap(), ["00000000000005"]);
        let query = OpenItemQuery {
            realm: realm(1),
            status: Some(OpenItemStatus::Open),
            kind: Some(OpenItemType::NeedsReview),
            payment_id: None,
            processor: None,
            created_after: None,
            created_before: None,
        };
        let slice = Slice::new(10, Position::Offset(0));
        let items = list_open_items(&mut connection, &query, slice).unwrap().items;
        let [item] = &items[..] else { panic!("one item: {items:?}") };
        let attempt_id = item.attempt_id.unwrap();
        assert_eq!(item.cause, cause_of_review(attempt_id));
        // Its id is one that callers can name.
        assert_eq!(item.id.to_string().parse(), Ok(item.id));
        assert_eq!(find_item_of(&mut connection, realm(1), &item.cause).unwrap().as_ref(), Some(item));
    });
}
