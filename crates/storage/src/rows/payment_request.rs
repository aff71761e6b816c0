//! Payment requests as rows.

use diesel::prelude::*;
use florin_domain::{
    Amount, CustomerId, Destination, InvoiceId, Mode, NewPaymentRequest, PaymentId, PaymentRequest,
    PaymentRequestId, TenantId,
};

use super::payment::{metadata, metadata_value};
use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, micros, object_key};
use crate::batch::{Kind, Lock, Row, Selection, Table, Value};
use crate::counters::payment_requests_in;
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("payment_requests");

static TABLE: Table = Table {
    name: "payment_requests",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("token", Kind::Text),
        ("type", Kind::Text),
        ("amount", Kind::Int),
        ("currency", Kind::Text),
        ("description", Kind::Text),
        ("customer_id", Kind::Bytes),
        ("invoice_id", Kind::Bytes),
        ("invoice_number", Kind::Text),
        ("capture_method", Kind::Text),
        ("expires_at", Kind::Int),
        ("success_url", Kind::Text),
        ("metadata", Kind::Text),
        ("created_by", Kind::Text),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("event_count", Kind::Int),
        ("state", Kind::Text),
        ("payment_id", Kind::Bytes),
        ("charging", Kind::Bool),
        ("paid_at", Kind::Int),
        ("canceled_at", Kind::Int),
        ("cancel_requested_at", Kind::Int),
        ("cancellation_reason", Kind::Text),
        ("last_sent_at", Kind::Int),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
    ],
};

/// The columns of payment requests, in the order of a row's fields.
pub(crate) const PAYMENT_REQUEST_COLUMNS: &str = "tenant_id, livemode, id, revision, event_count, token, type, amount, currency, description, customer_id, \
    invoice_id, invoice_number, capture_method, expires_at, success_url, metadata, state, payment_id, charging, \
    paid_at, canceled_at, cancel_requested_at, cancellation_reason, last_sent_at, created_by, updated_by, updated_at";

static BY_ID: Selection = Selection {
    table: "payment_requests",
    join: "",
    columns: &[PAYMENT_REQUEST_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// Whoever has the link of a page has nothing else: the token alone finds the request.
static BY_TOKEN: Selection = Selection {
    table: "payment_requests",
    join: "",
    columns: &[PAYMENT_REQUEST_COLUMNS],
    key: &[("token", Kind::Text)],
    order: "token",
};

/// The request of a token.
pub(crate) fn load_request_by_token(
    connection: &mut AnyConnection,
    token: &str,
) -> Result<Option<PaymentRequest>, StorageError> {
    type SqlType = schema::payment_requests::SqlType;
    let keys = [vec![Value::text(Some(token))]];
    let found = load_objects::<SqlType, PaymentRequestRow, _>(connection, &BY_TOKEN, Lock::None, &keys)?;
    Ok(found.into_iter().next())
}

/// A row of payment requests, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct PaymentRequestRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    pub(crate) revision: i64,
    pub(crate) event_count: i64,
    pub(crate) token: String,
    pub(crate) kind: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) description: Option<String>,
    pub(crate) customer_id: Option<Vec<u8>>,
    pub(crate) invoice_id: Option<Vec<u8>>,
    pub(crate) invoice_number: Option<String>,
    pub(crate) capture_method: String,
    pub(crate) expires_at: Option<i64>,
    pub(crate) success_url: Option<String>,
    pub(crate) metadata: String,
    pub(crate) state: String,
    pub(crate) payment_id: Option<Vec<u8>>,
    pub(crate) charging: bool,
    pub(crate) paid_at: Option<i64>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) cancel_requested_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) last_sent_at: Option<i64>,
    pub(crate) created_by: String,
    pub(crate) updated_by: String,
    pub(crate) updated_at: i64,
}

impl PaymentRequestRow {
    fn destination(&self) -> Result<Option<Destination>, StorageError> {
        let invoice_id = IN.id_opt(self.invoice_id.as_deref(), InvoiceId::from_bytes)?;
        let invoice_number = IN.parse_opt(self.invoice_number.as_deref())?;
        match (invoice_id, invoice_number) {
            (None, None) => Ok(None),
            (Some(invoice_id), Some(invoice_number)) => Ok(Some(Destination { invoice_id, invoice_number })),
            _ => Err(StorageError::corrupt(IN.0, "an invoice has an id and a number, or neither")),
        }
    }

