//! Idempotency keys as rows.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use florin_domain::{PaymentId, RefundId};

use super::selections::KEYS_BY_DIGEST;
use super::stored::{Stored, load_objects};
use super::{REALM, Reader, Realm, micros};
use crate::batch::{Kind, Lock, Row, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("idempotency_keys");

/// The table of idempotency keys.
pub(crate) static IDEMPOTENCY_KEYS: Table = Table {
    name: "idempotency_keys",
    key: &[REALM[0], REALM[1], ("digest", Kind::Bytes)],
    fixed: &[],
    changing: &[
        ("revision", Kind::Int),
        ("request_digest", Kind::Bytes),
        ("created_at", Kind::Int),
        ("success_status", Kind::Int),
        ("payment_id", Kind::Bytes),
        ("refund_id", Kind::Bytes),
        ("object_id", Kind::Text),
        ("running_until", Kind::Int),
        ("answer_status", Kind::Int),
        ("answer_body", Kind::Text),
    ],
};

/// An idempotency key's own key.
pub type DigestKey = (Realm, [u8; 32]);

/// An idempotency key: what was asked with it, which object it is bound to, and the answer once there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose.
    pub realm: Realm,
    /// SHA-256 of method, path and key.
    pub digest: [u8; 32],
    /// SHA-256 of the request's canonical body.
    pub request_digest: [u8; 32],
    /// The payment that it is bound to.
    pub payment_id: Option<PaymentId>,
    /// The refund that it is bound to.
    pub refund_id: Option<RefundId>,
    /// The object of another kind that it is bound to, by its id as text.
    pub object_id: Option<String>,
    /// When it was first used.
    pub created_at: DateTime<Utc>,
    /// Until when the first request may be running.
    pub running_until: DateTime<Utc>,
    /// The HTTP status that success is answered with: 201 where the request creates, 200 elsewhere.
    pub success_status: u16,
    /// What was answered.
    pub answer: Option<StoredAnswer>,
    /// Counts the changes of this row from 1.
    pub revision: i64,
}

/// An answer that is given again, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body; none once it has expired.
    pub body: Option<std::sync::Arc<str>>,
}

/// A row of idempotency keys, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct IdempotencyRow {
    tenant_id: Vec<u8>,
    livemode: bool,
    digest: Vec<u8>,
    revision: i64,
    request_digest: Vec<u8>,
    payment_id: Option<Vec<u8>>,
    refund_id: Option<Vec<u8>>,
    created_at: i64,
    running_until: i64,
    success_status: i64,
    answer_status: Option<i64>,
    answer_body: Option<String>,
    object_id: Option<String>,
}

impl TryFrom<IdempotencyRow> for IdempotencyRecord {
    type Error = StorageError;

    fn try_from(row: IdempotencyRow) -> Result<IdempotencyRecord, StorageError> {
        let digest = |bytes: Vec<u8>| {
            <[u8; 32]>::try_from(bytes)
                .map_err(|_| StorageError::corrupt(IN.0, "a digest is not 32 bytes long"))
        };
        let answer = match row.answer_status {
            None => None,
            Some(status) => Some(StoredAnswer {
                status: IN.check(u16::try_from(status))?,
                body: row.answer_body.map(Into::into),
            }),
        };
        Ok(IdempotencyRecord {
            realm: IN.realm(&row.tenant_id, row.livemode)?,
            digest: digest(row.digest)?,
            request_digest: digest(row.request_digest)?,
            payment_id: row.payment_id.map(|id| IN.id(&id, PaymentId::from_bytes)).transpose()?,
            refund_id: row.refund_id.map(|id| IN.id(&id, RefundId::from_bytes)).transpose()?,
            object_id: row.object_id,
            created_at: IN.time(row.created_at)?,
            running_until: IN.time(row.running_until)?,
            success_status: IN.check(u16::try_from(row.success_status))?,
            answer,
            revision: IN.revision(row.revision)?,
        })
    }
}

impl Stored for IdempotencyRecord {
    type Key = DigestKey;

    const TABLE: &'static Table = &IDEMPOTENCY_KEYS;

    fn key(&self) -> Self::Key {
        (self.realm, self.digest)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        let [tenant, mode] = self.realm.values();
        vec![tenant, mode, Value::Bytes(&self.digest)]
    }

    fn push_fixed<'a>(&'a self, _row: &mut Row<'a>) {}

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        let answer = self.answer.as_ref();
        row.extend([
            Value::Int(self.revision),
            Value::Bytes(&self.request_digest),
            micros(Some(self.created_at)),
            Value::Int(i64::from(self.success_status)),
            self.payment_id.map_or(Value::Null, |id| Value::Id(id.bytes())),
            self.refund_id.map_or(Value::Null, |id| Value::Id(id.bytes())),
            Value::text(self.object_id.as_deref()),
            micros(Some(self.running_until)),
            Value::int(answer.map(|answer| i64::from(answer.status))),
            Value::text(answer.and_then(|answer| answer.body.as_deref())),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::idempotency_keys::SqlType, IdempotencyRow, Self>(
            connection,
            &KEYS_BY_DIGEST,
            lock,
            keys,
        )
    }
}
