//! Payments against the journal: each movement of money has exactly one transaction, between the right accounts.

use std::fmt;

use florin_domain::{
    Account, CustomerId, MethodType, Movement, Payment, RefundId, TransactionId, TransactionType, movements,
};

use super::payments::{Family, sum};
use super::{Run, Violation, name};
use crate::rows::TransactionRow;

/// What the journal says of one payment, and the refunds that it should tell of.
pub(super) struct Journal {
    transactions: Vec<TransactionRow>,
    refunds: Vec<Refunded>,
}

/// What is booked of a refund.
struct Refunded {
    id: Vec<u8>,
    status: String,
    amount: i64,
}

/// Whether money comes to the merchant or goes away from there.
enum Direction {
    In,
    Out,
}

impl Journal {
    /// Takes the transactions out of the family.
    pub(super) fn of(family: &mut Family) -> Journal {
        let refunds = family.refunds.iter().map(|refund| Refunded {
            id: refund.id.clone(),
            status: refund.status.clone(),
            amount: refund.amount,
        });
        Journal { refunds: refunds.collect(), transactions: std::mem::take(&mut family.transactions) }
    }

    /// Holds the journal against the payment, from whose sums follows what must have been booked.
    pub(super) fn check(&self, id: &str, payment: &Payment, run: &mut Run<'_>) {
        let moved = movements(&Payment::create(payment.terms.clone()), payment);
        let refund = match payment.method_type {
            MethodType::Credits => TransactionType::CreditReturn,
            MethodType::Card | MethodType::Ach | MethodType::Offline => TransactionType::Refund,
        };
        self.check_sums(id, &moved, refund, run);
        // What has come in at first names the account outside.
        let outside = moved.first().map(|movement| &movement.debit);
        for transaction in &self.transactions {
            check_terms(transaction, payment, run);
            if let Some(outside) = outside {
                check_accounts(transaction, outside, run);
            }
            self.check_refund_of(transaction, run);
        }
        for refund in &self.refunds {
            self.check_refund(refund, run);
        }
    }

    fn of_kind(&self, kind: TransactionType) -> impl Iterator<Item = &TransactionRow> {
        self.transactions.iter().filter(move |transaction| transaction.kind == kind.as_str())
    }

    /// `refund` is the type of this payment's refunds, of which one that failed after all takes back its own.
    fn check_sums(&self, id: &str, moved: &[Movement], refund: TransactionType, run: &mut Run<'_>) {
        let booked = |kind| sum(self.of_kind(kind).map(|transaction| transaction.amount));
        for kind in TransactionType::ALL.iter().copied() {
            let booked = match kind {
                kind if kind == refund => {
                    booked(kind).saturating_sub(booked(TransactionType::RefundReversal))
                }
                TransactionType::RefundReversal => continue,
                _ => booked(kind),
            };
            let moved = moved.iter().find(|movement| movement.kind == kind);
            let moved = moved.map_or(0, |movement| movement.amount.minor());
            if booked != moved {
                let (payment_id, kind) = (id.to_owned(), kind.as_str());
                run.report(Violation::JournalDiffers { payment_id, kind, booked, moved });
            }
        }
        for kind in [TransactionType::Charge, TransactionType::CreditSpend, TransactionType::ChargeReturn] {
            let transactions = self.of_kind(kind).count();
            if transactions > 1 {
                let (payment_id, kind) = (id.to_owned(), kind.as_str());
                run.report(Violation::BookedTwice { payment_id, kind, transactions });
            }
        }
    }

    /// A refund's transactions name one of the payment's refunds and have its amount; the others name none.
    fn check_refund_of(&self, transaction: &TransactionRow, run: &mut Run<'_>) {
        let is_refund = matches!(transaction.kind.as_str(), "refund" | "refund_reversal" | "credit_return");
        let refund_id = transaction.refund_id.as_deref();
        let stored = || name_or_none(refund_id, RefundId::from_bytes);
        let refund = self.refunds.iter().find(|refund| Some(&refund.id[..]) == refund_id);
        match (is_refund, refund) {
            (true, Some(refund)) => {
                if transaction.amount != refund.amount {
                    differs(transaction, "amount", transaction.amount, refund.amount, run);
                }
            }
            (true, None) => differs(transaction, "refund_id", stored(), "a refund of its payment", run),
            (false, _) if refund_id.is_some() => differs(transaction, "refund_id", stored(), "none", run),
            (false, _) => {}
        }
    }

