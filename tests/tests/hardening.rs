//! What every answer has, what none tells, what is refused first, and what no log line has in it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use florin_processors::sandbox::Books;
use florin_tests::{Client, DOCUMENTED_KEY, Database, Kind, Reply, Server, wait_until};
use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

fn payment() -> Value {
    json!({ "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success" })
}

/// Sends bytes as they are, and reads until the server closes the connection or has said nothing for so long.
fn send_raw(server: &Server, bytes: &[u8], patience: Duration) -> String {
    let address = server.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(patience)).expect("a time-out");
    stream.write_all(bytes).expect("a write");
    let mut said = Vec::new();
    let _silence = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn every_answer_tells_browsers_what_not_to_do_with_it() {
    let database = Database::sqlite();
    let server = database.launch().start();
    let key = format!("connection: close\r\nx-api-key: {DOCUMENTED_KEY}\r\n");
    let large = format!("POST /v1/payments HTTP/1.1\r\nhost: a\r\n{key}content-length: 99999999\r\n\r\n");
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n{key}\r\n");
    let many_headers = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "a: b\r\n".repeat(100));
    for (request, status) in [
        (get("/healthz"), 200),
        (get("/readyz"), 200),
        (get("/metrics"), 200),
        (get("/docs"), 200),
        (get("/docs/style.css"), 200),
        (get("/openapi.json"), 200),
        (get("/v1/payments"), 200),
        (get("/v1/exports/payments"), 200),
        (get("/v1/payments/pay_1"), 404),
        (get("/nowhere"), 404),
        (get("/flexprice/v1/payments/pay_1"), 404),
        (get("/v1/payments/pay_1/refund"), 405),
        ("GET /v1/payments HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(), 401),
        (large, 413),
        (many_headers, 431),
        ("nonsense\r\n\r\n".to_owned(), 400),
    ] {
        let answer = send_raw(&server, request.as_bytes(), Duration::from_secs(20));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{answer}");
        let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
        for header in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert_eq!(head.matches(header).count(), 1, "{header} of {request}{head}");
        }
        assert!(!head.contains("strict-transport-security"), "only TLS may promise TLS: {head}");
        assert!(!head.to_lowercase().contains("server:"), "{head}");
    }
}

/// Every call of the document, with an id where one is needed, and an empty body.
fn every_call(document: &Value) -> Vec<(Method, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let calls = paths.iter().flat_map(|(path, methods)| {
        let path = path.replace("{id}", "pay_01jgfjjz00e008000000000001").replace("{account}", "sandbox");
        let methods = methods.as_object().expect("methods").keys();
        methods
            .filter_map(|method| Method::from_bytes(method.to_uppercase().as_bytes()).ok())
            .map(move |method| (method, path.clone()))
            .collect::<Vec<_>>()
    });
    calls.collect()
}

#[rstest]
#[tokio::test]
async fn an_answer_tells_nothing_of_what_is_inside(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = database.client(&server);
    let document = client.get("/openapi.json").await.expect_status(200).body;
    let id = client.pay(1000).await;
    for table in
        ["payments", "refunds", "customers", "invoices", "transactions", "idempotency_keys", "events"]
    {
        database.execute(&format!("ALTER TABLE {table} RENAME TO {table}_elsewhere"));
    }
    let mut failures = 0;
    let calls = every_call(&document);
    assert!(calls.len() > 30, "{calls:?}");
    for (method, path) in calls.into_iter().chain([(Method::GET, format!("/v1/payments/{id}"))]) {
        let body = match (&method, path.as_str()) {
            (&Method::POST, "/v1/payments") => Some(payment()),
            (&Method::GET | &Method::DELETE, _) => None,
            _ => Some(json!({})),
        };
        let reply = client.send(method.clone(), &path, body.as_ref(), None).await.expect("an answer");
        if reply.status < 500 {
            continue;
        }
        failures += 1;
        assert_is_silent(&reply, &format!("{method} {path}"));
    }
    assert!(failures > 5, "only {failures} calls failed");
    assert!(server.log().contains("elsewhere") || server.log().contains("payments"), "the log tells why");
}

