//! Stored payment methods: single ones and lists.

use chrono::{DateTime, Utc};
use florin_domain::{CustomerId, StoredMethod, StoredMethodId};

use super::filter::Filter;
use super::objects::{find, list};
use super::{Listed, Slice};
use crate::batch::Value;
use crate::counters::PAYMENT_METHODS;
use crate::rows::Realm;
use crate::{AnyConnection, StorageError};

/// Which payment methods are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodQuery {
    /// Whose.
    pub realm: Realm,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// Whether those are listed too that were detached.
    pub include_detached: bool,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl MethodQuery {
    /// All payment methods of a realm.
    pub const fn all(realm: Realm) -> Self {
        MethodQuery {
            realm,
            customer_id: None,
            include_detached: false,
            created_after: None,
            created_before: None,
        }
    }

    pub(super) fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::new("payment_methods", self.realm);
        if let Some(customer_id) = self.customer_id {
            filter.add("customer_id = ?", vec![Value::Id(customer_id.bytes())]);
        }
        if !self.include_detached {
            filter.add("detached_at IS NULL", Vec::new());
        }
        filter.add_creation(self.created_after, self.created_before);
        filter
    }
}

/// A part of a list of payment methods.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_methods(
    connection: &mut AnyConnection,
    query: &MethodQuery,
    slice: Slice,
) -> Result<Listed<StoredMethod>, StorageError> {
    let is_all_attached = *query == MethodQuery::all(query.realm);
    list(connection, &query.filter(), is_all_attached.then_some(&[PAYMENT_METHODS][..]), slice)
}

/// A stored payment method.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_method(
    connection: &mut AnyConnection,
    realm: Realm,
    id: StoredMethodId,
) -> Result<Option<StoredMethod>, StorageError> {
    find(connection, realm, id.bytes())
}
