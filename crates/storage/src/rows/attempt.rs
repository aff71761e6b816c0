//! Attempts as rows.

use diesel::prelude::*;
use florin_domain::{Amount, Attempt, AttemptId, MethodRef, Mode, PaymentId, RefundId, TenantId};

use super::selections::ATTEMPTS_BY_PAYMENT;
use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, failure_values, micros};
use crate::batch::{Kind, Lock, Row, Table, Value};
use crate::{AnyConnection, StorageError, schema};

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
            revision: IN.revision(row.revision)?,
            created_by: IN.parse(&row.created_by)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

impl Stored for Attempt {
    type Key = (Realm, PaymentId, AttemptId);

    const TABLE: &'static Table = &ATTEMPTS;

    fn key(&self) -> Self::Key {
        let realm = self.realm();
        (realm, self.payment_id, self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        let [tenant, mode] = self.realm().values();
        vec![tenant, mode, Value::Id(self.payment_id.bytes()), Value::Id(self.id.bytes())]
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            self.refund_id.map_or(Value::Null, |id| Value::Id(id.bytes())),
            Value::text(Some(self.kind.as_str())),
            Value::Int(i64::from(self.number)),
            Value::Int(self.amount.minor()),
            Value::Bool(self.capture),
            Value::text(self.payment_method.as_ref().map(MethodRef::as_str)),
            Value::text(Some(&self.processor)),
            Value::owned(self.created_by),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            Value::text(Some(self.status.as_str())),
            micros(self.due_at),
            Value::Int(i64::from(self.lookups)),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
            Value::text(self.processor_reference.as_deref()),
        ]);
        row.extend(failure_values(self.failure.as_ref()));
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::attempts::SqlType, AttemptRow, Self>(
            connection,
            &ATTEMPTS_BY_PAYMENT,
            lock,
            keys,
        )
    }
}
