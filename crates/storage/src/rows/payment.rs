//! Payments as rows.

use diesel::prelude::*;
use florin_domain::{
    Amount, CustomerId, Destination, Facts, InvoiceId, Metadata, MethodRef, Mode, NewPayment, Payment,
    PaymentId, PaymentRecord, PaymentRequestId, State, Sums, TenantId, Total,
};

use super::selections::PAYMENTS_BY_ID;
use super::stored::{Stored, load_objects};
use super::{InRealm, REALM, Reader, Realm, failure_values, micros};
use crate::batch::{Kind, Lock, Row, Table, Value};
use crate::counters::payments_in;
use crate::{AnyConnection, StorageError, schema};

const IN: Reader = Reader("payments");

/// The table of payments.
pub(crate) static PAYMENTS: Table = Table {
    name: "payments",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("amount", Kind::Int),
        ("currency", Kind::Text),
        ("capture_method", Kind::Text),
        ("customer_id", Kind::Bytes),
        ("invoice_id", Kind::Bytes),
        ("invoice_number", Kind::Text),
        ("payment_request_id", Kind::Bytes),
        ("idempotency_key", Kind::Text),
        ("return_url", Kind::Text),
        ("off_session", Kind::Bool),
        ("created_by", Kind::Text),
    ],
    changing: &[
        ("revision", Kind::Int),
        ("event_count", Kind::Int),
        ("state", Kind::Text),
        ("amount_authorized", Kind::Int),
        ("amount_captured", Kind::Int),
        ("amount_refunded", Kind::Int),
        ("amount_held", Kind::Int),
        ("amount_returned", Kind::Int),
        ("payment_method_id", Kind::Text),
        ("payment_method_type", Kind::Text),
        ("description", Kind::Text),
        ("metadata", Kind::Text),
        ("under_way", Kind::Text),
        ("charge_count", Kind::Int),
        ("processor", Kind::Text),
        ("updated_by", Kind::Text),
        ("updated_at", Kind::Int),
        ("processor_reference", Kind::Text),
        ("next_action_url", Kind::Text),
        ("failure_code", Kind::Text),
        ("failure_message", Kind::Text),
        ("cancel_requested_at", Kind::Int),
        ("cancellation_reason", Kind::Text),
        ("authorization_expires_at", Kind::Int),
        ("authorized_at", Kind::Int),
        ("succeeded_at", Kind::Int),
        ("failed_at", Kind::Int),
        ("canceled_at", Kind::Int),
        ("refunded_at", Kind::Int),
    ],
};

/// A row of payments, in the order of its columns.
#[derive(Queryable)]
pub(crate) struct PaymentRow {
    pub(crate) tenant_id: Vec<u8>,
    pub(crate) livemode: bool,
    pub(crate) id: Vec<u8>,
    pub(crate) revision: i64,
    pub(crate) event_count: i64,
    pub(crate) state: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) amount_authorized: i64,
    pub(crate) amount_captured: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) amount_held: i64,
    pub(crate) amount_returned: i64,
    pub(crate) capture_method: String,
    pub(crate) payment_method_id: Option<String>,
    pub(crate) payment_method_type: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: String,
    pub(crate) return_url: Option<String>,
    pub(crate) off_session: bool,
    pub(crate) under_way: Option<String>,
    pub(crate) charge_count: i64,
    pub(crate) processor: Option<String>,
    pub(crate) processor_reference: Option<String>,
    pub(crate) next_action_url: Option<String>,
    pub(crate) failure_code: Option<String>,
    pub(crate) failure_message: Option<String>,
    pub(crate) cancel_requested_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) authorization_expires_at: Option<i64>,
    pub(crate) authorized_at: Option<i64>,
    pub(crate) succeeded_at: Option<i64>,
    pub(crate) failed_at: Option<i64>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) refunded_at: Option<i64>,
    pub(crate) created_by: String,
    pub(crate) updated_by: String,
    pub(crate) updated_at: i64,
    pub(crate) customer_id: Option<Vec<u8>>,
    pub(crate) invoice_id: Option<Vec<u8>>,
    pub(crate) invoice_number: Option<String>,
    pub(crate) payment_request_id: Option<Vec<u8>>,
}

