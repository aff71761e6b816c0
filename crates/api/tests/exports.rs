//! Exports over HTTP: the same objects as in lists, in either format, for those who may read them.

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{Method, Version};
use actix_web::{App, HttpServer};
use common::{
    Api, CUSTOMERS_KEY, FOREIGN_KEY, KEY, LIVE_KEY, READER_KEY, Reply, TestDatabase, request, run,
    start_engine, unlimited, with_api,
};
use diesel::connection::SimpleConnection;
use florin_api::{ApiState, configure};
use florin_processors::SandboxSettings;
use serde_json::{Value, json};

/// Some of everything, in words that are hard on a format.
async fn fill(api: &Api) {
    for text in
        ["plain", "a, b", "say \"hi\"", "two\r\nlines\n", "=1+1", "'tis", "Zoë 日本 🎉", " blank ", ";\t|\\"]
    {
        let body = json!({
            "amount": 1000, "currency": "KWD", "payment_method_id": "pm_test_success", "description": text,
            "metadata": {"key, \"1\"": text, "=a": "b\nc"},
        });
        let payment = api.post("/v1/payments", &body.to_string()).await;
        assert_eq!(payment.status, 201, "{payment:?}");
        let refund = format!("/v1/payments/{}/refund", payment.json()["id"].as_str().unwrap());
        let body = json!({"amount": 10, "reason": text, "metadata": {"why": text}});
        assert_eq!(api.post(&refund, &body.to_string()).await.status, 200);
    }
    let customer = api.post("/v1/customers", "{}").await.json();
    let credits = format!("/v1/customers/{}/credits", customer["id"].as_str().unwrap());
    for text in ["@home", "one\n\"two\""] {
        let granted = api.post(&credits, r#"{"amount":500,"currency":"USD"}"#).await.json();
        let transaction = format!("/v1/transactions/{}", granted["id"].as_str().unwrap());
        let body = json!({"notes": text, "metadata": {"a": text}, "reference_id": "-1"});
        assert_eq!(api.call(Method::PATCH, &transaction, &body.to_string()).await.status, 200);
    }
    api.post("/v1/payments", r#"{"amount":1,"currency":"USD","payment_method_id":"pm_test_decline"}"#).await;
    api.post(
        "/v1/payments",
        r#"{"amount":1,"currency":"USD","payment_method_id":"pm_test_requires_action"}"#,
    )
    .await;
}

/// The whole list, oldest first.
async fn listed(api: &Api, kind: &str) -> Vec<Value> {
    let mut page = api.get(&format!("/v1/{kind}?limit=100")).await.json();
    assert_eq!(page["has_more"], false);
    let mut all = std::mem::take(page["data"].as_array_mut().unwrap());
    all.reverse();
    all
}

fn lines(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a cell says of a value.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn json_lines_are_the_objects_of_the_lists() {
    with_api(unlimited(), |api| async move {
        fill(&api).await;
        for kind in ["payments", "refunds", "transactions"] {
            for path in [format!("/v1/exports/{kind}"), format!("/v1/exports/{kind}?format=jsonl")] {
                let reply = api.get(&path).await;
                assert_eq!(lines(&reply), listed(&api, kind).await, "{path}");
                assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
                let name = format!("attachment; filename=\"{kind}.jsonl\"");
                assert_eq!(reply.header("content-disposition"), Some(name.as_str()));
                assert!(reply.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
            }
        }
    });
}

#[test]
fn csv_has_the_same_values_whatever_is_in_them() {
    with_api(unlimited(), |api| async move {
        fill(&api).await;
        for kind in ["payments", "refunds", "transactions"] {
            let reply = api.get(&format!("/v1/exports/{kind}?format=csv")).await;
            assert_eq!(reply.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
            assert!(reply.body.ends_with("\r\n"));
            let mut reader = csv::Reader::from_reader(reply.body.as_bytes());
            let rows: Vec<BTreeMap<String, String>> =
                reader.deserialize().collect::<Result<_, _>>().expect("well-formed CSV");
            let objects = listed(&api, kind).await;
            assert_eq!(rows.len(), objects.len(), "{kind}");
            for (row, object) in rows.iter().zip(&objects) {
                for (key, cell_text) in row {
                    let value = &object[key];
                    // The apostrophe before a formula, and before an apostrophe, is not part of the text.
                    let text = match value {
                        Value::String(_) => cell_text.strip_prefix('\'').unwrap_or(cell_text),
                        _ => cell_text,
                    };
                    if value.is_object() {
                        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), value, "{key}");
                    } else {
                        assert_eq!(text, cell(value), "{key}");
                    }
                    assert!(!cell_text.starts_with(['=', '+', '-', '@']), "{cell_text} is a formula");
                }
                let without: Vec<&String> =
                    object.as_object().unwrap().keys().filter(|key| !row.contains_key(*key)).collect();
                assert!(
                    without.iter().all(|key| ["attempts", "postings"].contains(&key.as_str())),
                    "{without:?}"
                );
            }
        }
    });
}

#[test]
fn an_export_is_confined_to_a_span_of_time_that_excludes_its_ends() {
    with_api(unlimited(), |api| async move {
        for amount in [1, 2, 3] {
            api.pay(amount).await;
        }
        let all = listed(&api, "payments").await;
        let at = |index: usize| all[index]["created_at"].as_str().unwrap();
        for (query, expected) in [
            (format!("created_after={}", at(0)), &all[1..]),
            (format!("created_before={}", at(2)), &all[..2]),
            (format!("created_after={}&created_before={}", at(0), at(2)), &all[1..2]),
            (format!("created_after={}", at(2)), &[][..]),
            ("created_after=2020-01-01T00:00:00%2B02:00".to_owned(), &all[..]),
        ] {
            // Payments of the same millisecond are all on the same side.
            let expected: Vec<&Value> = expected
                .iter()
                .filter(|payment| {
                    let time = &payment["created_at"];
                    let excluded = |index: usize, word: &str| {
                        query.contains(word) && query.contains(at(index)) && *time == *at(index)
                    };
                    !(excluded(0, "created_after")
                        || excluded(2, "created_after")
                        || excluded(2, "created_before"))
                })
                .collect();
            let reply = api.get(&format!("/v1/exports/payments?{query}")).await;
            assert_eq!(lines(&reply).iter().collect::<Vec<_>>(), expected, "{query}");
        }
    });
}

#[test]
fn nobody_exports_what_they_may_not_read() {
    with_api(unlimited(), |api| async move {
        fill(&api).await;
        let export = |key: &'static str, kind: &str| {
            let path = format!("/v1/exports/{kind}?format=csv");
            api.send(request(Method::GET, &path).insert_header(("authorization", format!("Bearer {key}"))))
        };
        for key in [FOREIGN_KEY, LIVE_KEY] {
            for kind in ["payments", "refunds", "transactions"] {
                let reply = export(key, kind).await;
                assert_eq!((reply.status, reply.body.lines().count()), (200, 1), "a header: {}", reply.body);
            }
        }
        for (key, kind, status) in [
            (READER_KEY, "payments", 200),
            (READER_KEY, "refunds", 200),
            (READER_KEY, "transactions", 403),
            (CUSTOMERS_KEY, "payments", 403),
            (CUSTOMERS_KEY, "refunds", 403),
            (CUSTOMERS_KEY, "transactions", 403),
            ("sk_test_nobody", "payments", 401),
        ] {
            assert_eq!(export(key, kind).await.status, status, "{key} {kind}");
        }
    });
}

#[test]
fn what_is_asked_for_wrongly_is_refused_before_anything_is_sent() {
    with_api(unlimited(), |api| async move {
        for (query, code, param) in [
            ("format=xml", "parameter_invalid", Some("format")),
            ("format=", "parameter_invalid", Some("format")),
            ("format=csv&format=csv", "parameter_invalid", Some("format")),
            ("limit=10", "parameter_unknown", Some("limit")),
            ("created_after=yesterday", "parameter_invalid", Some("created_after")),
            ("created_before=2026-13-01T00:00:00Z", "parameter_invalid", Some("created_before")),
        ] {
            let reply = api.get(&format!("/v1/exports/payments?{query}")).await;
            let expected = (code.to_owned(), param.map(str::to_owned));
            assert_eq!((reply.status, reply.error()), (400, expected), "{query}");
        }
        let old = request(Method::GET, "/v1/exports/payments").version(Version::HTTP_10);
        let reply = api.send(old).await;
        assert_eq!((reply.status, reply.error().0.as_str()), (400, "request_malformed"));
        assert_eq!(api.get("/v1/exports/customers").await.status, 404);
        assert_eq!(api.post("/v1/exports/payments", "{}").await.status, 405);
    });
}

#[test]
fn a_client_can_tell_an_interrupted_export_from_a_whole_one() {
    for database in TestDatabase::all() {
        interrupt_an_export(&database);
    }
}

fn interrupt_an_export(database: &TestDatabase) {
    let engine = start_engine(database, SandboxSettings::default());
    run(&engine.clone(), unlimited(), |api| async move {
        for number in 0..520 {
            let body = json!({
                "amount": 1, "currency": "USD", "process_payment": false, "description": format!("{number}"),
                "metadata": {"a": "x".repeat(500)},
            });
            assert_eq!(api.post("/v1/payments", &body.to_string()).await.status, 201);
        }
        let state = ApiState::new(engine, unlimited(), Arc::new(String::new));
        let server = HttpServer::new(move || {
            let state = state.clone();
            App::new().configure(move |config| configure(config, state))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a free port");
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        let running = actix_web::rt::spawn(server);
        let whole = tokio::task::spawn_blocking(move || download(address)).await.expect("an answer");
        let last = "(SELECT id FROM payments ORDER BY id DESC LIMIT 1)";
        let spoil = format!("UPDATE payments SET metadata = 'oops' WHERE id = {last}");
        database.url.connect().expect("a connection").batch_execute(&spoil).expect("the statement");
        let part = tokio::task::spawn_blocking(move || download(address)).await.expect("an answer");
        for answer in [&whole, &part] {
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{}", &answer[..200.min(answer.len())]);
            assert!(answer.contains("transfer-encoding: chunked\r\n"));
        }
        assert!(whole.ends_with("\r\n0\r\n\r\n"));
        assert_eq!(whole.matches("\"id\":\"pay_").count(), 520);
        assert!(!part.ends_with("0\r\n\r\n"));
        assert!((1..520).contains(&part.matches("\"id\":\"pay_").count()));
        handle.stop(false).await;
        running.await.expect("the server's task").expect("the server");
    });
}

/// Sends a request, and reads until the server closes the connection.
fn download(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
    let head = format!(
        "GET /v1/exports/payments HTTP/1.1\r\nhost: florin\r\nx-api-key: {KEY}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("a write");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
