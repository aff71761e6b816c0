//! Refunds against their payment and their attempts.

use std::collections::BTreeMap;

use florin_domain::{Refund, RefundId};

use super::events::Totals;
use super::payments::{Family, is_open, reason, refund_key};
use super::{Key, Run, Violation, name};
use crate::rows::RefundRow;

/// Checks the refunds of a payment, and takes them out of the family.
pub(super) fn check(
    payment_id: &str,
    family: &mut Family,
    totals: &BTreeMap<Key, Totals>,
    run: &mut Run<'_>,
) {
    for refund in std::mem::take(&mut family.refunds) {
        let id = name(&refund.id, RefundId::from_bytes);
        check_terms(&id, payment_id, family, &refund, run);
        check_attempts(&id, family, &refund, run);
        Totals::check(totals.get(&refund_key(&refund)), &id, refund.event_count, run);
        if let Err(error) = Refund::try_from(refund) {
            run.report(Violation::CorruptRow { table: "refunds", id, reason: reason(error) });
        }
    }
}

fn check_terms(id: &str, payment_id: &str, family: &Family, refund: &RefundRow, run: &mut Run<'_>) {
    let payment = &family.payment;
    if refund.currency != payment.currency {
        run.report(Violation::RefundCurrency {
            refund_id: id.to_owned(),
            payment_id: payment_id.to_owned(),
            refund: refund.currency.clone(),
            payment: payment.currency.clone(),
        });
    }
    if refund.amount > payment.amount_captured {
        run.report(Violation::RefundExceedsCaptured {
            refund_id: id.to_owned(),
            payment_id: payment_id.to_owned(),
            amount: refund.amount,
            captured: payment.amount_captured,
        });
    }
}

/// A pending refund has one open attempt, a succeeded one has one that succeeded. A failed one may have one that
/// succeeded too: what was reported as done may fail after all.
fn check_attempts(id: &str, family: &Family, refund: &RefundRow, run: &mut Run<'_>) {
    let attempts = || family.attempts.iter().filter(|attempt| attempt.refund_id.as_ref() == Some(&refund.id));
    let open = attempts().filter(|attempt| is_open(attempt)).count();
    let succeeded = attempts().filter(|attempt| attempt.status == "succeeded").count();
    let holds = match refund.status.as_str() {
        "pending" => open == 1 && succeeded == 0,
        "succeeded" => open == 0 && succeeded == 1,
        _ => open == 0 && succeeded <= 1,
    };
    if !holds {
        let status = refund.status.clone();
        run.report(Violation::RefundAttempts { refund_id: id.to_owned(), status, open, succeeded });
    }
}
