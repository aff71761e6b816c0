//! The Flexprice facade: the four methods of payment, towards invoices.

mod common;

use common::{Api, Reply, unlimited, with_api};
use serde_json::{Value, json};

const PATH: &str = "/flexprice/v1/payments";

/// A payment by a card, with these fields changed or added.
async fn create(api: &Api, changes: Value) -> Reply {
    let mut body = json!({
        "amount": "10.00", "currency": "usd", "payment_method_type": "CARD", "payment_method_id": "pm_test_success",
    });
    for (key, value) in changes.as_object().expect("an object") {
        body[key] = value.clone();
    }
    api.post(PATH, &body.to_string()).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// An invoice over this many minor units, of a customer with as many credits.
async fn invoice(api: &Api, amount: i64, currency: &str) -> Value {
    let customer = api.post("/v1/customers", "{}").await.json();
    let customer_id = text(&customer["id"]);
    let grant = json!({"amount": amount, "currency": currency}).to_string();
    assert_eq!(api.post(&format!("/v1/customers/{customer_id}/credits"), &grant).await.status, 201);
    let body = json!({"amount_due": amount, "currency": currency, "customer_id": customer_id}).to_string();
    api.post("/v1/invoices", &body).await.json()
}

#[test]
fn an_invoice_is_paid_by_each_method_at_once_and_later() {
    let table = [
        ("CARD", Some("pm_test_success"), "SUCCEEDED"),
        ("ACH", Some("pm_test_ach"), "PROCESSING"),
        ("OFFLINE", None, "SUCCEEDED"),
        ("CREDITS", None, "SUCCEEDED"),
    ];
    with_api(unlimited(), |api| async move {
        for (kind, method, status) in table {
            for later in [false, true] {
                let invoice = invoice(&api, 1234, "KWD").await;
                let body = json!({
                    "amount": "1.234", "currency": "kwd", "payment_method_type": kind, "payment_method_id": method,
                    "destination_type": "INVOICE", "destination_id": invoice["id"], "process_payment": !later,
                });
                let made = api.post(PATH, &body.to_string()).await;
                assert_eq!(made.status, 201, "{kind}: {made:?}");
                let mut payment = made.json();
                if later {
                    assert_eq!(payment["payment_status"], "PENDING", "{kind}");
                    let path = format!("{PATH}/{}/process", text(&payment["id"]));
                    let processed = api.post(&path, "").await;
                    assert_eq!(processed.status, 200, "{kind}: {processed:?}");
                    payment = processed.json();
                }
                let expected = json!({
                    "amount": "1.234", "currency": "kwd", "payment_status": status, "payment_method_type": kind,
                    "payment_method_id": method, "destination_type": "INVOICE", "destination_id": invoice["id"],
                    "invoice_number": invoice["number"], "track_attempts": true,
                });
                for (key, value) in expected.as_object().unwrap() {
                    assert_eq!(&payment[key], value, "{kind}: {key}");
                }
                assert_eq!(payment["attempts"].as_array().unwrap().len(), 1, "{kind}");
                let found = api.get(&format!("/v1/invoices/{}", text(&invoice["id"]))).await.json();
                let paid = if status == "SUCCEEDED" { "paid" } else { "open" };
                assert_eq!(found["status"], paid, "{kind}");
            }
        }
    });
}

#[test]
fn what_an_invoice_or_a_method_excludes_is_refused() {
    with_api(unlimited(), |api| async move {
        let other = invoice(&api, 1000, "USD").await;
        let open = invoice(&api, 1000, "USD").await;
        let towards = |invoice: &Value, changes: Value| {
            let mut body = json!({"destination_type": "INVOICE", "destination_id": invoice["id"]});
            body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            body
        };
        assert_eq!(create(&api, towards(&other, json!({}))).await.status, 201);
        let nowhere = json!({"id": "inv_01k9dcq4w0e7qs9x3v5m8ffh2a"});
        let no_method = |kind: &str| json!({"payment_method_type": kind, "payment_method_id": null});
        let table = [
            (towards(&other, json!({})), 409, "invoice_not_payable", "invalid_operation"),
            (towards(&open, json!({"amount": "10.01"})), 422, "amount_exceeds_invoice", "validation_error"),
            (towards(&open, json!({"currency": "EUR"})), 400, "parameters_conflict", "validation_error"),
            (towards(&nowhere, json!({})), 404, "invoice_not_found", "not_found"),
            (json!({"destination_type": "INVOICE"}), 400, "parameter_missing", "validation_error"),
            (no_method("CREDITS"), 400, "parameter_missing", "validation_error"),
            (json!({"payment_method_type": "OFFLINE"}), 400, "parameters_conflict", "validation_error"),
            (json!({"payment_method_type": "ACH"}), 400, "parameters_conflict", "validation_error"),
        ];
        for (changes, status, code, word) in table {
            let refused = create(&api, changes.clone()).await;
            let error = refused.json();
            assert_eq!(
                (refused.status, &error["details"]["code"]),
                (status, &json!(code)),
                "{changes}: {error}"
            );
            assert_eq!(error["code"], word, "{changes}");
            let in_minor_units = text(&error["message"]).ends_with("in the currency's minor unit.");
            assert_eq!(in_minor_units, code == "amount_exceeds_invoice", "{error}");
        }
        let mut poor = no_method("CREDITS");
        let customer = api.post("/v1/customers", "{}").await.json();
        let body = json!({"amount_due": 1000, "currency": "USD", "customer_id": customer["id"]}).to_string();
        let unpaid = api.post("/v1/invoices", &body).await.json();
        poor.as_object_mut().unwrap().extend(towards(&unpaid, json!({})).as_object().unwrap().clone());
        let refused = create(&api, poor).await;
        assert_eq!(
            (refused.status, &refused.json()["details"]["code"]),
            (400, &json!("insufficient_credits"))
        );
        let list =
            api.get(&format!("{PATH}?destination_type=INVOICE&destination_id={}", text(&unpaid["id"]))).await;
        assert_eq!(list.json()["items"][0]["payment_status"], "FAILED");
        let list = api.get(&format!("{PATH}?destination_type=INVOICE")).await.json();
        assert_eq!(list["pagination"]["total"], 2, "{list}");
    });
}
