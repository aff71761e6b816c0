//! Invoices against their payments, and the numbers that are counted up.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Binary, Bool};
use florin_domain::{
    Invoice, InvoiceId, InvoiceStatus, Payment, PaymentId, Total, counted_number, is_counted_number,
    sum_of_lines,
};

use super::events::{Totals, load_totals};
use super::payments::{payment_key, reason, row_key, sum};
use super::{Key, Run, Violation, name, next_page, tenant_name};
use crate::batch::{Lock, Row, Statement, Value, load_rows};
use crate::rows::{INVOICE_COLUMNS, INVOICES_BY_NUMBER, InvoiceRow, PAYMENTS_BY_INVOICE, PaymentRow};
use crate::{AnyConnection, StorageError, schema};

/// What a number belongs to: tenant, mode, and the number.
type NumberKey = (Vec<u8>, bool, String);

/// What is looked at of a page of invoices.
struct Around {
    payments: BTreeMap<Key, Vec<PaymentRow>>,
    totals: BTreeMap<Key, Totals>,
    /// How many invoices have a number.
    numbers: BTreeMap<NumberKey, usize>,
}

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let select = format!("SELECT {INVOICE_COLUMNS} FROM invoices");
    let mut after = None;
    loop {
        let columns = ["tenant_id", "livemode", "id"];
        let statement =
            next_page::<schema::invoices::SqlType>(select.clone(), "WHERE", columns, after.as_ref());
        let rows: Vec<InvoiceRow> = statement.load(connection)?;
        let keys: Vec<Key> = rows.iter().map(invoice_key).collect();
        let Some(last) = keys.last() else { break };
        let mut around = around(connection, &rows, &keys)?;
        for (row, key) in rows.into_iter().zip(&keys) {
            run.summary.invoices += 1;
            check_invoice(row, key, &mut around, run);
        }
        after = Some(last.clone());
    }
    check_counts(connection, run)
}

fn invoice_key(row: &InvoiceRow) -> Key {
    (row.tenant_id.clone(), row.livemode, row.id.clone())
}

fn around(connection: &mut AnyConnection, rows: &[InvoiceRow], keys: &[Key]) -> Result<Around, StorageError> {
    type Payments = schema::payments::SqlType;
    type Invoices = schema::invoices::SqlType;
    let totals = load_totals(connection, keys)?;
    let keys: Vec<Row<'_>> = keys.iter().map(row_key).collect();
    let mut payments: BTreeMap<Key, Vec<PaymentRow>> = BTreeMap::new();
    for row in load_rows::<Payments, PaymentRow>(connection, &PAYMENTS_BY_INVOICE, Lock::None, &keys)? {
        let (tenant_id, livemode, _) = payment_key(&row);
        let invoice_id = row.invoice_id.clone().unwrap_or_default();
        payments.entry((tenant_id, livemode, invoice_id)).or_default().push(row);
    }
    let mut numbers: BTreeMap<NumberKey, usize> =
        rows.iter().map(|row| ((row.tenant_id.clone(), row.livemode, row.number.clone()), 0)).collect();
    let wanted: Vec<NumberKey> = numbers.keys().cloned().collect();
    let wanted: Vec<Row<'_>> = wanted.iter().map(number_row).collect();
    for row in load_rows::<Invoices, InvoiceRow>(connection, &INVOICES_BY_NUMBER, Lock::None, &wanted)? {
        *numbers.entry((row.tenant_id, row.livemode, row.number)).or_default() += 1;
    }
    Ok(Around { payments, totals, numbers })
}

fn number_row(key: &NumberKey) -> Row<'_> {
    vec![Value::Bytes(&key.0), Value::Bool(key.1), Value::text(Some(&key.2))]
}

fn check_invoice(row: InvoiceRow, key: &Key, around: &mut Around, run: &mut Run<'_>) {
    let id = name(&row.id, InvoiceId::from_bytes);
    Totals::check(around.totals.get(key), &id, row.event_count, run);
    check_number(&id, &row, around, run);
    if row.amount_paid.saturating_add(row.amount_held) > row.amount_due {
        let (due, paid, held) = (row.amount_due, row.amount_paid, row.amount_held);
        run.report(Violation::InvoiceOverpaid { invoice_id: id.clone(), due, paid, held });
    }
    let payments = around.payments.remove(key).unwrap_or_default();
    for payment in &payments {
        check_terms(&id, &row, payment, run);
    }
    check_sums(&id, &row, payments, run);
    match Invoice::try_from(row) {
        Ok(invoice) => check_invoice_alone(&id, &invoice, run),
        Err(error) => run.report(Violation::CorruptRow { table: "invoices", id, reason: reason(error) }),
    }
}

