//! The journal's transactions as rows. They are added; only the words beside the money are ever changed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use florin_domain::{
    Actor, Amount, CustomerId, Mode, Movement, PaymentId, RefundId, TenantId, Transaction, TransactionId,
};

use super::payment::{metadata, metadata_value};
use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::counters::transactions_of;
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("transactions");

/// The table of transactions.
pub(crate) static TRANSACTIONS: Table = Table {
    name: "transactions",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("type", Kind::Text),
        ("amount", Kind::Int),
        ("currency", Kind::Text),
        ("debit_account", Kind::Text),
        ("credit_account", Kind::Text),
        ("payment_id", Kind::Bytes),
        ("refund_id", Kind::Bytes),
        ("customer_id", Kind::Bytes),
        ("created_by", Kind::Text),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("metadata", Kind::Text),
        ("reference_id", Kind::Text),
        ("notes", Kind::Text),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

/// The columns of transactions, in the order of a row's fields.
pub(crate) const TRANSACTION_COLUMNS: &str = "tenant_id, livemode, id, type, amount, currency, debit_account, credit_account, payment_id, \
    refund_id, customer_id, created_by, revision, metadata, reference_id, notes, updated_by, updated_at";

static TRANSACTIONS_BY_ID: Selection = Selection {
    table: "transactions",
    join: "",
    columns: &[TRANSACTION_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// Transactions by their payments.
pub(crate) static TRANSACTIONS_BY_PAYMENT: Selection = Selection {
    table: "transactions",
    join: "",
    columns: &[TRANSACTION_COLUMNS],
    key: &[REALM[0], REALM[1], ("payment_id", Kind::Bytes)],
    order: "tenant_id, livemode, payment_id, id",
};

/// A row of transactions, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct TransactionRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    pub(crate) kind: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) debit_account: String,
    pub(crate) credit_account: String,
    pub(crate) payment_id: Option<Vec<u8>>,
    pub(crate) refund_id: Option<Vec<u8>>,
    pub(crate) customer_id: Option<Vec<u8>>,
    pub(crate) created_by: String,
    pub(crate) revision: i64,
    pub(crate) metadata: String,
    pub(crate) reference_id: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) updated_by: String,
    pub(crate) updated_at: i64,
}

impl TryFrom<TransactionRow> for Transaction {
    type Error = StorageError;

    fn try_from(row: TransactionRow) -> Result<Transaction, StorageError> {
        Ok(Transaction {
            id: IN.id(&row.id, TransactionId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            movement: Movement {
                kind: IN.parse(&row.kind)?,
                amount: IN.check(Amount::new(row.amount))?,
                debit: IN.parse(&row.debit_account)?,
                credit: IN.parse(&row.credit_account)?,
            },
            currency: IN.parse(&row.currency)?,
            payment_id: IN.id_opt(row.payment_id.as_deref(), PaymentId::from_bytes)?,
            refund_id: IN.id_opt(row.refund_id.as_deref(), RefundId::from_bytes)?,
            customer_id: IN.id_opt(row.customer_id.as_deref(), CustomerId::from_bytes)?,
            created_by: IN.parse(&row.created_by)?,
            revision: IN.revision(row.revision)?,
            metadata: metadata(IN, &row.metadata)?,
            reference_id: IN.parse_opt(row.reference_id.as_deref())?,
            notes: IN.parse_opt(row.notes.as_deref())?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

impl Stored for Transaction {
    type Key = (Realm, TransactionId);

    const TABLE: &'static Table = &TRANSACTIONS;

    fn key(&self) -> Self::Key {
        (self.realm(), self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn counter(&self) -> Option<&'static str> {
        Some(transactions_of(self.movement.kind))
    }

    fn key_values(&self) -> Row<'_> {
        let (realm, id) = self.key();
        object_key(realm, id.bytes())
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        let movement = &self.movement;
        row.extend([
            Value::text(Some(movement.kind.as_str())),
            Value::Int(movement.amount.minor()),
            Value::text(Some(self.currency.code())),
            Value::owned(&movement.debit),
            Value::owned(&movement.credit),
            Value::id(self.payment_id.map(PaymentId::bytes)),
            Value::id(self.refund_id.map(RefundId::bytes)),
            Value::id(self.customer_id.map(CustomerId::bytes)),
            Value::owned(self.created_by),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            metadata_value(&self.metadata),
            Value::text(self.reference_id.as_ref().map(|text| text.as_str())),
            Value::text(self.notes.as_ref().map(|text| text.as_str())),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        type SqlType = schema::transactions::SqlType;
        load_objects::<SqlType, TransactionRow, Self>(connection, &TRANSACTIONS_BY_ID, lock, keys)
    }
}

/// What was changed of the words beside a transaction's money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmendmentRecord {
    /// Whose.
    pub realm: Realm,
    /// The transaction.
    pub transaction_id: TransactionId,
    /// Counts the transaction's amendments from 1.
    pub number: i64,
    /// The words before, as JSON.
    pub before: String,
    /// The words after, as JSON.
    pub after: String,
    /// Who changed them.
    pub by: Actor,
    /// When.
    pub at: DateTime<Utc>,
}

/// The table of amendments: they are only ever added to.
pub(crate) static AMENDMENTS: Table = Table {
    name: "amendments",
    key: &[REALM[0], REALM[1], ("transaction_id", Kind::Bytes), ("number", Kind::Int)],
    fixed: &[
        ("before", Kind::Text),
        ("after", Kind::Text),
        ("amended_by", Kind::Text),
        ("amended_at", Kind::Int),
    ],
    changing: &[],
};

/// A transaction's amendments, oldest first.
pub(crate) static AMENDMENTS_BY_TRANSACTION: Selection = Selection {
    table: "amendments",
    join: "",
    columns: &["tenant_id, livemode, transaction_id, number, before, after, amended_by, amended_at"],
    key: &[REALM[0], REALM[1], ("transaction_id", Kind::Bytes)],
    order: "tenant_id, livemode, transaction_id, number",
};

/// A row of amendments, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct AmendmentRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) transaction_id: Vec<u8>,
    pub(crate) number: i64,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) amended_by: String,
    pub(crate) amended_at: i64,
}

impl TryFrom<AmendmentRow> for AmendmentRecord {
    type Error = StorageError;

    fn try_from(row: AmendmentRow) -> Result<AmendmentRecord, StorageError> {
        const IN: Reader = Reader("amendments");
        Ok(AmendmentRecord {
            realm: IN.realm(&row.tenant_id, row.livemode)?,
            transaction_id: IN.id(&row.transaction_id, TransactionId::from_bytes)?,
            number: row.number,
            before: row.before,
            after: row.after,
            by: IN.parse(&row.amended_by)?,
            at: IN.time(row.amended_at)?,
        })
    }
}

/// A new amendment's row.
pub(crate) fn amendment_row(amendment: &AmendmentRecord) -> Row<'_> {
    let mut row = object_key(amendment.realm, amendment.transaction_id.bytes());
    row.extend([
        Value::Int(amendment.number),
        Value::text(Some(&amendment.before)),
        Value::text(Some(&amendment.after)),
        Value::owned(amendment.by),
        Value::Int(amendment.at.timestamp_micros()),
    ]);
    row
}
