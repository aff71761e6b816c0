//! Invoices: their numbers, their lines, and voiding them.

mod common;

use std::collections::BTreeSet;

use common::{unlimited, with_api};
use futures_util::future::join_all;
use serde_json::{Value, json};

#[test]
fn an_invoice_is_what_was_sent() {
    with_api(unlimited(), |api| async move {
        let customer = api.post("/v1/customers", "{}").await.json();
        let customer_id = customer["id"].as_str().unwrap();
        let lines = r#"[{"description":"A year","quantity":12,"unit_amount":500},{"description":"Setup","unit_amount":1}]"#;
        let body = format!(
            r#"{{"number":"2026/11-7","customer_id":"{customer_id}","currency":"jpy","amount_due":6001,
                "lines":{lines},"due_at":"2026-12-24T20:00:00.1234567+01:00","metadata":{{"a":"1"}}}}"#
        );
        let reply = api.post("/v1/invoices", &body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let made = reply.json();
        let expected = json!({
            "number": "2026/11-7", "customer_id": customer_id, "currency": "JPY", "amount_due": 6001,
            "amount_paid": 0, "amount_remaining": 6001, "status": "open", "due_at": "2026-12-24T19:00:00.123Z",
            "lines": [
                {"description": "A year", "quantity": 12, "unit_amount": 500},
                {"description": "Setup", "quantity": 1, "unit_amount": 1},
            ],
            "paid_at": null, "voided_at": null, "metadata": {"a": "1"}, "livemode": false,
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&made[key], value, "{key}");
        }
        let path = format!("/v1/invoices/{}", made["id"].as_str().unwrap());
        assert_eq!(api.get(&path).await.json(), made);

        let least = api.post("/v1/invoices", r#"{"currency":"USD","amount_due":1}"#).await.json();
        assert_eq!(
            (&least["number"], &least["lines"], &least["due_at"]),
            (&json!("INV-000001"), &json!([]), &Value::Null)
        );
    });
}

#[test]
fn numbers_are_counted_up_without_gaps_whatever_is_refused_meanwhile() {
    with_api(unlimited(), |api| async move {
        let good = r#"{"currency":"USD","amount_due":100}"#;
        let bad = r#"{"currency":"USD","amount_due":100,"customer_id":"cus_01k9dcq4w0e7qs9x3v5m8ffh2a"}"#;
        let own = r#"{"currency":"USD","amount_due":100,"number":"mine"}"#;
        let requests = (0..60).map(|index| api.post("/v1/invoices", [good, bad, own][index % 3]));
        let replies = join_all(requests).await;
        let of = |index: usize| {
            let replies = replies.iter().enumerate().filter(move |(at, _)| at % 3 == index);
            replies.map(|(_, reply)| reply)
        };
        let counted: BTreeSet<String> =
            of(0).map(|reply| reply.json()["number"].as_str().unwrap().to_owned()).collect();
        let expected: BTreeSet<String> = (1..=20).map(|count| format!("INV-{count:06}")).collect();
        assert_eq!(counted, expected);
        assert!(of(1).all(|reply| reply.status == 404), "{replies:?}");
        let mut owned: Vec<u16> = of(2).map(|reply| reply.status).collect();
        owned.sort_unstable();
        assert_eq!((owned[0], &owned[1..]), (201, [409; 19].as_slice()));
        let next = api.post("/v1/invoices", good).await.json();
        assert_eq!(next["number"], "INV-000021");
        let reply = api.post("/v1/invoices", own).await;
        assert_eq!(reply.error(), ("invoice_number_taken".to_owned(), Some("number".to_owned())));
    });
}

#[test]
fn an_open_invoice_is_voided_once() {
    with_api(unlimited(), |api| async move {
        let made = api.post("/v1/invoices", r#"{"currency":"USD","amount_due":100}"#).await.json();
        let path = format!("/v1/invoices/{}", made["id"].as_str().unwrap());
        let voided = api.post(&format!("{path}/void"), "").await;
        assert_eq!(voided.status, 200, "{voided:?}");
        let shown = voided.json();
        assert_eq!((&shown["status"], &shown["amount_remaining"]), (&json!("void"), &json!(0)));
        assert_eq!((&shown["voided_at"], &shown["amount_due"]), (&shown["updated_at"], &json!(100)));
        assert_eq!(api.get(&path).await.body, voided.body);
        let again = api.post(&format!("{path}/void"), "").await;
        assert_eq!((again.status, again.error()), (409, ("invoice_not_voidable".to_owned(), None)));
        for (query, count) in [
            ("", 1),
            ("?status=void", 1),
            ("?status=open", 0),
            ("?number=INV-000001", 1),
            ("?number=INV-000002", 0),
            ("?customer_id=cus_01k9dcq4w0e7qs9x3v5m8ffh2a", 0),
        ] {
            let page = api.get(&format!("/v1/invoices{query}")).await.json();
            assert_eq!(page["total_count"], count, "{query}");
        }
        let nobody = "/v1/invoices/inv_01k9dcq4w0e7qs9x3v5m8ffh2a";
        for reply in [api.get(nobody).await, api.post(&format!("{nobody}/void"), "").await] {
            assert_eq!((reply.status, reply.error()), (404, ("invoice_not_found".to_owned(), None)));
        }
    });
}
