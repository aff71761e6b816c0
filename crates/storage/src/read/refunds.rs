//! Refunds: single ones and lists.

use chrono::{DateTime, Utc};
use florin_domain::{PaymentId, Refund, RefundId};

use super::filter::Filter;
use super::objects::{count, find, list};
use super::{Listed, Slice};
use crate::batch::Value;
use crate::counters::REFUNDS;
use crate::rows::Realm;
use crate::{AnyConnection, StorageError};

/// Which refunds are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundQuery {
    /// Whose.
    pub realm: Realm,
    /// Of this payment.
    pub payment_id: Option<PaymentId>,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl RefundQuery {
    /// All refunds of a realm.
    pub const fn all(realm: Realm) -> Self {
        RefundQuery { realm, payment_id: None, created_after: None, created_before: None }
    }

    pub(super) fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::new("refunds", self.realm);
        if let Some(payment_id) = self.payment_id {
            filter.add("payment_id = ?", vec![Value::Id(payment_id.bytes())]);
        }
        filter.add_creation(self.created_after, self.created_before);
        filter
    }
}

/// A part of a list of refunds.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_refunds(
    connection: &mut AnyConnection,
    query: &RefundQuery,
    slice: Slice,
) -> Result<Listed<Refund>, StorageError> {
    let filter = query.filter();
    list(connection, &filter, counters(&filter), slice)
}

/// The counters that count a list, if any do.
fn counters(filter: &Filter<'_>) -> Option<&'static [&'static str]> {
    filter.is_states_only().then_some(&[REFUNDS])
}

/// How many refunds there are.
///
/// # Errors
/// As the database gives cause.
pub fn count_refunds(connection: &mut AnyConnection, query: &RefundQuery) -> Result<i64, StorageError> {
    let filter = query.filter();
    count(connection, &filter, counters(&filter))
}

/// A refund.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_refund(
    connection: &mut AnyConnection,
    realm: Realm,
    id: RefundId,
) -> Result<Option<Refund>, StorageError> {
    find(connection, realm, id.bytes())
}
