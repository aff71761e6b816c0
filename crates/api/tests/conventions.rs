//! What holds for every call: paths, methods, sizes, content types, keys, scopes, and the headers of every answer.

mod common;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use common::{CUSTOMERS_KEY, FOREIGN_KEY, KEY, LIVE_KEY, READER_KEY, Reply, request, unlimited, with_api};

const SOME_ID: &str = "01k9dcq4w0e7qs9x3v5m8ffh2a";

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.error().0)
}

fn keyed(key: &str, method: Method, path: &str) -> TestRequest {
    request(method, path).insert_header(("authorization", format!("Bearer {key}")))
}

#[test]
fn what_is_not_there_is_404_in_the_common_format() {
    with_api(unlimited(), |api| async move {
        for path in
            ["/", "/v1", "/v2/payments", "/v1/payments/", "/v1//payments", "/v1/payments/a/b", "/v1/nothing"]
        {
            assert_eq!(code(&api.get(path).await), (404, "path_not_found".to_owned()), "{path}");
        }
        let malformed =
            ["pay_1", "PAY_01k9dcq4w0e7qs9x3v5m8ffh2a", "%00", "ref_01k9dcq4w0e7qs9x3v5m8ffh2a", "%ff", "1"];
        let unknown = format!("pay_{SOME_ID}");
        for id in malformed.into_iter().chain([unknown.as_str()]) {
            for (method, path) in [
                (Method::GET, format!("/v1/payments/{id}")),
                (Method::PATCH, format!("/v1/payments/{id}")),
                (Method::GET, format!("/v1/payments/{id}/attempts")),
                (Method::GET, format!("/v1/payments/{id}/refunds")),
                (Method::POST, format!("/v1/payments/{id}/process")),
                (Method::POST, format!("/v1/payments/{id}/capture")),
                (Method::POST, format!("/v1/payments/{id}/cancel")),
                (Method::POST, format!("/v1/payments/{id}/refund")),
            ] {
                let reply = api.call(method, &path, "").await;
                assert_eq!(code(&reply), (404, "payment_not_found".to_owned()), "{path}");
            }
        }
        for id in ["ref_1", "pay_01k9dcq4w0e7qs9x3v5m8ffh2a", &format!("ref_{SOME_ID}")] {
            assert_eq!(
                code(&api.get(&format!("/v1/refunds/{id}")).await),
                (404, "refund_not_found".to_owned())
            );
        }
    });
}

#[test]
fn a_known_path_lists_its_methods_when_another_is_used() {
    with_api(unlimited(), |api| async move {
        for (method, path, allow) in [
            (Method::DELETE, "/v1/payments", "GET, POST"),
            (Method::PUT, "/v1/payments/pay_1", "GET, PATCH"),
            (Method::GET, "/v1/payments/pay_1/refund", "POST"),
            (Method::POST, "/v1/payments/pay_1/refunds", "GET"),
            (Method::TRACE, "/v1/refunds", "GET"),
            (Method::DELETE, "/v1/customers/cus_1", "GET, PATCH"),
            (Method::PATCH, "/v1/payment_methods/pm_1", "GET, DELETE"),
            (Method::DELETE, "/v1/transactions/txn_1", "GET, PATCH"),
            (Method::PUT, "/v1/processor_accounts/pacc_1", "GET, PATCH, DELETE"),
            (Method::POST, "/v1/processor_routes", "GET, PUT"),
            (Method::POST, "/healthz", "GET"),
            (Method::OPTIONS, "/docs", "GET"),
        ] {
            let reply = api.call(method, path, "").await;
            assert_eq!(code(&reply), (405, "method_not_allowed".to_owned()), "{path}");
            assert_eq!(reply.header("allow"), Some(allow));
        }
    });
}

