//! The database itself keeps the journal: nothing of it is changed or taken away, save the words beside the money.

use diesel::connection::SimpleConnection;
use florin_storage::AnyConnection;

use crate::harness::{blob, number, on_each_database, run, truth};
use crate::money;
use crate::samples::id_bytes;
use crate::violations::found;

/// The core columns, and something else that each may hold.
const CORE: [(&str, &str); 12] = [
    ("tenant_id", "@x"),
    ("livemode", "@true"),
    ("id", "@x"),
    ("type", "'refund_reversal'"),
    ("amount", "amount + 1"),
    ("currency", "'EUR'"),
    ("debit_account", "'processor_clearing:other'"),
    ("credit_account", "'processor_clearing:other'"),
    ("payment_id", "@x"),
    ("refund_id", "@x"),
    ("customer_id", "@x"),
    ("created_by", "'nobody'"),
];

/// The columns that hold null in some rows and something in others.
const NULLABLE: [&str; 3] = ["payment_id", "refund_id", "customer_id"];

/// What may be amended, and what tells of it.
const AMENDED: [&str; 7] = [
    "metadata = '{\"order\":\"17\"}'",
    "reference_id = 'B-1'",
    "notes = 'Asked twice'",
    "notes = NULL",
    "revision = revision + 1",
    "updated_by = 'somebody'",
    "updated_at = updated_at + 1",
];

fn assert_refused(connection: &mut AnyConnection, sql: &str) {
    let Err(error) = connection.batch_execute(sql) else { panic!("{sql} was let through") };
    assert!(error.to_string().contains("the journal is append-only: "), "{sql}: {error}");
}

#[test]
fn no_core_column_of_a_transaction_is_ever_changed() {
    on_each_database(|database| {
        let mut connection = database.connect();
        money::fill(&mut connection);
        for (column, other) in CORE {
            let other = other.replace("@x", &blob(&connection, &id_bytes(9, 9)));
            let other = other.replace("@true", truth(&connection, true));
            assert_refused(&mut connection, &format!("UPDATE transactions SET {column} = {other}"));
        }
        let other = blob(&connection, &id_bytes(9, 9));
        for column in NULLABLE {
            let to_null = format!("UPDATE transactions SET {column} = NULL WHERE {column} IS NOT NULL");
            assert_refused(&mut connection, &to_null);
            let from_null = format!("UPDATE transactions SET {column} = {other} WHERE {column} IS NULL");
            assert_refused(&mut connection, &from_null);
        }
        assert_refused(&mut connection, "UPDATE transactions SET notes = 'mine', amount = amount + 1");
        assert_eq!(found(&mut connection).0, Vec::<String>::new());
    });
}

#[test]
fn what_may_be_amended_of_a_transaction_is_let_through() {
    on_each_database(|database| {
        let mut connection = database.connect();
        money::fill(&mut connection);
        for change in AMENDED {
            run(&mut connection, &format!("UPDATE transactions SET {change}"));
        }
        // What sets a core column to what it is changes nothing.
        run(&mut connection, "UPDATE transactions SET amount = amount, refund_id = refund_id");
    });
}

#[test]
fn nothing_is_taken_away_from_the_journal_and_no_amendment_is_changed() {
    on_each_database(|database| {
        let mut connection = database.connect();
        money::fill(&mut connection);
        assert_refused(&mut connection, "DELETE FROM transactions");
        assert_refused(&mut connection, "DELETE FROM transactions WHERE type = 'charge'");
        assert_refused(&mut connection, "DELETE FROM amendments");
        for column in ["before", "after", "amended_by"] {
            assert_refused(&mut connection, &format!("UPDATE amendments SET {column} = '{{}}'"));
        }
        for column in ["number", "amended_at"] {
            assert_refused(&mut connection, &format!("UPDATE amendments SET {column} = {column} + 7"));
        }
        if database.is_postgres() {
            assert_refused(&mut connection, "TRUNCATE amendments");
            assert_refused(&mut connection, "TRUNCATE transactions CASCADE");
        }
        assert_eq!(number(&mut connection, "SELECT count(*) AS value FROM transactions"), 12);
        assert_eq!(number(&mut connection, "SELECT count(*) AS value FROM amendments"), 2);
        assert_eq!(found(&mut connection).0, Vec::<String>::new());
    });
}
