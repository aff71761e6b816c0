//! One row of the journal is edited behind Florin's back, in every way there is, and `verify` finds each edit.

use std::collections::BTreeSet;

use florin_domain::{RefundId, TransactionId};
use florin_storage::AnyConnection;

use crate::harness::{blob, on_each_database, run, truth};
use crate::money::{self, customer_id, find_transaction, payment_id, transaction_id};
use crate::samples::id_bytes;
use crate::violations::{disarm, found};

/// What is done to which transaction, and what is said about it. In both columns `@t` is the transaction, `@a` its
/// payment, `@r` its refund; `@b` is a payment that waits, `@d` another customer, `@s` another refund, `@x` nothing.
const EDITS: &[(&str, &str, &str)] = &[
    // The core columns of a charge.
    ("charge", "SET tenant_id = @x", "@t in transactions belongs to @a, which does not exist"),
    ("charge", "SET livemode = @true", "@a: its transactions of type charge come to 0, 1000 has moved"),
    ("charge", "SET id = @short", "in transactions: an id is not 16 bytes long"),
    ("charge", "SET id = @version4", "is not a UUID of version 7"),
    ("charge", "SET id = @x", "updated_at is 2023-11-14T22:13:20.004+00:00, it should be"),
    ("charge", "SET type = 'refund'", "@t: refund_id is none, it should be a refund of its payment"),
    (
        "charge",
        "SET type = 'charge_return'",
        "@a: its transactions of type charge_return come to 1000, 0 has moved",
    ),
    (
        "charge",
        "SET type = 'refund_reversal'",
        "@a: its transactions of type refund come to -600, 400 has moved",
    ),
    (
        "charge",
        "SET type = 'credit_spend'",
        "@a: its transactions of type credit_spend come to 1000, 0 has moved",
    ),
    ("charge", "SET type = 'credit_grant'", "@t: payment_id is @a, it should be none"),
    ("charge", "SET type = 'gift'", "@t in transactions: "),
    ("charge", "SET amount = 999", "@a: its transactions of type charge come to 999, 1000 has moved"),
    ("charge", "SET amount = 1001", "@a: its transactions of type charge come to 1001, 1000 has moved"),
    ("charge", "SET amount = 0", "@t in transactions: "),
    ("charge", "SET amount = -1000", "@t in transactions: "),
    ("charge", "SET amount = 9223372036854775807", "@t in transactions: "),
    ("charge", "SET currency = 'EUR'", "@t: currency is EUR, it should be USD"),
    ("charge", "SET currency = 'ZZZ'", "@t in transactions: "),
    ("charge", "SET currency = 'usd'", "@t: currency is usd, it should be USD"),
    (
        "charge",
        "SET debit_account = 'offline_cash'",
        "@t: debit_account is offline_cash, it should be processor_clearing:sandbox",
    ),
    (
        "charge",
        "SET debit_account = 'processor_clearing:other'",
        "@t: debit_account is processor_clearing:other, it should be processor_clearing:sandbox",
    ),
    ("charge", "SET debit_account = 'nowhere'", "@t in transactions: "),
    ("charge", "SET debit_account = 'merchant'", "@t: debit_account is merchant"),
    ("charge", "SET credit_account = 'customer_credits'", "@t: credit_account is customer_credits"),
    ("charge", "SET credit_account = 'processor_clearing:'", "@t in transactions: "),
    (
        "charge",
        "SET debit_account = credit_account, credit_account = debit_account",
        "@t: credit_account is processor_clearing:sandbox, it should be merchant",
    ),
    ("charge", "SET payment_id = NULL", "@t: payment_id is none, it should be a payment"),
    ("charge", "SET payment_id = @b", "@b: its transactions of type charge come to 1000, 0 has moved"),
    ("charge", "SET payment_id = @x", "@t in transactions belongs to pay_"),
    ("charge", "SET refund_id = @r", "@t: refund_id is @r, it should be none"),
    ("charge", "SET customer_id = @d", "@t: customer_id is @d, it should be none"),
    ("charge", "SET created_by = '@key'", "@t: updated_by is system, it should be @key"),
    ("charge", "SET created_by = 'nobody'", "@t in transactions: "),
    // The core columns of the other types.
    ("refund", "SET amount = 401", "@t: amount is 401, it should be 400"),
    (
        "refund",
        "SET type = 'credit_return'",
        "@a: its transactions of type credit_return come to 400, 0 has moved",
    ),
    ("refund", "SET type = 'refund_reversal'", "@r is succeeded, with 0 transactions and 1 reversals"),
    ("refund", "SET refund_id = NULL", "@t: refund_id is none, it should be a refund of its payment"),
    ("refund", "SET refund_id = @s", "@t: refund_id is @s, it should be a refund of its payment"),
    ("refund", "SET currency = 'EUR'", "@t: currency is EUR, it should be USD"),
    ("refund", "SET credit_account = 'offline_cash'", "@t: credit_account is offline_cash"),
    (
        "charge_return",
        "SET amount = 1",
        "@a: its transactions of type charge_return come to 1, 700 has moved",
    ),
    ("refund_reversal", "SET amount = 1", "@t: amount is 1, it should be 250"),
    ("refund_reversal", "SET type = 'refund'", "@r is failed, with 2 transactions and 0 reversals"),
    ("credit_spend", "SET customer_id = NULL", "@t: customer_id is none, it should be @c"),
    ("credit_spend", "SET customer_id = @d", "@d: its credits are 500 USD, its transactions come to 200"),
    ("credit_spend", "SET amount = 299", "@c: its credits are 300 USD, its transactions come to 301"),
    (
        "credit_return",
        "SET debit_account = 'offline_cash'",
        "@t: debit_account is offline_cash, it should be merchant",
    ),
    ("credit_return", "SET type = 'refund'", "@a: its transactions of type refund come to 100, 0 has moved"),
    ("grant", "SET amount = 501", "@c: its credits are 300 USD, its transactions come to 301"),
    ("grant", "SET currency = 'EUR'", "@c: its credits are 0 EUR, its transactions come to 500"),
    ("grant", "SET payment_id = @b", "@t: payment_id is @b, it should be none"),
    ("grant", "SET refund_id = @s", "@t: refund_id is @s, it should be none"),
    ("grant", "SET customer_id = NULL", "@t: customer_id is none, it should be a customer"),
    ("grant", "SET customer_id = @d", "@d: its credits are 500 USD, its transactions come to 1000"),
    ("grant", "SET customer_id = @x", "@t in transactions belongs to cus_"),
    (
        "grant",
        "SET debit_account = 'offline_cash'",
        "@t: debit_account is offline_cash, it should be merchant",
    ),
    (
        "grant",
        "SET credit_account = 'offline_cash'",
        "@t: credit_account is offline_cash, it should be customer_credits",
    ),
    ("grant", "SET type = 'credit_return'", "@t: payment_id is none, it should be a payment"),
    // What may be amended, without an amendment.
    ("charge", "SET metadata = '{\"a\":\"b\"}'", "@t: what may be amended is "),
    ("charge", "SET metadata = 'oops'", "@t in transactions: "),
    ("charge", "SET reference_id = 'B-1'", "@t: what may be amended is "),
    ("charge", "SET notes = 'mine'", "@t: what may be amended is "),
    ("charge", "SET revision = 2", "@t: revision is 2, its amendments are numbered []"),
    ("charge", "SET revision = 0", "@t in transactions: revision 0 is less than 1"),
    ("charge", "SET updated_by = '@key'", "@t: updated_by is @key, it should be system"),
    ("charge", "SET updated_at = updated_at + 3600000000", "@t: updated_at is "),
    ("charge", "SET updated_at = 0", "@t: updated_at is 1970-01-01T00:00:00+00:00, it should be after"),
    ("amended", "SET metadata = '{\"a\":\"b\"}'", "@t: amendment 2 leads to "),
    ("amended", "SET reference_id = 'B-1'", "@t: amendment 2 leads to "),
    ("amended", "SET notes = NULL", "@t: amendment 2 leads to "),
    ("amended", "SET notes = 'first'", "@t: amendment 2 leads to "),
    ("amended", "SET revision = 2", "@t: revision is 2, its amendments are numbered [1, 2]"),
    ("amended", "SET updated_by = '@key'", "@t: updated_by is @key, it should be system"),
    ("amended", "SET updated_at = updated_at - 1", "@t: updated_at is "),
    // Rows that are taken away or added.
    ("charge", "DELETE", "@a: its transactions of type charge come to 0, 1000 has moved"),
    ("refund", "DELETE", "@r is succeeded, with 0 transactions and 0 reversals"),
    ("charge_return", "DELETE", "@a: its transactions of type charge_return come to 0, 700 has moved"),
    ("refund_reversal", "DELETE", "@r is failed, with 1 transactions and 0 reversals"),
    ("grant", "DELETE", "@c: its credits are 300 USD, its transactions come to -200"),
    ("amended", "DELETE", "an amendment in amendments belongs to @t, which does not exist"),
    ("charge", "COPY", "@a: it has 2 transactions of type charge, one it may have"),
    ("charge_return", "COPY", "@a: it has 2 transactions of type charge_return, one it may have"),
    ("refund", "COPY", "@r is succeeded, with 2 transactions and 0 reversals"),
    ("credit_spend", "COPY", "@a: it has 2 transactions of type credit_spend, one it may have"),
    ("grant", "COPY", "@c: its credits are 300 USD, its transactions come to 800"),
];

