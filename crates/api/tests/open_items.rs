//! Open items, decisions about attempts, and processors' webhooks over HTTP: what is refused, and by which words.

mod common;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use common::{READER_KEY, Reply, request, unlimited, with_api};

const ITEM: &str = "/v1/open_items/item_01k9dcq4w0e7qs9x3v5m8ffh2a";
const ATTEMPT: &str = "/v1/attempts/att_01k9dcq4w0e7qs9x3v5m8ffh2a/resolve";

fn told(reply: &Reply) -> (u16, String) {
    (reply.status, reply.error().0)
}

#[test]
fn open_items_are_for_administrators_and_refuse_what_is_wrong() {
    with_api(unlimited(), |api| async move {
        let none = api.get("/v1/open_items?status=open&type=needs_review&processor=stripe-eu").await;
        assert_eq!((none.status, &none.json()["total_count"]), (200, &0.into()));
        let close = format!("{ITEM}/close");
        let note = r#"{"note":"done"}"#;
        let resolved = r#"{"outcome":"failed","note":"seen"}"#;
        for (method, path, body, status, code) in [
            (Method::GET, "/v1/open_items?status=done", "", 400, "parameter_invalid"),
            (Method::GET, "/v1/open_items?kind=needs_review", "", 400, "parameter_unknown"),
            (Method::GET, ITEM, "", 404, "open_item_not_found"),
            (Method::GET, "/v1/open_items/item_1", "", 404, "open_item_not_found"),
            (Method::POST, close.as_str(), "{}", 400, "parameter_missing"),
            (Method::POST, close.as_str(), r#"{"note":""}"#, 400, "parameter_invalid"),
            (Method::POST, close.as_str(), r#"{"note":"4242424242424242"}"#, 400, "card_number_not_allowed"),
            (Method::POST, close.as_str(), note, 404, "open_item_not_found"),
            (Method::POST, ATTEMPT, r#"{"note":"seen"}"#, 400, "parameter_missing"),
            (Method::POST, ATTEMPT, r#"{"outcome":"failed"}"#, 400, "parameter_missing"),
            (Method::POST, ATTEMPT, r#"{"outcome":"lost","note":"seen"}"#, 400, "parameter_invalid"),
            (Method::POST, ATTEMPT, resolved, 404, "attempt_not_found"),
        ] {
            let reply = api.call(method.clone(), path, body).await;
            assert_eq!(told(&reply), (status, code.to_owned()), "{method} {path} {body}");
            let by_reader = request(method, path)
                .insert_header(("authorization", format!("Bearer {READER_KEY}")))
                .set_payload(body.to_owned());
            assert_eq!(told(&api.send(by_reader).await), (403, "permission_denied".to_owned()));
        }
    });
}

#[test]
fn a_webhook_that_is_not_signed_learns_nothing() {
    with_api(unlimited(), |api| async move {
        let account = r#"{"name":"stripe-eu","connector":"stripe",
            "credentials":{"secret_key":"sk_test_abcdef123456","webhook_secret":"whsec_topsecret"}}"#;
        let made = api.post("/v1/processor_accounts", account).await;
        assert_eq!(made.status, 201, "{made:?}");
        let path = format!("/v1/processor_webhooks/{}", made.json()["id"].as_str().expect("an id"));
        let webhook = |path: &str| TestRequest::default().method(Method::POST).uri(path);
        let body = r#"{"id":"evt_1","type":"charge.succeeded","data":{"object":{"object":"charge"}}}"#;
        let unsigned = api.send(webhook(&path).set_payload(body)).await;
        assert_eq!(told(&unsigned), (400, "webhook_not_verified".to_owned()));
        let forged =
            webhook(&path).insert_header(("stripe-signature", "t=1800000000,v1=00ff")).set_payload(body);
        let forged = api.send(forged).await;
        assert_eq!(told(&forged), (400, "webhook_not_verified".to_owned()));
        for reply in [&unsigned, &forged] {
            assert!(!reply.body.contains("topsecret") && !reply.body.contains("00ff"), "{reply:?}");
        }
        let nobodys = "/v1/processor_webhooks/pacc_01k9dcq4w0e7qs9x3v5m8ffh2a";
        for path in [nobodys, "/v1/processor_webhooks/sandbox"] {
            let reply = api.send(webhook(path).set_payload(body)).await;
            assert_eq!(told(&reply), (404, "processor_account_not_found".to_owned()));
        }
        let large = api.send(webhook(&path).set_payload("x".repeat(256 * 1024 + 1))).await;
        assert_eq!(told(&large), (413, "body_too_large".to_owned()));
        let read = api.send(TestRequest::default().method(Method::GET).uri(&path)).await;
        assert_eq!(told(&read), (405, "method_not_allowed".to_owned()));
        let mut replies = Vec::new();
        for _ in 0..1_500 {
            replies.push(api.send(webhook(&path).set_payload(body)).await);
        }
        let refused = replies.iter().find(|reply| reply.status == 429).expect("a limit");
        assert_eq!(
            (refused.error().0.as_str(), refused.header("retry-after")),
            ("rate_limit_exceeded", Some("1"))
        );
    });
}
