//! Recomputes every money rule over a whole database, and says what does not hold.
//!
//! It reads the tables page by page, in one snapshot, so that it may run while Florin serves, and its memory does not
//! grow with the database. It trusts no constraint and changes nothing. Deliberately not here: mending.

mod access;
mod card_numbers;
mod counters;
mod customers;
mod events;
mod invoices;
mod items;
mod journal;
mod orphans;
mod payment_requests;
mod payments;
mod processors;
mod refunds;
mod sessions;
mod transactions;
mod violation;
mod webhooks;

pub use card_numbers::{CardNumberFound, CardNumberSummary, find_card_numbers};
pub use violation::Violation;

use std::fmt;

use diesel::connection::SimpleConnection;
use florin_domain::{EventId, TenantId};

use crate::batch::{Statement, Value};
use crate::{AnyConnection, StorageError};

/// How many objects were looked at, and how many violations were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Payments.
    pub payments: u64,
    /// Refunds of these payments.
    pub refunds: u64,
    /// Attempts of these payments.
    pub attempts: u64,
    /// Transactions of the journal.
    pub transactions: u64,
    /// Invoices.
    pub invoices: u64,
    /// Events.
    pub events: u64,
    /// Rules that do not hold.
    pub violations: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { payments, refunds, attempts, transactions, invoices, events, violations } = self;
        write!(
            f,
            "{payments} payments, {refunds} refunds, {attempts} attempts, {transactions} transactions, "
        )?;
        write!(f, "{invoices} invoices, {events} events: ")?;
        write!(f, "{violations} violation{}", if *violations == 1 { "" } else { "s" })
    }
}

/// How many rows are looked at together.
const PAGE: i64 = 500;

/// The key of a row: tenant, mode, and the object's id.
type Key = (Vec<u8>, bool, Vec<u8>);

/// What one run has found so far.
struct Run<'a> {
    report: &'a mut dyn FnMut(Violation),
    summary: Summary,
    /// Events up to this one may have been removed because of their age.
    removed: Option<EventId>,
}

impl Run<'_> {
    fn report(&mut self, violation: Violation) {
        self.summary.violations += 1;
        (self.report)(violation);
    }
}

/// Checks the whole database, and reports each violation as it is found.
///
/// The connection must not be in a transaction. It is given back as it was.
///
/// # Errors
/// As the database gives cause; a row that is wrong is a violation, not an error.
pub fn verify(
    connection: &mut AnyConnection,
    report: &mut dyn FnMut(Violation),
) -> Result<Summary, StorageError> {
    begin_snapshot(connection)?;
    let mut run = Run { report, summary: Summary::default(), removed: None };
    let checked = check_all(connection, &mut run);
    let ended = end_snapshot(connection);
    checked?;
    ended?;
    Ok(run.summary)
}

fn check_all(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    run.removed = events::gather(connection)?;
    payments::check(connection, run)?;
    transactions::check(connection, run)?;
    payment_requests::check(connection, run)?;
    invoices::check(connection, run)?;
    customers::check(connection, run)?;
    events::check(connection, run)?;
    processors::check(connection, run)?;
    items::check(connection, run)?;
    orphans::check(connection, run)?;
    access::check(connection, run)?;
    sessions::check(connection, run)?;
    webhooks::check(connection, run)?;
    counters::check(connection, run)
}

/// What is gathered on the way may be large: it goes into temporary files, and no time-out applies.
fn begin_snapshot(connection: &mut AnyConnection) -> Result<(), StorageError> {
    let begin = match connection {
        AnyConnection::Postgres(_) => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0; \
             SET LOCAL idle_in_transaction_session_timeout = 0"
        }
        AnyConnection::Sqlite(_) => "PRAGMA temp_store = FILE; BEGIN",
    };
    Ok(connection.batch_execute(begin)?)
}

fn end_snapshot(connection: &mut AnyConnection) -> Result<(), StorageError> {
    let end = match connection {
        AnyConnection::Postgres(_) => "ROLLBACK",
        AnyConnection::Sqlite(_) => "ROLLBACK; PRAGMA temp_store = MEMORY",
    };
    Ok(connection.batch_execute(end)?)
}

/// A statement that goes on behind the last row of the page before.
fn next_page<'a, ST>(
    select: impl Into<std::borrow::Cow<'static, str>>,
    glue: &'static str,
    columns: [&'static str; 3],
    after: Option<&'a Key>,
) -> Statement<'a, ST> {
    let [tenant, mode, id] = columns;
    let mut statement = Statement::new(select);
    if let Some((tenant_id, livemode, last)) = after {
        statement = statement
            .sql(format!(" {glue} ({tenant}, {mode}, {id}) > ("))
            .value(Value::Bytes(tenant_id))
            .sql(", ")
            .value(Value::Bool(*livemode))
            .sql(", ")
            .value(Value::Bytes(last))
            .sql(")");
    }
    statement.sql(format!(" ORDER BY {tenant}, {mode}, {id} LIMIT ")).value(Value::Int(PAGE))
}

/// An id as the API writes it.
fn name<T: fmt::Display>(bytes: &[u8], from_bytes: fn([u8; 16]) -> T) -> String {
    match bytes.try_into() {
        Ok(id) => from_bytes(id).to_string(),
        Err(_) => hexadecimal(bytes),
    }
}

fn tenant_name(bytes: &[u8]) -> String {
    name(bytes, TenantId::from_bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