impl PaymentRow {
    /// Whether this is the row of that payment.
    pub(crate) fn is_of(&self, payment: &Payment) -> bool {
        self.id == payment.id.bytes()
            && self.tenant_id == payment.tenant_id.bytes()
            && self.livemode == payment.mode.is_live()
    }

    fn facts(&self, amount: Amount) -> Result<Facts, StorageError> {
        let total = |minor| IN.check(Total::new(minor));
        let sums = Sums {
            authorized: total(self.amount_authorized)?,
            captured: total(self.amount_captured)?,
            refunded: total(self.amount_refunded)?,
            held: total(self.amount_held)?,
            returned: total(self.amount_returned)?,
        };
        IN.check(Facts::new(amount, sums))
    }

    fn destination(&self) -> Result<Option<Destination>, StorageError> {
        let invoice_id = IN.id_opt(self.invoice_id.as_deref(), InvoiceId::from_bytes)?;
        let invoice_number = IN.parse_opt(self.invoice_number.as_deref())?;
        match (invoice_id, invoice_number) {
            (None, None) => Ok(None),
            (Some(invoice_id), Some(invoice_number)) => Ok(Some(Destination { invoice_id, invoice_number })),
            _ => Err(StorageError::corrupt(IN.0, "an invoice has an id and a number, or neither")),
        }
    }

    fn terms(&self, amount: Amount) -> Result<NewPayment, StorageError> {
        Ok(NewPayment {
            id: IN.id(&self.id, PaymentId::from_bytes)?,
            tenant_id: IN.id(&self.tenant_id, TenantId::from_bytes)?,
            mode: Mode::from_live(self.livemode),
            amount,
            currency: IN.parse(&self.currency)?,
            capture_method: IN.parse(&self.capture_method)?,
            customer_id: IN.id_opt(self.customer_id.as_deref(), CustomerId::from_bytes)?,
            destination: self.destination()?,
            request_id: IN.id_opt(self.payment_request_id.as_deref(), PaymentRequestId::from_bytes)?,
            payment_method: IN.parse_opt::<MethodRef>(self.payment_method_id.as_deref())?,
            method_type: IN.parse(&self.payment_method_type)?,
            description: IN.parse_opt(self.description.as_deref())?,
            metadata: metadata(IN, &self.metadata)?,
            idempotency_key: IN.parse_opt(self.idempotency_key.as_deref())?,
            return_url: self.return_url.clone(),
            off_session: self.off_session,
            created_by: IN.parse(&self.created_by)?,
        })
    }
}

impl TryFrom<PaymentRow> for Payment {
    type Error = StorageError;

    fn try_from(row: PaymentRow) -> Result<Payment, StorageError> {
        let amount = IN.check(Amount::new(row.amount))?;
        let state = State::ALL.into_iter().find(|state| state.as_str() == row.state);
        let state = state
            .ok_or_else(|| StorageError::corrupt(IN.0, format_args!("unknown state {:?}", row.state)))?;
        let record = PaymentRecord {
            terms: row.terms(amount)?,
            facts: row.facts(amount)?,
            under_way: IN.parse_opt(row.under_way.as_deref())?,
            charge_count: IN.count(row.charge_count)?,
            processor: row.processor,
            processor_reference: row.processor_reference,
            next_action_url: row.next_action_url,
            failure: IN.failure(row.failure_code.as_deref(), row.failure_message)?,
            cancel_requested_at: IN.time_opt(row.cancel_requested_at)?,
            cancellation_reason: IN.parse_opt(row.cancellation_reason.as_deref())?,
            authorization_expires_at: IN.time_opt(row.authorization_expires_at)?,
            authorized_at: IN.time_opt(row.authorized_at)?,
            succeeded_at: IN.time_opt(row.succeeded_at)?,
            failed_at: IN.time_opt(row.failed_at)?,
            canceled_at: IN.time_opt(row.canceled_at)?,
            refunded_at: IN.time_opt(row.refunded_at)?,
            revision: IN.revision(row.revision)?,
            event_count: row.event_count,
            updated_by: IN.parse(&row.updated_by)?,
            updated_at: IN.time(row.updated_at)?,
        };
        IN.check(Payment::restore(record, state))
    }
}

