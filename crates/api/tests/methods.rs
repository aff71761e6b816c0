//! The four methods of payment: what each needs, what each comes to, and what follows for invoices, credits and the
//! journal.

mod common;

use actix_web::http::Method;
use common::{Api, unlimited, with_api};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Posts a body, which has to be answered with `status`, and gives back the answer.
async fn post(api: &Api, path: &str, body: Value, status: u16) -> Value {
    let reply = api.post(path, &body.to_string()).await;
    assert_eq!(reply.status, status, "{body} {reply:?}");
    reply.json()
}

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

/// A customer with so many credits.
async fn customer_with(api: &Api, credits: i64, currency: &str) -> String {
    let customer = post(api, "/v1/customers", json!({}), 201).await;
    let path = format!("/v1/customers/{}/credits", id(&customer));
    post(api, &path, json!({"amount": credits, "currency": currency}), 201).await;
    id(&customer).to_owned()
}

async fn credits(api: &Api, customer: &str) -> Value {
    api.get(&format!("/v1/customers/{customer}/credits")).await.json()["balances"].clone()
}

/// The balances of the journal's accounts, in one currency.
async fn balances(api: &Api, currency: &str) -> Value {
    let balances = api.get("/v1/balances").await.json();
    let balances = balances["data"].as_array().expect("balances").iter();
    let named = balances.filter(|balance| balance["currency"] == currency);
    named
        .map(|balance| (balance["account"].as_str().unwrap().to_owned(), balance["balance"].clone()))
        .collect()
}

/// The types and amounts of a payment's transactions, oldest first.
async fn moved(api: &Api, payment: &Value) -> Vec<(String, i64)> {
    let listed = api.get(&format!("/v1/transactions?payment_id={}", id(payment))).await.json();
    let listed = listed["data"].as_array().expect("transactions").iter().rev();
    listed
        .map(|moved| (moved["type"].as_str().unwrap().to_owned(), moved["amount"].as_i64().unwrap()))
        .collect()
}

fn one(kind: &str, amount: i64) -> (String, i64) {
    (kind.to_owned(), amount)
}

#[test]
fn a_payment_that_a_person_took_has_succeeded_at_once_and_is_refunded_at_once() {
    with_api(unlimited(), |api| async move {
        let body = json!({"amount": 1000, "currency": "JPY", "payment_method_type": "OFFLINE"});
        let paid = post(&api, "/v1/payments", body, 201).await;
        assert_eq!(paid["payment_status"], "SUCCEEDED");
        assert_eq!((&paid["amount_captured"], &paid["payment_method_id"]), (&json!(1000), &Value::Null));
        assert_eq!(paid["attempts"][0]["status"], "succeeded", "{paid}");
        let refund =
            post(&api, &format!("/v1/payments/{}/refund", id(&paid)), json!({"amount": 400}), 200).await;
        assert_eq!(refund["status"], "succeeded");
        assert_eq!(moved(&api, &paid).await, [one("charge", 1000), one("refund", 400)]);
        assert_eq!(balances(&api, "JPY").await, json!({"offline_cash": 600, "merchant": -600}));
    });
}

#[test]
fn a_payment_is_marked_as_paid_later() {
    with_api(unlimited(), |api| async move {
        let customer = customer_with(&api, 500, "USD").await;
        for kind in ["OFFLINE", "CREDITS", "CARD", "ACH"] {
            let mut body = json!({"amount": 500, "currency": "USD", "payment_method_type": kind,
                                  "process_payment": false, "customer_id": customer});
            match kind {
                "CARD" => body["payment_method_id"] = json!("pm_test_success"),
                "ACH" => body["payment_method_id"] = json!("pm_test_ach"),
                _ => {}
            }
            let recorded = post(&api, "/v1/payments", body, 201).await;
            assert_eq!((&recorded["payment_status"], &recorded["attempts"]), (&json!("PENDING"), &json!([])));
            let path = format!("/v1/payments/{}/process", id(&recorded));
            let processed = post(&api, &path, json!({}), 200).await;
            let expected = if kind == "ACH" { "PROCESSING" } else { "SUCCEEDED" };
            assert_eq!(processed["payment_status"], expected, "{kind}");
            assert_eq!(processed["payment_method_type"], kind);
        }
        assert_eq!(credits(&api, &customer).await, json!([{"currency": "USD", "balance": 0}]));
    });
}