fn assert_is_silent(reply: &Reply, call: &str) {
    let text = reply.text.to_lowercase();
    for word in [
        "sqlite", "postgres", "diesel", "select ", "insert ", "relation", "no such", "table", "column",
        "panicked",
    ] {
        assert!(!text.contains(word), "{word} in the answer to {call}: {}", reply.text);
    }
    for part in [".rs", "/tmp", "src/", "crates", "127.0.0.1"] {
        assert!(!text.contains(part), "{part} in the answer to {call}: {}", reply.text);
    }
    assert!(
        reply.text.contains("req_"),
        "whoever looks after the server needs the request's id: {}",
        reply.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_exports_are_refused_before_payments_are() {
    let database = Database::sqlite();
    let server = database.launch().setting("REQUEST_LIMIT", 8).setting("SANDBOX_LATENCY_MS", 3000).start();
    let client = database.client(&server);
    let pay = |client: &Client| {
        let client = client.clone();
        tokio::spawn(async move { client.post("/v1/payments", &payment()).await })
    };
    let begun = || Books::read(&database.books()).map_or(0, Iterator::count);
    let id = client.get("/v1/payments").await.expect_status(200).body["total_count"].clone();
    assert_eq!(id, 0);
    let first: Vec<_> = (0..5).map(|_| pay(&client)).collect();
    wait_until("five to be under way", 30, || begun() == 5).await;
    for path in ["/v1/payments", "/v1/transactions", "/v1/exports/payments", "/flexprice/v1/payments"] {
        let refused = client.get(path).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{path}: {}", refused.text);
    }
    client.get("/v1/payments").await.expect_error(503, "overloaded");
    client.get("/v1/payments/pay_01jgfjjz00e008000000000001").await.expect_error(404, "payment_not_found");
    client.get("/readyz").await.expect_status(200);
    let second: Vec<_> = (0..3).map(|_| pay(&client)).collect();
    wait_until("eight to be under way", 30, || begun() == 8).await;
    client.post("/v1/payments", &payment()).await.expect_error(503, "overloaded");
    for reply in join_all(first.into_iter().chain(second)).await {
        reply.expect("no panic").expect_status(201);
    }
    let listed = client.get("/v1/payments").await.expect_status(200).body;
    assert_eq!(listed["total_count"], 8, "what was refused did nothing");
    let metrics = client.get("/metrics").await.text;
    assert!(metrics.contains("florin_requests_shed_total{kind=\"list\"} 5\n"), "{metrics}");
    assert!(metrics.contains("florin_requests_shed_total{kind=\"any\"} 1\n"), "{metrics}");
    database.check_all_rules();
}

/// Secrets as somebody might send them to a wrong place.
const SECRETS: [&str; 8] = [
    "sk_live_01jgfjjz00e0080000000000019Kq3XbTz7VwLm2Pd",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "at_9Kq3XbTz7VwLm2PdRf6YhJn4",
    "rt_7VwLm2PdRf6YhJn49Kq3XbTz",
    "4242424242424242",
    "5555-5555-5555-4444",
    "3782 822463 10005",
    "４２４２４２４２４２４２４２４２",
];

/// The same as it stands in a path or in a query.
fn encoded(secret: &str) -> String {
    secret.replace(' ', "%20").chars().filter(char::is_ascii).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_gets_into_the_log(#[values("json", "text")] format: &str) {
    let database = Database::sqlite();
    let launch = database.launch().setting("LOG", "trace").setting("LOG_FORMAT", format);
    let mut server = launch.start();
    let client = database.client(&server);
    for secret in SECRETS {
        let word = encoded(secret);
        for request in [
            format!("GET /v1/payments/{word} HTTP/1.1\r\nhost: a\r\nx-api-key: {DOCUMENTED_KEY}\r\n\r\n"),
            format!("GET /{word}?{word}={word} HTTP/1.1\r\nhost: a\r\n\r\n"),
            format!("GET /v1/payments HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {word}\r\n\r\n"),
            format!(
                "GET /v1/payments HTTP/1.1\r\nhost: a\r\nx-api-key: {word}\r\nuser-agent: {secret}\r\n\r\n"
            ),
            format!("{word} / HTTP/1.1\r\nhost: {word}\r\ncookie: {secret}\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nhost: a\r\n{word}\r\n\r\n"),
            format!(
                "POST /v1/payments HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{secret}\r\n"
            ),
        ] {
            drop(send_raw(&server, request.as_bytes(), Duration::from_millis(20)));
        }
        let bodies = [
            json!({ "amount": 1, "currency": "USD", "payment_method_id": secret }),
            json!({ "amount": secret, secret: secret, "description": secret, "metadata": { secret: secret } }),
        ];
        for body in &bodies {
            drop(client.post("/v1/payments", body).await);
            let _ascii_only = client.post_once("/v1/payments", body, &word).await;
        }
    }
    // What a library says in an error is logged as it is, and may repeat what it was given.
    let repeated = SECRETS.map(|secret| format!("<{secret}>")).concat();
    let trigger = "CREATE TRIGGER repeats BEFORE INSERT ON payments BEGIN SELECT RAISE(ABORT, '";
    database.execute(&format!("{trigger}{repeated}'); END"));
    let failed = client.post("/v1/payments", &payment()).await;
    assert!(failed.status >= 500 && !failed.text.contains("Mfk"), "{}", failed.text);
    server.terminate();
    let _ended = server.ended(60).await;
    let log = server.log();
    assert!(log.lines().count() > 100, "{log}");
    for secret in SECRETS.iter().copied().chain([DOCUMENTED_KEY]) {
        for form in [secret.to_owned(), encoded(secret)].iter().filter(|form| !form.is_empty()) {
            let found = log.lines().find(|line| line.contains(form.as_str()));
            assert!(found.is_none(), "{form} in {found:?}");
        }
    }
    assert!(
        log.contains("sk_live_[redacted]><whsec_[redacted]><at_[redacted]><rt_[redacted]><[redacted]>"),
        "{log}"
    );
}

#[test]
fn a_command_that_fails_tells_no_password() {
    let database = Database::sqlite();
    let url = "postgres://florin:geheim@127.0.0.1:1/florin?password=geheim";
    let failed = database.florin(&["verify", "--database-url", url]);
    assert_eq!(failed.code, Some(2), "{failed:?}");
    assert!(!format!("{failed:?}").contains("geheim"), "{failed:?}");
    for name in ["FLORIN_REDIS_URL", "FLORIN_CREDENTIALS_KEY"] {
        let failed = database.florin_with(&["verify"], &[(name, "http://florin:geheim@db")]);
        assert!(failed.code == Some(2) && !format!("{failed:?}").contains("geheim"), "{failed:?}");
    }
}
