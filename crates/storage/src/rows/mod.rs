//! Rows and what the domain makes of them. A bad row fails on read.

mod account;
mod api_key;
mod attempt;
mod audit;
mod credits;
mod customer;
mod endpoint;
mod event;
mod invoice;
mod key;
mod method;
mod open_item;
mod payment;
mod payment_request;
mod processor_event;
mod realm;
mod refund;
mod routes;
mod selections;
mod session;
mod stored;
mod tenant_settings;
mod transaction;
mod user;

pub(crate) use account::{AccountRow, load_accounts_of};
pub use api_key::ApiKey;
pub(crate) use api_key::{API_KEYS, JOIN_USES, KEY_COLUMNS, KeyAndUse, KeySqlType, load_key_by_digest};
pub(crate) use attempt::AttemptRow;
pub use audit::AuditEntry;
pub(crate) use audit::{AUDIT_COLUMNS, AUDIT_LOG, AuditRow, audit_row, load_audit_entries};
pub(crate) use credits::{CREDITS_OF_CUSTOMER, CreditKey, CreditRow, credit_key};
pub(crate) use customer::{CUSTOMER_COLUMNS, CustomerRow, load_customers_by_external_id};
pub(crate) use endpoint::{ENDPOINT_COLUMNS, EndpointRow, load_endpoints_of};
pub use event::Event;
pub(crate) use event::{COUNTERS, EVENTS, count_row, event_row};
pub(crate) use invoice::{
    INVOICE_COLUMNS, INVOICES_BY_NUMBER, InvoiceCount, InvoiceRow, load_invoices_by_number,
};
pub use key::{DigestKey, IdempotencyRecord, StoredAnswer};
pub(crate) use key::{IDEMPOTENCY_KEYS, IdempotencyRow};
pub(crate) use method::{METHOD_COLUMNS, MethodRow};
pub(crate) use open_item::load_items_by_cause;
pub(crate) use payment::PaymentRow;
pub(crate) use payment_request::{PAYMENT_REQUEST_COLUMNS, PaymentRequestRow, load_request_by_token};
pub use processor_event::ProcessorEventRecord;
pub(crate) use processor_event::{PROCESSOR_EVENTS, processor_event_row};
pub use realm::{InRealm, Realm};
pub(crate) use refund::RefundRow;
pub(crate) use routes::RoutesRow;
pub(crate) use selections::{
    ATTEMPTS_BY_PAYMENT, PAYMENT_COLUMNS, PAYMENTS_BY_INVOICE, PAYMENTS_BY_REQUEST, PAYMENTS_WITH_ATTEMPTS,
    REFUNDS_BY_PAYMENT, object_key,
};
pub use session::SessionToken;
pub(crate) use session::{
    SESSION_COLUMNS, SESSION_TOKENS, SessionRow, load_token_by_digest, load_tokens_of, token_row,
};
pub(crate) use stored::{Stored, load_objects};
pub use tenant_settings::TenantSettings;
pub use transaction::AmendmentRecord;
pub(crate) use transaction::{
    AMENDMENTS, AMENDMENTS_BY_TRANSACTION, AmendmentRow, TRANSACTION_COLUMNS, TRANSACTIONS_BY_PAYMENT,
    TransactionRow, amendment_row,
};
pub(crate) use user::{load_users_by_email, load_users_of, user_key};

use chrono::{DateTime, Utc};
use florin_domain::{Failure, Mode, TenantId};

use crate::StorageError;
use crate::batch::{Column, Kind, Value};

/// The first two columns of every key.
pub(crate) const REALM: [Column; 2] = [("tenant_id", Kind::Bytes), ("livemode", Kind::Bool)];

/// Reads columns of one table, and names the table in errors.
#[derive(Clone, Copy)]
pub(crate) struct Reader(pub(crate) &'static str);

impl Reader {
    /// An id.
    pub(crate) fn id<T>(self, bytes: &[u8], from_bytes: fn([u8; 16]) -> T) -> Result<T, StorageError> {
        match bytes.try_into() {
            Ok(bytes) => Ok(from_bytes(bytes)),
            Err(_) => Err(StorageError::corrupt(self.0, "an id is not 16 bytes long")),
        }
    }

    /// A realm.
    pub(crate) fn realm(self, tenant_id: &[u8], livemode: bool) -> Result<Realm, StorageError> {
        Ok(Realm { tenant_id: self.id(tenant_id, TenantId::from_bytes)?, mode: Mode::from_live(livemode) })
    }

    /// An id, or null.
    pub(crate) fn id_opt<T>(
        self,
        bytes: Option<&[u8]>,
        from_bytes: fn([u8; 16]) -> T,
    ) -> Result<Option<T>, StorageError> {
        bytes.map(|bytes| self.id(bytes, from_bytes)).transpose()
    }

    /// Anything that the domain parses.
    pub(crate) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
        self,
        text: &str,
    ) -> Result<T, StorageError> {
        text.parse().map_err(|error| StorageError::corrupt(self.0, error))
    }

    /// Anything that the domain parses, or null.
    pub(crate) fn parse_opt<T: std::str::FromStr<Err: std::fmt::Display>>(
        self,
        text: Option<&str>,
    ) -> Result<Option<T>, StorageError> {
        text.map(|text| self.parse(text)).transpose()
    }

    /// Anything that the domain checks.
    pub(crate) fn check<T, E: std::fmt::Display>(self, result: Result<T, E>) -> Result<T, StorageError> {
        result.map_err(|error| StorageError::corrupt(self.0, error))
    }

    /// A time.
    pub(crate) fn time(self, micros: i64) -> Result<DateTime<Utc>, StorageError> {
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| StorageError::corrupt(self.0, "a time is out of range"))
    }

    /// A time, or null.
    pub(crate) fn time_opt(self, micros: Option<i64>) -> Result<Option<DateTime<Utc>>, StorageError> {
        micros.map(|micros| self.time(micros)).transpose()
    }

    /// A count.
    pub(crate) fn count(self, count: i64) -> Result<u32, StorageError> {
        self.check(u32::try_from(count))
    }

    /// A revision, counted from 1.
    pub(crate) fn revision(self, revision: i64) -> Result<i64, StorageError> {
        match revision {
            1.. => Ok(revision),
            _ => Err(StorageError::corrupt(self.0, format_args!("revision {revision} is less than 1"))),
        }
    }

    /// A failure: a code and a message, or neither.
    pub(crate) fn failure(
        self,
        code: Option<&str>,
        message: Option<String>,
    ) -> Result<Option<Failure>, StorageError> {
        match (code, message) {
            (None, None) => Ok(None),
            (Some(code), Some(message)) => Ok(Some(Failure { code: self.parse(code)?, message })),
            _ => Err(StorageError::corrupt(self.0, "a failure has a code and a message, or neither")),
        }
    }
}

/// A time as a column.
pub(crate) fn micros<'a>(time: Option<DateTime<Utc>>) -> Value<'a> {
    Value::int(time.map(|time| time.timestamp_micros()))
}

/// A failure as two columns.
pub(crate) fn failure_values(failure: Option<&Failure>) -> [Value<'_>; 2] {
    [
        Value::text(failure.map(|failure| failure.code.as_str())),
        Value::text(failure.map(|failure| failure.message.as_str())),
    ]
}
