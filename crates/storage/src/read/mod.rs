//! Lists of all kinds of objects, and single ones.
//!
//! A list is read in two steps: which ids are on the page, from an index where there is one, and then the objects by
//! their keys. Counters give the total where a list is confined by nothing but states.

mod access;
mod customers;
mod export;
mod figures;
mod filter;
mod invoices;
mod methods;
mod objects;
mod open_items;
mod payment_requests;
mod payments;
#[cfg(test)]
mod plans;
mod processors;
mod refunds;
mod sessions;
mod transactions;

pub use access::{
    AuditQuery, KeyQuery, find_api_key, find_audit_entry, find_tenant_settings, list_api_keys, list_audit_log,
};
pub use customers::{CustomerQuery, find_customer, list_customers};
pub use export::{Export, ExportQuery, Exported};
pub use figures::{Became, Moved, became_between, moved_between};
pub use invoices::{InvoiceQuery, find_invoice, list_invoices};
pub use methods::{MethodQuery, find_method, list_methods};
pub use open_items::{OpenItemQuery, find_item_of, find_open_item, list_open_items};
pub use payment_requests::{
    PaymentRequestQuery, find_payment_request, find_request_of_page, list_payment_requests,
};
pub use payments::{PaymentQuery, count_payments, list_payments};
pub use processors::{accounts_of, directory, directory_version, find_account, routes_of};
pub use refunds::{RefundQuery, count_refunds, find_refund, list_refunds};
pub use sessions::{SessionQuery, list_sessions};
pub use transactions::{
    TransactionQuery, balances, credit_accounts, find_transaction, list_amendments, list_transactions,
};

pub(crate) use filter::Filter;
use filter::Walk;
pub(crate) use objects::list_by_ids;

use crate::{AnyConnection, StorageError};

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many objects at most.
    pub limit: u32,
    /// Where they begin.
    pub position: Position,
}

/// Where a part of a list begins. Lists begin with the newest object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// After so many objects.
    Offset(u64),
    /// After so many objects, counted from the oldest one: newer ones.
    FromOldest(u64),
    /// After the object of this id: older ones.
    After([u8; 16]),
    /// Before the object of this id: the page that ends right before it.
    Before([u8; 16]),
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The objects, newest first.
    pub items: Vec<T>,
    /// Whether there are more in the direction of reading: newer ones for [`Position::Before`] and
    /// [`Position::FromOldest`], else older ones.
    pub has_more: bool,
    /// How many the whole list has.
    pub total_count: i64,
}

impl<T> Listed<T> {
    pub(crate) fn nothing() -> Self {
        Listed { items: Vec::new(), has_more: false, total_count: 0 }
    }
}

/// The ids of one page, in no particular order, and whether there are more.
pub(crate) fn page(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    slice: Slice,
    total_count: i64,
) -> Result<(Vec<[u8; 16]>, bool), StorageError> {
    let limit = i64::from(slice.limit);
    let walk = match slice.position {
        Position::After(id) => Walk { after: Some(id), newest_first: true, skip: 0, take: limit + 1 },
        Position::Before(id) => Walk { after: Some(id), newest_first: false, skip: 0, take: limit + 1 },
        Position::FromOldest(offset) => {
            // Counted from the newest object it is a page that ends where this one begins.
            let left = i64::try_from(offset).map_or(0, |offset| total_count.saturating_sub(offset).max(0));
            let take = left.min(limit);
            let mirrored = Slice {
                limit: u32::try_from(take).unwrap_or(slice.limit),
                position: Position::Offset(u64::try_from(left - take).unwrap_or_default()),
            };
            let (ids, _) = page(connection, filter, mirrored, total_count)?;
            return Ok((ids, left > take));
        }
        Position::Offset(offset) => {
            let left = i64::try_from(offset).map_or(0, |offset| total_count.saturating_sub(offset).max(0));
            if left == 0 {
                return Ok((Vec::new(), false));
            }
            let (skip, take) = (total_count - left, left.min(limit));
            let behind = left - take;
            // The nearer end is the quicker one to count from.
            if behind < skip {
                let walk = Walk { after: None, newest_first: false, skip: behind, take };
                return Ok((filter.ids(connection, &walk)?, behind > 0));
            }
            Walk { after: None, newest_first: true, skip, take: limit + 1 }
        }
    };
    let mut ids = filter.ids(connection, &walk)?;
    let has_more = i64::try_from(ids.len()).is_ok_and(|found| found > limit);
    if has_more {
        ids.pop();
    }
    Ok((ids, has_more))
}
