//! What is broken around the journal behind Florin's back: invoices, credits, customers, payment methods and counters.

use florin_domain::{StoredMethodId, TenantId};
use florin_storage::AnyConnection;

use crate::harness::{blob, number, on_each_database, run, truth};
use crate::money::{self, customer_id, invoice_id, payment_id};
use crate::samples::{id_bytes, realm};
use crate::violations::{disarm, found};

/// What is planted, and what is said about it. `@1` to `@7` are payments; `@paid` is the invoice that `@2` was returned
/// from and `@3` has paid, `@held` the one that `@5` holds 600 of, `@void` a void one, `@given` one with a number of its
/// own; `@c` and `@d` are customers, `@m` is a payment method and `@n` a detached one; `@x` is nothing.
const PLANTED: &[(&str, &str)] = &[
    // Invoices and their payments.
    (
        "UPDATE invoices SET amount_paid = 699 WHERE id = @paid",
        "@paid: amount_paid is 699, its payments come to 700",
    ),
    (
        "UPDATE invoices SET amount_held = 599 WHERE id = @held",
        "@held: amount_held is 599, its payments come to 600",
    ),
    (
        "UPDATE invoices SET amount_held = 1001 WHERE id = @held",
        "@held: 0 is paid and 1001 is held, 1000 is due",
    ),
    ("UPDATE invoices SET amount_due = 699 WHERE id = @paid", "@paid: 700 is paid and 0 is held, 699 is due"),
    (
        "UPDATE invoices SET amount_paid = 5 WHERE id = @void",
        "@void: it is void, and something is paid or held",
    ),
    (
        "UPDATE invoices SET status = 'open' WHERE id = @paid",
        "@paid in invoices: an invoice's status contradicts its sums",
    ),
    (
        "UPDATE invoices SET paid_at = NULL WHERE id = @paid",
        "@paid: paid_at tells when it was paid, if it is",
    ),
    ("UPDATE invoices SET paid_at = 1 WHERE id = @held", "@held: paid_at tells when it was paid, if it is"),
    (
        "UPDATE invoices SET voided_at = NULL, status = 'open' WHERE id = @void",
        "counter invoices.open is 2, the count is 3",
    ),
    (
        "UPDATE invoices SET amount_due = 31 WHERE id = @given",
        "@given: its lines do not sum up to what is due",
    ),
    ("UPDATE invoices SET lines = '{' WHERE id = @given", "@given in invoices: "),
    (
        "UPDATE invoices SET currency = 'EUR' WHERE id = @held",
        "@5 for @held: currency is USD, the invoice's is EUR",
    ),
    ("UPDATE invoices SET event_count = 2 WHERE id = @void", "@void: event_count is 2, there are 1 events"),
    ("DELETE FROM invoices WHERE id = @paid", "@3 in payments belongs to @paid, which does not exist"),
    ("DELETE FROM invoices WHERE id = @void", "an event in events belongs to object "),
    (
        "UPDATE payments SET invoice_id = NULL, invoice_number = NULL WHERE id = @3",
        "@paid: amount_paid is 700, its payments come to 0",
    ),
    (
        "UPDATE payments SET invoice_id = @held WHERE id = @3",
        "@held: amount_paid is 0, its payments come to 700",
    ),
    (
        "UPDATE payments SET invoice_number = 'INV-7' WHERE id = @3",
        "@3 for @paid: invoice_number is INV-7, the invoice's is INV-000001",
    ),
    (
        "UPDATE payments SET invoice_number = NULL WHERE id = @3",
        "@3 for @paid: invoice_number is none, the invoice's is INV-000001",
    ),
    (
        "UPDATE payments SET currency = 'EUR' WHERE id = @5",
        "@5 for @held: currency is EUR, the invoice's is USD",
    ),
    (
        "UPDATE payments SET customer_id = @x WHERE id = @1",
        "@1 in payments belongs to @x, which does not exist",
    ),
    // Numbers.
    (
        "UPDATE invoices SET number = 'A-18' WHERE id = @held",
        "livemode false: the last invoice counted is 3, 2 are counted, 1 to 3",
    ),
    (
        "UPDATE invoices SET number = 'INV-000005' WHERE id = @void",
        "the last invoice counted is 3, 3 are counted, 1 to 5",
    ),
    (
        "UPDATE invoices SET number = 'INV-000004' WHERE id = @given",
        "the last invoice counted is 3, 4 are counted, 1 to 4",
    ),
    ("UPDATE invoices SET number = 'inv-17' WHERE id = @given", "@given: no count gives its number inv-17"),
    (
        "UPDATE invoices SET number = 'INV-99999999999999999999999' WHERE id = @given",
        "@given: no count gives its number INV-9",
    ),
    (
        "DROP INDEX invoices_by_number; UPDATE invoices SET number = 'A-17' WHERE id = @held",
        "@held: 2 invoices have its number A-17",
    ),
    ("UPDATE invoice_counts SET last = 2", "the last invoice counted is 2, 3 are counted, 1 to 3"),
    ("UPDATE invoice_counts SET last = 4", "the last invoice counted is 4, 3 are counted, 1 to 3"),
    ("DELETE FROM invoice_counts", "the last invoice counted is 0, 3 are counted, 1 to 3"),
    // Credits, customers and payment methods.
    (
        "UPDATE credit_accounts SET balance = 299 WHERE customer_id = @c",
        "@c: its credits are 299 USD, its transactions come to 300",
    ),
    ("UPDATE credit_accounts SET balance = -1 WHERE customer_id = @c", "@c in credit_accounts: "),
    (
        "UPDATE credit_accounts SET currency = 'EUR' WHERE customer_id = @d",
        "@d: its credits are 500 EUR, its transactions come to 0",
    ),
    (
        "DELETE FROM credit_accounts WHERE customer_id = @c",
        "@c: its credits are 0 USD, its transactions come to 300",
    ),
    (
        "UPDATE credit_accounts SET customer_id = @x WHERE customer_id = @c",
        "an account in credit_accounts belongs to @x, which does not exist",
    ),
    ("DELETE FROM customers WHERE id = @c", "@4 in payments belongs to @c, which does not exist"),
    ("DELETE FROM customers WHERE id = @c", "@m in payment_methods belongs to @c, which does not exist"),
    (
        "UPDATE invoices SET customer_id = @x WHERE id = @given",
        "@given in invoices belongs to @x, which does not exist",
    ),
    ("UPDATE customers SET metadata = 'oops' WHERE id = @d", "@d in customers: "),
    (
        "UPDATE payment_methods SET processor = 'gone' WHERE id = @m",
        "@m in payment_methods belongs to a processor account, which does not exist",
    ),
    ("UPDATE payment_methods SET last4 = '42x2' WHERE id = @m", "@m in payment_methods: "),
    ("UPDATE payment_methods SET event_count = 1 WHERE id = @m", "@m: event_count is 1, there are 0 events"),
    ("DELETE FROM events WHERE object_id = @n", "@n: event_count is 1, there are 0 events"),
    // Counters and balances.
    ("UPDATE counters SET total = 3 WHERE name = 'customers'", "counter customers is 3, the count is 2"),
    (
        "UPDATE payment_methods SET detached_at = NULL WHERE id = @n",
        "counter payment_methods is 1, the count is 2",
    ),
    (
        "UPDATE counters SET total = total - 1 WHERE name = 'invoices.paid'",
        "counter invoices.paid is 0, the count is 1",
    ),
    ("DELETE FROM counters WHERE name = 'invoices.void'", "counter invoices.void is 0, the count is 1"),
    (
        "UPDATE counters SET total = 3 WHERE name = 'transactions.charge'",
        "counter transactions.charge is 3, the count is 4",
    ),
    (
        "UPDATE counters SET total = total + 1 WHERE name = 'balance:processor_clearing:sandbox:USD'",
        "counter balance:processor_clearing:sandbox:USD is 1601, the count is 1600",
    ),
    (
        "DELETE FROM counters WHERE name = 'balance:offline_cash:USD'",
        "counter balance:offline_cash:USD is 0, the count is 700",
    ),
    (
        "UPDATE counters SET name = 'balance:merchant:EUR' WHERE name = 'balance:merchant:USD'",
        "@tenant, livemode false: counter balance:merchant:EUR is -1500, the count is 0",
    ),
    (
        "UPDATE counters SET livemode = @true WHERE name = 'balance:customer_credits:USD'",
        "livemode true: counter balance:customer_credits:USD is -800, the count is 0",
    ),
];

