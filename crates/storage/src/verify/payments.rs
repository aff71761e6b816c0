//! Payments against their attempts, refunds and transactions.

use std::collections::BTreeMap;

use florin_domain::{Attempt, AttemptId, Payment, PaymentId};

use super::events::{Totals, load_totals};
use super::journal::Journal;
use super::{Key, Run, Violation, name, next_page, refunds};
use crate::batch::{Lock, Row, Value, load_rows};
use crate::rows::{
    ATTEMPTS_BY_PAYMENT, AttemptRow, PAYMENT_COLUMNS, PaymentRow, REFUNDS_BY_PAYMENT, RefundRow,
    TRANSACTIONS_BY_PAYMENT, TransactionRow,
};
use crate::{AnyConnection, StorageError, schema};

/// A payment and all that belongs to it.
pub(super) struct Family {
    pub(super) payment: PaymentRow,
    pub(super) attempts: Vec<AttemptRow>,
    pub(super) refunds: Vec<RefundRow>,
    pub(super) transactions: Vec<TransactionRow>,
}

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let select = format!("SELECT {PAYMENT_COLUMNS} FROM payments");
    let mut after = None;
    loop {
        let columns = ["tenant_id", "livemode", "id"];
        let statement =
            next_page::<schema::payments::SqlType>(select.clone(), "WHERE", columns, after.as_ref());
        let rows: Vec<PaymentRow> = statement.load(connection)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(payment_key(last));
        let families = families(connection, rows)?;
        let totals = load_totals(connection, &object_keys(&families))?;
        for family in families {
            check_family(family, &totals, run);
        }
    }
}

fn families(connection: &mut AnyConnection, payments: Vec<PaymentRow>) -> Result<Vec<Family>, StorageError> {
    type Attempts = schema::attempts::SqlType;
    type Refunds = schema::refunds::SqlType;
    type Transactions = schema::transactions::SqlType;
    let keys: Vec<_> = payments.iter().map(payment_key).collect();
    let keys: Vec<_> = keys.iter().map(row_key).collect();
    let mut attempts: BTreeMap<Key, Vec<AttemptRow>> = BTreeMap::new();
    for row in load_rows::<Attempts, AttemptRow>(connection, &ATTEMPTS_BY_PAYMENT, Lock::None, &keys)? {
        let key = (row.tenant_id.clone(), row.livemode, row.payment_id.clone());
        attempts.entry(key).or_default().push(row);
    }
    let mut refunds: BTreeMap<Key, Vec<RefundRow>> = BTreeMap::new();
    for row in load_rows::<Refunds, RefundRow>(connection, &REFUNDS_BY_PAYMENT, Lock::None, &keys)? {
        let key = (row.tenant_id.clone(), row.livemode, row.payment_id.clone());
        refunds.entry(key).or_default().push(row);
    }
    let mut transactions: BTreeMap<Key, Vec<TransactionRow>> = BTreeMap::new();
    for row in
        load_rows::<Transactions, TransactionRow>(connection, &TRANSACTIONS_BY_PAYMENT, Lock::None, &keys)?
    {
        let key = (row.tenant_id.clone(), row.livemode, row.payment_id.clone().unwrap_or_default());
        transactions.entry(key).or_default().push(row);
    }
    let families = payments.into_iter().map(|payment| {
        let key = payment_key(&payment);
        Family {
            payment,
            attempts: attempts.remove(&key).unwrap_or_default(),
            refunds: refunds.remove(&key).unwrap_or_default(),
            transactions: transactions.remove(&key).unwrap_or_default(),
        }
    });
    Ok(families.collect())
}

pub(super) fn payment_key(row: &PaymentRow) -> Key {
    (row.tenant_id.clone(), row.livemode, row.id.clone())
}

pub(super) fn refund_key(row: &RefundRow) -> Key {
    (row.tenant_id.clone(), row.livemode, row.id.clone())
}

pub(super) fn row_key(key: &Key) -> Row<'_> {
    vec![Value::Bytes(&key.0), Value::Bool(key.1), Value::Bytes(&key.2)]
}

fn object_keys(families: &[Family]) -> Vec<Key> {
    let refunds = families.iter().flat_map(|family| &family.refunds);
    families.iter().map(|family| payment_key(&family.payment)).chain(refunds.map(refund_key)).collect()
}

fn check_family(mut family: Family, totals: &BTreeMap<Key, Totals>, run: &mut Run<'_>) {
    let id = name(&family.payment.id, PaymentId::from_bytes);
    run.summary.payments += 1;
    run.summary.attempts += u64::try_from(family.attempts.len()).unwrap_or(u64::MAX);
    run.summary.refunds += u64::try_from(family.refunds.len()).unwrap_or(u64::MAX);
    check_sums(&id, &family, run);
    check_charges(&id, &family, run);
    check_under_way(&id, &family, run);
    check_amounts(&id, &family, run);
    let journal = Journal::of(&mut family);
    refunds::check(&id, &mut family, totals, run);
    Totals::check(totals.get(&payment_key(&family.payment)), &id, family.payment.event_count, run);
    for attempt in family.attempts {
        let id = name(&attempt.id, AttemptId::from_bytes);
        if let Err(error) = Attempt::try_from(attempt) {
            run.report(Violation::CorruptRow { table: "attempts", id, reason: reason(error) });
        }
    }
    match Payment::try_from(family.payment) {
        Ok(payment) => journal.check(&id, &payment, run),
        Err(error) => run.report(Violation::CorruptRow { table: "payments", id, reason: reason(error) }),
    }
}

