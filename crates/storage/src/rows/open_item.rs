//! Open items as rows.

use diesel::prelude::*;
use florin_domain::{
    AttemptId, Closing, ClosingNote, Currency, Mode, OpenItem, OpenItemId, PaymentId, RefundId, Sum, TenantId,
};

use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, micros, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("open_items");

static TABLE: Table = Table {
    name: "open_items",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("type", Kind::Text),
        ("cause", Kind::Text),
        ("message", Kind::Text),
        ("payment_id", Kind::Bytes),
        ("refund_id", Kind::Bytes),
        ("attempt_id", Kind::Bytes),
        ("processor", Kind::Text),
        ("processor_reference", Kind::Text),
        ("amount_here", Kind::Int),
        ("currency_here", Kind::Text),
        ("amount_there", Kind::Int),
        ("currency_there", Kind::Text),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("status", Kind::Text),
        ("resolution", Kind::Text),
        ("note", Kind::Text),
        ("closed_at", Kind::Int),
        ("closed_by", Kind::Text),
    ],
};

/// The columns of open items, in the order of a row's fields.
const COLUMNS: &str = "tenant_id, livemode, id, revision, type, cause, message, payment_id, refund_id, attempt_id, \
    processor, processor_reference, amount_here, currency_here, amount_there, currency_there, status, resolution, \
    note, closed_at, closed_by";

static BY_ID: Selection = Selection {
    table: "open_items",
    join: "",
    columns: &[COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// Open items by what keeps them from being raised twice.
pub(crate) static ITEMS_BY_CAUSE: Selection = Selection {
    table: "open_items",
    join: "",
    columns: &[COLUMNS],
    key: &[REALM[0], REALM[1], ("cause", Kind::Text)],
    order: "tenant_id, livemode, cause",
};

/// Loads the items of these causes.
pub(crate) fn load_items_by_cause(
    connection: &mut AnyConnection,
    lock: Lock,
    keys: &[Row<'_>],
) -> Result<Vec<OpenItem>, StorageError> {
    load_objects::<schema::open_items::SqlType, OpenItemRow, _>(connection, &ITEMS_BY_CAUSE, lock, keys)
}

/// A row of open items, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct OpenItemRow {
    tenant_id: Vec<u8>,
    livemode: bool,
    id: Vec<u8>,
    revision: i64,
    kind: String,
    cause: String,
    message: String,
    payment_id: Option<Vec<u8>>,
    refund_id: Option<Vec<u8>>,
    attempt_id: Option<Vec<u8>>,
    processor: Option<String>,
    processor_reference: Option<String>,
    amount_here: Option<i64>,
    currency_here: Option<String>,
    amount_there: Option<i64>,
    currency_there: Option<String>,
    status: String,
    resolution: Option<String>,
    note: Option<String>,
    closed_at: Option<i64>,
    closed_by: Option<String>,
}

impl TryFrom<OpenItemRow> for OpenItem {
    type Error = StorageError;

    fn try_from(row: OpenItemRow) -> Result<OpenItem, StorageError> {
        let closed = closing(&row)?;
        let item = OpenItem {
            id: IN.id(&row.id, OpenItemId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            kind: IN.parse(&row.kind)?,
            cause: row.cause,
            message: row.message,
            payment_id: IN.id_opt(row.payment_id.as_deref(), PaymentId::from_bytes)?,
            refund_id: IN.id_opt(row.refund_id.as_deref(), RefundId::from_bytes)?,
            attempt_id: IN.id_opt(row.attempt_id.as_deref(), AttemptId::from_bytes)?,
            processor: row.processor,
            processor_reference: row.processor_reference,
            here: sum(row.amount_here, row.currency_here.as_deref())?,
            there: sum(row.amount_there, row.currency_there.as_deref())?,
            closed,
            revision: IN.revision(row.revision)?,
        };
        if item.status().as_str() != row.status {
            return Err(StorageError::corrupt(IN.0, "an item's status contradicts when it was closed"));
        }
        Ok(item)
    }
}

fn closing(row: &OpenItemRow) -> Result<Option<Closing>, StorageError> {
    match (row.closed_at, &row.closed_by) {
        (None, None) => Ok(None),
        (Some(at), Some(by)) => Ok(Some(Closing {
            resolution: IN.parse_opt(row.resolution.as_deref())?,
            note: IN.parse_opt(row.note.as_deref())?,
            by: IN.parse(by)?,
            at: IN.time(at)?,
        })),
        _ => Err(StorageError::corrupt(IN.0, "an item is closed at a time by somebody, or is open")),
    }
}

fn sum(amount_minor: Option<i64>, currency: Option<&str>) -> Result<Sum, StorageError> {
    let currency = currency.map(|code| IN.check(Currency::parse(code))).transpose()?;
    Ok(Sum { amount_minor, currency })
}

impl Stored for OpenItem {
    type Key = (Realm, OpenItemId);

    const TABLE: &'static Table = &TABLE;

    fn key(&self) -> Self::Key {
        (self.realm(), self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        let (realm, id) = self.key();
        object_key(realm, id.bytes())
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::text(Some(self.kind.as_str())),
            Value::text(Some(&self.cause)),
            Value::text(Some(&self.message)),
            Value::id(self.payment_id.map(PaymentId::bytes)),
            Value::id(self.refund_id.map(RefundId::bytes)),
            Value::id(self.attempt_id.map(AttemptId::bytes)),
            Value::text(self.processor.as_deref()),
            Value::text(self.processor_reference.as_deref()),
            Value::int(self.here.amount_minor),
            Value::text(self.here.currency.map(Currency::code)),
            Value::int(self.there.amount_minor),
            Value::text(self.there.currency.map(Currency::code)),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        let closed = self.closed.as_ref();
        row.extend([
            Value::Int(self.revision),
            Value::text(Some(self.status().as_str())),
            Value::text(closed.and_then(|closed| closed.resolution).map(|resolution| resolution.as_str())),
            Value::text(closed.and_then(|closed| closed.note.as_ref()).map(ClosingNote::as_str)),
            micros(closed.map(|closed| closed.at)),
            closed.map_or(Value::Null, |closed| Value::owned(closed.by)),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::open_items::SqlType, OpenItemRow, Self>(connection, &BY_ID, lock, keys)
    }
}
