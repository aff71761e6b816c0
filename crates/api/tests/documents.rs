//! The generated documents are up to date. `FLORIN_UPDATE_DOCS=1 cargo test -p florin-api` writes them.

mod common;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use common::{unlimited, with_api};
use florin_engine::views::{ErrorCode, ErrorKind};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

fn compare(name: &str, generated: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("FLORIN_UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(&path, generated).expect("the document");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let same = kept == generated;
    assert!(
        same,
        "docs/{name} is out of date; run FLORIN_UPDATE_DOCS=1 cargo test -p florin-api, and review the difference"
    );
}

#[test]
fn the_kept_openapi_document_is_what_the_code_says() {
    let mut document = florin_api::openapi().to_pretty_json().expect("JSON");
    document.push('\n');
    compare("openapi.json", &document);
}

#[test]
fn the_list_of_errors_is_what_the_code_says() {
    let mut page = String::from(
        "# Errors\n\n<!-- Generated from `ErrorCode` in crates/engine/src/views/error_code.rs; see \
         docs/adding-an-endpoint.md. -->\n\nEvery error has one form:\n\n```json\n{\n  \"error\": {\n    \"code\": \
         \"payment_method_invalid\",\n    \"message\": \"The payment method provided is invalid or has expired; send \
         another one.\",\n    \"type\": \"invalid_request_error\",\n    \"param\": \"payment_method_id\",\n    \
         \"payment_id\": null,\n    \"request_id\": \"req_01k9dcq4w0e7qs9x3v5m8ffh2a\"\n  }\n}\n```\n\n\
         `code` is for programs and does not change; `message` is for people and may. `param` names the field or query \
         parameter to blame, `payment_id` the payment that stands behind the error. Errors marked *kept* are the answer \
         to a repetition with the same idempotency key; the others do not use the key up.\n\n\
         | status | code | type | kept | meaning |\n|---|---|---|---|---|\n",
    );
    for code in ErrorCode::ALL {
        let kind: &str = ErrorKind::into(code.kind());
        let kept = if code.is_stored() { "kept" } else { "" };
        let (status, word, meaning) = (code.status(), code.as_str(), code.meaning());
        writeln!(page, "| {status} | `{word}` | `{kind}` | {kept} | {meaning} |")
            .expect("a String takes every write");
    }
    compare("errors.md", &page);
}

#[test]
fn every_reference_in_the_openapi_document_leads_somewhere() {
    let document = serde_json::to_value(florin_api::openapi()).expect("JSON");
    let mut referred = BTreeSet::new();
    collect_references(&document, &mut referred);
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let named: BTreeSet<String> = schemas.keys().map(|name| format!("#/components/schemas/{name}")).collect();
    assert_eq!(referred, named);
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_documented_call_is_routed() {
    with_api(unlimited(), |api| async move {
        let document = serde_json::to_value(florin_api::openapi()).expect("JSON");
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
                let path = path.replace("{id}", "x");
                let reply = api.send(TestRequest::default().method(method).uri(&path)).await;
                let expected = match operation["security"].is_array() {
                    true => 401,
                    // There is no such account, which is looked for before its processor's signature.
                    false if path.starts_with("/v1/processor_webhooks/") => 404,
                    false => 200,
                };
                assert_eq!(reply.status, expected, "{path}");
                if path.starts_with("/v1/processor_webhooks/") {
                    assert_eq!(reply.error().0, "processor_account_not_found");
                }
            }
        }
    });
}

/// The keys of an object in the order in which they are written.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = members.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

const PAYMENT: &str = "id, amount, currency, status, payment_status, amount_authorized, amount_captured, amount_refunded, \
    amount_refundable, amount_returned, capture_method, payment_method_id, payment_method_type, customer_id, \
    destination_type, destination_id, invoice_number, description, metadata, idempotency_key, processor, \
    processor_reference, track_attempts, attempts, next_action, return_url, off_session, error_code, error_message, \
    cancellation_reason, authorization_expires_at, authorized_at, succeeded_at, failed_at, canceled_at, refunded_at, \
    livemode, tenant_id, created_by, updated_by, created_at, updated_at";
const ATTEMPT: &str = "id, payment_id, attempt_number, status, payment_method_id, processor, processor_reference, \
    error_code, error_message, metadata, tenant_id, created_by, updated_by, created_at, updated_at";
const REFUND: &str = "id, payment_id, amount, currency, status, reason, metadata, processor_reference, error_code, \
    error_message, livemode, tenant_id, created_by, created_at, updated_at";

const CUSTOMER: &str = "id, name, email, external_id, metadata, livemode, tenant_id, created_by, updated_by, \
    created_at, updated_at";
const METHOD: &str = "id, type, token, processor, customer_id, brand, last4, exp_month, exp_year, bank_name, detached_at, \
    metadata, livemode, tenant_id, created_by, updated_by, created_at, updated_at";