/// What the domain says about a row.
pub(super) fn reason(error: StorageError) -> String {
    match error {
        StorageError::Corrupt { reason, .. } => reason,
        other => other.to_string(),
    }
}

pub(super) fn is_open(attempt: &AttemptRow) -> bool {
    !matches!(attempt.status.as_str(), "succeeded" | "failed")
}

/// The attempts of a kind that succeeded; a charge that was returned had succeeded before.
fn succeeded<'a>(family: &'a Family, kind: &'a str) -> impl Iterator<Item = &'a AttemptRow> {
    let payment = &family.payment;
    let was_returned = move |attempt: &AttemptRow| {
        payment.amount_returned > 0 && attempt.kind == "charge" && attempt.number == payment.charge_count
    };
    let stood = move |attempt: &AttemptRow| attempt.status == "succeeded" || was_returned(attempt);
    family.attempts.iter().filter(move |attempt| attempt.kind == kind && stood(attempt))
}

fn check_sums(id: &str, family: &Family, run: &mut Run<'_>) {
    let payment = &family.payment;
    let refunds = |status: &str| {
        let refunds = family.refunds.iter().filter(|refund| refund.status == status);
        sum(refunds.map(|refund| refund.amount))
    };
    let charged = succeeded(family, "charge").filter(|attempt| attempt.capture);
    let captured = charged.chain(succeeded(family, "capture")).map(|attempt| attempt.amount);
    let sums = [
        (
            "amount_authorized",
            payment.amount_authorized,
            sum(succeeded(family, "charge").map(|row| row.amount)),
        ),
        ("amount_captured", payment.amount_captured, sum(captured)),
        ("amount_refunded", payment.amount_refunded, refunds("succeeded")),
        ("amount_held", payment.amount_held, refunds("pending")),
    ];
    for (column, stored, recomputed) in sums {
        if stored != recomputed {
            run.report(Violation::SumDiffers { payment_id: id.to_owned(), column, stored, recomputed });
        }
    }
}

/// Sums beyond the range of numbers are wrong anyway.
pub(super) fn sum(amounts: impl Iterator<Item = i64>) -> i64 {
    amounts.fold(0, i64::saturating_add)
}

fn check_charges(id: &str, family: &Family, run: &mut Run<'_>) {
    let payment_id = || id.to_owned();
    let charges = succeeded(family, "charge").count();
    if charges > 1 {
        run.report(Violation::ChargedTwice { payment_id: payment_id(), succeeded: charges });
    }
    let captures = succeeded(family, "capture").count();
    if captures > 1 {
        run.report(Violation::CapturedTwice { payment_id: payment_id(), succeeded: captures });
    }
    let charges = family.attempts.iter().filter(|attempt| attempt.kind == "charge");
    let mut numbers: Vec<i64> = charges.map(|attempt| attempt.number).collect();
    numbers.sort_unstable();
    let stored = family.payment.charge_count;
    if !(1..=stored).eq(numbers.iter().copied()) {
        run.report(Violation::ChargesMisnumbered { payment_id: payment_id(), stored, numbers });
    }
    if family.payment.canceled_at.is_none() {
        for void in succeeded(family, "void") {
            let attempt_id = name(&void.id, AttemptId::from_bytes);
            run.report(Violation::VoidedNotCanceled { payment_id: payment_id(), attempt_id });
        }
    }
}

/// What is under way is what is open. A charge that waits for the payer stays open while a void calls it off.
fn check_under_way(id: &str, family: &Family, run: &mut Run<'_>) {
    let open = family.attempts.iter().filter(|attempt| attempt.kind != "refund" && is_open(attempt));
    let mut open: Vec<&str> = open.map(|attempt| attempt.kind.as_str()).collect();
    open.sort_unstable();
    let under_way = family.payment.under_way.as_deref();
    let holds = match under_way {
        None => open.is_empty(),
        Some("void") => matches!(open[..], ["void"] | ["charge", "void"]),
        Some(operation) => matches!(open[..], [one] if one == operation),
    };
    if !holds {
        run.report(Violation::UnderWayDiffers {
            payment_id: id.to_owned(),
            under_way: under_way.map(str::to_owned),
            open: open.into_iter().map(str::to_owned).collect(),
        });
    }
}

fn check_amounts(id: &str, family: &Family, run: &mut Run<'_>) {
    let payment = &family.payment;
    for attempt in &family.attempts {
        let refund = family.refunds.iter().find(|refund| attempt.refund_id.as_ref() == Some(&refund.id));
        let (allowed, holds) = match (attempt.kind.as_str(), refund) {
            ("charge", _) => (payment.amount, attempt.amount == payment.amount),
            ("capture", _) => (payment.amount_authorized, attempt.amount <= payment.amount_authorized),
            ("refund", Some(refund)) => (refund.amount, attempt.amount == refund.amount),
            _ => continue,
        };
        if !holds {
            run.report(Violation::AttemptAmount {
                attempt_id: name(&attempt.id, AttemptId::from_bytes),
                payment_id: id.to_owned(),
                kind: attempt.kind.clone(),
                amount: attempt.amount,
                allowed,
            });
        }
    }
}
