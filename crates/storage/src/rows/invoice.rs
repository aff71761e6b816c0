//! Invoices as rows, and the counter of their numbers.

use diesel::prelude::*;
use florin_domain::{Amount, CustomerId, Invoice, InvoiceId, InvoiceLine, Mode, TenantId, Total};

use super::payment::{metadata, metadata_value};
use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, micros, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::counters::invoices_in;
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("invoices");

static TABLE: Table = Table {
    name: "invoices",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("number", Kind::Text),
        ("customer_id", Kind::Bytes),
        ("currency", Kind::Text),
        ("amount_due", Kind::Int),
        ("lines", Kind::Text),
        ("due_at", Kind::Int),
        ("metadata", Kind::Text),
        ("created_by", Kind::Text),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("event_count", Kind::Int),
        ("amount_paid", Kind::Int),
        ("amount_held", Kind::Int),
        ("status", Kind::Text),
        ("paid_at", Kind::Int),
        ("voided_at", Kind::Int),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

/// The columns of invoices, in the order of a row's fields.
pub(crate) const INVOICE_COLUMNS: &str = "tenant_id, livemode, id, revision, event_count, number, customer_id, currency, amount_due, amount_paid, \
    amount_held, status, lines, due_at, paid_at, voided_at, metadata, created_by, updated_by, updated_at";

static BY_ID: Selection = Selection {
    table: "invoices",
    join: "",
    columns: &[INVOICE_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// Invoices by their numbers.
pub(crate) static INVOICES_BY_NUMBER: Selection = Selection {
    table: "invoices",
    join: "",
    columns: &[INVOICE_COLUMNS],
    key: &[REALM[0], REALM[1], ("number", Kind::Text)],
    order: "tenant_id, livemode, number",
};

/// Loads the invoices that have these numbers.
pub(crate) fn load_invoices_by_number(
    connection: &mut AnyConnection,
    keys: &[Row<'_>],
) -> Result<Vec<Invoice>, StorageError> {
    load_objects::<schema::invoices::SqlType, InvoiceRow, _>(
        connection,
        &INVOICES_BY_NUMBER,
        Lock::None,
        keys,
    )
}

/// A row of invoices, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct InvoiceRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    pub(crate) revision: i64,
    pub(crate) event_count: i64,
    pub(crate) number: String,
    pub(crate) customer_id: Option<Vec<u8>>,
    pub(crate) currency: String,
    pub(crate) amount_due: i64,
    pub(crate) amount_paid: i64,
    pub(crate) amount_held: i64,
    pub(crate) status: String,
    pub(crate) lines: String,
    pub(crate) due_at: Option<i64>,
    pub(crate) paid_at: Option<i64>,
    pub(crate) voided_at: Option<i64>,
    pub(crate) metadata: String,
    pub(crate) created_by: String,
    pub(crate) updated_by: String,
    pub(crate) updated_at: i64,
}

impl TryFrom<InvoiceRow> for Invoice {
    type Error = StorageError;

    fn try_from(row: InvoiceRow) -> Result<Invoice, StorageError> {
        let lines: Vec<InvoiceLine> = match row.lines.as_str() {
            NO_LINES => Vec::new(),
            lines => IN.check(serde_json::from_str(lines))?,
        };
        let invoice = Invoice {
            id: IN.id(&row.id, InvoiceId::from_bytes)?,
            tenant_id: IN.id(&row.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(row.livemode),
            number: IN.parse(&row.number)?,
            customer_id: IN.id_opt(row.customer_id.as_deref(), CustomerId::from_bytes)?,
            currency: IN.parse(&row.currency)?,
            amount_due: IN.check(Amount::new(row.amount_due))?,
            lines,
            amount_paid: IN.check(Total::new(row.amount_paid))?,
            amount_held: IN.check(Total::new(row.amount_held))?,
            due_at: IN.time_opt(row.due_at)?,
            paid_at: IN.time_opt(row.paid_at)?,
            voided_at: IN.time_opt(row.voided_at)?,
            metadata: metadata(IN, &row.metadata)?,
            revision: IN.revision(row.revision)?,
            event_count: row.event_count,
            created_by: IN.parse(&row.created_by)?,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        };
        if invoice.status().as_str() != row.status {
            return Err(StorageError::corrupt(IN.0, "an invoice's status contradicts its sums"));
        }
        Ok(invoice)
    }
}

const NO_LINES: &str = "[]";

impl Stored for Invoice {
    type Key = (Realm, InvoiceId);

    const TABLE: &'static Table = &TABLE;

    fn key(&self) -> Self::Key {
        (self.realm(), self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn counter(&self) -> Option<&'static str> {
        Some(invoices_in(self.status()))
    }

    fn key_values(&self) -> Row<'_> {
        let (realm, id) = self.key();
        object_key(realm, id.bytes())
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        // Texts and numbers always have a JSON form.
        let lines = match &self.lines[..] {
            [] => Value::text(Some(NO_LINES)),
            lines => Value::owned(serde_json::to_string(lines).unwrap_or_default()),
        };
        row.extend([
            Value::text(Some(self.number.as_str())),
            Value::id(self.customer_id.map(CustomerId::bytes)),
            Value::text(Some(self.currency.code())),
            Value::Int(self.amount_due.minor()),
            lines,
            micros(self.due_at),
            metadata_value(&self.metadata),
            Value::owned(self.created_by),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            Value::Int(self.event_count),
            Value::Int(self.amount_paid.minor()),
            Value::Int(self.amount_held.minor()),
            Value::text(Some(self.status().as_str())),
            micros(self.paid_at),
            micros(self.voided_at),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::invoices::SqlType, InvoiceRow, Self>(connection, &BY_ID, lock, keys)
    }
}

/// The last number that was counted up in a realm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InvoiceCount {
    pub(crate) realm: Realm,
    pub(crate) last: i64,
    pub(crate) revision: i64,
}

static COUNTS: Table = Table {
    name: "invoice_counts",
    key: &REALM,
    fixed: &[],
    changing: &[("revision", Kind::Int), ("last", Kind::Int)],
};

static COUNTS_BY_REALM: Selection = Selection {
    table: "invoice_counts",
    join: "",
    columns: &["tenant_id, livemode, last, revision"],
    key: &REALM,
    order: "tenant_id, livemode",
};

#[derive(Queryable)]
struct CountRow {
    tenant_id: Vec<u8>,
    livemode: bool,
    last: i64,
    revision: i64,
}

impl TryFrom<CountRow> for InvoiceCount {
    type Error = StorageError;

    fn try_from(row: CountRow) -> Result<InvoiceCount, StorageError> {
        let realm = Reader("invoice_counts").realm(&row.tenant_id, row.livemode)?;
        Ok(InvoiceCount { realm, last: row.last, revision: IN.revision(row.revision)? })
    }
}

impl Stored for InvoiceCount {
    type Key = Realm;

    const TABLE: &'static Table = &COUNTS;

    fn key(&self) -> Self::Key {
        self.realm
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn key_values(&self) -> Row<'_> {
        self.realm.values().to_vec()
    }

    fn push_fixed<'a>(&'a self, _row: &mut Row<'a>) {}

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([Value::Int(self.revision), Value::Int(self.last)]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::invoice_counts::SqlType, CountRow, Self>(
            connection,
            &COUNTS_BY_REALM,
            lock,
            keys,
        )
    }
}