/// What the names stand for.
fn ids() -> Vec<(String, [u8; 16], String)> {
    let method = |number| StoredMethodId::from_bytes(id_bytes(7, number));
    let mut ids: Vec<(String, [u8; 16], String)> = [("paid", 1), ("held", 2), ("void", 3), ("given", 4)]
        .map(|(name, number)| (name.to_owned(), invoice_id(number).bytes(), invoice_id(number).to_string()))
        .into();
    ids.extend(
        (1..=7)
            .map(|number| (number.to_string(), payment_id(number).bytes(), payment_id(number).to_string())),
    );
    for (name, number) in [("c", 1), ("d", 2), ("x", 99)] {
        ids.push((name.to_owned(), customer_id(number).bytes(), customer_id(number).to_string()));
    }
    ids.extend(
        [("m", 1), ("n", 2)]
            .map(|(name, number)| (name.to_owned(), method(number).bytes(), method(number).to_string())),
    );
    ids
}

fn as_sql(connection: &AnyConnection, text: &str) -> String {
    let text = text.replace("@true", truth(connection, true));
    ids()
        .iter()
        .fold(text, |text, (name, bytes, _)| text.replace(&format!("@{name}"), &blob(connection, bytes)))
}

fn as_text(text: &str) -> String {
    let tenant: TenantId = realm(1).tenant_id;
    let text = text.replace("@tenant", &tenant.to_string());
    ids().iter().fold(text, |text, (name, _, id)| text.replace(&format!("@{name}"), id))
}

