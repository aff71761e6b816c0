//! The real server, from its banner to its end.

use std::io::{BufRead, Read, Write};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use florin_storage::DatabaseUrl;

use crate::support::{Server, folder, receive, run, send, stdout, wait_for_close};

const KEY: &str = "sk_test_1234567890abcdefghijklmnop";
const BODY: &str = r#"{"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success"}"#;

#[test]
fn the_curl_line_of_the_banner_makes_a_payment_that_outlives_the_server() {
    let folder = folder();
    let mut server = Server::dev(folder.path(), &[]);
    let mut banner = String::new();
    while !banner.contains("Ctrl-C") {
        assert!(server.banner.read_line(&mut banner).unwrap() > 0, "{banner}");
    }
    let between = |start: &str, end: &str| {
        let (_, rest) = banner.split_once(start).unwrap_or_else(|| panic!("no {start:?} in {banner}"));
        rest.split_once(end).unwrap().0.to_owned()
    };
    assert_eq!(between("curl http://", "/v1/payments \\"), server.address);
    let key = between("Authorization: Bearer ", "'");
    let body = between("-d '", "'");
    let made = server.call(&key, "POST /v1/payments", &body);
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!(made.json["status"], "succeeded");
    assert!(server.end().success());

    let server = Server::dev(folder.path(), &[]);
    let found = server.call(&key, &format!("GET /v1/payments/{}", made.json["id"].as_str().unwrap()), "");
    assert_eq!((found.status, found.json), (200, made.json));
    assert!(server.end().success());
}

#[test]
fn a_request_under_way_is_answered_before_the_end_and_idle_connections_do_not_delay_it() {
    let folder = folder();
    let mut server = Server::dev(folder.path(), &[("FLORIN_SANDBOX_LATENCY_MS", "700")]);
    let mut idle = server.connect();
    send(&mut idle, KEY, "GET /healthz", "");
    assert_eq!(receive(&mut idle).status, 200);
    let mut slow = server.connect();
    send(&mut slow, KEY, "POST /v1/payments", BODY);
    // The payment is under way once it can be seen.
    while server.call(KEY, "GET /v1/payments", "").json["total_count"] != 1 {
        std::thread::yield_now();
    }
    server.signal("TERM");
    let answer = receive(&mut slow);
    assert_eq!((answer.status, &answer.json["status"]), (201, &"succeeded".into()));
    assert!(wait_for_close(&mut idle) < Duration::from_secs(5));
    assert!(server.wait().success());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = folder();
    let mut server = Server::dev(folder.path(), &[("FLORIN_SANDBOX_LATENCY_MS", "20000")]);
    let mut slow = server.connect();
    send(&mut slow, KEY, "POST /v1/payments", BODY);
    while server.call(KEY, "GET /v1/payments", "").json["total_count"] != 1 {
        std::thread::yield_now();
    }
    server.signal("INT");
    server.wait_for_log("SIGINT: finishing");
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(130));
}

#[test]
fn a_late_head_ends_its_connection_be_it_the_first_or_a_later_one() {
    let folder = folder();
    let server = Server::dev(folder.path(), &[("FLORIN_HEAD_TIMEOUT_SECONDS", "1")]);
    let mut first = server.connect();
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: flo").unwrap();
    let mut later = server.connect();
    for _ in 0..2 {
        send(&mut later, KEY, "GET /healthz", "");
        assert_eq!(receive(&mut later).status, 200);
    }
    later.write_all(b"GET /healthz HTTP/1.1\r\nhost: flo").unwrap();
    let late = receive(&mut first);
    assert_eq!((late.status, &late.json["error"]["code"]), (408, &"request_timeout".into()));
    for stream in [&mut first, &mut later] {
        assert!(wait_for_close(stream) < Duration::from_secs(10));
    }
    assert!(server.end().success());
}

