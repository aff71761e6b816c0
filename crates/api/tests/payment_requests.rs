//! Payment requests as a merchant's program uses them: made, read, listed, sent, canceled; bad input as a table.

mod common;

use actix_web::http::Method;
use common::{Api, request, unlimited, with_api};
use serde_json::Value;

const BODY: &str = r#"{"type":"product","amount":4900,"currency":"eur","description":"A chair"}"#;

async fn created(api: &Api, body: &str) -> Value {
    let reply = api.post("/v1/payment_requests", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn path(request: &Value, rest: &str) -> String {
    format!("/v1/payment_requests/{}{rest}", request["id"].as_str().expect("an id"))
}

#[test]
fn a_request_is_made_read_listed_and_canceled() {
    with_api(unlimited(), |api| async move {
        let made = created(&api, BODY).await;
        let expected = [
            ("type", "product".into()),
            ("amount", 4900.into()),
            ("currency", "EUR".into()),
            ("status", "open".into()),
            ("capture_method", "automatic".into()),
            ("payment_id", Value::Null),
            ("payment_in_progress", false.into()),
            ("expires_at", Value::Null),
            ("livemode", false.into()),
        ];
        for (key, value) in expected {
            assert_eq!(made[key], value, "{key}");
        }
        let url = made["url"].as_str().unwrap();
        let token = url.strip_prefix("http://127.0.0.1:8080/pay/").expect("the page");
        assert!(token.len() == 24 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{url}");
        assert_eq!(api.get(&path(&made, "")).await.json(), made);
        let other = created(&api, BODY).await;
        assert_ne!(other["url"], made["url"]);
        let listed = api.get("/v1/payment_requests?status=open&type=product&limit=1").await.json();
        assert_eq!((&listed["total_count"], &listed["data"][0]), (&2.into(), &other));
        assert_eq!(listed["next_cursor"], other["id"]);
        let canceled = api.post(&path(&made, "/cancel"), r#"{"reason":"Sold"}"#).await;
        assert_eq!((canceled.status, &canceled.json()["status"]), (200, &"canceled".into()));
        assert_eq!(canceled.json()["cancellation_reason"], "Sold");
        assert_eq!(api.get("/v1/payment_requests?status=canceled").await.json()["total_count"], 1);
        assert_eq!(api.post(&path(&made, "/cancel"), "").await.error().0, "payment_request_not_open");
        let entry = &api.get("/v1/audit_log?action=payment_request.canceled").await.json()["data"][0];
        assert_eq!(entry["object_id"], made["id"]);
    });
}

#[test]
fn a_request_for_an_invoice_names_it_and_takes_over_whose_it_is() {
    with_api(unlimited(), |api| async move {
        let customer = api.post("/v1/customers", "{}").await.json()["id"].as_str().unwrap().to_owned();
        let body = format!(r#"{{"currency":"USD","amount_due":500,"customer_id":"{customer}"}}"#);
        let invoice = api.post("/v1/invoices", &body).await.json();
        let id = invoice["id"].as_str().unwrap();
        let body = |amount: i64, currency: &str| {
            format!(
                r#"{{"type":"invoice","amount":{amount},"currency":"{currency}","destination_id":"{id}","capture_method":"manual"}}"#
            )
        };
        let made = created(&api, &body(500, "USD")).await;
        assert_eq!((&made["destination_type"], &made["destination_id"]), (&"INVOICE".into(), &invoice["id"]));
        assert_eq!((&made["invoice_number"], &made["customer_id"]), (&invoice["number"], &customer.into()));
        assert_eq!(made["capture_method"], "manual");
        let of_invoice = format!("/v1/payment_requests?destination_id={id}");
        assert_eq!(api.get(&of_invoice).await.json()["total_count"], 1);
        for (body, status, code, param) in [
            (body(501, "USD"), 422, "amount_exceeds_invoice", "amount"),
            (body(500, "EUR"), 400, "parameters_conflict", "currency"),
        ] {
            let reply = api.post("/v1/payment_requests", &body).await;
            assert_eq!((reply.status, reply.error()), (status, (code.to_owned(), Some(param.to_owned()))));
        }
        api.post(&format!("/v1/invoices/{id}/void"), "").await;
        let reply = api.post("/v1/payment_requests", &body(500, "USD")).await;
        assert_eq!((reply.status, reply.error().0.as_str()), (409, "invoice_not_payable"));
    });
}

#[test]
fn sending_without_a_mail_server_gives_the_link_and_says_so() {
    with_api(unlimited(), |api| async move {
        let made = created(&api, BODY).await;
        for (body, status) in [("", "no_address"), (r#"{"email":"ada@example.com"}"#, "not_configured")] {
            let reply = api.post(&path(&made, "/send"), body).await;
            let sent = reply.json();
            assert_eq!((reply.status, &sent["email_status"]), (200, &status.into()), "{reply:?}");
            assert_eq!((&sent["url"], &sent["payment_request_id"]), (&made["url"], &made["id"]));
            assert!(sent["message"].as_str().unwrap().starts_with("No e-mail was sent"), "{sent}");
        }
    });
}

#[test]
fn bad_input_is_refused_and_says_what_to_send() {
    const NOBODY: &str = "preq_01k9dcq4w0e7qs9x3v5m8ffh2a";
    let with = |field: &str| BODY.replace("{", &format!("{{{field},"));
    let cases: Vec<(String, u16, &str, Option<&str>)> = vec![
        ("{}".into(), 400, "parameter_missing", Some("type")),
        (r#"{"type":"product"}"#.into(), 400, "parameter_missing", Some("amount")),
        (r#"{"type":"product","amount":1}"#.into(), 400, "parameter_missing", Some("currency")),
        (BODY.replace("product", "thing"), 400, "parameter_invalid", Some("type")),
        (BODY.replace("4900", "0"), 400, "parameter_invalid", Some("amount")),
        (BODY.replace("4900", "49.00"), 400, "parameter_invalid", Some("amount")),
        (BODY.replace("eur", "xxx"), 422, "currency_not_supported", Some("currency")),
        (BODY.replace("A chair", "4242 4242 4242 4242"), 400, "card_number_not_allowed", Some("description")),
        (with(r#""status":"paid""#), 400, "parameter_unknown", Some("status")),
        (with(r#""capture_method":"later""#), 400, "parameter_invalid", Some("capture_method")),
        (with(r#""expires_at":"2020-01-01T00:00:00Z""#), 400, "parameter_invalid", Some("expires_at")),
        (with(r#""expires_at":"soon""#), 400, "parameter_invalid", Some("expires_at")),
        (with(r#""success_url":"javascript:alert(1)""#), 400, "parameter_invalid", Some("success_url")),
        (with(r#""success_url":"https://a b""#), 400, "parameter_invalid", Some("success_url")),
        (with(r#""customer_id":"cus_1""#), 404, "customer_not_found", Some("customer_id")),
        (with(r#""metadata":{"a":1}"#), 400, "parameter_invalid", Some("metadata")),
        (BODY.replace("product", "invoice"), 400, "parameter_missing", Some("destination_id")),
        (
            with(r#""destination_id":"inv_01k9dcq4w0e7qs9x3v5m8ffh2a""#),
            404,
            "invoice_not_found",
            Some("destination_id"),
        ),
        (with(r#""destination_type":"INVOICE""#), 400, "parameter_missing", Some("destination_id")),
    ];
    with_api(unlimited(), |api| async move {
        for (body, status, code, param) in cases {
            let reply = api.post("/v1/payment_requests", &body).await;
            let expected = (status, (code.to_owned(), param.map(str::to_owned)));
            assert_eq!((reply.status, reply.error()), expected, "{body}: {reply:?}");
            assert!(!reply.body.contains("4242"), "{reply:?}");
        }
        let invoice = api.post("/v1/invoices", r#"{"currency":"EUR","amount_due":4900}"#).await.json();
        let towards = format!(r#""destination_id":{}"#, invoice["id"]);
        let reply = api.post("/v1/payment_requests", &BODY.replace("{", &format!("{{{towards},"))).await;
        let expected = (400, ("parameters_conflict".to_owned(), Some("destination_id".to_owned())));
        assert_eq!((reply.status, reply.error()), expected, "{reply:?}");
        let made = created(&api, BODY).await;
        for (at, body, status, code) in [
            (path(&made, "/send"), r#"{"email":"ada"}"#, 400, "parameter_invalid"),
            (path(&made, "/send"), r#"{"email":"a@b\r\nBcc: c@d"}"#, 400, "parameter_invalid"),
            (path(&made, "/send"), r#"{"to":"a@b"}"#, 400, "parameter_unknown"),
            (path(&made, "/cancel"), r#"{"why":"x"}"#, 400, "parameter_unknown"),
            (format!("/v1/payment_requests/{NOBODY}/cancel"), "{}", 404, "payment_request_not_found"),
            (format!("/v1/payment_requests/{NOBODY}/send"), "{}", 404, "payment_request_not_found"),
            ("/v1/payment_requests/x/send".to_owned(), "{}", 404, "payment_request_not_found"),
        ] {
            let reply = api.post(&at, body).await;
            assert_eq!((reply.status, reply.error().0.as_str()), (status, code), "{at} {body}: {reply:?}");
        }
        for query in ["status=done", "type=x", "payment_id=preq_1", "q=a"] {
            assert_eq!(api.get(&format!("/v1/payment_requests?{query}")).await.status, 400, "{query}");
        }
    });
}

#[test]
fn a_repetition_with_a_key_makes_no_second_request_and_is_answered_alike() {
    with_api(unlimited(), |api| async move {
        let post = async |path: &str, key: &str, body: &str| {
            let keyed = request(Method::POST, path).insert_header(("Idempotency-Key", key));
            api.send(keyed.set_payload(body.to_owned())).await
        };
        let first = post("/v1/payment_requests", "a", BODY).await;
        let made = first.json();
        let calls = [
            ("/v1/payment_requests".to_owned(), "a", BODY, 201),
            (path(&made, "/send"), "b", "{}", 200),
            (path(&made, "/cancel"), "c", r#"{"reason":"x"}"#, 200),
            (path(&made, "/cancel"), "d", "{}", 409),
        ];
        for (at, key, body, status) in calls {
            let first = post(&at, key, body).await;
            let again = post(&at, key, body).await;
            assert_eq!((again.status, &again.body), (status, &first.body), "{at}");
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "{at}");
            let other = post(&at, key, &BODY.replace("4900", "1")).await;
            let is_known_body = at.ends_with("requests");
            assert_eq!(other.status, if is_known_body { 422 } else { other.status }, "{at}");
        }
        assert_eq!(api.get("/v1/payment_requests").await.json()["total_count"], 1);
    });
}
