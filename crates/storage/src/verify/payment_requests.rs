//! Payment requests against their payments: each has one at most, of its own amount, and is what that payment makes it.

use std::collections::BTreeMap;

use florin_domain::{Payment, PaymentId, PaymentRequest, PaymentRequestId};

use super::events::{Totals, load_totals};
use super::payments::{payment_key, reason, row_key};
use super::{Key, Run, Violation, name, next_page};
use crate::batch::{Lock, Row, load_rows};
use crate::rows::{PAYMENT_REQUEST_COLUMNS, PAYMENTS_BY_REQUEST, PaymentRequestRow, PaymentRow};
use crate::{AnyConnection, StorageError, schema};

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let select = format!("SELECT {PAYMENT_REQUEST_COLUMNS} FROM payment_requests");
    let mut after = None;
    loop {
        let columns = ["tenant_id", "livemode", "id"];
        let statement =
            next_page::<schema::payment_requests::SqlType>(select.clone(), "WHERE", columns, after.as_ref());
        let rows: Vec<PaymentRequestRow> = statement.load(connection)?;
        let keys: Vec<Key> = rows.iter().map(request_key).collect();
        let Some(last) = keys.last() else { return Ok(()) };
        let totals = load_totals(connection, &keys)?;
        let mut payments = payments_of(connection, &keys)?;
        for (row, key) in rows.into_iter().zip(&keys) {
            let id = name(&row.id, PaymentRequestId::from_bytes);
            Totals::check(totals.get(key), &id, row.event_count, run);
            check_request(&id, row, payments.remove(key).unwrap_or_default(), run);
        }
        after = Some(last.clone());
    }
}

fn request_key(row: &PaymentRequestRow) -> Key {
    (row.tenant_id.clone(), row.livemode, row.id.clone())
}

/// The payments that name these requests.
fn payments_of(
    connection: &mut AnyConnection,
    keys: &[Key],
) -> Result<BTreeMap<Key, Vec<PaymentRow>>, StorageError> {
    type Payments = schema::payments::SqlType;
    let keys: Vec<Row<'_>> = keys.iter().map(row_key).collect();
    let mut payments: BTreeMap<Key, Vec<PaymentRow>> = BTreeMap::new();
    for row in load_rows::<Payments, PaymentRow>(connection, &PAYMENTS_BY_REQUEST, Lock::None, &keys)? {
        let (tenant_id, livemode, _) = payment_key(&row);
        let request_id = row.payment_request_id.clone().unwrap_or_default();
        payments.entry((tenant_id, livemode, request_id)).or_default().push(row);
    }
    Ok(payments)
}

fn check_request(id: &str, row: PaymentRequestRow, payments: Vec<PaymentRow>, run: &mut Run<'_>) {
    let mut contradicts = |holds: bool, reason: &'static str| {
        if !holds {
            run.report(Violation::RequestContradictory { payment_request_id: id.to_owned(), reason });
        }
    };
    contradicts(payments.len() <= 1, "it has several payments");
    let is_told = row.event_count == i64::from(row.state == "paid");
    contradicts(is_told, "one event tells that it was paid, if it was");
    let is_named = row.payment_id.is_some() || payments.is_empty();
    contradicts(is_named, "a payment names it, and it names none");
    let own = payments.into_iter().find(|payment| row.payment_id.as_ref() == Some(&payment.id));
    contradicts(row.payment_id.is_none() || own.is_some(), "its payment does not name it");
    if let Some(payment) = &own {
        check_terms(id, &row, payment, run);
    }
    let request = match PaymentRequest::try_from(row) {
        Ok(request) => request,
        Err(error) => {
            let (table, id) = ("payment_requests", id.to_owned());
            return run.report(Violation::CorruptRow { table, id, reason: reason(error) });
        }
    };
    // A row that is no payment was reported with the payments.
    let payment = own.and_then(|row| Payment::try_from(row).ok());
    if let Some(reason) = payment.and_then(|payment| request.contradiction_with(&payment)) {
        run.report(Violation::RequestContradictory { payment_request_id: id.to_owned(), reason });
    }
}

/// A payment is what its request asks for.
fn check_terms(id: &str, request: &PaymentRequestRow, payment: &PaymentRow, run: &mut Run<'_>) {
    let columns = [
        ("amount", payment.amount.to_string(), request.amount.to_string()),
        ("currency", payment.currency.clone(), request.currency.clone()),
        ("capture_method", payment.capture_method.clone(), request.capture_method.clone()),
        ("invoice_id", format!("{:?}", payment.invoice_id), format!("{:?}", request.invoice_id)),
    ];
    for (column, of_payment, of_request) in columns {
        if of_payment != of_request {
            run.report(Violation::RequestOfPaymentDiffers {
                payment_id: name(&payment.id, PaymentId::from_bytes),
                payment_request_id: id.to_owned(),
                column,
                payment: of_payment,
                request: of_request,
            });
        }
    }
}
