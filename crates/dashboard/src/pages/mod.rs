//! The pages of the dashboard, a module for each section.

pub(crate) mod access;
pub(crate) mod account;
pub(crate) mod audit_log;
pub(crate) mod customers;
pub(crate) mod events;
pub(crate) mod invoices;
pub(crate) mod journal;
pub(crate) mod open_items;
pub(crate) mod overview;
pub(crate) mod payment;
pub(crate) mod payment_actions;
pub(crate) mod payment_requests;
pub(crate) mod payments;
pub(crate) mod settings;
pub(crate) mod users;
pub(crate) mod webhooks;

use actix_web::HttpResponse;

use crate::blocks::Cell;
use crate::trouble::go_to;
use crate::visit::Visit;

/// The rows of a table.
fn rows_of<T>(items: Vec<T>, row: impl Fn(T) -> Vec<Cell>) -> Vec<Vec<Cell>> {
    items.into_iter().map(row).collect()
}

/// On to the page at `path`, which tells by the word what was done.
fn done(visit: &Visit, path: &str, word: &str) -> HttpResponse {
    go_to(&visit.path(&format!("{path}?done={word}")))
}