const INVOICE: &str = "id, number, customer_id, currency, amount_due, amount_paid, amount_remaining, lines, status, \
    due_at, paid_at, voided_at, metadata, livemode, tenant_id, created_by, updated_by, created_at, updated_at";
const PAYMENT_REQUEST: &str = "id, type, amount, currency, description, status, url, customer_id, destination_type, \
    destination_id, invoice_number, capture_method, payment_id, payment_in_progress, expires_at, success_url, metadata, \
    paid_at, canceled_at, cancellation_requested_at, cancellation_reason, last_sent_at, livemode, tenant_id, created_by, \
    updated_by, created_at, updated_at";
const TRANSACTION: &str = "id, type, amount, currency, debit_account, credit_account, postings, payment_id, \
    refund_id, customer_id, metadata, reference_id, notes, livemode, tenant_id, created_by, updated_by, created_at, \
    updated_at";
const AMENDMENT: &str = "transaction_id, number, before, after, created_by, created_at";

#[test]
fn every_object_around_payments_has_all_its_keys_always_and_in_one_order() {
    with_api(unlimited(), |api| async move {
        let customer = api.post("/v1/customers", "{}").await;
        let id = |body: &str| {
            let object: Value = serde_json::from_str(body).expect("an object");
            object["id"].as_str().expect("an id").to_owned()
        };
        let method = api.post("/v1/payment_methods", r#"{"token":"pm_1","type":"CARD"}"#).await;
        let invoice = api.post("/v1/invoices", r#"{"currency":"USD","amount_due":5}"#).await;
        let asked = r#"{"type":"product","amount":5,"currency":"USD"}"#;
        let asked = api.post("/v1/payment_requests", asked).await;
        let credits = format!("/v1/customers/{}/credits", id(&customer.body));
        let transaction = api.post(&credits, r#"{"currency":"USD","amount":5}"#).await;
        let path = format!("/v1/transactions/{}", id(&transaction.body));
        api.call(Method::PATCH, &path, r#"{"notes":"x"}"#).await;
        let amendments = api.get(&format!("{path}/amendments")).await.json();
        let document = serde_json::to_value(florin_api::openapi()).expect("JSON");
        for (schema, body, expected) in [
            ("Customer", &customer.body, CUSTOMER),
            ("PaymentMethod", &method.body, METHOD),
            ("Invoice", &invoice.body, INVOICE),
            ("PaymentRequest", &asked.body, PAYMENT_REQUEST),
            ("Transaction", &transaction.body, TRANSACTION),
        ] {
            let Keys(keys) = serde_json::from_str(body).expect("an object");
            assert_eq!(keys.join(", "), expected, "{schema}");
        }
        let amendment = amendments["data"][0].as_object().expect("an amendment");
        assert_eq!(amendment.len(), AMENDMENT.split(", ").count());
        for (schema, expected) in [
            ("Customer", CUSTOMER),
            ("PaymentMethod", METHOD),
            ("Invoice", INVOICE),
            ("PaymentRequest", PAYMENT_REQUEST),
            ("Transaction", TRANSACTION),
            ("Amendment", AMENDMENT),
        ] {
            let required = document["components"]["schemas"][schema]["required"].as_array().expect("a list");
            let required: Vec<&str> = required.iter().filter_map(Value::as_str).collect();
            assert_eq!(required.join(", "), expected, "{schema}");
        }
    });
}

#[test]
fn every_object_has_all_its_keys_always_and_in_one_order() {
    with_api(unlimited(), |api| async move {
        let id = api.pay(1000).await;
        let refund = api.post(&format!("/v1/payments/{id}/refund"), r#"{"amount":100}"#).await.body;
        let payment = api.get(&format!("/v1/payments/{id}")).await.body;
        let recorded = r#"{"amount":1,"currency":"JPY","process_payment":false}"#;
        let recorded = api.post("/v1/payments", recorded).await.body;
        let attempts = api.get(&format!("/v1/payments/{id}/attempts")).await.json();
        let document = serde_json::to_value(florin_api::openapi()).expect("JSON");
        for (schema, body, expected) in
            [("Payment", &payment, PAYMENT), ("Payment", &recorded, PAYMENT), ("Refund", &refund, REFUND)]
        {
            let Keys(keys) = serde_json::from_str(body).expect("an object");
            assert_eq!(keys.join(", "), expected, "{schema}");
        }
        assert_eq!(
            attempts["data"][0].as_object().map(serde_json::Map::len),
            Some(ATTEMPT.split(", ").count())
        );
        for (schema, expected) in [("Payment", PAYMENT), ("Refund", REFUND), ("Attempt", ATTEMPT)] {
            let required = document["components"]["schemas"][schema]["required"].as_array().expect("a list");
            let required: Vec<&str> = required.iter().filter_map(Value::as_str).collect();
            assert_eq!(required.join(", "), expected, "{schema}");
        }
    });
}
