//! The pages of the dashboard, a module for each section.

pub(crate) mod access;
pub(crate) mod account;
pub(crate) mod audit_log;
pub(crate) mod customers;
pub(crate) mod events;
pub(crate) mod invoices;
pub(crate) mod journal;
pub(crate) mod new_payment;
pub(crate) mod open_items;
pub(crate) mod overview;
pub(crate) mod payment;
pub(crate) mod payment_actions;
pub(crate) mod payment_requests;
pub(crate) mod payments;
pub(crate) mod processor_accounts;
pub(crate) mod settings;
pub(crate) mod users;
pub(crate) mod webhooks;

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::HttpResponse;
use florin_engine::views::{Answer, Refused};

use crate::blocks::Cell;
use crate::trouble::{Told, go_to};
use crate::visit::Visit;

/// How often and with which pauses a second request looks for the end of the first one with its key.
const PATIENCE: (u32, Duration) = (40, Duration::from_millis(250));

/// The rows of a table.
fn rows_of<T>(items: Vec<T>, row: impl Fn(T) -> Vec<Cell>) -> Vec<Vec<Cell>> {
    items.into_iter().map(row).collect()
}

/// The merchant's own data of an object.
fn metadata_facts(metadata: &BTreeMap<String, String>) -> impl Iterator<Item = (String, Cell)> {
    metadata.iter().map(|(key, value)| (format!("Metadata: {key}"), Cell::text(value.clone())))
}

/// Asks until the same form, which was sent before, is no longer being carried out: both are told what came of it.
async fn patiently(ask: impl AsyncFn() -> Answer) -> Result<Answer, Told> {
    for _ in 0..PATIENCE.0 {
        let answer = ask().await;
        if answer.status < 400 || Told::of(&answer).code != "idempotency_key_in_use" {
            return Ok(answer);
        }
        tokio::time::sleep(PATIENCE.1).await;
    }
    Err(Refused::outcome_unknown().into())
}

/// On to the page at `path`, which tells by the word what was done.
fn done(visit: &Visit, path: &str, word: &str) -> HttpResponse {
    go_to(&visit.path(&format!("{path}?done={word}")))
}
