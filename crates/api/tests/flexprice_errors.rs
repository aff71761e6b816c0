//! The Flexprice facade's errors: every one in Flexprice's form, with the facts of the common form as details.

mod common;

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use common::{CUSTOMERS_KEY, FOREIGN_KEY, LIVE_KEY, READER_KEY, Reply, request, unlimited, with_api};
use florin_api::{ApiSettings, RateLimits};
use serde_json::{Value, json};

const PATH: &str = "/flexprice/v1/payments";
const CARD: &str = r#"{"amount":"10.00","currency":"usd","payment_method_type":"CARD","payment_method_id":"pm_test_success"}"#;

/// Florin's code of an error and the field to blame, after a look at the whole body.
fn error(reply: &Reply) -> (String, Option<String>) {
    let json = reply.json();
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap_or_else(|| panic!("{reply:?}")).keys().cloned().collect()
    };
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(keys(&json), named(&["success", "error", "code", "message", "http_status_code", "details"]));
    assert_eq!(keys(&json["error"]), named(&["message", "internal_error"]));
    let details = &json["details"];
    assert_eq!(keys(details), named(&["code", "type", "param", "payment_id", "request_id"]));
    assert_eq!((&json["success"], &json["http_status_code"]), (&json!(false), &json!(reply.status)));
    assert_eq!(
        (&json["error"]["message"], &json["error"]["internal_error"]),
        (&json["message"], &details["code"])
    );
    assert_eq!(details["request_id"].as_str(), reply.header("x-request-id"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    (details["code"].as_str().expect("a code").to_owned(), details["param"].as_str().map(str::to_owned))
}

fn with_key(method: Method, path: &str, key: &str) -> TestRequest {
    TestRequest::default().method(method).uri(path).insert_header(("x-api-key", key.to_owned()))
}

#[test]
fn who_may_not_is_told_so_in_flexprice_s_form() {
    with_api(unlimited(), |api| async move {
        let id = api.pay(1000).await;
        let path = format!("{PATH}/{id}");
        let table = [
            (with_key(Method::GET, &path, "sk_wrong"), 401, "authentication_error", "permission_denied"),
            (TestRequest::default().uri(&path), 401, "authentication_error", "permission_denied"),
            (with_key(Method::GET, &path, CUSTOMERS_KEY), 403, "permission_denied", "permission_denied"),
            (with_key(Method::POST, PATH, READER_KEY), 403, "permission_denied", "permission_denied"),
            (with_key(Method::PUT, &path, READER_KEY), 403, "permission_denied", "permission_denied"),
            (with_key(Method::DELETE, &path, READER_KEY), 403, "permission_denied", "permission_denied"),
            (with_key(Method::GET, &path, FOREIGN_KEY), 404, "payment_not_found", "not_found"),
            (with_key(Method::GET, &path, LIVE_KEY), 404, "payment_not_found", "not_found"),
            (with_key(Method::PUT, &path, FOREIGN_KEY), 404, "payment_not_found", "not_found"),
            (with_key(Method::DELETE, &path, FOREIGN_KEY), 404, "payment_not_found", "not_found"),
        ];
        for (request, status, code, word) in table {
            let reply = api.send(request).await;
            assert_eq!((reply.status, &*error(&reply).0), (status, code), "{reply:?}");
            assert_eq!(reply.json()["code"], word, "{reply:?}");
            assert_eq!(reply.header("www-authenticate").is_some(), status == 401);
        }
        assert_eq!(api.send(with_key(Method::GET, &path, READER_KEY)).await.status, 200);
    });
}

#[test]
fn what_is_no_call_at_all_is_told_so_in_flexprice_s_form() {
    with_api(unlimited(), |api| async move {
        let large = format!(r#"{{"amount":"{}"}}"#, "1".repeat(65 * 1024));
        let with_body = |body: &str| request(Method::POST, PATH).set_payload(body.to_owned());
        let table = [
            (request(Method::GET, "/flexprice/v1/invoices"), 404, "path_not_found", "not_found"),
            (request(Method::PATCH, PATH), 405, "method_not_allowed", "invalid_operation"),
            (request(Method::POST, &format!("{PATH}/x")), 405, "method_not_allowed", "invalid_operation"),
            (
                request(Method::GET, &format!("{PATH}/x/process")),
                405,
                "method_not_allowed",
                "invalid_operation",
            ),
            (request(Method::GET, &format!("{PATH}/x")), 404, "payment_not_found", "not_found"),
            (request(Method::POST, &format!("{PATH}/x/process")), 404, "payment_not_found", "not_found"),
            (request(Method::DELETE, &format!("{PATH}/x")), 404, "payment_not_found", "not_found"),
            (with_body("{"), 400, "json_invalid", "validation_error"),
            (with_body(&large), 413, "body_too_large", "validation_error"),
            (
                with_body("{}").insert_header(("content-type", "text/plain")),
                415,
                "content_type_not_supported",
                "validation_error",
            ),
            (with_body(&CARD.replace("usd", "xxz")), 422, "currency_not_supported", "validation_error"),
            (
                with_body(&CARD.replace("success", "expired")),
                422,
                "payment_method_invalid",
                "validation_error",
            ),
            (
                with_body(&CARD.replace("pm_test_success", "pm_none")),
                404,
                "payment_method_not_found",
                "not_found",
            ),
            (with_body(&CARD.replace("success", "decline")), 400, "payment_declined", "invalid_operation"),
            (
                with_body(&CARD.replace("success", "insufficient_funds")),
                400,
                "insufficient_funds",
                "invalid_operation",
            ),
        ];
        for (request, status, code, word) in table {
            let reply = api.send(request).await;
            assert_eq!((reply.status, &*error(&reply).0), (status, code), "{reply:?}");
            assert_eq!(reply.json()["code"], word, "{reply:?}");
            assert_eq!(reply.header("allow").is_some(), status == 405);
            assert_eq!(
                reply.json()["details"]["payment_id"].is_string(),
                word == "invalid_operation" && status == 400
            );
        }
    });
}

#[test]
fn what_florin_would_lose_of_a_creation_is_refused_by_name() {
    let table = [
        ("save_card_and_make_default", json!(true)),
        ("cancel_url", json!("https://shop.example/canceled")),
        ("payment_gateway", json!("stripe")),
        ("gateway_options", json!({"stripe": {}})),
        ("payment_method_type", json!("PAYMENT_LINK")),
        ("payment_method_type", json!("UPI")),
        ("payment_method_type", json!("card")),
        ("payment_method_id", Value::Null),
        ("currency", Value::Null),
        ("destination_type", json!("CUSTOMER")),
        ("destination_id", json!("inv_01k9dcq4w0e7qs9x3v5m8ffh2a")),
        ("success_url", json!("javascript:alert(1)")),
        ("process_payment", json!("true")),
        ("metadata", json!({"order": 7})),
        ("idempotency_key", json!("")),
        ("customer_id", json!("cus_01k9dcq4w0e7qs9x3v5m8ffh2a")),
        ("capture_method", json!("manual")),
        ("description", json!("x")),
    ];
    with_api(unlimited(), |api| async move {
        for (field, value) in table {
            let mut body: Value = serde_json::from_str(CARD).unwrap();
            body[field] = value.clone();
            let reply = api.post(PATH, &body.to_string()).await;
            let param = error(&reply).1;
            let blamed = if field == "destination_id" { "destination_type" } else { field };
            assert_eq!((reply.status, param.as_deref()), (400, Some(blamed)), "{field}: {value}");
        }
        assert_eq!(api.get(PATH).await.json()["pagination"]["total"], 0);
    });
}

#[test]
fn a_card_number_is_refused_and_not_repeated() {
    with_api(unlimited(), |api| async move {
        let body = CARD.replace('}', r#","metadata":{"note":"4242 4242 4242 4242"}}"#);
        let reply = api.post(PATH, &body).await;
        assert_eq!((reply.status, &*error(&reply).0), (400, "card_number_not_allowed"));
        assert!(!reply.body.contains("4242"));
    });
}

#[test]
fn the_rate_limit_is_that_of_the_key_whichever_api_it_calls() {
    let settings =
        ApiSettings { rate_limits: RateLimits { per_minute: 2, per_second: 0 }, ..ApiSettings::default() };
    with_api(settings, |api| async move {
        assert_eq!(api.get("/v1/payments").await.status, 200);
        assert_eq!(api.get(PATH).await.status, 200);
        let limited = api.get(PATH).await;
        assert_eq!((limited.status, &*error(&limited).0), (429, "rate_limit_exceeded"));
        assert_eq!(limited.json()["code"], "too_many_requests");
        assert!(limited.header("retry-after").is_some() && limited.header("ratelimit").is_some());
    });
}
