//! The Flexprice facade: each route, each field of its requests and answers.

mod common;

use std::collections::BTreeSet;

use actix_web::http::Method;
use common::{Api, Reply, request, unlimited, with_api};
use serde_json::{Value, json};

const PATH: &str = "/flexprice/v1/payments";

/// Every key of a payment in the models of Flexprice's SDKs for Python and JavaScript.
const PAYMENT_KEYS: [&str; 30] = [
    "amount",
    "attempts",
    "created_at",
    "created_by",
    "currency",
    "destination_id",
    "destination_type",
    "environment_id",
    "error_message",
    "failed_at",
    "gateway_metadata",
    "gateway_payment_id",
    "gateway_tracking_id",
    "id",
    "idempotency_key",
    "invoice_number",
    "metadata",
    "payment_gateway",
    "payment_method_id",
    "payment_method_type",
    "payment_status",
    "payment_url",
    "refunded_at",
    "save_card_and_make_default",
    "succeeded_at",
    "tenant_id",
    "track_attempts",
    "updated_at",
    "updated_by",
    "voided_at",
];
const ATTEMPT_KEYS: [&str; 10] = [
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

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// A payment by a card, with these fields changed or added; a null takes one away.
fn card(changes: Value) -> String {
    let mut body = json!({
        "amount": "10.00", "currency": "usd", "payment_method_type": "CARD", "payment_method_id": "pm_test_success",
    });
    for (key, value) in changes.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body.to_string()
}

async fn create(api: &Api, changes: Value) -> Reply {
    api.post(PATH, &card(changes)).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[test]
fn a_payment_has_every_key_of_both_sdks_and_the_values_of_the_same_payment_of_v1() {
    with_api(unlimited(), |api| async move {
        let made = create(
            &api,
            json!({
                "metadata": {"order": "7"}, "idempotency_key": "k-1", "save_card_and_make_default": false,
                "process_payment": true,
            }),
        )
        .await;
        assert_eq!(made.status, 201, "{made:?}");
        let payment = made.json();
        assert_eq!(keys(&payment), BTreeSet::from(PAYMENT_KEYS));
        assert_eq!(keys(&payment["attempts"][0]), BTreeSet::from(ATTEMPT_KEYS));

        let id = text(&payment["id"]);
        let of_v1 = api.get(&format!("/v1/payments/{id}")).await.json();
        let same = [
            "id",
            "created_at",
            "created_by",
            "destination_id",
            "destination_type",
            "error_message",
            "failed_at",
            "idempotency_key",
            "invoice_number",
            "metadata",
            "payment_method_id",
            "payment_method_type",
            "refunded_at",
            "succeeded_at",
            "tenant_id",
            "track_attempts",
            "updated_at",
            "updated_by",
        ];
        for key in same {
            assert_eq!(payment[key], of_v1[key], "{key}");
        }
        for key in ATTEMPT_KEYS {
            assert_eq!(payment["attempts"][0][key], of_v1["attempts"][0][key], "{key}");
        }
        let translated = json!({
            "amount": "10.00", "currency": "usd", "environment_id": "test", "gateway_metadata": {},
            "gateway_payment_id": of_v1["processor_reference"], "gateway_tracking_id": null,
            "payment_gateway": "sandbox", "payment_status": "SUCCEEDED", "payment_url": null,
            "save_card_and_make_default": false, "voided_at": null,
        });
        for (key, value) in translated.as_object().unwrap() {
            assert_eq!(&payment[key], value, "{key}");
        }
        assert_eq!(api.get(&format!("{PATH}/{id}")).await.json(), payment);
    });
}

#[test]
fn amounts_are_decimal_strings_with_the_currencys_own_decimals() {
    let table = [
        ("12.34", "USD", 1234, "12.34"),
        ("0.01", "usd", 1, "0.01"),
        ("7", "Usd", 700, "7.00"),
        ("9999999999.99", "USD", 999_999_999_999_i64, "9999999999.99"),
        ("500", "JPY", 500, "500"),
        ("1.234", "KWD", 1234, "1.234"),
        ("1.2", "KWD", 1200, "1.200"),
        ("1.2345", "CLF", 12345, "1.2345"),
        ("0.0001", "CLF", 1, "0.0001"),
    ];
    with_api(unlimited(), |api| async move {
        for (amount, currency, minor, shown) in table {
            let made = create(&api, json!({"amount": amount, "currency": currency})).await;
            assert_eq!(made.status, 201, "{amount} {currency}: {made:?}");
            let made = made.json();
            assert_eq!((text(&made["amount"]), text(&made["currency"])), (shown, &*currency.to_lowercase()));
            let of_v1 = api.get(&format!("/v1/payments/{}", text(&made["id"]))).await.json();
            assert_eq!(
                (&of_v1["amount"], &of_v1["currency"]),
                (&json!(minor), &json!(currency.to_uppercase()))
            );
        }
    });
}

#[test]
fn an_amount_that_is_no_decimal_string_of_its_currency_is_refused_with_what_to_send() {
    let table = [
        (json!("1.5"), "JPY", "JPY has 0 decimals and the amount has 1; send one such as 12"),
        (json!("100.00"), "JPY", "JPY has 0 decimals"),
        (json!("1.234"), "USD", "USD has 2 decimals and the amount has 3; send one such as 12.34"),
        (json!("1.2345"), "KWD", "KWD has 3 decimals"),
        (json!("1.23456"), "CLF", "CLF has 4 decimals"),
        (json!("0"), "USD", "it must be more than zero"),
        (json!("0.00"), "USD", "it must be more than zero"),
        (json!("-1.00"), "USD", "it must be more than zero"),
        (json!("10000000000.00"), "USD", "up to 9999999999.99"),
        (json!("1000000000000"), "JPY", "up to 999999999999"),
        (json!("99999999999999999999"), "USD", "out of range"),
        (json!("1e3"), "USD", "send a plain decimal number"),
        (json!("1,000.00"), "USD", "send a plain decimal number"),
        (json!("+1.00"), "USD", "send a plain decimal number"),
        (json!(" 1.00"), "USD", "send a plain decimal number"),
        (json!(""), "USD", "send a plain decimal number"),
        (json!("٣.٥٠"), "USD", "send a plain decimal number"),
        (
            json!(1000),
            "USD",
            "a decimal number as a string, in USD and up to 9999999999.99; a number was sent",
        ),
        (json!(10.5), "USD", "a decimal number as a string"),
        (Value::Null, "USD", "Send amount: a decimal number as a string"),
    ];
    with_api(unlimited(), |api| async move {
        for (amount, currency, expected) in table {
            let refused = create(&api, json!({"amount": amount, "currency": currency})).await;
            let error = refused.json();
            assert_eq!(
                (refused.status, &error["details"]["param"]),
                (400, &json!("amount")),
                "{amount} {currency}"
            );
            assert!(text(&error["message"]).contains(expected), "{amount} {currency}: {}", error["message"]);
        }
        assert_eq!(api.get(PATH).await.json()["pagination"]["total"], 0);
    });
}

#[test]
fn each_outcome_of_a_creation_has_the_status_that_the_sdks_want() {
    let table = [
        ("pm_test_success", 201, "SUCCEEDED"),
        ("pm_test_processor_error", 201, "PROCESSING"),
        ("pm_test_requires_action", 201, "PROCESSING"),
        ("pm_test_decline", 400, "FAILED"),
        ("pm_test_insufficient_funds", 400, "FAILED"),
    ];
    with_api(unlimited(), |api| async move {
        for (method, status, payment_status) in table {
            let key = format!("key-{method}");
            let body = json!({
                "payment_method_id": method, "idempotency_key": key, "success_url": "https://shop.example/done",
            });
            let first = create(&api, body.clone()).await;
            assert_eq!(first.status, status, "{first:?}");
            let again = create(&api, body).await;
            if method != "pm_test_processor_error" {
                // Of an outcome that nobody knows yet, a replay tells the newest.
                assert_eq!((again.status, &again.body), (first.status, &first.body));
                assert_eq!(again.header("idempotency-replayed"), Some("true"));
            }
            assert_eq!(again.status, status, "{again:?}");
            let id = first.json()["id"].as_str().map(str::to_owned);
            let id = id.unwrap_or_else(|| text(&first.json()["details"]["payment_id"]).to_owned());
            let found = api.get(&format!("{PATH}/{id}")).await.json();
            assert_eq!(found["payment_status"], payment_status, "{method}");
            assert_eq!(found["idempotency_key"], key.as_str());
            assert_eq!(found["payment_url"].is_string(), method == "pm_test_requires_action", "{found}");
            assert_eq!(found["failed_at"].is_string(), status == 400);
            assert_eq!(found["error_message"].is_string(), status == 400);
        }
    });
}

#[test]
fn a_key_with_another_body_is_refused_and_is_another_one_than_that_of_v1() {
    with_api(unlimited(), |api| async move {
        let first = create(&api, json!({"idempotency_key": "k"})).await;
        let other = create(&api, json!({"idempotency_key": "k", "amount": "11.00"})).await;
        let error = other.json();
        assert_eq!(other.status, 422);
        assert_eq!(
            (text(&error["code"]), text(&error["details"]["code"])),
            ("already_exists", "idempotency_key_reused")
        );
        let by_header = request(Method::POST, PATH).insert_header(("Idempotency-Key", "k"));
        assert_eq!(api.send(by_header.set_payload(card(json!({})))).await.body, first.body);
        let body =
            r#"{"amount":1000,"currency":"USD","payment_method_id":"pm_test_success","idempotency_key":"k"}"#;
        let of_v1 = api.post("/v1/payments", body).await;
        assert_eq!((of_v1.status, of_v1.header("idempotency-replayed")), (201, None));
        assert_eq!(api.get(PATH).await.json()["pagination"]["total"], 2);
    });
}

#[test]
fn a_payment_for_later_is_processed_by_its_own_method_or_by_another() {
    let table = [
        ("pm_test_success", "", 200, "SUCCEEDED"),
        ("pm_test_decline", r#"{"payment_method_id":"pm_test_success"}"#, 200, "SUCCEEDED"),
        ("pm_test_processor_error", "{}", 200, "PROCESSING"),
        ("pm_test_decline", "", 400, "FAILED"),
    ];
    with_api(unlimited(), |api| async move {
        for (method, body, status, payment_status) in table {
            let made =
                create(&api, json!({"payment_method_id": method, "process_payment": false})).await.json();
            assert_eq!((text(&made["payment_status"]), &made["attempts"]), ("PENDING", &json!([])));
            let path = format!("{PATH}/{}", text(&made["id"]));
            let processed = api.post(&format!("{path}/process"), body).await;
            assert_eq!(processed.status, status, "{processed:?}");
            let found = api.get(&path).await.json();
            assert_eq!(found["payment_status"], payment_status);
            if status == 200 {
                assert_eq!(processed.json(), found);
            }
        }
        let id = text(&create(&api, json!({})).await.json()["id"]).to_owned();
        let again = api.post(&format!("{PATH}/{id}/process"), "").await;
        assert_eq!((again.status, text(&again.json()["code"])), (409, "invalid_operation"));
    });
}

#[test]
fn what_flexprice_has_no_word_for_is_told_in_the_nearest_one() {
    with_api(unlimited(), |api| async move {
        let manual = r#"{"amount":1000,"currency":"USD","payment_method_id":"pm_test_success","capture_method":"manual"}"#;
        let id = text(&api.post("/v1/payments", manual).await.json()["id"]).to_owned();
        let (path, of_v1) = (format!("{PATH}/{id}"), format!("/v1/payments/{id}"));
        assert_eq!(api.get(&path).await.json()["payment_status"], "PROCESSING");
        api.post(&format!("{of_v1}/cancel"), "").await;
        let canceled = api.get(&path).await.json();
        assert_eq!(
            (&canceled["payment_status"], canceled["voided_at"].is_string()),
            (&json!("VOIDED"), true)
        );

        let id = api.pay(1000).await;
        for (amount, status) in [(1, "PARTIALLY_REFUNDED"), (999, "REFUNDED")] {
            api.post(&format!("/v1/payments/{id}/refund"), &format!(r#"{{"amount":{amount}}}"#)).await;
            let refunded = api.get(&format!("{PATH}/{id}")).await.json();
            assert_eq!(
                (&refunded["payment_status"], refunded["refunded_at"].is_string()),
                (&json!(status), true)
            );
        }
    });
}

#[test]
fn metadata_is_replaced_and_nothing_else_can_be_changed() {
    with_api(unlimited(), |api| async move {
        let made = create(&api, json!({"metadata": {"a": "1", "b": "2"}})).await.json();
        let path = format!("{PATH}/{}", text(&made["id"]));
        let put = |body: Value| {
            let (api, path) = (api.clone(), path.clone());
            async move { api.call(Method::PUT, &path, &body.to_string()).await }
        };
        let table = [
            (json!({"metadata": {"b": "3", "c": "4"}}), json!({"b": "3", "c": "4"})),
            (json!({}), json!({"b": "3", "c": "4"})),
            (json!({"metadata": null}), json!({"b": "3", "c": "4"})),
            (json!({"metadata": {}}), json!({})),
        ];
        for (body, expected) in table {
            let changed = put(body.clone()).await;
            assert_eq!((changed.status, &changed.json()["metadata"]), (200, &expected), "{body}");
            assert_eq!(api.get(&path).await.json(), changed.json());
        }
        for field in [
            "payment_status",
            "payment_method_id",
            "payment_gateway",
            "gateway_payment_id",
            "gateway_tracking_id",
            "error_message",
            "succeeded_at",
            "failed_at",
            "refunded_at",
            "voided_at",
        ] {
            let refused = put(json!({"metadata": {"x": "y"}, field: "SUCCEEDED"})).await;
            let details = &refused.json()["details"];
            assert_eq!((refused.status, &details["code"]), (400, &json!("field_immutable")), "{field}");
            assert_eq!(details["param"], field);
        }
        let refused = put(json!({"metadata": {"x": 1}})).await;
        assert_eq!((refused.status, &refused.json()["details"]["param"]), (400, &json!("metadata")));
        assert_eq!(put(json!({"amount": "1.00"})).await.json()["details"]["code"], "parameter_unknown");
        assert_eq!(api.get(&path).await.json()["metadata"], json!({}));
    });
}

#[test]
fn to_delete_a_payment_is_to_cancel_it() {
    with_api(unlimited(), |api| async move {
        let delete = |id: String| {
            let api = api.clone();
            async move { api.send(request(Method::DELETE, &format!("{PATH}/{id}"))).await }
        };
        let pending = text(&create(&api, json!({"process_payment": false})).await.json()["id"]).to_owned();
        let deleted = delete(pending.clone()).await;
        assert_eq!((deleted.status, deleted.json()), (200, json!({"message": "payment canceled"})));
        assert_eq!(api.get(&format!("{PATH}/{pending}")).await.json()["payment_status"], "VOIDED");
        let again = delete(pending).await;
        assert_eq!((again.status, text(&again.json()["details"]["code"])), (409, "payment_already_canceled"));

        let paid = delete(api.pay(1000).await).await;
        assert_eq!((paid.status, text(&paid.json()["code"])), (400, "invalid_operation"));
        assert_eq!(paid.json()["details"]["code"], "payment_not_cancelable");

        let unknown = create(&api, json!({"payment_method_id": "pm_test_processor_error"})).await.json();
        let remembered = delete(text(&unknown["id"]).to_owned()).await;
        assert_eq!(
            (remembered.status, remembered.json()),
            (200, json!({"message": "payment is being canceled"}))
        );
    });
}
