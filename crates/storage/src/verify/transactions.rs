//! Transactions by themselves: rows, ids and times, grants of credits, and the chain of amendments.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{Account, Transaction, TransactionId, TransactionType};
use serde_json::{Value as Json, json};

use super::payments::{reason, row_key};
use super::{Key, Run, Violation, name, next_page};
use crate::batch::{Lock, load_rows};
use crate::rows::{
    AMENDMENTS_BY_TRANSACTION, AmendmentRecord, AmendmentRow, TRANSACTION_COLUMNS, TransactionRow,
};
use crate::{AnyConnection, StorageError, schema};

/// Ids of one process ascend even when its clock is set back, so they may be ahead of the other times by this much.
const CLOCK_SET_BACK: TimeDelta = TimeDelta::minutes(1);

/// Ids have the time in milliseconds, columns in microseconds.
const ROUNDING: TimeDelta = TimeDelta::milliseconds(1);

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let select = format!("SELECT {TRANSACTION_COLUMNS} FROM transactions");
    let mut after = None;
    loop {
        let columns = ["tenant_id", "livemode", "id"];
        let statement =
            next_page::<schema::transactions::SqlType>(select.clone(), "WHERE", columns, after.as_ref());
        let rows: Vec<TransactionRow> = statement.load(connection)?;
        let keys: Vec<_> = rows.iter().map(transaction_key).collect();
        let mut amendments = amendments(connection, &keys)?;
        for (row, key) in rows.into_iter().zip(&keys) {
            run.summary.transactions += 1;
            check_transaction(row, amendments.remove(key).unwrap_or_default(), run);
        }
        let Some(last) = keys.into_iter().next_back() else { return Ok(()) };
        after = Some(last);
    }
}

fn transaction_key(row: &TransactionRow) -> Key {
    (row.tenant_id.clone(), row.livemode, row.id.clone())
}

fn amendments(
    connection: &mut AnyConnection,
    keys: &[Key],
) -> Result<BTreeMap<Key, Vec<AmendmentRow>>, StorageError> {
    let keys: Vec<_> = keys.iter().map(row_key).collect();
    type SqlType = schema::amendments::SqlType;
    let mut found: BTreeMap<Key, Vec<AmendmentRow>> = BTreeMap::new();
    for row in load_rows::<SqlType, AmendmentRow>(connection, &AMENDMENTS_BY_TRANSACTION, Lock::None, &keys)?
    {
        let key = (row.tenant_id.clone(), row.livemode, row.transaction_id.clone());
        found.entry(key).or_default().push(row);
    }
    Ok(found)
}

fn check_transaction(row: TransactionRow, amendments: Vec<AmendmentRow>, run: &mut Run<'_>) {
    let id = name(&row.id, TransactionId::from_bytes);
    let transaction = match Transaction::try_from(row) {
        Ok(transaction) => transaction,
        Err(error) => {
            return run.report(Violation::CorruptRow { table: "transactions", id, reason: reason(error) });
        }
    };
    if let Err(error) = id.parse::<TransactionId>() {
        return run.report(Violation::CorruptRow { table: "transactions", id, reason: error.to_string() });
    }
    let mut records = Vec::with_capacity(amendments.len());
    for amendment in amendments {
        match AmendmentRecord::try_from(amendment) {
            Ok(record) => records.push(record),
            Err(error) => {
                let id = id.clone();
                return run.report(Violation::CorruptRow { table: "amendments", id, reason: reason(error) });
            }
        }
    }
    let mut checking = Checking { id, transaction: &transaction, amendments: &records, run };
    checking.check_grant();
    checking.check_numbers();
    checking.check_last_change();
    checking.check_times();
    checking.check_words();
}

/// One transaction with its amendments, oldest first.
struct Checking<'a, 'r> {
    id: String,
    transaction: &'a Transaction,
    amendments: &'a [AmendmentRecord],
    run: &'a mut Run<'r>,
}

impl Checking<'_, '_> {
    fn differs(&mut self, column: &'static str, stored: impl ToString, expected: impl ToString) {
        let (stored, expected) = (stored.to_string(), expected.to_string());
        let transaction_id = self.id.clone();
        self.run.report(Violation::TransactionDiffers { transaction_id, column, stored, expected });
    }

    fn amendment_differs(&mut self, number: i64, reason: impl Into<String>) {
        let (transaction_id, reason) = (self.id.clone(), reason.into());
        self.run.report(Violation::AmendmentDiffers { transaction_id, number, reason });
    }

