//! The journal's transactions as rows. They are added; only the words beside the money are ever changed.

use diesel::prelude::*;
use florin_domain::{
    Amount, CustomerId, Mode, Movement, PaymentId, RefundId, TenantId, Transaction, TransactionId,
};

use super::payment::{metadata, metadata_value};
use super::{REALM, Reader, Realm};
use crate::StorageError;
use crate::batch::{Kind, Row, Selection, Table, Value};

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

/// Transactions by their payments, oldest first.
pub(crate) static TRANSACTIONS_BY_PAYMENT: Selection = Selection {
    table: "transactions",
    columns: "tenant_id, livemode, id, type, amount, currency, debit_account, credit_account, payment_id, refund_id, \
        customer_id, created_by, revision, metadata, reference_id, notes, updated_by, updated_at",
    prefix: "",
    key: &[REALM[0], REALM[1], ("payment_id", Kind::Bytes)],
    order: "tenant_id, livemode, payment_id, id",
};

/// A row of transactions, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct TransactionRow {
    tenant_id: Vec<u8>,
    livemode: bool,
    id: Vec<u8>,
    kind: String,
    amount: i64,
    currency: String,
    debit_account: String,
    credit_account: String,
    payment_id: Option<Vec<u8>>,
    refund_id: Option<Vec<u8>>,
    customer_id: Option<Vec<u8>>,
    created_by: String,
    revision: i64,
    metadata: String,
    reference_id: Option<String>,
    notes: Option<String>,
    updated_by: String,
    updated_at: i64,
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
            revision: row.revision,
            metadata: metadata(IN, &row.metadata)?,
            reference_id: IN.parse_opt(row.reference_id.as_deref())?,
            notes: IN.parse_opt(row.notes.as_deref())?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

/// A new transaction's row.
pub(crate) fn transaction_insert(transaction: &Transaction) -> Row<'_> {
    let [tenant, mode] = Realm { tenant_id: transaction.tenant_id, mode: transaction.mode }.values();
    let movement = &transaction.movement;
    vec![
        tenant,
        mode,
        Value::Id(transaction.id.bytes()),
        Value::text(Some(movement.kind.as_str())),
        Value::Int(movement.amount.minor()),
        Value::text(Some(transaction.currency.code())),
        Value::owned(&movement.debit),
        Value::owned(&movement.credit),
        Value::id(transaction.payment_id.map(PaymentId::bytes)),
        Value::id(transaction.refund_id.map(RefundId::bytes)),
        Value::id(transaction.customer_id.map(CustomerId::bytes)),
        Value::owned(transaction.created_by),
        Value::Int(transaction.revision),
        metadata_value(&transaction.metadata),
        Value::text(transaction.reference_id.as_ref().map(|text| text.as_str())),
        Value::text(transaction.notes.as_ref().map(|text| text.as_str())),
        Value::owned(transaction.updated_by),
        Value::Int(transaction.updated_at.timestamp_micros()),
    ]
}
