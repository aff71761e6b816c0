//! Invoices: single ones and lists.

use chrono::{DateTime, Utc};
use florin_domain::{CustomerId, Invoice, InvoiceId, InvoiceStatus};

use super::filter::Filter;
use super::objects::{find, list};
use super::{Listed, Slice};
use crate::batch::Value;
use crate::counters::invoices_in;
use crate::rows::Realm;
use crate::{AnyConnection, StorageError};

/// Which invoices are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceQuery {
    /// Whose.
    pub realm: Realm,
    /// In this status.
    pub status: Option<InvoiceStatus>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// With this number.
    pub number: Option<String>,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl InvoiceQuery {
    /// All invoices of a realm.
    pub const fn all(realm: Realm) -> Self {
        InvoiceQuery {
            realm,
            status: None,
            customer_id: None,
            number: None,
            created_after: None,
            created_before: None,
        }
    }

    pub(super) fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::new("invoices", self.realm);
        if let Some(status) = &self.status {
            filter.add_range("status = ?", vec![Value::text(Some(status.as_str()))]);
        }
        if let Some(customer_id) = self.customer_id {
            filter.add("customer_id = ?", vec![Value::Id(customer_id.bytes())]);
        }
        if let Some(number) = &self.number {
            filter.add("number = ?", vec![Value::text(Some(number))]);
        }
        filter.add_creation(self.created_after, self.created_before);
        filter
    }
}

/// A part of a list of invoices.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_invoices(
    connection: &mut AnyConnection,
    query: &InvoiceQuery,
    slice: Slice,
) -> Result<Listed<Invoice>, StorageError> {
    let statuses = match query.status {
        Some(status) => vec![invoices_in(status)],
        None => InvoiceStatus::ALL.iter().map(|status| invoices_in(*status)).collect(),
    };
    let by_status_only = *query == InvoiceQuery { status: query.status, ..InvoiceQuery::all(query.realm) };
    list(connection, &query.filter(), by_status_only.then_some(&statuses[..]), slice)
}

/// An invoice.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_invoice(
    connection: &mut AnyConnection,
    realm: Realm,
    id: InvoiceId,
) -> Result<Option<Invoice>, StorageError> {
    find(connection, realm, id.bytes())
}