    /// Grants of credits, and they alone, belong to no payment.
    fn check_grant(&mut self) {
        let transaction = self.transaction;
        let is_grant = transaction.movement.kind == TransactionType::CreditGrant;
        match (is_grant, transaction.payment_id) {
            (true, Some(payment_id)) => self.differs("payment_id", payment_id, "none"),
            (false, None) => self.differs("payment_id", "none", "a payment"),
            (true, None) | (false, Some(_)) => {}
        }
        if !is_grant {
            return;
        }
        if let Some(refund_id) = transaction.refund_id {
            self.differs("refund_id", refund_id, "none");
        }
        if transaction.customer_id.is_none() {
            self.differs("customer_id", "none", "a customer");
        }
        let movement = &transaction.movement;
        if movement.debit != Account::Merchant {
            self.differs("debit_account", &movement.debit, Account::Merchant);
        }
        if movement.credit != Account::CustomerCredits {
            self.differs("credit_account", &movement.credit, Account::CustomerCredits);
        }
    }

    fn check_numbers(&mut self) {
        let revision = self.transaction.revision;
        let numbers: Vec<i64> = self.amendments.iter().map(|amendment| amendment.number).collect();
        if !(1..revision).eq(numbers.iter().copied()) || revision < 1 {
            let transaction_id = self.id.clone();
            self.run.report(Violation::AmendmentsMisnumbered { transaction_id, revision, numbers });
        }
    }

    /// The last change is the last amendment, or else the creation.
    fn check_last_change(&mut self) {
        let transaction = self.transaction;
        let Some(last) = self.amendments.last() else {
            if transaction.updated_by != transaction.created_by {
                self.differs("updated_by", transaction.updated_by, transaction.created_by);
            }
            let created_at = transaction.id.created_at();
            if transaction.updated_at.signed_duration_since(created_at) > ROUNDING {
                self.differs("updated_at", time(transaction.updated_at), time(created_at));
            }
            return;
        };
        if transaction.updated_by != last.by {
            self.differs("updated_by", transaction.updated_by, last.by);
        }
        if transaction.updated_at != last.at {
            self.differs("updated_at", time(transaction.updated_at), time(last.at));
        }
    }

    /// No change is before the creation or before the last change.
    fn check_times(&mut self) {
        let transaction = self.transaction;
        let created_at = transaction.id.created_at();
        if created_at.signed_duration_since(transaction.updated_at) > CLOCK_SET_BACK {
            let expected = format!("after {}", time(created_at));
            self.differs("updated_at", time(transaction.updated_at), expected);
        }
        let mut before = created_at;
        for amendment in self.amendments {
            if before.signed_duration_since(amendment.at) > CLOCK_SET_BACK {
                let reason =
                    format!("is of {}, what was before it is of {}", time(amendment.at), time(before));
                self.amendment_differs(amendment.number, reason);
            }
            before = amendment.at;
        }
    }

    /// Each amendment goes on from the one before, and the last leads to what the transaction has.
    fn check_words(&mut self) {
        let transaction = self.transaction;
        let mut known: Option<Json> = None;
        for amendment in self.amendments {
            let before = serde_json::from_str::<Json>(&amendment.before);
            let after = serde_json::from_str::<Json>(&amendment.after);
            let (Ok(before), Ok(after)) = (before, after) else {
                return self.amendment_differs(amendment.number, "is not JSON");
            };
            match &known {
                Some(known) if *known != before => {
                    self.amendment_differs(amendment.number, "does not go on from the one before");
                }
                None => self.check_first_words(amendment.number, &before),
                Some(_) => {}
            }
            if before == after {
                self.amendment_differs(amendment.number, "changes nothing");
            }
            known = Some(after);
        }
        let words = json!({
            "metadata": transaction.metadata.as_map(),
            "reference_id": transaction.reference_id.as_ref().map(|text| text.as_str()),
            "notes": transaction.notes.as_ref().map(|text| text.as_str()),
        });
        match (known, self.amendments.last()) {
            (Some(known), Some(last)) if known != words => {
                self.amendment_differs(last.number, format!("leads to {known}, the transaction has {words}"));
            }
            (None, _) => self.check_first_words(0, &words),
            _ => {}
        }
    }

    /// A transaction is written without words; a grant of credits may have a reason in its notes.
    fn check_first_words(&mut self, number: i64, words: &Json) {
        let mut expected = json!({ "metadata": {}, "reference_id": null, "notes": null });
        let is_grant = self.transaction.movement.kind == TransactionType::CreditGrant;
        if let Some(notes) = words.get("notes").filter(|notes| is_grant && notes.is_string()) {
            expected["notes"] = notes.clone();
        }
        if *words == expected {
            return;
        }
        if number == 0 {
            self.differs("what may be amended", words, "as it was written, for it was never amended");
        } else {
            self.amendment_differs(number, format!("goes on from {words}, which nobody wrote"));
        }
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339()
}