/// What is done to the amendments of the transaction that was amended twice, and what is said about it.
const AMENDMENT_EDITS: &[(&str, &str)] = &[
    ("SET number = 3 WHERE number = 2", "@t: revision is 3, its amendments are numbered [1, 3]"),
    ("SET before = '{}' WHERE number = 1", "@t: amendment 1 goes on from {}, which nobody wrote"),
    ("SET before = '{' WHERE number = 2", "@t: amendment 2 is not JSON"),
    ("SET before = replace(before, 'first', 'other') WHERE number = 2", "@t: amendment 2 does not go on"),
    ("SET after = replace(after, 'first', 'other') WHERE number = 1", "@t: amendment 2 does not go on"),
    ("SET after = before WHERE number = 1", "@t: amendment 1 changes nothing"),
    ("SET after = replace(after, 'second', 'other') WHERE number = 2", "@t: amendment 2 leads to "),
    ("SET amended_by = '@key' WHERE number = 2", "@t: updated_by is system, it should be @key"),
    ("SET amended_by = 'nobody' WHERE number = 1", "@t in amendments: "),
    ("SET amended_at = amended_at + 1 WHERE number = 2", "@t: updated_at is "),
    (
        "SET amended_at = 0 WHERE number = 1",
        "@t: amendment 1 is of 1970-01-01T00:00:00+00:00, what was before it",
    ),
    ("SET amended_at = amended_at + 7200000000 WHERE number = 1", "@t: amendment 2 is of "),
    ("SET tenant_id = @x WHERE number = 2", "@t: revision is 3, its amendments are numbered [1]"),
    (
        "SET livemode = @true WHERE number = 2",
        "an amendment in amendments belongs to @t, which does not exist",
    ),
    ("SET transaction_id = @x WHERE number = 1", "an amendment in amendments belongs to txn_"),
    ("DELETE WHERE number = 1", "@t: revision is 3, its amendments are numbered [2]"),
    ("DELETE WHERE number = 2", "@t: revision is 3, its amendments are numbered [1]"),
    ("COPY", "@t: revision is 3, its amendments are numbered [1, 2, 3]"),
];

