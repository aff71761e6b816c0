//! Payment requests: single ones, that of a page, and lists.

use chrono::{DateTime, Utc};
use florin_domain::{
    CustomerId, InvoiceId, PageToken, PaymentId, PaymentRequest, PaymentRequestId, PaymentRequestState,
    PaymentRequestStatus, PaymentRequestType,
};

use super::filter::Filter;
use super::objects::{find, list};
use super::{Listed, Slice};
use crate::batch::Value;
use crate::counters::payment_requests_in;
use crate::rows::{Realm, load_request_by_token};
use crate::{AnyConnection, StorageError};

/// Which payment requests are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequestQuery {
    /// Whose.
    pub realm: Realm,
    /// The time by which they have expired or have not.
    pub at: DateTime<Utc>,
    /// In this status, at that time.
    pub status: Option<PaymentRequestStatus>,
    /// For this kind of thing.
    pub kind: Option<PaymentRequestType>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// For this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// With this payment.
    pub payment_id: Option<PaymentId>,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl PaymentRequestQuery {
    /// All payment requests of a realm.
    pub const fn all(realm: Realm, at: DateTime<Utc>) -> Self {
        PaymentRequestQuery {
            realm,
            at,
            status: None,
            kind: None,
            customer_id: None,
            invoice_id: None,
            payment_id: None,
            created_after: None,
            created_before: None,
        }
    }

    pub(super) fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::new("payment_requests", self.realm);
        let (state, by_time) = self.state();
        if let Some(state) = state {
            filter.add_range("state = ?", vec![Value::text(Some(state.as_str()))]);
        }
        if let Some(condition) = by_time {
            filter.add_unindexed(condition, vec![Value::Int(self.at.timestamp_micros())]);
        }
        if let Some(kind) = &self.kind {
            filter.add_unindexed("type = ?", vec![Value::text(Some(kind.as_str()))]);
        }
        if let Some(id) = self.customer_id {
            filter.add("customer_id = ?", vec![Value::Id(id.bytes())]);
        }
        if let Some(id) = self.invoice_id {
            filter.add("invoice_id = ?", vec![Value::Id(id.bytes())]);
        }
        if let Some(id) = self.payment_id {
            filter.add("payment_id = ?", vec![Value::Id(id.bytes())]);
        }
        filter.add_creation(self.created_after, self.created_before);
        filter
    }

    /// What is stored of the status that is wanted, and what the time has to do with it.
    fn state(&self) -> (Option<PaymentRequestState>, Option<&'static str>) {
        use PaymentRequestState as State;
        match self.status {
            None => (None, None),
            Some(PaymentRequestStatus::Paid) => (Some(State::Paid), None),
            Some(PaymentRequestStatus::Canceled) => (Some(State::Canceled), None),
            Some(PaymentRequestStatus::Open) => {
                (Some(State::Open), Some("(charging OR expires_at IS NULL OR expires_at > ?)"))
            }
            Some(PaymentRequestStatus::Expired) => {
                (Some(State::Open), Some("(NOT charging AND expires_at <= ?)"))
            }
        }
    }

    /// The counters that give the length of the list, if any do: the time is in none of them.
    fn counters(&self) -> Option<Vec<&'static str>> {
        let by_status_only =
            *self == PaymentRequestQuery { status: self.status, ..Self::all(self.realm, self.at) };
        match (by_status_only, self.state()) {
            (true, (Some(state), None)) => Some(vec![payment_requests_in(state)]),
            (true, (None, None)) => {
                Some(PaymentRequestState::ALL.iter().map(|state| payment_requests_in(*state)).collect())
            }
            _ => None,
        }
    }
}

/// A part of a list of payment requests.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_payment_requests(
    connection: &mut AnyConnection,
    query: &PaymentRequestQuery,
    slice: Slice,
) -> Result<Listed<PaymentRequest>, StorageError> {
    list(connection, &query.filter(), query.counters().as_deref(), slice)
}

/// A payment request.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_payment_request(
    connection: &mut AnyConnection,
    realm: Realm,
    id: PaymentRequestId,
) -> Result<Option<PaymentRequest>, StorageError> {
    find(connection, realm, id.bytes())
}

/// The payment request of a page, whosever it is: who has the link has no tenant yet.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_request_of_page(
    connection: &mut AnyConnection,
    token: &PageToken,
) -> Result<Option<PaymentRequest>, StorageError> {
    load_request_by_token(connection, token.as_str())
}
