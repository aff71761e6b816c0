//! Refunds as rows.

use diesel::prelude::*;
use florin_domain::{Amount, Mode, PaymentId, Refund, RefundId, TenantId};

use super::payment::{metadata, metadata_value};
use super::{REALM, Reader, Realm, failure_values};
use crate::StorageError;
use crate::batch::{Kind, Row, Table, Value};

const IN: Reader = Reader("refunds");

/// The table of refunds.
pub(crate) static REFUNDS: Table = Table {
    name: "refunds",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("payment_id", Kind::Bytes),
        ("amount", Kind::Int),
        ("currency", Kind::Text),
        ("reason", Kind::Text),
        ("metadata", Kind::Text),
        ("created_by", Kind::Text),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("event_count", Kind::Int),
        ("status", Kind::Text),
        ("updated_at", Kind::Int),
        ("processor_reference", Kind::Text),
        ("failure_code", Kind::Text),
        ("failure_message", Kind::Text),
    ],
};

/// A row of refunds, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct RefundRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    pub(crate) payment_id: Vec<u8>,
    pub(crate) revision: i64,
    pub(crate) event_count: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: String,
    pub(crate) processor_reference: Option<String>,
    pub(crate) failure_code: Option<String>,
    pub(crate) failure_message: Option<String>,
    pub(crate) created_by: String,
    pub(crate) updated_at: i64,
}

impl TryFrom<RefundRow> for Refund {
    type Error = StorageError;

    fn try_from(row: RefundRow) -> Result<Refund, StorageError> {
        Ok(Refund {
            id: IN.id(&row.id, RefundId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            payment_id: IN.id(&row.payment_id, PaymentId::from_bytes)?,
            amount: IN.check(Amount::new(row.amount))?,
            currency: IN.parse(&row.currency)?,
            status: IN.parse(&row.status)?,
            reason: IN.parse_opt(row.reason.as_deref())?,
            metadata: metadata(IN, &row.metadata)?,
            processor_reference: row.processor_reference,
            failure: IN.failure(row.failure_code.as_deref(), row.failure_message)?,
            revision: row.revision,
            event_count: row.event_count,
            created_by: IN.parse(&row.created_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

fn key<'a>(refund: &Refund) -> Row<'a> {
    let [tenant, mode] = Realm { tenant_id: refund.tenant_id, mode: refund.mode }.values();
    vec![tenant, mode, Value::Id(refund.id.bytes())]
}

fn push_changing<'a>(refund: &'a Refund, row: &mut Row<'a>) {
    row.extend([
        Value::Int(refund.revision),
        Value::Int(refund.event_count),
        Value::text(Some(refund.status.as_str())),
        Value::Int(refund.updated_at.timestamp_micros()),
        Value::text(refund.processor_reference.as_deref()),
    ]);
    row.extend(failure_values(refund.failure.as_ref()));
}

/// A new refund's row.
pub(crate) fn refund_insert(refund: &Refund) -> Row<'_> {
    let mut row = key(refund);
    row.extend([
        Value::Id(refund.payment_id.bytes()),
        Value::Int(refund.amount.minor()),
        Value::text(Some(refund.currency.code())),
        Value::text(refund.reason.as_ref().map(|text| text.as_str())),
        metadata_value(&refund.metadata),
        Value::owned(refund.created_by),
    ]);
    push_changing(refund, &mut row);
    row
}

/// The update of a refund that was loaded at `expected_revision`.
pub(crate) fn refund_update(refund: &Refund, expected_revision: i64) -> Row<'_> {
    let mut row = key(refund);
    row.push(Value::Int(expected_revision));
    push_changing(refund, &mut row);
    row
}
