//! A request with an idempotency key happens once.

mod common;

use actix_web::http::Method;
use common::{Api, Reply, request, unlimited, with_api};

const BODY: &str = r#"{"amount":1000,"currency":"USD","payment_method_id":"pm_test_success"}"#;

async fn post(api: &Api, path: &str, key: &str, body: &str) -> Reply {
    api.send(request(Method::POST, path).insert_header(("Idempotency-Key", key)).set_payload(body.to_owned()))
        .await
}

#[test]
fn a_repetition_gets_the_first_answer_byte_for_byte() {
    with_api(unlimited(), |api| async move {
        let declined = BODY.replace("success", "decline");
        let unknown = BODY.replace("test_success", "nobody");
        for (key, body, status) in [("a", BODY, 201), ("b", &declined, 402), ("c", &unknown, 404)] {
            let first = post(&api, "/v1/payments", key, body).await;
            assert_eq!((first.status, first.header("idempotency-replayed")), (status, None), "{first:?}");
            let reordered = body.replace(r#""amount":1000,"#, "").replace('}', r#", "amount" : 1000 }"#);
            for body in [body, &reordered] {
                let again = post(&api, "/v1/payments", key, body).await;
                assert_eq!((again.status, &again.body), (first.status, &first.body));
                assert_eq!(again.header("idempotency-replayed"), Some("true"));
                assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
            }
        }
        assert_eq!(api.get("/v1/payments").await.json()["total_count"], 2);
    });
}

#[test]
fn the_key_may_come_by_header_or_in_the_body_but_not_two_of_them() {
    with_api(unlimited(), |api| async move {
        let with_key = |key: &str| BODY.replace('}', &format!(r#","idempotency_key":"{key}"}}"#));
        let first = api.post("/v1/payments", &with_key("order-1")).await;
        assert_eq!((first.status, &first.json()["idempotency_key"]), (201, &"order-1".into()));
        for again in [
            api.post("/v1/payments", &with_key("order-1")).await,
            post(&api, "/v1/payments", "order-1", BODY).await,
            post(&api, "/v1/payments", "order-1", &with_key("order-1")).await,
        ] {
            assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
        }
        let reply = post(&api, "/v1/payments", "order-2", &with_key("order-1")).await;
        let expected = ("idempotency_keys_differ".to_owned(), Some("idempotency_key".to_owned()));
        assert_eq!((reply.status, reply.error()), (400, expected));
        let two = request(Method::POST, "/v1/payments")
            .append_header(("Idempotency-Key", "order-3"))
            .append_header(("Idempotency-Key", "order-4"));
        assert_eq!(api.send(two.set_payload(BODY)).await.error().0, "idempotency_keys_differ");
        assert_eq!(api.get("/v1/payments?idempotency_key=order-1").await.json()["total_count"], 1);
    });
}

#[test]
fn a_key_is_good_for_one_body_and_for_one_path() {
    with_api(unlimited(), |api| async move {
        let first = post(&api, "/v1/payments", "k", BODY).await;
        let other = post(&api, "/v1/payments", "k", &BODY.replace("1000", "2000")).await;
        assert_eq!((other.status, other.error().0.as_str()), (422, "idempotency_key_reused"));
        let id = first.json()["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/payments/{id}/refund");
        let refund = post(&api, &path, "k", r#"{"amount":100}"#).await;
        assert_eq!((refund.status, &refund.json()["amount"]), (200, &100.into()), "{refund:?}");
        let again = post(&api, &path, "k", r#"{"amount":100}"#).await;
        assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &refund.body));
        assert_eq!(api.get(&format!("/v1/payments/{id}")).await.json()["amount_refunded"], 100);
    });
}

#[test]
fn a_request_that_is_wrong_does_not_use_its_key_up() {
    with_api(unlimited(), |api| async move {
        let wrong = post(&api, "/v1/payments", "k", r#"{"amount":0}"#).await;
        assert_eq!(wrong.status, 400);
        let right = post(&api, "/v1/payments", "k", BODY).await;
        assert_eq!((right.status, right.header("idempotency-replayed")), (201, None), "{right:?}");
        for key in ["", "a b", "ä", &"k".repeat(256)] {
            let reply = post(&api, "/v1/payments", key, BODY).await;
            let expected = ("parameter_invalid".to_owned(), Some("Idempotency-Key".to_owned()));
            assert_eq!((reply.status, reply.error()), (400, expected), "{key}");
        }
    });
}

#[test]
fn every_call_around_payments_happens_once_with_a_key() {
    with_api(unlimited(), |api| async move {
        let id = |reply: &Reply| reply.json()["id"].as_str().unwrap().to_owned();
        let customer = format!("/v1/customers/{}", id(&api.post("/v1/customers", "{}").await));
        let due = r#"{"currency":"USD","amount_due":5}"#;
        let invoice = format!("/v1/invoices/{}", id(&api.post("/v1/invoices", due).await));
        let (credits, void) = (format!("{customer}/credits"), format!("{invoice}/void"));
        let cases = [
            ("/v1/customers", r#"{"external_id":"c-1"}"#, r#"{"external_id":"c-2"}"#, 201),
            (credits.as_str(), r#"{"currency":"USD","amount":5}"#, r#"{"currency":"USD","amount":6}"#, 201),
            (
                "/v1/payment_methods",
                r#"{"token":"pm_1","type":"CARD"}"#,
                r#"{"token":"pm_1","type":"ACH"}"#,
                201,
            ),
            ("/v1/invoices", due, r#"{"currency":"USD","amount_due":6}"#, 201),
            (void.as_str(), "{}", r#"{"reason":"x"}"#, 200),
        ];
        for (index, (path, body, other, status)) in cases.into_iter().enumerate() {
            let key = format!("k-{index}");
            let first = post(&api, path, &key, body).await;
            assert_eq!((first.status, first.header("idempotency-replayed")), (status, None), "{first:?}");
            let again = post(&api, path, &key, body).await;
            assert_eq!((again.status, &again.body), (status, &first.body), "{path}");
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
            let reused = post(&api, path, &key, other).await;
            let expected =
                if path == void { (400, "parameter_unknown") } else { (422, "idempotency_key_reused") };
            assert_eq!((reused.status, reused.error().0.as_str()), expected, "{path}");
        }
        for (path, count) in
            [("/v1/customers", 2), ("/v1/payment_methods", 1), ("/v1/invoices", 2), ("/v1/transactions", 1)]
        {
            assert_eq!(api.get(path).await.json()["total_count"], count, "{path}");
        }
    });
}

#[test]
fn a_refusal_by_an_object_s_state_is_kept_and_a_wrong_request_is_not() {
    with_api(unlimited(), |api| async move {
        let invoice = r#"{"currency":"USD","amount_due":5,"number":"mine"}"#;
        let first = api.post("/v1/invoices", invoice).await.json();
        let taken = post(&api, "/v1/invoices", "k", invoice).await;
        assert_eq!((taken.status, taken.error().0.as_str()), (409, "invoice_number_taken"));
        let nobody = "/v1/customers/cus_01k9dcq4w0e7qs9x3v5m8ffh2a/credits";
        let grant = r#"{"currency":"USD","amount":5}"#;
        let missing = post(&api, nobody, "k", grant).await;
        assert_eq!((missing.status, missing.error().0.as_str()), (404, "customer_not_found"));
        let void = format!("/v1/invoices/{}/void", first["id"].as_str().unwrap());
        api.post(&void, "").await;
        let voided = post(&api, &void, "k", "").await;
        assert_eq!((voided.status, voided.error().0.as_str()), (409, "invoice_not_voidable"));
        for (path, body, kept) in
            [("/v1/invoices", invoice, &taken), (nobody, grant, &missing), (void.as_str(), "", &voided)]
        {
            let again = post(&api, path, "k", body).await;
            assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &kept.body));
        }
        let wrong = post(&api, "/v1/customers", "k", r#"{"name":""}"#).await;
        assert_eq!(wrong.status, 400);
        let right = post(&api, "/v1/customers", "k", r#"{"name":"Ada"}"#).await;
        assert_eq!((right.status, right.header("idempotency-replayed")), (201, None), "{right:?}");
    });
}
