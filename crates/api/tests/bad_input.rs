//! Bad input, as tables: what is sent, and the status, code and parameter that come back.

mod common;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use common::{request, unlimited, with_api};

type Case = (&'static str, u16, &'static str, Option<&'static str>);

/// A card number that passes Luhn, in full-width digits and with blanks in between.
const CARD: &str = "４２４２ 4242 4242 4242";

fn created(fields: &str) -> String {
    format!(r#"{{"amount":1000,"currency":"USD","payment_method_id":"pm_test_success"{fields}}}"#)
}

/// Bodies of a create.
const BODIES: &[Case] = &[
    (r#"{"#, 400, "json_invalid", None),
    ("[]", 400, "json_invalid", None),
    (r#"{"amount":1,"amount":2}"#, 400, "json_invalid", None),
    ("{}", 400, "parameter_missing", Some("amount")),
    (r#"{"amount":null}"#, 400, "parameter_missing", Some("amount")),
    (r#"{"amount":"1000"}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":10.5}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":10.0}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":1e3}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":0}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":-0}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":-5}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":1000000000000}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":9223372036854775808}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":99999999999999999999999}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":true}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":{"minor":1}}"#, 400, "parameter_invalid", Some("amount")),
    (r#"{"amount":1000}"#, 400, "parameter_missing", Some("currency")),
    (r#"{"amount":1000,"currency":840}"#, 400, "parameter_invalid", Some("currency")),
    (r#"{"amount":1000,"currency":"XXQ"}"#, 422, "currency_not_supported", Some("currency")),
    (r#"{"amount":1000,"currency":"XAU"}"#, 422, "currency_not_supported", Some("currency")),
    (r#"{"amount":1000,"currency":"USDollar"}"#, 422, "currency_not_supported", Some("currency")),
    (r#"{"amount":1000,"currency":"USD"}"#, 400, "parameter_missing", Some("payment_method_id")),
    (r#"{"amonut":1000,"currency":"USD"}"#, 400, "parameter_unknown", Some("amonut")),
];

/// Fields that are added to a body which is good without them.
const FIELDS: &[Case] = &[
    (r#","capture_metod":"manual""#, 400, "parameter_unknown", Some("capture_metod")),
    (r#","capture_method":"later""#, 400, "parameter_invalid", Some("capture_method")),
    (r#","process_payment":"yes""#, 400, "parameter_invalid", Some("process_payment")),
    (r#","off_session":1"#, 400, "parameter_invalid", Some("off_session")),
    (r#","payment_method_type":"CASH""#, 400, "parameter_invalid", Some("payment_method_type")),
    (r#","payment_method_type":"ACH""#, 400, "parameters_conflict", Some("payment_method_type")),
    (r#","payment_method_type":"OFFLINE""#, 400, "parameters_conflict", Some("payment_method_id")),
    (r#","payment_method_type":"CREDITS""#, 400, "parameters_conflict", Some("payment_method_id")),
    (r#","destination_type":"INVOICE""#, 400, "parameter_missing", Some("destination_id")),
    (r#","destination_type":"ORDER""#, 400, "parameter_invalid", Some("destination_type")),
    (
        r#","destination_id":"inv_01k9dcq4w0e7qs9x3v5m8ffh2a""#,
        400,
        "parameter_missing",
        Some("destination_type"),
    ),
    (
        r#","destination_type":"INVOICE","destination_id":"inv_1""#,
        404,
        "invoice_not_found",
        Some("destination_id"),
    ),
    (
        r#","destination_type":"INVOICE","destination_id":"inv_01k9dcq4w0e7qs9x3v5m8ffh2a""#,
        404,
        "invoice_not_found",
        Some("destination_id"),
    ),
    (r#","customer_id":"cus_1""#, 404, "customer_not_found", Some("customer_id")),
    (r#","customer_id":"cus_01k9dcq4w0e7qs9x3v5m8ffh2a""#, 404, "customer_not_found", Some("customer_id")),
    (r#","customer_id":5"#, 400, "parameter_invalid", Some("customer_id")),
    (r#","return_url":"javascript:alert(1)""#, 400, "parameter_invalid", Some("return_url")),
    (r#","return_url":"https://a b""#, 400, "parameter_invalid", Some("return_url")),
    (r#","description":5"#, 400, "parameter_invalid", Some("description")),
    (r#","description":"a\u0000b""#, 400, "parameter_invalid", Some("description")),
    (r#","metadata":[]"#, 400, "parameter_invalid", Some("metadata")),
    (r#","metadata":{"a":1}"#, 400, "parameter_invalid", Some("metadata")),
    (r#","metadata":{"a":null}"#, 400, "parameter_invalid", Some("metadata")),
    (r#","metadata":{"":"a"}"#, 400, "parameter_invalid", Some("metadata")),
    (r#","metadata":{"a":"\u0000"}"#, 400, "parameter_invalid", Some("metadata")),
    (r#","idempotency_key":"""#, 400, "parameter_invalid", Some("idempotency_key")),
    (r#","idempotency_key":"a b""#, 400, "parameter_invalid", Some("idempotency_key")),
    (r#","idempotency_key":7"#, 400, "parameter_invalid", Some("idempotency_key")),
];

#[test]
fn a_create_that_is_wrong_is_refused_and_says_where() {
    let long = "x".repeat(501);
    let too_long = [
        (format!(r#","description":"{long}""#), "description"),
        (format!(r#","metadata":{{"a":"{long}"}}"#), "metadata"),
        (format!(r#","metadata":{{"{}":"a"}}"#, &long[..41]), "metadata"),
        (format!(r#","metadata":{{{}}}"#, many_keys()), "metadata"),
        (format!(r#","idempotency_key":"{}""#, &long[..256]), "idempotency_key"),
    ];
    let whole = BODIES.iter().map(|(body, status, code, param)| ((*body).to_owned(), *status, *code, *param));
    let fields = FIELDS.iter().map(|(fields, status, code, param)| (created(fields), *status, *code, *param));
    let lengths =
        too_long.iter().map(|(fields, param)| (created(fields), 400, "parameter_invalid", Some(*param)));
    let cases: Vec<_> = whole.chain(fields).chain(lengths).collect();
    with_api(unlimited(), |api| async move {
        for (body, status, code, param) in cases {
            let reply = api.post("/v1/payments", &body).await;
            let shown = (reply.status, reply.error());
            assert_eq!(shown, (status, (code.to_owned(), param.map(str::to_owned))), "{body}: {reply:?}");
        }
        assert_eq!(api.get("/v1/payments").await.json()["total_count"], 0, "nothing was made");
    });
}

fn many_keys() -> String {
    (0..51).map(|number| format!(r#""k{number}":"v""#)).collect::<Vec<_>>().join(",")
}

#[test]
fn a_payment_method_must_exist_and_be_valid() {
    with_api(unlimited(), |api| async move {
        for (method, status, code) in [
            ("pm_nobody_knows", 404, "payment_method_not_found"),
            ("pm_test_expired", 422, "payment_method_invalid"),
            ("pm_01k9dcq4w0e7qs9x3v5m8ffh2a", 404, "payment_method_not_found"),
            ("pm test", 400, "parameter_invalid"),
            ("", 400, "parameter_invalid"),
        ] {
            let body = format!(r#"{{"amount":1000,"currency":"USD","payment_method_id":"{method}"}}"#);
            let reply = api.post("/v1/payments", &body).await;
            assert_eq!(
                (reply.status, reply.error()),
                (status, (code.to_owned(), Some("payment_method_id".to_owned())))
            );
        }
        assert_eq!(api.get("/v1/payments").await.json()["total_count"], 0, "nothing was made");
    });
}

#[test]
fn card_numbers_are_refused_wherever_they_stand_and_never_repeated() {
    with_api(unlimited(), |api| async move {
        let id = api.pay(1000).await;
        let payment = format!("/v1/payments/{id}");
        let cases = [
            (Method::POST, "/v1/payments".to_owned(), created(&format!(r#","description":"card {CARD}""#))),
            (
                Method::POST,
                "/v1/payments".to_owned(),
                created(&format!(r#","metadata":{{"card":"{CARD}"}}"#)),
            ),
            (Method::POST, "/v1/payments".to_owned(), created(&format!(r#","metadata":{{"{CARD}":"a"}}"#))),
            (Method::POST, "/v1/payments".to_owned(), created(r#","idempotency_key":"4242-4242-4242-4242""#)),
            (
                Method::POST,
                "/v1/payments".to_owned(),
                created(r#","return_url":"https://a/4242424242424242""#),
            ),
            (Method::PATCH, payment.clone(), format!(r#"{{"description":"{CARD}"}}"#)),
            (Method::PATCH, payment.clone(), format!(r#"{{"metadata":{{"a":"{CARD}"}}}}"#)),
            (Method::POST, format!("{payment}/refund"), format!(r#"{{"reason":"{CARD}"}}"#)),
            (Method::POST, format!("{payment}/refund"), format!(r#"{{"metadata":{{"a":"{CARD}"}}}}"#)),
            (Method::POST, format!("{payment}/cancel"), format!(r#"{{"reason":"{CARD}"}}"#)),
            (
                Method::POST,
                format!("{payment}/process"),
                r#"{"payment_method_id":"4242424242424242"}"#.to_owned(),
            ),
            (Method::GET, "/v1/payments?q=4242424242424242".to_owned(), String::new()),
            (Method::GET, "/v1/payments?idempotency_key=4242424242424242".to_owned(), String::new()),
            (Method::GET, "/v1/payments/4242424242424242".to_owned(), String::new()),
            (Method::GET, "/v1/payments/%EF%BC%94242-4242%204242-4242".to_owned(), String::new()),
            (Method::POST, "/v1/payments?4242424242424242=1".to_owned(), "{}".to_owned()),
            (Method::POST, "/v1/payments".to_owned(), r#"{"4242424242424242":1}"#.to_owned()),
            (
                Method::POST,
                "/v1/payments".to_owned(),
                created(r#","metadata":{"a":[{"b":4242424242424242}]}"#),
            ),
            (
                Method::POST,
                "/v1/payments".to_owned(),
                r#"{"amount":4242424242424242,"currency":"USD"}"#.to_owned(),
            ),
            (
                Method::POST,
                "/v1/payments".to_owned(),
                r#"{"amount":1,"currency":"4242424242424242"}"#.to_owned(),
            ),
        ];
        for (method, path, body) in cases {
            let reply = api.call(method, &path, &body).await;
            assert_eq!((reply.status, reply.error().0.as_str()), (400, "card_number_not_allowed"), "{body}");
            assert!(!reply.body.contains("4242"), "{reply:?}");
        }
        let keyed =
            request(Method::POST, "/v1/payments").insert_header(("idempotency-key", "4242424242424242"));
        let reply = api.send(keyed.set_payload(created(""))).await;
        assert_eq!(reply.error(), ("card_number_not_allowed".to_owned(), Some("Idempotency-Key".to_owned())));
        assert!(!reply.body.contains("4242"), "{reply:?}");
        let stranger =
            TestRequest::get().uri("/v1/payments").insert_header(("x-api-key", "4242424242424242"));
        let reply = api.send(stranger).await;
        assert_eq!((reply.status, reply.error().0.as_str()), (400, "card_number_not_allowed"));
    });
}

#[test]
fn the_other_calls_check_their_bodies_too() {
    let cases: [(&str, &str, u16, &str, Option<&str>); 16] = [
        (
            "process",
            r#"{"payment_method":"pm_test_success"}"#,
            400,
            "parameter_unknown",
            Some("payment_method"),
        ),
        ("process", r#"{"payment_method_id":5}"#, 400, "parameter_invalid", Some("payment_method_id")),
        ("process", "{}", 409, "payment_not_processable", None),
        ("capture", r#"{"amount":0}"#, 400, "parameter_invalid", Some("amount")),
        ("capture", r#"{"amount":"5"}"#, 400, "parameter_invalid", Some("amount")),
        ("capture", "", 409, "payment_not_capturable", None),
        ("cancel", r#"{"reason":5}"#, 400, "parameter_invalid", Some("reason")),
        ("cancel", r#"{"reasno":"a"}"#, 400, "parameter_unknown", Some("reasno")),
        ("cancel", "", 400, "payment_not_cancelable", None),
        ("refund", r#"{"amount":0}"#, 400, "parameter_invalid", Some("amount")),
        ("refund", r#"{"amount":-1}"#, 400, "parameter_invalid", Some("amount")),
        ("refund", r#"{"amount":1.5}"#, 400, "parameter_invalid", Some("amount")),
        ("refund", r#"{"amount":"500"}"#, 400, "parameter_invalid", Some("amount")),
        ("refund", r#"{"amount":1001}"#, 422, "refund_exceeds_available", Some("amount")),
        ("refund", r#"{"metadata":{"a":1}}"#, 400, "parameter_invalid", Some("metadata")),
        ("refund", r#"{"currency":"USD"}"#, 400, "parameter_unknown", Some("currency")),
    ];
    with_api(unlimited(), |api| async move {
        let id = api.pay(1000).await;
        for (call, body, status, code, param) in cases {
            let reply = api.post(&format!("/v1/payments/{id}/{call}"), body).await;
            let expected = (status, (code.to_owned(), param.map(str::to_owned)));
            assert_eq!((reply.status, reply.error()), expected, "{call} {body}: {reply:?}");
        }
        let payment = api.get(&format!("/v1/payments/{id}")).await.json();
        assert_eq!((&payment["status"], &payment["amount_refundable"]), (&"succeeded".into(), &1000.into()));
    });
}

#[test]
fn a_payment_changes_its_description_and_metadata_and_nothing_else() {
    with_api(unlimited(), |api| async move {
        let id = api.pay(1000).await;
        let path = format!("/v1/payments/{id}");
        let payment = api.get(&path).await.json();
        for field in payment
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| !["description", "metadata"].contains(&key.as_str()))
        {
            let reply = api.call(Method::PATCH, &path, &format!(r#"{{"{field}":"x"}}"#)).await;
            assert_eq!(
                (reply.status, reply.error()),
                (400, ("field_immutable".to_owned(), Some(field.clone())))
            );
        }
        let reply = api.call(Method::PATCH, &path, r#"{"descripton":"x"}"#).await;
        assert_eq!(reply.error(), ("parameter_unknown".to_owned(), Some("descripton".to_owned())));
        for (body, description, metadata) in [
            (r#"{"description":"a","metadata":{"x":"1","y":"2"}}"#, Some("a"), r#"{"x":"1","y":"2"}"#),
            (r#"{"metadata":{"x":null,"z":"3"}}"#, Some("a"), r#"{"y":"2","z":"3"}"#),
            (r#"{"description":null}"#, None, r#"{"y":"2","z":"3"}"#),
            ("{}", None, r#"{"y":"2","z":"3"}"#),
        ] {
            let reply = api.call(Method::PATCH, &path, body).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let payment = reply.json();
            assert_eq!(payment["description"].as_str(), description);
            assert_eq!(payment["metadata"].to_string(), metadata);
        }
    });
}

#[test]
fn a_query_that_is_wrong_is_refused_and_says_where() {
    let cases: [Case; 30] = [
        ("/v1/payments?limit=0", 400, "parameter_invalid", Some("limit")),
        ("/v1/payments?limit=101", 400, "parameter_invalid", Some("limit")),
        ("/v1/payments?limit=ten", 400, "parameter_invalid", Some("limit")),
        ("/v1/payments?limit=", 400, "parameter_invalid", Some("limit")),
        ("/v1/payments?limit=%2B5", 400, "parameter_invalid", Some("limit")),
        ("/v1/payments?limit=5&limit=6", 400, "parameter_invalid", Some("limit")),
        ("/v1/payments?offset=-1", 400, "parameter_invalid", Some("offset")),
        ("/v1/payments?offset=99999999999999999999", 400, "parameter_invalid", Some("offset")),
        ("/v1/payments?starting_after=pay_1", 400, "parameter_invalid", Some("starting_after")),
        (
            "/v1/payments?ending_before=ref_01k9dcq4w0e7qs9x3v5m8ffh2a",
            400,
            "parameter_invalid",
            Some("ending_before"),
        ),
        (
            "/v1/payments?offset=0&starting_after=pay_01k9dcq4w0e7qs9x3v5m8ffh2a",
            400,
            "parameters_conflict",
            Some("offset"),
        ),
        ("/v1/payments?status=paid", 400, "parameter_invalid", Some("status")),
        ("/v1/payments?status=", 400, "parameter_invalid", Some("status")),
        ("/v1/payments?status=SUCCEEDED", 400, "parameter_invalid", Some("status")),
        ("/v1/payments?payment_status=succeeded", 400, "parameter_invalid", Some("payment_status")),
        ("/v1/payments?payment_method_type=card", 400, "parameter_invalid", Some("payment_method_type")),
        ("/v1/payments?currency=XXQ", 422, "currency_not_supported", Some("currency")),
        ("/v1/payments?customer_id=x", 400, "parameter_invalid", Some("customer_id")),
        ("/v1/payments?destination_id=x", 400, "parameter_invalid", Some("destination_id")),
        ("/v1/payments?created_after=yesterday", 400, "parameter_invalid", Some("created_after")),
        ("/v1/payments?created_before=2025-11-06", 400, "parameter_invalid", Some("created_before")),
        ("/v1/payments?q=", 400, "parameter_invalid", Some("q")),
        ("/v1/payments?q=%00", 400, "parameter_invalid", Some("q")),
        ("/v1/payments?q=%ff", 400, "parameter_invalid", Some("q")),
        ("/v1/payments?q=%zz", 400, "parameter_invalid", Some("q")),
        ("/v1/payments?metadata=a", 400, "parameter_unknown", Some("metadata")),
        ("/v1/payments?metadata[]=a", 400, "parameter_invalid", Some("metadata")),
        ("/v1/payments?stauts=failed", 400, "parameter_unknown", Some("stauts")),
        ("/v1/refunds?payment_id=pay_1", 400, "parameter_invalid", Some("payment_id")),
        ("/v1/refunds?status=pending", 400, "parameter_unknown", Some("status")),
    ];
    with_api(unlimited(), |api| async move {
        for (path, status, code, param) in cases {
            let reply = api.get(path).await;
            let expected = (status, (code.to_owned(), param.map(str::to_owned)));
            assert_eq!((reply.status, reply.error()), expected, "{path}: {reply:?}");
        }
        let id = api.pay(1000).await;
        for path in ["", "/attempts"] {
            let reply = api.get(&format!("/v1/payments/{id}{path}?expand=all")).await;
            assert_eq!(reply.error(), ("parameter_unknown".to_owned(), Some("expand".to_owned())));
        }
        let reply = api.post(&format!("/v1/payments/{id}/refund?amount=5"), "{}").await;
        assert_eq!(reply.error(), ("parameter_unknown".to_owned(), Some("amount".to_owned())));
    });
}

#[test]
fn a_word_that_is_not_allowed_is_answered_with_those_that_are() {
    with_api(unlimited(), |api| async move {
        let reply = api.get("/v1/payments?status=paid").await;
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(message, "status must be one of: pending, succeeded, failed, canceled, refunded.");
    });
}