#[test]
fn a_head_that_cannot_be_read_is_refused_in_the_form_of_every_error() {
    let folder = folder();
    let server = Server::dev(folder.path(), &[]);
    let well = "GET /healthz HTTP/1.1\r\nhost: florin\r\n\r\n";
    let many_headers = format!("GET / HTTP/1.1\r\nhost: florin\r\n{}\r\n", "a: b\r\n".repeat(100));
    let large = format!("GET / HTTP/1.1\r\nhost: florin\r\na: {}", "b".repeat(128 * 1024 - 33));
    for (sent, status, code) in [
        ("GET / HTTP/9.9\r\n\r\n", 400, "request_malformed"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "request_malformed"),
        ("GET / HTTP/1.1\r\nhost florin\r\n\r\n", 400, "request_malformed"),
        (&format!("{well}{well}nonsense\r\n\r\n"), 400, "request_malformed"),
        (&many_headers, 431, "head_too_large"),
        (&large, 431, "head_too_large"),
    ] {
        let mut stream = server.connect();
        stream.write_all(sent.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert_eq!(said.matches("HTTP/1.1 200 OK").count(), sent.matches("healthz").count(), "{said}");
        let (_, last) = said.rsplit_once("HTTP/1.1 ").unwrap();
        let (head, body) = last.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("{status} ")), "{said}");
        assert!(head.contains("content-type: application/json"), "{said}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{said}");
        let error = &serde_json::from_str::<serde_json::Value>(body).unwrap()["error"];
        assert_eq!(error["code"], code, "{said}");
        assert!(head.contains(&format!("x-request-id: {}", error["request_id"].as_str().unwrap())), "{said}");
    }
    assert!(server.end().success());
}

#[test]
fn an_idle_connection_ends_in_time() {
    let folder = folder();
    let server = Server::dev(folder.path(), &[("FLORIN_KEEP_ALIVE_SECONDS", "1")]);
    let mut stream = server.connect();
    send(&mut stream, KEY, "GET /healthz", "");
    assert_eq!(receive(&mut stream).status, 200);
    assert!(wait_for_close(&mut stream) < Duration::from_secs(10));
    assert!(server.end().success());
}

#[test]
fn a_slow_answer_is_no_late_head() {
    let folder = folder();
    let settings = [("FLORIN_HEAD_TIMEOUT_SECONDS", "1"), ("FLORIN_SANDBOX_LATENCY_MS", "2500")];
    let server = Server::dev(folder.path(), &settings);
    let mut stream = server.connect();
    for _ in 0..2 {
        send(&mut stream, KEY, "POST /v1/payments", BODY);
        assert_eq!(receive(&mut stream).status, 201);
    }
    assert!(server.end().success());
}

#[test]
fn the_log_of_a_server_in_production_is_json() {
    let folder = folder();
    let settings = [("FLORIN_LOG_FORMAT", "json")];
    let mut server = Server::dev(folder.path(), &settings);
    server.wait_for_log(r#""message":"listening on http://127.0.0.1:"#);
    assert!(server.end().success());
}

/// On PostgreSQL, when the environment names one.
#[test]
fn several_servers_share_one_postgres() {
    let Ok(server_url) = std::env::var("FLORIN_TEST_POSTGRES_URL") else { return };
    let run_sql = |sql: String| {
        let url: DatabaseUrl = server_url.parse().unwrap();
        url.connect().unwrap().batch_execute(&sql).unwrap();
    };
    let name = format!("florin_binary_{}", std::process::id());
    run_sql(format!("CREATE DATABASE {name}"));
    let url = format!("{}/{name}", server_url.rsplit_once('/').unwrap().0);
    let folder = folder();
    let settings = [("FLORIN_DATABASE_URL", url.as_str())];
    let one = Server::dev(folder.path(), &settings);
    let other = Server::dev(folder.path(), &settings);
    let made = one.call(KEY, "POST /v1/payments", BODY);
    assert_eq!(made.status, 201, "{}", made.json);
    let refund = format!("POST /v1/payments/{}/refund", made.json["id"].as_str().unwrap());
    assert_eq!(other.call(KEY, &refund, "{}").json["amount"], 1000);
    assert_eq!(one.call(KEY, &refund, "{}").status, 409, "it is refunded");
    assert!(one.end().success() && other.end().success());
    let verified = run(folder.path(), &["verify"], &settings);
    assert!(verified.status.success(), "{}", stdout(&verified));
    run_sql(format!("DROP DATABASE {name} WITH (FORCE)"));
}