    /// A refund that succeeded is booked once. One that failed after all is booked and reversed.
    fn check_refund(&self, refund: &Refunded, run: &mut Run<'_>) {
        let of_refund = |transaction: &&TransactionRow| transaction.refund_id.as_ref() == Some(&refund.id);
        let count = |kind| self.of_kind(kind).filter(of_refund).count();
        let booked = count(TransactionType::Refund) + count(TransactionType::CreditReturn);
        let reversed = count(TransactionType::RefundReversal);
        let holds = match refund.status.as_str() {
            "succeeded" => booked == 1 && reversed == 0,
            "failed" => booked <= 1 && reversed == booked,
            _ => booked == 0 && reversed == 0,
        };
        if !holds {
            let refund_id = name(&refund.id, RefundId::from_bytes);
            run.report(Violation::RefundBooked {
                refund_id,
                status: refund.status.clone(),
                booked,
                reversed,
            });
        }
    }
}

/// The currency is the payment's. A customer is named where credits were moved, and then it is the payment's.
fn check_terms(transaction: &TransactionRow, payment: &Payment, run: &mut Run<'_>) {
    if transaction.currency != payment.currency.code() {
        differs(transaction, "currency", &transaction.currency, payment.currency.code(), run);
    }
    let moves_credits = payment.method_type == MethodType::Credits;
    let customer_id = payment.customer_id.filter(|_| moves_credits).map(CustomerId::bytes);
    let stored = transaction.customer_id.as_deref();
    if stored != customer_id.as_ref().map(|bytes| &bytes[..]) || (moves_credits && stored.is_none()) {
        let expected = match customer_id {
            Some(bytes) => name(&bytes, CustomerId::from_bytes),
            None if moves_credits => "a customer".to_owned(),
            None => "none".to_owned(),
        };
        differs(transaction, "customer_id", name_or_none(stored, CustomerId::from_bytes), expected, run);
    }
}

fn check_accounts(transaction: &TransactionRow, outside: &Account, run: &mut Run<'_>) {
    let (outside, merchant) = (outside.to_string(), Account::Merchant.to_string());
    let Some(direction) = direction(&transaction.kind) else { return };
    let (debit, credit) = match direction {
        Direction::In => (outside, merchant),
        Direction::Out => (merchant, outside),
    };
    if transaction.debit_account != debit {
        differs(transaction, "debit_account", &transaction.debit_account, debit, run);
    }
    if transaction.credit_account != credit {
        differs(transaction, "credit_account", &transaction.credit_account, credit, run);
    }
}

/// None for what is no type of a payment's transactions; the sums differ then.
fn direction(kind: &str) -> Option<Direction> {
    match kind.parse().ok()? {
        TransactionType::Charge | TransactionType::CreditSpend | TransactionType::RefundReversal => {
            Some(Direction::In)
        }
        TransactionType::ChargeReturn | TransactionType::Refund | TransactionType::CreditReturn => {
            Some(Direction::Out)
        }
        TransactionType::CreditGrant => None,
    }
}

fn name_or_none<T: fmt::Display>(bytes: Option<&[u8]>, from_bytes: fn([u8; 16]) -> T) -> String {
    bytes.map_or_else(|| "none".to_owned(), |bytes| name(bytes, from_bytes))
}

fn differs(
    transaction: &TransactionRow,
    column: &'static str,
    stored: impl ToString,
    expected: impl ToString,
    run: &mut Run<'_>,
) {
    run.report(Violation::TransactionDiffers {
        transaction_id: name(&transaction.id, TransactionId::from_bytes),
        column,
        stored: stored.to_string(),
        expected: expected.to_string(),
    });
}