#[test]
fn credits_are_spent_until_there_are_too_few_and_given_back_by_refunds() {
    with_api(unlimited(), |api| async move {
        let customer = customer_with(&api, 1000, "KWD").await;
        let body = json!({"amount": 700, "currency": "KWD", "payment_method_type": "CREDITS",
                          "customer_id": customer});
        let paid = post(&api, "/v1/payments", body.clone(), 201).await;
        assert_eq!(paid["payment_status"], "SUCCEEDED");
        let refused = post(&api, "/v1/payments", body.clone(), 402).await;
        assert_eq!(refused["error"]["code"], "insufficient_credits");
        assert!(refused["error"]["message"].as_str().unwrap().contains("300"), "{refused}");
        let failed = refused["error"]["payment_id"].as_str().expect("the payment stands");
        let failed = api.get(&format!("/v1/payments/{failed}")).await.json();
        assert_eq!(
            (&failed["payment_status"], &failed["error_code"]),
            (&json!("FAILED"), &json!("insufficient_credits"))
        );
        let others = json!({"amount": 700, "currency": "USD", "payment_method_type": "CREDITS",
                            "customer_id": customer});
        assert_eq!(post(&api, "/v1/payments", others, 402).await["error"]["code"], "insufficient_credits");
        let refund =
            post(&api, &format!("/v1/payments/{}/refund", id(&paid)), json!({"amount": 400}), 200).await;
        assert_eq!(refund["status"], "succeeded");
        assert_eq!(credits(&api, &customer).await, json!([{"currency": "KWD", "balance": 700}]));
        // What had failed can be paid now.
        let path = format!("/v1/payments/{}/process", id(&failed));
        let again = post(&api, &path, json!({}), 200).await;
        assert_eq!(
            (&again["payment_status"], again["attempts"].as_array().map(Vec::len)),
            (&json!("SUCCEEDED"), Some(2))
        );
        assert_eq!(credits(&api, &customer).await, json!([{"currency": "KWD", "balance": 0}]));
        assert_eq!(moved(&api, &paid).await, [one("credit_spend", 700), one("credit_return", 400)]);
        assert_eq!(balances(&api, "KWD").await, json!({"customer_credits": 0, "merchant": 0}));
    });
}

#[test]
fn a_bank_debit_is_under_way_until_it_clears() {
    with_api(unlimited(), |api| async move {
        let body = json!({"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_ach"});
        let paid = post(&api, "/v1/payments", body, 201).await;
        assert_eq!(
            (&paid["payment_status"], &paid["payment_method_type"]),
            (&json!("PROCESSING"), &json!("ACH"))
        );
        assert!(moved(&api, &paid).await.is_empty(), "nothing has moved yet");
        let reserved = json!({"amount": 1, "currency": "USD", "payment_method_id": "pm_test_ach",
                              "capture_method": "manual"});
        let refused = post(&api, "/v1/payments", reserved, 400).await;
        assert_eq!(refused["error"]["code"], "parameters_conflict");
    });
}

#[test]
fn payments_pay_an_invoice_together_and_never_more_than_that() {
    with_api(unlimited(), |api| async move {
        let customer = customer_with(&api, 10_000, "USD").await;
        let invoice = json!({"currency": "USD", "amount_due": 1000, "customer_id": customer});
        let invoice = post(&api, "/v1/invoices", invoice, 201).await;
        let pay = |amount: i64, extra: Value| {
            let mut body = json!({"amount": amount, "currency": "USD", "destination_type": "INVOICE",
                                  "destination_id": id(&invoice)});
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            body
        };
        // The customer whose credits are spent is the invoice's.
        let credits = pay(300, json!({"payment_method_type": "CREDITS"}));
        let first = post(&api, "/v1/payments", credits, 201).await;
        let told = ["payment_status", "destination_type", "destination_id", "invoice_number", "customer_id"];
        assert_eq!(
            told.map(|key| first[key].clone()),
            ["SUCCEEDED", "INVOICE", id(&invoice), "INV-000001", &customer].map(|text| json!(text))
        );
        let debit =
            post(&api, "/v1/payments", pay(500, json!({"payment_method_id": "pm_test_ach"})), 201).await;
        assert_eq!(debit["payment_status"], "PROCESSING");
        let cash = json!({"payment_method_type": "OFFLINE"});
        let refused = post(&api, "/v1/payments", pay(201, cash.clone()), 422).await;
        assert_eq!(refused["error"]["code"], "amount_exceeds_invoice");
        assert!(refused["error"]["message"].as_str().unwrap().contains("200"), "{refused}");
        let path = format!("/v1/invoices/{}", id(&invoice));
        let seen = api.get(&path).await.json();
        assert_eq!((&seen["amount_paid"], &seen["status"]), (&json!(300), &json!("open")));
        let void = post(&api, &format!("{path}/void"), json!({}), 409).await;
        assert_eq!(void["error"]["code"], "invoice_not_voidable");
        // A declined card holds nothing.
        let declined = pay(200, json!({"payment_method_id": "pm_test_decline"}));
        post(&api, "/v1/payments", declined, 402).await;
        let reserved = pay(200, json!({"payment_method_id": "pm_test_success", "capture_method": "manual"}));
        let reserved = post(&api, "/v1/payments", reserved, 201).await;
        post(&api, "/v1/payments", pay(1, cash.clone()), 422).await;
        post(&api, &format!("/v1/payments/{}/cancel", id(&reserved)), json!({}), 200).await;
        post(&api, "/v1/payments", pay(200, cash), 201).await;
        assert_eq!(api.get(&path).await.json()["amount_paid"], 500);
        let listed = api.get(&format!("/v1/payments?destination_id={}", id(&invoice))).await.json();
        assert_eq!(listed["total_count"], 5);
    });
}

