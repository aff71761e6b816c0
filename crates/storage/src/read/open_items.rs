//! Open items: single ones and lists.

use chrono::{DateTime, Utc};
use florin_domain::{OpenItem, OpenItemId, OpenItemStatus, OpenItemType, PaymentId};

use super::filter::Filter;
use super::objects::{find, list};
use super::{Listed, Slice};
use crate::batch::{Lock, Value};
use crate::rows::{Realm, load_items_by_cause};
use crate::{AnyConnection, StorageError};

/// Which open items are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenItemQuery {
    /// Whose.
    pub realm: Realm,
    /// In this status.
    pub status: Option<OpenItemStatus>,
    /// Of this type.
    pub kind: Option<OpenItemType>,
    /// About this payment.
    pub payment_id: Option<PaymentId>,
    /// About something at this processor.
    pub processor: Option<String>,
    /// Raised later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Raised earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl OpenItemQuery {
    fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::new("open_items", self.realm);
        if let Some(status) = self.status {
            // As the partial index has it, which finds the few that are open.
            let condition = match status {
                OpenItemStatus::Open => "status = 'open'",
                OpenItemStatus::Closed => "status = 'closed'",
            };
            filter.add(condition, Vec::new());
        }
        if let Some(kind) = &self.kind {
            filter.add_unindexed("type = ?", vec![Value::text(Some(kind.as_str()))]);
        }
        if let Some(payment_id) = self.payment_id {
            filter.add("payment_id = ?", vec![Value::Id(payment_id.bytes())]);
        }
        if let Some(processor) = &self.processor {
            filter.add_unindexed("processor = ?", vec![Value::text(Some(processor))]);
        }
        filter.add_creation(self.created_after, self.created_before);
        filter
    }
}

/// A part of a list of open items. They are few, so that they are counted rather than kept count of.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_open_items(
    connection: &mut AnyConnection,
    query: &OpenItemQuery,
    slice: Slice,
) -> Result<Listed<OpenItem>, StorageError> {
    list(connection, &query.filter(), None, slice)
}

/// An open item.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_open_item(
    connection: &mut AnyConnection,
    realm: Realm,
    id: OpenItemId,
) -> Result<Option<OpenItem>, StorageError> {
    find(connection, realm, id.bytes())
}

/// The open item that was raised for this cause.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_item_of(
    connection: &mut AnyConnection,
    realm: Realm,
    cause: &str,
) -> Result<Option<OpenItem>, StorageError> {
    let [tenant, mode] = realm.values();
    let key = vec![tenant, mode, Value::text(Some(cause))];
    Ok(load_items_by_cause(connection, Lock::None, &[key])?.pop())
}
