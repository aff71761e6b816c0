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
mod slice;
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
pub use slice::{Cut, Listed, Position, Reach, Slice};
pub use transactions::{
    TransactionQuery, balances, credit_accounts, find_transaction, list_amendments, list_transactions,
};

pub(crate) use filter::Filter;
pub(crate) use objects::list_by_ids;
