//! Customers: single ones and lists.

use chrono::{DateTime, Utc};
use florin_domain::{Customer, CustomerId, Email, ExternalId};

use super::filter::Filter;
use super::objects::{find, list};
use super::{Listed, Slice};
use crate::batch::Value;
use crate::counters::CUSTOMERS;
use crate::rows::Realm;
use crate::{AnyConnection, StorageError};

/// Which customers are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerQuery {
    /// Whose.
    pub realm: Realm,
    /// With this e-mail address.
    pub email: Option<Email>,
    /// With this external id.
    pub external_id: Option<ExternalId>,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl CustomerQuery {
    /// All customers of a realm.
    pub const fn all(realm: Realm) -> Self {
        CustomerQuery { realm, email: None, external_id: None, created_after: None, created_before: None }
    }

    pub(super) fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::new("customers", self.realm);
        if let Some(email) = &self.email {
            filter.add_unindexed("email = ?", vec![Value::text(Some(email.as_str()))]);
        }
        if let Some(external_id) = &self.external_id {
            filter.add("external_id = ?", vec![Value::text(Some(external_id.as_str()))]);
        }
        filter.add_creation(self.created_after, self.created_before);
        filter
    }
}

/// A part of a list of customers.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_customers(
    connection: &mut AnyConnection,
    query: &CustomerQuery,
    slice: Slice,
) -> Result<Listed<Customer>, StorageError> {
    let filter = query.filter();
    let counters = filter.is_states_only().then_some(&[CUSTOMERS][..]);
    list(connection, &filter, counters, slice)
}

/// A customer.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_customer(
    connection: &mut AnyConnection,
    realm: Realm,
    id: CustomerId,
) -> Result<Option<Customer>, StorageError> {
    find(connection, realm, id.bytes())
}
