//! A Stripe over TLS: answered when the system trusts its certificate, and told nothing when not.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use florin_processors::{Outcome, Processor};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::*;

/// Names the server to the process that trusts it.
const SERVER: &str = "FLORIN_TEST_TLS_SERVER";

struct TlsStripe {
    url: String,
    /// The certificate, as the system's files have it.
    pem: String,
    /// How many requests it could read.
    asked: Arc<AtomicUsize>,
}

/// A Stripe for which every charge succeeds, with a certificate of its own making.
async fn start() -> TlsStripe {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(made.cert.der().to_vec())], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let Ok(mut connection) = acceptor.accept(connection).await else { continue };
            let mut request = [0; 4096];
            if connection.read(&mut request).await.is_ok_and(|length| length > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
                let body = r#"{"id":"pi_1","amount":1000,"currency":"usd","status":"succeeded"}"#;
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                let _gone = connection.write_all(answer.as_bytes()).await;
                let _gone = connection.shutdown().await;
            }
        }
    });
    TlsStripe { url, pem: made.cert.pem(), asked }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_the_system_does_not_trust_is_told_nothing() {
    // The test starts itself once more, as a process on whose system the certificate is trusted.
    if let Ok(url) = std::env::var(SERVER) {
        let outcome = stripe(&url).charge(charge("pm_card_visa")).await;
        assert_eq!(outcome, Outcome::Succeeded { reference: "pi_1".to_owned() });
        return;
    }
    let server = start().await;
    let outcome = stripe(&server.url).charge(charge("pm_card_visa")).await;
    assert!(matches!(&outcome, Outcome::NotSent { reason } if reason.contains("certificate")), "{outcome:?}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 0, "nothing was sent");

    let directory = tempfile::tempdir().unwrap();
    let authorities = directory.path().join("authorities.pem");
    std::fs::write(&authorities, &server.pem).unwrap();
    let name = "tls::a_certificate_that_the_system_does_not_trust_is_told_nothing";
    let mut trusting = Command::new(std::env::current_exe().unwrap());
    trusting.args(["--exact", name]).env("SSL_CERT_FILE", &authorities).env(SERVER, &server.url);
    let trusting = tokio::task::spawn_blocking(move || trusting.output().unwrap()).await.unwrap();
    assert!(trusting.status.success(), "{}", String::from_utf8_lossy(&trusting.stdout));
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}
