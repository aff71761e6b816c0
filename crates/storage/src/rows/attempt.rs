//! Attempts as rows.

use diesel::prelude::*;
use florin_domain::{Amount, Attempt, AttemptId, MethodRef, Mode, PaymentId, RefundId, TenantId};

use super::{REALM, Reader, Realm, failure_values, micros};
use crate::StorageError;
use crate::batch::{Kind, Row, Table, Value};

const IN: Reader = Reader("attempts");

/// The table of attempts.
pub(crate) static ATTEMPTS: Table = Table {
    name: "attempts",
    key: &[REALM[0], REALM[1], ("payment_id", Kind::Bytes), ("id", Kind::Bytes)],
    fixed: &[
        ("refund_id", Kind::Bytes),
        ("kind", Kind::Text),
        ("number", Kind::Int),
        ("amount", Kind::Int),
        ("capture", Kind::Bool),
        ("payment_method_id", Kind::Text),
        ("processor", Kind::Text),
        ("created_by", Kind::Text),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("status", Kind::Text),
        ("due_at", Kind::Int),
        ("lookups", Kind::Int),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
        ("processor_reference", Kind::Text),
        ("failure_code", Kind::Text),
        ("failure_message", Kind::Text),
    ],
};

/// A row of attempts, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct AttemptRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) payment_id: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) revision: i64,
    pub(crate) refund_id: Option<Vec<u8>>,
    pub(crate) kind: String,
    pub(crate) number: i64,
    pub(crate) status: String,
    pub(crate) amount: i64,
    pub(crate) capture: bool,
    pub(crate) payment_method_id: Option<String>,
    pub(crate) processor: String,
    pub(crate) processor_reference: Option<String>,
    pub(crate) failure_code: Option<String>,
    pub(crate) failure_message: Option<String>,
    pub(crate) due_at: Option<i64>,
    pub(crate) lookups: i64,
    pub(crate) created_by: String,
    pub(crate) updated_by: String,
    pub(crate) updated_at: i64,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = StorageError;

    fn try_from(row: AttemptRow) -> Result<Attempt, StorageError> {
        Ok(Attempt {
            id: IN.id(&row.id, AttemptId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            payment_id: IN.id(&row.payment_id, PaymentId::from_bytes)?,
            refund_id: row.refund_id.map(|id| IN.id(&id, RefundId::from_bytes)).transpose()?,
            kind: IN.parse(&row.kind)?,
            number: IN.count(row.number)?,
            status: IN.parse(&row.status)?,
            amount: IN.check(Amount::new(row.amount))?,
            capture: row.capture,
            payment_method: IN.parse_opt(row.payment_method_id.as_deref())?,
            processor: row.processor,
            processor_reference: row.processor_reference,
            failure: IN.failure(row.failure_code.as_deref(), row.failure_message)?,
            due_at: IN.time_opt(row.due_at)?,
            lookups: IN.count(row.lookups)?,
            revision: row.revision,
            created_by: IN.parse(&row.created_by)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

fn key<'a>(attempt: &Attempt) -> Row<'a> {
    let [tenant, mode] = Realm { tenant_id: attempt.tenant_id, mode: attempt.mode }.values();
    vec![tenant, mode, Value::Id(attempt.payment_id.bytes()), Value::Id(attempt.id.bytes())]
}

fn push_changing<'a>(attempt: &'a Attempt, row: &mut Row<'a>) {
    row.extend([
        Value::Int(attempt.revision),
        Value::text(Some(attempt.status.as_str())),
        micros(attempt.due_at),
        Value::Int(i64::from(attempt.lookups)),
        Value::owned(attempt.updated_by),
        Value::Int(attempt.updated_at.timestamp_micros()),
        Value::text(attempt.processor_reference.as_deref()),
    ]);
    row.extend(failure_values(attempt.failure.as_ref()));
}

/// A new attempt's row.
pub(crate) fn attempt_insert(attempt: &Attempt) -> Row<'_> {
    let mut row = key(attempt);
    row.extend([
        attempt.refund_id.map_or(Value::Null, |id| Value::Id(id.bytes())),
        Value::text(Some(attempt.kind.as_str())),
        Value::Int(i64::from(attempt.number)),
        Value::Int(attempt.amount.minor()),
        Value::Bool(attempt.capture),
        Value::text(attempt.payment_method.as_ref().map(MethodRef::as_str)),
        Value::text(Some(&attempt.processor)),
        Value::owned(attempt.created_by),
    ]);
    push_changing(attempt, &mut row);
    row
}

/// The update of an attempt that was loaded at `expected_revision`.
pub(crate) fn attempt_update(attempt: &Attempt, expected_revision: i64) -> Row<'_> {
    let mut row = key(attempt);
    row.push(Value::Int(expected_revision));
    push_changing(attempt, &mut row);
    row
}