/// Metadata as stored.
pub(super) fn metadata(reader: Reader, json: &str) -> Result<Metadata, StorageError> {
    if json == "{}" {
        return Ok(Metadata::default());
    }
    reader.check(serde_json::from_str(json))
}

/// Metadata as a column.
pub(super) fn metadata_value(metadata: &Metadata) -> Value<'_> {
    if metadata.is_empty() {
        return Value::text(Some("{}"));
    }
    // A map of strings always has a JSON form.
    Value::owned(serde_json::to_string(metadata).unwrap_or_default())
}

/// How many values a row has at most.
const COLUMNS: usize = 40;

impl Stored for Payment {
    type Key = (Realm, PaymentId);

    const TABLE: &'static Table = &PAYMENTS;

    fn key(&self) -> Self::Key {
        let realm = self.realm();
        (realm, self.id)
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn counter(&self) -> Option<&'static str> {
        Some(payments_in(self.state()))
    }

    fn key_values(&self) -> Row<'_> {
        let [tenant, mode] = self.realm().values();
        let mut row = Vec::with_capacity(COLUMNS);
        row.extend([tenant, mode, Value::Id(self.id.bytes())]);
        row
    }

    fn push_fixed<'a>(&'a self, row: &mut Row<'a>) {
        row.extend([
            Value::Int(self.amount.minor()),
            Value::text(Some(self.currency.code())),
            Value::text(Some(self.capture_method.as_str())),
            Value::id(self.customer_id.map(CustomerId::bytes)),
            Value::id(self.destination.as_ref().map(|invoice| invoice.invoice_id.bytes())),
            Value::text(self.destination.as_ref().map(|invoice| invoice.invoice_number.as_str())),
            Value::id(self.request_id.map(PaymentRequestId::bytes)),
            Value::text(self.idempotency_key.as_ref().map(|key| key.as_str())),
            Value::text(self.return_url.as_deref()),
            Value::Bool(self.off_session),
            Value::owned(self.created_by),
        ]);
    }

    fn push_changing<'a>(&'a self, row: &mut Row<'a>) {
        let facts = &self.facts;
        row.extend([
            Value::Int(self.revision),
            Value::Int(self.event_count),
            Value::text(Some(self.state().as_str())),
            Value::Int(facts.authorized().minor()),
            Value::Int(facts.captured().minor()),
            Value::Int(facts.refunded().minor()),
            Value::Int(facts.held().minor()),
            Value::Int(facts.returned().minor()),
            Value::text(self.payment_method.as_ref().map(MethodRef::as_str)),
            Value::text(Some(self.method_type.as_str())),
            Value::text(self.description.as_ref().map(|text| text.as_str())),
            metadata_value(&self.metadata),
            Value::text(self.under_way.map(|operation| operation.as_str())),
            Value::Int(i64::from(self.charge_count)),
            Value::text(self.processor.as_deref()),
            Value::owned(self.updated_by),
            Value::Int(self.updated_at.timestamp_micros()),
            Value::text(self.processor_reference.as_deref()),
            Value::text(self.next_action_url.as_deref()),
        ]);
        row.extend(failure_values(self.failure.as_ref()));
        row.extend([
            micros(self.cancel_requested_at),
            Value::text(self.cancellation_reason.as_ref().map(|text| text.as_str())),
            micros(self.authorization_expires_at),
            micros(self.authorized_at),
            micros(self.succeeded_at),
            micros(self.failed_at),
            micros(self.canceled_at),
            micros(self.refunded_at),
        ]);
    }

    fn load(connection: &mut AnyConnection, lock: Lock, keys: &[Row<'_>]) -> Result<Vec<Self>, StorageError> {
        load_objects::<schema::payments::SqlType, PaymentRow, Self>(connection, &PAYMENTS_BY_ID, lock, keys)
    }
}
