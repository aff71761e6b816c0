//! Refunds as rows.

use diesel::prelude::*;
use florin_domain::{Amount, Mode, PaymentId, Refund, RefundId, TenantId};

use super::payment::{metadata, metadata_value};
use super::selections::REFUNDS_BY_ID;
use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, failure_values};
use crate::batch::{Kind, Lock, Row, Table, Value};
use crate::counters::REFUNDS as REFUND_COUNTER;
use crate::{AnyConnection, StorageError, schema};

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
            revision: IN.revision(row.revision)?,
            event_count: row.event_count,
            created_by: IN.parse(&row.created_by)?,
            updated_at: IN.time(row.updated_at)?,
        })
    }
}

impl Stored for Refund {
    type Key = (Realm, RefundId);

    const TABLE: &'static Table = &REFUNDS;

    fn key(&self) -> Self::Key {
        let realm = self.realm();
        (realm, self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn counter(&self) -> Option<&'static str> {
        Some(REFUND_COUNTER)
    }

    fn key_values(&self) -> Row<'_> {
        let [tenant, mode] = self.realm().values();
        vec![tenant, mode, Value::Id(self.id.bytes())]
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Id(self.payment_id.bytes()),
            Value::Int(self.amount.minor()),
            Value::text(Some(self.currency.code())),
            Value::text(self.reason.as_ref().map(|text| text.as_str())),
            metadata_value(&self.metadata),
            Value::owned(self.created_by),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            Value::Int(self.event_count),
            Value::text(Some(self.status.as_str())),
            Value::Int(self.updated_at.timestamp_micros()),
            Value::text(self.processor_reference.as_deref()),
        ]);
        row.extend(failure_values(self.failure.as_ref()));
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::refunds::SqlType, RefundRow, Self>(connection, &REFUNDS_BY_ID, lock, keys)
    }
}