/// A transaction that is edited, and what belongs to it.
struct Edited {
    id: TransactionId,
    payment: u32,
}

impl Edited {
    fn find(connection: &mut AnyConnection, name: &str) -> Edited {
        let (kind, payment) = match name {
            "charge" | "refund" => (name, 1),
            "charge_return" => (name, 2),
            "amended" => ("charge", 3),
            "credit_spend" | "credit_return" => (name, 4),
            "refund_reversal" => (name, 6),
            _ => {
                let customer = blob(connection, &customer_id(1).bytes());
                let condition = format!("type = 'credit_grant' AND customer_id = {customer}");
                return Edited { id: find_transaction(connection, &condition), payment: 1 };
            }
        };
        Edited { id: transaction_id(connection, kind, payment_id(payment)), payment }
    }

    /// The refund of the payment, and one of another payment.
    fn refunds(&self) -> [RefundId; 2] {
        let refund = |number| RefundId::from_bytes(id_bytes(2, number));
        [refund(self.payment), refund(if self.payment == 4 { 1 } else { 4 })]
    }

    /// The abbreviations of the tables as SQL.
    fn as_sql(&self, connection: &AnyConnection, text: &str) -> String {
        let [refund, other_refund] = self.refunds();
        let mut version_4 = self.id.bytes();
        version_4[6] = 0x40;
        let ids: [(&str, &[u8]); 9] = [
            ("@version4", &version_4),
            ("@short", &self.id.bytes()[..15]),
            ("@t", &self.id.bytes()),
            ("@a", &payment_id(self.payment).bytes()),
            ("@b", &payment_id(7).bytes()),
            ("@d", &customer_id(2).bytes()),
            ("@r", &refund.bytes()),
            ("@s", &other_refund.bytes()),
            ("@x", &id_bytes(3_600_000, 99)),
        ];
        let text = text.replace("@true", truth(connection, true)).replace("@key", &key());
        ids.iter().fold(text, |text, (name, bytes)| text.replace(name, &blob(connection, bytes)))
    }