/// The tables that are restored after each corruption.
const TABLES: [&str; 8] = [
    "payments",
    "invoices",
    "invoice_counts",
    "credit_accounts",
    "customers",
    "payment_methods",
    "events",
    "counters",
];

#[test]
fn every_corruption_planted_around_the_journal_is_found_and_names_its_object() {
    on_each_database(|database| {
        let mut connection = database.connect();
        money::fill(&mut connection);
        disarm(&mut connection);
        assert_eq!(found(&mut connection).0, Vec::<String>::new());
        for table in TABLES {
            run(&mut connection, &format!("CREATE TABLE __{table} AS SELECT * FROM {table}"));
        }
        for (planted, expected) in PLANTED {
            let sql = as_sql(&connection, planted);
            run(&mut connection, &sql);
            let (found, _) = found(&mut connection);
            let expected = as_text(expected);
            assert!(found.iter().any(|found| found.contains(&expected)), "{planted}\n{expected}\n{found:#?}");
            for table in TABLES {
                let restore = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM __{table}");
                run(&mut connection, &restore);
            }
        }
        assert_eq!(found(&mut connection).0, Vec::<String>::new(), "each corruption was taken back");
    });
}

#[test]
fn a_journal_beyond_the_first_page_is_looked_at_too() {
    on_each_database(|database| {
        let mut connection = database.connect();
        money::fill(&mut connection);
        disarm(&mut connection);
        let random = match &connection {
            AnyConnection::Postgres(_) => "decode(md5(n::text), 'hex')",
            AnyConnection::Sqlite(_) => "randomblob(16)",
        };
        run(
            &mut connection,
            &format!(
                "INSERT INTO transactions SELECT tenant_id, livemode, {random}, type, amount, currency, debit_account, \
                 credit_account, payment_id, refund_id, customer_id, created_by, revision, metadata, reference_id, \
                 notes, updated_by, updated_at FROM transactions, (WITH RECURSIVE numbers (n) AS \
                 (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1100) SELECT n FROM numbers) AS many \
                 WHERE type = 'charge_return'"
            ),
        );
        let (_, summary) = found(&mut connection);
        let stored = number(&mut connection, "SELECT count(*) AS value FROM transactions");
        assert_eq!((summary.transactions, stored), (1_112, 1_112));
        assert!(summary.violations > 1_100, "{summary}");
    });
}