#[test]
fn the_payment_that_completes_an_invoice_marks_it_paid_and_no_more_is_taken() {
    with_api(unlimited(), |api| async move {
        let invoice = post(&api, "/v1/invoices", json!({"currency": "CLF", "amount_due": 12_345}), 201).await;
        let pay = |amount: i64, currency: &str| {
            json!({"amount": amount, "currency": currency, "destination_type": "INVOICE",
                   "destination_id": id(&invoice), "payment_method_id": "pm_test_success"})
        };
        let other = post(&api, "/v1/payments", pay(1, "USD"), 400).await;
        assert_eq!(other["error"]["param"], "currency");
        let bodies = (0..20).map(|_| pay(12_345, "CLF").to_string());
        let replies = join_all(bodies.map(|body| {
            let api = api.clone();
            async move { api.post("/v1/payments", &body).await.status }
        }));
        let mut statuses = replies.await;
        statuses.sort_unstable();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 201 | 409 | 422)), "{statuses:?}");
        let paid = api.get(&format!("/v1/invoices/{}", id(&invoice))).await.json();
        assert_eq!((&paid["status"], &paid["amount_remaining"]), (&json!("paid"), &json!(0)));
        assert!(paid["paid_at"].is_string());
        let late = post(&api, "/v1/payments", pay(1, "CLF"), 409).await;
        assert_eq!(late["error"]["code"], "invoice_not_payable");
    });
}

#[test]
fn a_stored_payment_method_is_charged_by_its_token_for_its_customer_until_it_is_detached() {
    with_api(unlimited(), |api| async move {
        let customer = id(&post(&api, "/v1/customers", json!({}), 201).await).to_owned();
        let other = id(&post(&api, "/v1/customers", json!({}), 201).await).to_owned();
        let store = |token: &str| json!({"token": token, "type": "CARD", "customer_id": customer});
        let good = post(&api, "/v1/payment_methods", store("pm_test_success"), 201).await;
        let bad = post(&api, "/v1/payment_methods", store("pm_test_decline"), 201).await;
        let pay = |method: &Value| json!({"amount": 500, "currency": "USD", "payment_method_id": id(method)});
        let mut of_other = pay(&good);
        of_other["customer_id"] = json!(other);
        assert_eq!(post(&api, "/v1/payments", of_other, 400).await["error"]["param"], "customer_id");
        let declined = post(&api, "/v1/payments", pay(&bad), 402).await;
        let failed = declined["error"]["payment_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/payments/{failed}/process");
        let paid = post(&api, &path, json!({"payment_method_id": id(&good)}), 200).await;
        assert_eq!(
            (&paid["payment_status"], &paid["customer_id"], paid["attempts"].as_array().map(Vec::len)),
            (&json!("SUCCEEDED"), &json!(customer), Some(2))
        );
        post(&api, &format!("/v1/payments/{failed}/refund"), json!({}), 200).await;
        let mut later = pay(&good);
        later["process_payment"] = json!(false);
        let later = post(&api, "/v1/payments", later, 201).await;
        let stored = format!("/v1/payment_methods/{}", id(&good));
        assert_eq!(api.call(Method::DELETE, &stored, "").await.status, 200);
        assert_eq!(
            post(&api, "/v1/payments", pay(&good), 422).await["error"]["code"],
            "payment_method_invalid"
        );
        let path = format!("/v1/payments/{}/process", id(&later));
        assert_eq!(post(&api, &path, json!({}), 422).await["error"]["code"], "payment_method_invalid");
    });
}

#[test]
fn a_recorded_payment_holds_nothing_and_is_refused_when_its_invoice_has_no_room_by_then() {
    with_api(unlimited(), |api| async move {
        let invoice = post(&api, "/v1/invoices", json!({"currency": "USD", "amount_due": 1000}), 201).await;
        let body = json!({"amount": 600, "currency": "USD", "destination_type": "INVOICE", "process_payment": false,
                          "destination_id": id(&invoice), "payment_method_type": "OFFLINE"});
        let first = post(&api, "/v1/payments", body.clone(), 201).await;
        let second = post(&api, "/v1/payments", body, 201).await;
        post(&api, &format!("/v1/payments/{}/process", id(&first)), json!({}), 200).await;
        let refused = post(&api, &format!("/v1/payments/{}/process", id(&second)), json!({}), 422).await;
        assert_eq!(refused["error"]["code"], "amount_exceeds_invoice");
        assert_eq!(
            api.get(&format!("/v1/payments/{}", id(&second))).await.json()["payment_status"],
            "PENDING"
        );
    });
}