    fn terms(&self) -> Result<NewPaymentRequest, StorageError> {
        Ok(NewPaymentRequest {
            id: IN.id(&self.id, PaymentRequestId::from_bytes)?,
            tenant_id: IN.id(&self.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(self.livemode),
            token: IN.parse(&self.token)?,
            kind: IN.parse(&self.kind)?,
            amount: IN.check(Amount::new(self.amount))?,
            currency: IN.parse(&self.currency)?,
            description: IN.parse_opt(self.description.as_deref())?,
            customer_id: IN.id_opt(self.customer_id.as_deref(), CustomerId::from_bytes)?,
            destination: self.destination()?,
            capture_method: IN.parse(&self.capture_method)?,
            expires_at: IN.time_opt(self.expires_at)?,
            success_url: self.success_url.clone(),
            metadata: metadata(IN, &self.metadata)?,
            created_by: IN.parse(&self.created_by)?,
        })
    }
}

impl TryFrom<PaymentRequestRow> for PaymentRequest {
    type Error = StorageError;

    fn try_from(row: PaymentRequestRow) -> Result<PaymentRequest, StorageError> {
        let request = PaymentRequest {
            terms: row.terms()?,
            payment_id: IN.id_opt(row.payment_id.as_deref(), PaymentId::from_bytes)?,
            charging: row.charging,
            paid_at: IN.time_opt(row.paid_at)?,
            canceled_at: IN.time_opt(row.canceled_at)?,
            cancel_requested_at: IN.time_opt(row.cancel_requested_at)?,
            cancellation_reason: IN.parse_opt(row.cancellation_reason.as_deref())?,
            last_sent_at: IN.time_opt(row.last_sent_at)?,
            revision: IN.revision(row.revision)?,
            event_count: row.event_count,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        };
        if request.state().as_str() != row.state {
            return Err(StorageError::corrupt(IN.0, "a request's state contradicts its times"));
        }
        match request.contradiction() {
            Some(reason) => Err(StorageError::corrupt(IN.0, reason)),
            None => Ok(request),
        }
    }
}

impl Stored for PaymentRequest {
    type Key = (Realm, PaymentRequestId);

    const TABLE: &'static Table = &TABLE;

    fn key(&self) -> Self::Key {
        (self.realm(), self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn counter(&self) -> Option<&'static str> {
        Some(payment_requests_in(self.state()))
    }

    fn key_values(&self) -> Row<'_> {
        let (realm, id) = self.key();
        object_key(realm, id.bytes())
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        let destination = self.destination.as_ref();
        row.extend([
            Value::text(Some(self.token.as_str())),
            Value::text(Some(self.kind.as_str())),
            Value::Int(self.amount.minor()),
            Value::text(Some(self.currency.code())),
            Value::text(self.description.as_ref().map(|text| text.as_str())),
            Value::id(self.customer_id.map(CustomerId::bytes)),
            Value::id(destination.map(|invoice| invoice.invoice_id.bytes())),
            Value::text(destination.map(|invoice| invoice.invoice_number.as_str())),
            Value::text(Some(self.capture_method.as_str())),
            micros(self.expires_at),
            Value::text(self.success_url.as_deref()),
            metadata_value(&self.metadata),
            Value::owned(self.created_by),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.revision),
            Value::Int(self.event_count),
            Value::text(Some(self.state().as_str())),
            Value::id(self.payment_id.map(PaymentId::bytes)),
            Value::Bool(self.charging),
            micros(self.paid_at),
            micros(self.canceled_at),
            micros(self.cancel_requested_at),
            Value::text(self.cancellation_reason.as_ref().map(|text| text.as_str())),
            micros(self.last_sent_at),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::payment_requests::SqlType, PaymentRequestRow, Self>(
            connection, &BY_ID, lock, keys,
        )
    }
}