    /// The abbreviations of the tables as ids.
    fn as_text(&self, text: &str) -> String {
        let [refund, other_refund] = self.refunds();
        let names = [
            ("@t", self.id.to_string()),
            ("@a", payment_id(self.payment).to_string()),
            ("@b", payment_id(7).to_string()),
            ("@c", customer_id(1).to_string()),
            ("@d", customer_id(2).to_string()),
            ("@r", refund.to_string()),
            ("@s", other_refund.to_string()),
        ];
        let text = text.replace("@key", &key());
        names.iter().fold(text, |text, (name, id)| text.replace(name, id))
    }
}

/// Somebody else than who wrote the journal.
fn key() -> String {
    florin_domain::KeyId::from_bytes(id_bytes(8, 1)).to_string()
}

/// Fills the database, and keeps the journal beside itself.
fn prepare(connection: &mut AnyConnection) {
    money::fill(connection);
    disarm(connection);
    assert_eq!(found(connection).0, Vec::<String>::new());
    for table in ["transactions", "amendments"] {
        run(connection, &format!("CREATE TABLE __{table} AS SELECT * FROM {table}"));
    }
}

/// Edits, asks `verify`, and takes the edit back.
fn assert_found(connection: &mut AnyConnection, edited: &Edited, sql: &str, expected: &str) {
    run(connection, &edited.as_sql(connection, sql));
    let (found, _) = found(connection);
    let expected = edited.as_text(expected);
    assert!(found.iter().any(|found| found.contains(&expected)), "{sql}\n{expected}\n{found:#?}");
    for table in ["transactions", "amendments"] {
        run(connection, &format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM __{table}"));
    }
}

/// The statement of an edit of one row of a table.
fn statement(table: &str, columns: &str, edit: &str, row: &str) -> String {
    match edit {
        "DELETE" => format!("DELETE FROM {table} WHERE {row}"),
        "COPY" => format!("INSERT INTO {table} SELECT {columns} FROM {table} WHERE {row}"),
        _ => format!("UPDATE {table} {edit} WHERE {row}"),
    }
}

#[test]
fn each_edit_of_one_row_of_the_journal_is_found() {
    let different: BTreeSet<_> = EDITS.iter().map(|(transaction, edit, _)| (transaction, edit)).collect();
    assert!(different.len() == EDITS.len() && EDITS.len() >= 50);
    let copied = "tenant_id, livemode, @x, type, amount, currency, debit_account, credit_account, payment_id, refund_id, \
        customer_id, created_by, revision, metadata, reference_id, notes, updated_by, updated_at";
    on_each_database(|database| {
        let mut connection = database.connect();
        prepare(&mut connection);
        for (transaction, edit, expected) in EDITS {
            let edited = Edited::find(&mut connection, transaction);
            let sql = statement("transactions", copied, edit, "id = @t");
            assert_found(&mut connection, &edited, &sql, expected);
        }
        assert_eq!(found(&mut connection).0, Vec::<String>::new(), "each edit was taken back");
    });
}

#[test]
fn each_edit_of_one_amendment_is_found() {
    let copied = "tenant_id, livemode, transaction_id, 3, before, after, amended_by, amended_at";
    on_each_database(|database| {
        let mut connection = database.connect();
        prepare(&mut connection);
        let edited = Edited::find(&mut connection, "amended");
        for (edit, expected) in AMENDMENT_EDITS {
            let (edit, row) = edit.split_once(" WHERE ").unwrap_or((edit, "number = 2"));
            let sql = statement("amendments", copied, edit, row);
            assert_found(&mut connection, &edited, &sql, expected);
        }
        assert_eq!(found(&mut connection).0, Vec::<String>::new(), "each edit was taken back");
    });
}
