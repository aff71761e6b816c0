//! Refunds: single ones and lists.

use chrono::{DateTime, Utc};
use florin_domain::{PaymentId, Refund, RefundId};

use super::filter::Filter;
use super::{Listed, Slice, page};
use crate::batch::{Lock, Value, load_rows};
use crate::counters::{REFUNDS, sum};
use crate::rows::{REFUNDS_BY_ID, Realm, RefundRow, object_key};
use crate::{AnyConnection, StorageError, schema};

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
    let total_count = count_refunds(connection, query)?;
    if total_count == 0 {
        return Ok(Listed::nothing());
    }
    let (mut ids, has_more) = page(connection, &query.filter(), slice, total_count)?;
    ids.sort_unstable();
    let mut items = load(connection, query.realm, &ids)?;
    items.sort_unstable_by_key(|refund| std::cmp::Reverse(refund.id));
    Ok(Listed { items, has_more, total_count })
}

/// How many refunds there are.
///
/// # Errors
/// As the database gives cause.
pub fn count_refunds(connection: &mut AnyConnection, query: &RefundQuery) -> Result<i64, StorageError> {
    let filter = query.filter();
    if filter.is_states_only() { sum(connection, query.realm, &[REFUNDS]) } else { filter.count(connection) }
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
    Ok(load(connection, realm, &[id.bytes()])?.pop())
}

fn load(connection: &mut AnyConnection, realm: Realm, ids: &[[u8; 16]]) -> Result<Vec<Refund>, StorageError> {
    let keys: Vec<_> = ids.iter().map(|id| object_key(realm, *id)).collect();
    let rows =
        load_rows::<schema::refunds::SqlType, RefundRow>(connection, &REFUNDS_BY_ID, Lock::None, &keys)?;
    rows.into_iter().map(Refund::try_from).collect()
}
