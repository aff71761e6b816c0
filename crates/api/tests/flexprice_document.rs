//! Flexprice's document of "create payment", field by field and value by value, on `/v1/payments` with `x-api-key`.

mod common;

use std::collections::BTreeSet;

use actix_web::test::TestRequest;
use common::{Api, KEY, unlimited, with_api};
use serde_json::{Value, json};

/// The fields of the document's answer.
const FIELDS: [&str; 22] = [
    "amount",
    "attempts",
    "created_at",
    "created_by",
    "currency",
    "destination_id",
    "destination_type",
    "error_message",
    "failed_at",
    "id",
    "idempotency_key",
    "invoice_number",
    "metadata",
    "payment_method_id",
    "payment_method_type",
    "payment_status",
    "refunded_at",
    "succeeded_at",
    "tenant_id",
    "track_attempts",
    "updated_at",
    "updated_by",
];
/// The same of one attempt.
const ATTEMPT_FIELDS: [&str; 10] = [
    "attempt_number",
    "created_at",
    "created_by",
    "error_message",
    "id",
    "metadata",
    "payment_id",
    "tenant_id",
    "updated_at",
    "updated_by",
];

async fn send(api: &Api, path: &str, body: &Value) -> (u16, Value) {
    let request = TestRequest::post().uri(path).insert_header(("x-api-key", KEY));
    let request = request.insert_header(("content-type", "application/json")).set_payload(body.to_string());
    let reply = api.send(request).await;
    (reply.status, reply.json())
}

async fn made(api: &Api, path: &str, body: Value) -> Value {
    let (status, answer) = send(api, path, &body).await;
    assert!(matches!(status, 200 | 201), "{body}: {answer}");
    answer
}

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

fn check_fields(payment: &Value) {
    for field in FIELDS {
        assert!(payment.get(field).is_some(), "{field} is missing: {payment}");
    }
    for attempt in payment["attempts"].as_array().expect("attempts") {
        for field in ATTEMPT_FIELDS {
            assert!(attempt.get(field).is_some(), "{field} is missing: {attempt}");
        }
    }
    assert!(payment["amount"].is_i64() && payment["track_attempts"].is_boolean());
}

#[test]
fn the_document_s_request_is_taken_with_each_method_and_its_answer_has_every_field() {
    with_api(unlimited(), |api| async move {
        let customer = made(&api, "/v1/customers", json!({})).await;
        let credits = format!("/v1/customers/{}/credits", id(&customer));
        made(&api, &credits, json!({"amount": 123, "currency": "USD"})).await;
        let invoice = json!({"currency": "USD", "amount_due": 1230, "customer_id": id(&customer)});
        let invoice = made(&api, "/v1/invoices", invoice).await;
        for (kind, method, status) in [
            ("CARD", json!("pm_test_success"), "SUCCEEDED"),
            ("ACH", json!("pm_test_ach"), "PROCESSING"),
            ("OFFLINE", Value::Null, "SUCCEEDED"),
            ("CREDITS", Value::Null, "SUCCEEDED"),
        ] {
            let body = json!({
                "amount": 123, "currency": "USD", "destination_id": id(&invoice),
                "destination_type": "INVOICE", "idempotency_key": format!("key-{kind}"),
                "metadata": {"order": "1"}, "payment_method_id": method, "payment_method_type": kind,
                "process_payment": true,
            });
            let (code, payment) = send(&api, "/v1/payments", &body).await;
            assert_eq!((code, &payment["payment_status"]), (201, &json!(status)), "{kind}: {payment}");
            check_fields(&payment);
            for (field, value) in body.as_object().unwrap() {
                if field != "process_payment" {
                    assert_eq!(&payment[field], value, "{kind}: {field}");
                }
            }
            assert_eq!(payment["invoice_number"], "INV-000001");
            assert_eq!(payment["succeeded_at"].is_string(), status == "SUCCEEDED", "{kind}");
            assert_eq!(payment["attempts"].as_array().map(Vec::len), Some(1), "{kind}");
            let (code, again) = send(&api, "/v1/payments", &body).await;
            assert_eq!((code, &again), (201, &payment), "{kind}: the same key, the same answer");
        }
    });
}

#[test]
fn each_payment_status_of_the_document_is_met() {
    with_api(unlimited(), |api| async move {
        let pay = |method: &str, process: bool| {
            json!({"amount": 100, "currency": "USD", "payment_method_id": method,
                   "payment_method_type": if method == "pm_test_ach" { "ACH" } else { "CARD" },
                   "process_payment": process})
        };
        let mut met = BTreeSet::new();
        let mut meet = |payment: &Value| {
            check_fields(payment);
            met.insert(payment["payment_status"].as_str().expect("a status").to_owned());
        };
        meet(&made(&api, "/v1/payments", pay("pm_test_success", false)).await);
        meet(&made(&api, "/v1/payments", pay("pm_test_ach", true)).await);
        let (status, declined) = send(&api, "/v1/payments", &pay("pm_test_decline", true)).await;
        assert_eq!(status, 402, "{declined}");
        let path = format!("/v1/payments/{}", declined["error"]["payment_id"].as_str().expect("a payment"));
        let failed = api.get(&path).await.json();
        assert!(failed["failed_at"].is_string() && failed["error_message"].is_string(), "{failed}");
        assert!(failed["attempts"][0]["error_message"].is_string(), "{failed}");
        meet(&failed);
        let paid = made(&api, "/v1/payments", pay("pm_test_success", true)).await;
        meet(&paid);
        let path = format!("/v1/payments/{}", id(&paid));
        for amount in [40, 60] {
            made(&api, &format!("{path}/refund"), json!({"amount": amount})).await;
            meet(&api.get(&path).await.json());
        }
        assert!(api.get(&path).await.json()["refunded_at"].is_string());
        let all = ["FAILED", "PARTIALLY_REFUNDED", "PENDING", "PROCESSING", "REFUNDED", "SUCCEEDED"];
        assert_eq!(met, all.map(str::to_owned).into());
    });
}
