//! What takes too long is not waited for: a body over a real connection, and a processor.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::{App, HttpServer};
use common::{KEY, TestDatabase, request, run, start_engine, unlimited};
use florin_api::{ApiSettings, ApiState, configure};
use florin_processors::SandboxSettings;

#[test]
fn a_slow_body_is_answered_408_and_the_connection_closed() {
    for database in TestDatabase::all() {
        answer_a_slow_body(&database);
    }
}

fn answer_a_slow_body(database: &TestDatabase) {
    let engine = start_engine(database, SandboxSettings::default());
    let settings = ApiSettings { body_deadline: Duration::from_millis(100), ..unlimited() };
    let state = ApiState::new(engine.clone(), settings, Arc::new(String::new));
    actix_web::rt::System::new().block_on(async {
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
        let answer = tokio::task::spawn_blocking(move || send_half(address)).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains(r#""code":"request_timeout""#), "{answer}");
        handle.stop(false).await;
        running.await.expect("the server's task").expect("the server");
        engine.drain().await;
    });
}

/// Sends the head of a request and the beginning of its body, and reads until the server closes the connection.
fn send_half(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nhost: florin\r\nx-api-key: {KEY}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{\"amount\":"
    );
    stream.write_all(head.as_bytes()).expect("a write");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_charge_that_takes_too_long_is_of_unknown_outcome_and_goes_on_without_its_caller() {
    let latency = Duration::from_millis(500);
    let settings = ApiSettings { body_deadline: latency / 10, request_deadline: latency / 10, ..unlimited() };
    let body = r#"{"amount":1000,"currency":"USD","payment_method_id":"pm_test_success"}"#;
    for database in TestDatabase::all() {
        let engine = start_engine(&database, SandboxSettings { latency, ..SandboxSettings::default() });
        run(&engine, settings.clone(), |api| async move {
            let post = || request(Method::POST, "/v1/payments").insert_header(("idempotency-key", "order-1"));
            let late = api.send(post().set_payload(body)).await;
            assert_eq!((late.status, late.error()), (503, ("outcome_unknown".to_owned(), None)), "{late:?}");
            assert_eq!(late.header("retry-after"), Some("1"));

            // The charge goes on, so the same key is in use, and then has the charge's answer.
            let mut again = api.send(post().set_payload(body)).await;
            while again.status != 201 {
                let code = again.error().0;
                assert!(["idempotency_key_in_use", "outcome_unknown"].contains(&code.as_str()), "{again:?}");
                tokio::task::yield_now().await;
                again = api.send(post().set_payload(body)).await;
            }
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
            let list = api.get("/v1/payments").await.json();
            assert_eq!((&list["total_count"], &list["data"][0]), (&1.into(), &again.json()), "charged once");
        });
    }
}
