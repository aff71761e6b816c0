//! `florin dev --demo`: payments to look at, made once.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::support::{Server, folder, run, stderr, stdout};

const KEY: &str = "sk_test_1234567890abcdefghijklmnop";
const DATABASE: (&str, &str) = ("FLORIN_DATABASE_URL", "sqlite://florin-dev.db");
const DEMO: [&str; 4] = ["dev", "--demo=7", "--listen", "127.0.0.1:0"];

fn list(server: &Server, query: &str) -> Value {
    let answer = server.call(KEY, &format!("GET /v1/{query}"), "");
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json
}

/// When an object of a list was created.
fn created(object: &Value) -> DateTime<Utc> {
    object["created_at"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_sandbox_is_filled_once_with_weeks_in_which_every_rule_holds() {
    let folder = folder();
    let server = Server::start(folder.path(), &DEMO, &[]);
    let newest = list(&server, "payments?limit=1");
    let total = newest["total_count"].as_u64().unwrap();
    assert!(total > 300, "{total}");
    let last = list(&server, &format!("payments?limit=1&offset={}", total - 1));
    let days = (created(&newest["data"][0]) - created(&last["data"][0])).num_days();
    assert!((25..=28).contains(&days), "{days} days");
    for status in ["SUCCEEDED", "FAILED", "CANCELED", "AUTHORIZED", "PARTIALLY_REFUNDED", "REFUNDED"] {
        let some = list(&server, &format!("payments?limit=1&payment_status={status}"));
        assert_ne!(some["total_count"], 0, "{status}");
    }
    for word in ["customers", "invoices", "refunds", "payment_requests", "transactions"] {
        assert_ne!(list(&server, &format!("{word}?limit=1"))["total_count"], 0, "{word}");
    }
    assert!(server.end().success());
    let verified = run(folder.path(), &["verify"], &[DATABASE]);
    assert_eq!((stdout(&verified).as_str(), verified.status.code()), ("", Some(0)));

    let server = Server::start(folder.path(), &DEMO, &[]);
    assert_eq!(list(&server, "payments?limit=1")["total_count"], total, "they are there once");
    assert!(server.end().success());
}

#[test]
fn a_sandbox_with_somebody_s_payments_in_it_is_left_alone() {
    let folder = folder();
    let server = Server::dev(folder.path(), &[]);
    let body = r#"{"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success"}"#;
    assert_eq!(server.call(KEY, "POST /v1/payments", body).status, 201);
    assert!(server.end().success());
    let refused = run(folder.path(), &DEMO, &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("the demo fills an empty one"), "{}", stderr(&refused));
}
