//! Customers and their payment methods as rows, and customers' credits against the journal.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Binary, Bool, Text};
use florin_domain::{CreditAccount, Customer, CustomerId, StoredMethod, StoredMethodId};

use super::events::{Totals, load_totals};
use super::payments::{reason, row_key};
use super::{Key, Run, Violation, name, next_page};
use crate::batch::{Kind, Lock, Selection, load_rows};
use crate::rows::{
    CREDITS_OF_CUSTOMER, CUSTOMER_COLUMNS, CreditRow, CustomerRow, METHOD_COLUMNS, MethodRow, REALM,
};
use crate::{AnyConnection, StorageError, schema};

/// The columns of a page's key.
const KEY: [&str; 3] = ["tenant_id", "livemode", "id"];

/// What the journal says of each customer's credits, gathered once.
const GATHER: &str = "CREATE TEMPORARY TABLE credit_totals AS \
    SELECT tenant_id, livemode, customer_id, currency, CAST(sum(CASE 'customer_credits' \
    WHEN credit_account THEN amount WHEN debit_account THEN -amount ELSE 0 END) AS BIGINT) AS total \
    FROM transactions WHERE customer_id IS NOT NULL AND amount BETWEEN 1 AND 999999999999 \
    GROUP BY tenant_id, livemode, customer_id, currency; \
    CREATE INDEX credit_totals_by_customer ON credit_totals (tenant_id, livemode, customer_id); \
    ANALYZE credit_totals;";

static TOTALS_OF_CUSTOMER: Selection = Selection {
    table: "credit_totals",
    join: "",
    columns: &["tenant_id, livemode, customer_id, currency, total"],
    key: &[REALM[0], REALM[1], ("customer_id", Kind::Bytes)],
    order: "tenant_id, livemode, customer_id, currency",
};

/// A customer's credits by currency: what the account has, and what the journal says.
type Credits = BTreeMap<String, (i64, i64)>;

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    connection.batch_execute(GATHER)?;
    let select = format!("SELECT {CUSTOMER_COLUMNS} FROM customers");
    let mut after = None;
    loop {
        let statement = next_page::<schema::customers::SqlType>(select.clone(), "WHERE", KEY, after.as_ref());
        let rows: Vec<CustomerRow> = statement.load(connection)?;
        let key = |row: &CustomerRow| (row.tenant_id.clone(), row.livemode, row.id.clone());
        let keys: Vec<Key> = rows.iter().map(key).collect();
        let Some(last) = keys.last() else { break };
        after = Some(last.clone());
        for row in rows {
            let id = name(&row.id, CustomerId::from_bytes);
            if let Err(error) = Customer::try_from(row) {
                run.report(Violation::CorruptRow { table: "customers", id, reason: reason(error) });
            }
        }
        check_credits(connection, &keys, run)?;
    }
    check_methods(connection, run)
}

fn check_credits(
    connection: &mut AnyConnection,
    keys: &[Key],
    run: &mut Run<'_>,
) -> Result<(), StorageError> {
    type Accounts = schema::credit_accounts::SqlType;
    type SqlType = (Binary, Bool, Binary, Text, BigInt);
    type Total = (Vec<u8>, bool, Vec<u8>, String, i64);
    let rows: Vec<_> = keys.iter().map(row_key).collect();
    let mut credits: BTreeMap<Key, Credits> = BTreeMap::new();
    for row in load_rows::<Accounts, CreditRow>(connection, &CREDITS_OF_CUSTOMER, Lock::None, &rows)? {
        let key = (row.tenant_id.clone(), row.livemode, row.customer_id.clone());
        credits.entry(key).or_default().entry(row.currency.clone()).or_default().0 = row.balance;
        let id = name(&row.customer_id, CustomerId::from_bytes);
        if let Err(error) = CreditAccount::try_from(row) {
            run.report(Violation::CorruptRow { table: "credit_accounts", id, reason: reason(error) });
        }
    }
    for (tenant_id, livemode, customer_id, currency, total) in
        load_rows::<SqlType, Total>(connection, &TOTALS_OF_CUSTOMER, Lock::None, &rows)?
    {
        let of_customer = credits.entry((tenant_id, livemode, customer_id)).or_default();
        of_customer.entry(currency).or_default().1 = total;
    }
    for ((_, _, customer_id), credits) in credits {
        for (currency, (balance, recomputed)) in credits {
            if balance != recomputed {
                let customer_id = name(&customer_id, CustomerId::from_bytes);
                run.report(Violation::CreditsDiffer { customer_id, currency, balance, recomputed });
            }
        }
    }
    Ok(())
}

fn check_methods(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let select = format!("SELECT {METHOD_COLUMNS} FROM payment_methods");
    let mut after = None;
    loop {
        let statement =
            next_page::<schema::payment_methods::SqlType>(select.clone(), "WHERE", KEY, after.as_ref());
        let rows: Vec<MethodRow> = statement.load(connection)?;
        let key = |row: &MethodRow| (row.tenant_id.clone(), row.livemode, row.id.clone());
        let keys: Vec<Key> = rows.iter().map(key).collect();
        let totals = load_totals(connection, &keys)?;
        for (row, key) in rows.into_iter().zip(&keys) {
            let id = name(&row.id, StoredMethodId::from_bytes);
            Totals::check(totals.get(key), &id, row.event_count, run);
            if let Err(error) = StoredMethod::try_from(row) {
                run.report(Violation::CorruptRow { table: "payment_methods", id, reason: reason(error) });
            }
        }
        let Some(last) = keys.into_iter().next_back() else { return Ok(()) };
        after = Some(last);
    }
}