#[test]
fn a_body_is_small_json_in_utf8_or_nothing() {
    let body = r#"{"amount":1000,"currency":"USD","payment_method_id":"pm_test_success"}"#;
    let fill = |length: usize| format!(r#"{{"amount":1000,"currency":"USD"{}}}"#, " ".repeat(length - 32));
    with_api(unlimited(), |api| async move {
        let send = async |content_type: &str, body: String| {
            let request = request(Method::POST, "/v1/payments").insert_header(("content-type", content_type));
            let reply = api.send(request.set_payload(body)).await;
            (reply.status, reply.status != 201, reply)
        };
        for good in
            ["application/json", "Application/JSON; charset=utf-8", "application/json;charset=\"UTF-8\""]
        {
            assert_eq!(send(good, body.to_owned()).await.0, 201, "{good}");
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=latin1",
            "json",
            "",
        ] {
            let (_, _, reply) = send(bad, body.to_owned()).await;
            assert_eq!(code(&reply), (415, "content_type_not_supported".to_owned()), "{bad}");
        }
        let zipped = request(Method::POST, "/v1/payments").insert_header(("content-encoding", "gzip"));
        assert_eq!(api.send(zipped.set_payload(body)).await.status, 415);

        let (_, _, reply) = send("application/json", fill(64 * 1024)).await;
        assert_eq!(code(&reply), (400, "parameter_missing".to_owned()), "64 KiB are allowed");
        let (_, _, reply) = send("application/json", fill(64 * 1024 + 1)).await;
        assert_eq!(code(&reply), (413, "body_too_large".to_owned()));
        let (_, _, reply) = send("text/plain", fill(100_000)).await;
        assert_eq!(code(&reply), (413, "body_too_large".to_owned()));

        // No body means {}, whatever the content type says.
        let id = api.pay(500).await;
        let bare =
            TestRequest::post().uri(&format!("/v1/payments/{id}/refund")).insert_header(("x-api-key", KEY));
        let reply = api.send(bare).await;
        assert_eq!((reply.status, &reply.json()["amount"]), (200, &500.into()), "{reply:?}");
    });
}

#[test]
fn a_key_is_asked_for_and_must_be_right() {
    with_api(unlimited(), |api| async move {
        let bearer = |key: &str| ("authorization".to_owned(), format!("Bearer {key}"));
        let plain = |key: &str| ("x-api-key".to_owned(), key.to_owned());
        let cases = [
            (vec![bearer(KEY)], 200),
            (vec![plain(KEY)], 200),
            (vec![bearer(KEY), plain(KEY)], 200),
            (vec![("authorization".to_owned(), format!("bearer {KEY}"))], 200),
            (vec![], 401),
            (vec![bearer("sk_test_wrong")], 401),
            (vec![plain("")], 401),
            (vec![bearer(&KEY.to_uppercase())], 401),
            (vec![bearer(KEY), plain(READER_KEY)], 401),
            (vec![bearer(KEY), plain("sk_test_wrong")], 401),
            (vec![("authorization".to_owned(), format!("Basic {KEY}"))], 401),
            (vec![("authorization".to_owned(), KEY.to_owned())], 401),
        ];
        for (headers, status) in cases {
            let mut request = TestRequest::get().uri("/v1/payments");
            for header in &headers {
                request = request.append_header((header.0.as_str(), header.1.as_str()));
            }
            let reply = api.send(request).await;
            assert_eq!(reply.status, status, "{headers:?}: {reply:?}");
            if status == 401 {
                assert_eq!(reply.error().0, "authentication_error");
                assert!(reply.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
            }
        }
    });
}

#[test]
fn a_call_needs_its_scope_and_is_told_which() {
    with_api(unlimited(), |api| async move {
        let payment = format!("/v1/payments/{}", api.pay(1000).await);
        let cases = [
            (Method::GET, "/v1/payments".to_owned(), "payments:read"),
            (Method::GET, payment.clone(), "payments:read"),
            (Method::GET, format!("{payment}/refunds"), "payments:read"),
            (Method::GET, format!("{payment}/attempts"), "payments:read"),
            (Method::GET, "/v1/refunds".to_owned(), "payments:read"),
            (Method::GET, format!("/v1/refunds/ref_{SOME_ID}"), "payments:read"),
            (Method::POST, "/v1/payments".to_owned(), "payments:write"),
            (Method::PATCH, payment.clone(), "payments:write"),
            (Method::POST, format!("{payment}/process"), "payments:write"),
            (Method::POST, format!("{payment}/capture"), "payments:write"),
            (Method::POST, format!("{payment}/cancel"), "payments:write"),
            (Method::POST, format!("{payment}/refund"), "refunds:write"),
        ];
        for (method, path, scope) in cases {
            let reply = api.send(keyed(CUSTOMERS_KEY, method.clone(), &path)).await;
            assert_eq!(code(&reply), (403, "permission_denied".to_owned()), "{path}");
            assert!(reply.json()["error"]["message"].as_str().unwrap().contains(scope), "{path}: {reply:?}");
            let readable = api.send(keyed(READER_KEY, method, &path)).await.status != 403;
            assert_eq!(readable, scope == "payments:read", "{path}");
        }
    });
}

#[test]
fn the_calls_around_payments_need_their_scopes_too() {
    let cases = [
        (Method::GET, "/v1/customers", "customers:read"),
        (Method::POST, "/v1/customers", "customers:write"),
        (Method::GET, "/v1/customers/cus_1", "customers:read"),
        (Method::PATCH, "/v1/customers/cus_1", "customers:write"),
        (Method::GET, "/v1/customers/cus_1/credits", "customers:read"),
        (Method::POST, "/v1/customers/cus_1/credits", "customers:write"),
        (Method::GET, "/v1/payment_methods", "customers:read"),
        (Method::POST, "/v1/payment_methods", "customers:write"),
        (Method::GET, "/v1/payment_methods/pm_1", "customers:read"),
        (Method::DELETE, "/v1/payment_methods/pm_1", "customers:write"),
        (Method::GET, "/v1/invoices", "invoices:read"),
        (Method::POST, "/v1/invoices", "invoices:write"),
        (Method::GET, "/v1/invoices/inv_1", "invoices:read"),
        (Method::POST, "/v1/invoices/inv_1/void", "invoices:write"),
        (Method::POST, "/v1/payment_requests", "payments:write"),
        (Method::POST, "/v1/payment_requests/preq_1/cancel", "payments:write"),
        (Method::POST, "/v1/payment_requests/preq_1/send", "payments:write"),
        (Method::GET, "/v1/transactions", "transactions:read"),
        (Method::GET, "/v1/transactions/txn_1", "transactions:read"),
        (Method::PATCH, "/v1/transactions/txn_1", "transactions:write"),
        (Method::GET, "/v1/transactions/txn_1/amendments", "transactions:read"),
        (Method::GET, "/v1/balances", "transactions:read"),
    ];
    with_api(unlimited(), |api| async move {
        for (method, path, scope) in cases {
            let reply = api.send(keyed(READER_KEY, method.clone(), path)).await;
            assert_eq!(code(&reply), (403, "permission_denied".to_owned()), "{path}");
            assert!(reply.json()["error"]["message"].as_str().unwrap().contains(scope), "{path}: {reply:?}");
            let readable = api.send(keyed(CUSTOMERS_KEY, method, path)).await.status != 403;
            assert_eq!(readable, scope == "customers:read", "{path}");
        }
    });
}

#[test]
fn neither_another_tenant_nor_the_other_mode_sees_what_is_around_payments() {
    with_api(unlimited(), |api| async move {
        let id = |reply: Reply| reply.json()["id"].as_str().unwrap().to_owned();
        let customer = id(api.post("/v1/customers", r#"{"external_id":"c-1"}"#).await);
        let method = id(api.post("/v1/payment_methods", r#"{"token":"pm_1","type":"CARD"}"#).await);
        let due = r#"{"currency":"USD","amount_due":5,"number":"mine"}"#;
        let invoice = id(api.post("/v1/invoices", due).await);
        let grant = r#"{"currency":"USD","amount":5}"#;
        let transaction = id(api.post(&format!("/v1/customers/{customer}/credits"), grant).await);
        let cases = [
            (Method::GET, format!("/v1/customers/{customer}"), "{}", "customer_not_found"),
            (Method::PATCH, format!("/v1/customers/{customer}"), r#"{"name":"x"}"#, "customer_not_found"),
            (Method::GET, format!("/v1/customers/{customer}/credits"), "{}", "customer_not_found"),
            (Method::POST, format!("/v1/customers/{customer}/credits"), grant, "customer_not_found"),
            (Method::GET, format!("/v1/payment_methods/{method}"), "{}", "payment_method_not_found"),
            (Method::DELETE, format!("/v1/payment_methods/{method}"), "{}", "payment_method_not_found"),
            (Method::GET, format!("/v1/invoices/{invoice}"), "{}", "invoice_not_found"),
            (Method::POST, format!("/v1/invoices/{invoice}/void"), "{}", "invoice_not_found"),
            (Method::GET, format!("/v1/transactions/{transaction}"), "{}", "transaction_not_found"),
            (Method::PATCH, format!("/v1/transactions/{transaction}"), "{}", "transaction_not_found"),
            (
                Method::GET,
                format!("/v1/transactions/{transaction}/amendments"),
                "{}",
                "transaction_not_found",
            ),
        ];
        for key in [FOREIGN_KEY, LIVE_KEY] {
            for (method, path, body, missing) in &cases {
                let request = keyed(key, method.clone(), path);
                let request = if method == Method::GET { request } else { request.set_payload(*body) };
                let reply = api.send(request).await;
                assert_eq!(code(&reply), (404, (*missing).to_owned()), "{path}");
            }
            for list in ["customers", "payment_methods", "invoices", "transactions"] {
                let page = api.send(keyed(key, Method::GET, &format!("/v1/{list}"))).await.json();
                assert_eq!(page["total_count"], 0, "{list}");
            }
            let balances = api.send(keyed(key, Method::GET, "/v1/balances")).await.json();
            assert_eq!(balances["data"].as_array().unwrap().len(), 0);
            // Names and numbers are taken in one tenant and mode only.
            let named = keyed(key, Method::POST, "/v1/customers").set_payload(r#"{"external_id":"c-1"}"#);
            assert_eq!(api.send(named).await.status, 201);
            let numbered = keyed(key, Method::POST, "/v1/invoices").set_payload(due);
            assert_eq!(api.send(numbered).await.status, 201);
            let owing = format!(r#"{{"currency":"USD","amount_due":5,"customer_id":"{customer}"}}"#);
            let owing = api.send(keyed(key, Method::POST, "/v1/invoices").set_payload(owing)).await;
            assert_eq!(code(&owing), (404, "customer_not_found".to_owned()));
        }
    });
}

#[test]
fn neither_another_tenant_nor_the_other_mode_sees_a_payment() {
    with_api(unlimited(), |api| async move {
        let id = api.pay(1000).await;
        for key in [FOREIGN_KEY, LIVE_KEY] {
            for (method, path) in [
                (Method::GET, format!("/v1/payments/{id}")),
                (Method::GET, format!("/v1/payments/{id}/refunds")),
                (Method::POST, format!("/v1/payments/{id}/refund")),
                (Method::POST, format!("/v1/payments/{id}/cancel")),
            ] {
                let reply = api.send(keyed(key, method, &path)).await;
                assert_eq!(code(&reply), (404, "payment_not_found".to_owned()), "{path}");
            }
            assert_eq!(api.send(keyed(key, Method::GET, "/v1/payments")).await.json()["total_count"], 0);
        }
    });
}

#[test]
fn every_answer_has_an_id_of_its_own_and_is_not_cached() {
    with_api(unlimited(), |api| async move {
        let mut ids = std::collections::BTreeSet::new();
        for path in [
            "/v1/payments",
            "/v1/payments/pay_1",
            "/nowhere",
            "/healthz",
            "/readyz",
            "/docs",
            "/openapi.json",
        ] {
            let reply = api.get(path).await;
            let id = reply.header("x-request-id").unwrap_or_else(|| panic!("no id: {reply:?}")).to_owned();
            assert!(id.starts_with("req_"));
            assert!(ids.insert(id), "an id is given twice");
            assert_eq!(reply.header("cache-control"), Some("no-store"));
        }
    });
}

#[test]
fn the_system_pages_need_no_key() {
    with_api(unlimited(), |api| async move {
        let get = async |path: &str| api.send(TestRequest::get().uri(path)).await;
        assert_eq!(get("/healthz").await.json()["status"], "ok");
        let ready = get("/readyz").await;
        assert_eq!((ready.status, &ready.json()["status"]), (200, &"ready".into()), "{ready:?}");
        assert_eq!(get("/metrics").await.body, "# metrics\n");
        assert_eq!(get("/openapi.json").await.json()["openapi"], "3.1.0");

        let docs = get("/docs").await;
        assert_eq!(docs.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(docs.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        // Addresses in examples lead nowhere.
        let page = docs.body.replace("https://example.com", "");
        for elsewhere in ["http://", "https://", "<script", "src="] {
            assert!(!page.contains(elsewhere), "the page loads something from elsewhere: {elsewhere}");
        }
        for path in ["/v1/payments/{id}/refund", "/v1/refunds/{id}", "insufficient_credits", "CreatePayment"]
        {
            assert!(docs.body.contains(path), "{path} is not on the page");
        }
        assert_eq!(get("/docs/style.css").await.header("content-type"), Some("text/css; charset=utf-8"));
    });
}