/// A number is one invoice's own, and one that looks counted is what counting gives.
fn check_number(id: &str, row: &InvoiceRow, around: &Around, run: &mut Run<'_>) {
    let number = &row.number;
    let alike = around.numbers.get(&(row.tenant_id.clone(), row.livemode, number.clone()));
    if let Some(invoices @ 2..) = alike.copied() {
        run.report(Violation::NumberTwice { invoice_id: id.to_owned(), number: number.clone(), invoices });
    }
    if is_counted_number(number) {
        let count = number.rsplit('-').next().and_then(|digits| digits.parse::<i64>().ok());
        let counted = count.filter(|count| *count > 0).map(|count| counted_number(count).to_string());
        if counted.as_ref() != Some(number) {
            run.report(Violation::NumberNotCounted { invoice_id: id.to_owned(), number: number.clone() });
        }
    }
}

/// A payment has the number and the currency of its invoice.
fn check_terms(id: &str, invoice: &InvoiceRow, payment: &PaymentRow, run: &mut Run<'_>) {
    let number = payment.invoice_number.as_deref().unwrap_or("none");
    let columns =
        [("invoice_number", number, &invoice.number), ("currency", &payment.currency, &invoice.currency)];
    for (column, of_payment, of_invoice) in columns {
        if of_payment != of_invoice {
            run.report(Violation::InvoiceOfPaymentDiffers {
                payment_id: name(&payment.id, PaymentId::from_bytes),
                invoice_id: id.to_owned(),
                column,
                payment: of_payment.to_owned(),
                invoice: of_invoice.to_owned(),
            });
        }
    }
}

fn check_sums(id: &str, invoice: &InvoiceRow, payments: Vec<PaymentRow>, run: &mut Run<'_>) {
    // A row that is no payment was reported with the payments, and its share is unknown.
    let Ok(payments) = payments.into_iter().map(Payment::try_from).collect::<Result<Vec<_>, _>>() else {
        return;
    };
    let shares: Vec<_> = payments.iter().map(Payment::invoice_share).collect();
    let sums = [
        ("amount_paid", invoice.amount_paid, sum(shares.iter().map(|share| share.paid.minor()))),
        ("amount_held", invoice.amount_held, sum(shares.iter().map(|share| share.held.minor()))),
    ];
    for (column, stored, recomputed) in sums {
        if stored != recomputed {
            run.report(Violation::InvoiceSumDiffers {
                invoice_id: id.to_owned(),
                column,
                stored,
                recomputed,
            });
        }
    }
}

fn check_invoice_alone(id: &str, invoice: &Invoice, run: &mut Run<'_>) {
    let mut contradicts = |holds: bool, reason: &'static str| {
        if !holds {
            run.report(Violation::InvoiceContradictory { invoice_id: id.to_owned(), reason });
        }
    };
    let lines = &invoice.lines;
    let lines_hold = lines.is_empty() || sum_of_lines(lines) == Ok(invoice.amount_due);
    contradicts(lines_hold, "its lines do not sum up to what is due");
    let is_paid = invoice.status() == InvoiceStatus::Paid;
    contradicts(invoice.paid_at.is_some() == is_paid, "paid_at tells when it was paid, if it is");
    let is_untouched = (invoice.amount_paid, invoice.amount_held) == (Total::ZERO, Total::ZERO);
    contradicts(invoice.voided_at.is_none() || is_untouched, "it is void, and something is paid or held");
}

/// How far the invoices of each realm were counted.
const COUNTS: &str = "SELECT tenant_id, livemode, last FROM invoice_counts";

/// The counted numbers of each realm: how many, the first, the last. Longer ones than a count gives are left out.
const COUNTED: &str = "SELECT tenant_id, livemode, count(DISTINCT CAST(substr(number, 5) AS BIGINT)), \
    min(CAST(substr(number, 5) AS BIGINT)), max(CAST(substr(number, 5) AS BIGINT)) FROM invoices \
    WHERE upper(substr(number, 1, 4)) = 'INV-' AND length(number) BETWEEN 5 AND 22 \
    AND ltrim(substr(number, 5), '0123456789') = '' GROUP BY tenant_id, livemode";

fn check_counts(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let counts: Vec<(Vec<u8>, bool, i64)> =
        Statement::<(Binary, Bool, BigInt)>::new(COUNTS).load(connection)?;
    let counts: BTreeMap<_, _> = counts.into_iter().map(|(id, mode, last)| ((id, mode), last)).collect();
    type Found = (Vec<u8>, bool, i64, i64, i64);
    let counted: Vec<Found> =
        Statement::<(Binary, Bool, BigInt, BigInt, BigInt)>::new(COUNTED).load(connection)?;
    let counted =
        counted.into_iter().map(|(id, mode, numbers, first, last)| ((id, mode), (numbers, first, last)));
    let counted: BTreeMap<_, _> = counted.collect();
    for key in counts.keys().chain(counted.keys().filter(|key| !counts.contains_key(key))) {
        let last = counts.get(key).copied().unwrap_or_default();
        let (numbers, first, highest) = counted.get(key).copied().unwrap_or((0, 1, 0));
        if numbers != last || first != 1 || highest != last {
            let (tenant_id, livemode) = (tenant_name(&key.0), key.1);
            run.report(Violation::InvoicesMiscounted { tenant_id, livemode, last, numbers, first, highest });
        }
    }
    Ok(())
}
