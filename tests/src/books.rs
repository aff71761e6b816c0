//! The sandbox's books against what the API tells.

use std::collections::BTreeMap;
use std::path::Path;

use florin_processors::sandbox::{Books, PaymentTally};
use serde_json::Value;

use crate::client::Client;

/// What both agree upon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// How many payments there are.
    pub payments: usize,
    /// Captured in all, in minor units.
    pub captured: i64,
    /// Refunded in all.
    pub refunded: i64,
}

/// Compares every payment of the documented key's tenant with the books, in which every charge has to belong to one of
/// those payments. Money that no processor moves is not in the books.
///
/// # Panics
/// When they differ, and when a payment was charged, captured or voided more than once.
pub async fn compare_books(client: &Client, books: &Path) -> Agreement {
    let mut tallies: BTreeMap<String, PaymentTally> = Books::tally(books)
        .expect("the books can be read")
        .into_iter()
        .map(|(id, tally)| (id.to_string(), tally))
        .collect();
    let payments = client.all_payments().await;
    let mut agreed = Agreement { payments: payments.len(), ..Agreement::default() };
    for payment in &payments {
        let id = payment["id"].as_str().expect("a payment has an id");
        let tally = tallies.remove(id).unwrap_or_default();
        if matches!(payment["payment_method_type"].as_str(), Some("OFFLINE" | "CREDITS")) {
            assert_eq!(tally, PaymentTally::default(), "no processor had to be asked: {payment}");
            continue;
        }
        compare(payment, &tally);
        agreed.captured += tally.captured;
        agreed.refunded += tally.refunded;
    }
    assert!(tallies.is_empty(), "the books know of payments that Florin does not know: {tallies:?}");
    agreed
}

fn compare(payment: &Value, tally: &PaymentTally) {
    assert!(tally.charges <= 1 && tally.captures <= 1 && tally.voids <= 1, "twice: {tally:?} {payment}");
    assert!(tally.captures + tally.voids <= 1, "captured and voided: {tally:?} {payment}");
    let told = |field: &str| payment[field].as_i64().unwrap_or_else(|| panic!("no {field}: {payment}"));
    let ours = (told("amount_captured"), told("amount_refunded"), told("amount_returned"));
    assert_eq!(ours, (tally.captured, tally.refunded, tally.returned), "{tally:?} {payment}");
    assert!(tally.refunded <= tally.captured, "refunded more than was captured: {tally:?} {payment}");
}
