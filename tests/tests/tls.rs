//! TLS: a certificate that is replaced while the server runs, and what happens when it can't be.

use std::time::Duration;

use florin_tests::{
    DOCUMENTED_KEY, Database, Launch, Server, TestCertificate, TlsConnection, eventually, wait_until,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn launch(database: &Database) -> Launch {
    let folder = database.folder();
    database
        .launch()
        .setting("TLS_CERTIFICATE", folder.join("certificate.pem").display())
        .setting("TLS_KEY", folder.join("key.pem").display())
        .setting("LOG", "info")
}

fn hang_up(server: &Server) {
    let sent = std::process::Command::new("sh")
        .args(["-c", "kill -s HUP \"$0\"", &server.pid().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "SIGHUP could not be sent");
}

#[tokio::test]
async fn payments_are_made_by_tls_and_by_nothing_else() {
    let database = Database::sqlite();
    let certificate = TestCertificate::make();
    certificate.write_into(database.folder());
    let server = launch(&database).start();
    assert!(server.url().starts_with("https://"), "{}", server.url());
    let mut connection = TlsConnection::open(server.url(), &certificate).await.expect("TLS");
    let body = r#"{"amount":1000,"currency":"USD","payment_method_id":"pm_test_success"}"#;
    let request = format!(
        "POST /v1/payments HTTP/1.1\r\nhost: localhost\r\nx-api-key: {DOCUMENTED_KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = connection.call(&request).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
    // A head that can't be read is answered within TLS, too.
    let refused = connection.call("nonsense\r\n\r\n").await.expect("an answer");
    assert!(refused.starts_with("HTTP/1.1 400 ") && refused.contains("request_malformed"), "{refused}");

    let mut plain =
        TcpStream::connect(server.url().trim_start_matches("https://")).await.expect("a connection");
    plain.write_all(HEALTH.as_bytes()).await.expect("a write");
    let mut said = Vec::new();
    let _reset = plain.read_to_end(&mut said).await;
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/1.1"), "{said:?}");
}

#[tokio::test]
async fn a_new_certificate_is_used_once_it_is_there_and_whole_and_open_connections_live_on() {
    let database = Database::sqlite();
    let (old, new) = (TestCertificate::make(), TestCertificate::make());
    old.write_into(database.folder());
    let server = launch(&database).start();
    let mut open = TlsConnection::open(server.url(), &old).await.expect("the old certificate");
    assert!(TlsConnection::open(server.url(), &new).await.is_err(), "the new certificate is not there yet");

    // The certificate is there and its key is not: the old ones stay in use, together.
    std::fs::write(database.folder().join("certificate.pem"), &new.pem).expect("a write");
    wait_until("the half to be refused", 30, || server.log().contains("was not replaced")).await;
    drop(TlsConnection::open(server.url(), &old).await.expect("the old certificate"));
    new.write_into(database.folder());
    let mut connection = eventually("the new certificate", 30, || async {
        TlsConnection::open(server.url(), &new).await.ok()
    })
    .await;
    assert!(connection.call(HEALTH).await.expect("an answer").starts_with("HTTP/1.1 200 "));
    assert!(open.call(HEALTH).await.expect("an answer").starts_with("HTTP/1.1 200 "));
    assert!(TlsConnection::open(server.url(), &old).await.is_err(), "the old certificate is still in use");
}

#[tokio::test]
async fn sighup_reads_the_certificate_again_and_rubbish_is_not_used() {
    let database = Database::sqlite();
    let certificate = TestCertificate::make();
    certificate.write_into(database.folder());
    let server = launch(&database).start();
    hang_up(&server);
    wait_until("the certificate to be read", 30, || server.log().contains("was read again")).await;
    std::fs::write(database.folder().join("key.pem"), "rubbish").expect("a write");
    hang_up(&server);
    wait_until("the rubbish to be refused", 30, || server.log().contains("was not replaced")).await;
    drop(TlsConnection::open(server.url(), &certificate).await.expect("the certificate before"));
}

#[tokio::test]
async fn who_connects_and_does_not_speak_tls_in_time_is_let_go() {
    let database = Database::sqlite();
    TestCertificate::make().write_into(database.folder());
    let server = launch(&database).setting("HEAD_TIMEOUT_SECONDS", 1).start();
    let mut silent =
        TcpStream::connect(server.url().trim_start_matches("https://")).await.expect("a connection");
    let mut said = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), silent.read_to_end(&mut said)).await;
    assert!(ended.is_ok() && said.is_empty(), "{ended:?} {said:?}");
}

#[tokio::test]
async fn a_pair_that_does_not_belong_together_is_refused_at_the_start() {
    let database = Database::sqlite();
    let (one, other) = (TestCertificate::make(), TestCertificate::make());
    TestCertificate { pem: one.pem, key: other.key }.write_into(database.folder());
    let refused = launch(&database).refused();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("FLORIN_TLS_KEY"), "{refused:?}");
    let half = launch(&database).without_setting("TLS_KEY").refused();
    assert!(half.stderr.contains("FLORIN_TLS_KEY is not set"), "{half:?}");
}
