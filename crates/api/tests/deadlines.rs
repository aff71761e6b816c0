//! A body that does not arrive is not waited for, over a real connection.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer};
use common::{KEY, start_engine, unlimited};
use florin_api::{ApiSettings, ApiState, configure};

#[test]
fn a_slow_body_is_answered_408_and_the_connection_closed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = start_engine(folder.path());
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
