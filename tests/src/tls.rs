//! A plain client of HTTPS, which trusts one certificate and tells which one it was shown.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate of a test's own, for `localhost`.
#[derive(Debug)]
pub struct TestCertificate {
    /// The certificate as PEM.
    pub pem: String,
    /// Its private key as PEM.
    pub key: String,
}

impl TestCertificate {
    /// A new one.
    ///
    /// # Panics
    /// When the machine has no randomness.
    pub fn make() -> TestCertificate {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a good name");
        TestCertificate { pem: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// Writes both into a folder, as `certificate.pem` and `key.pem`.
    ///
    /// # Panics
    /// When they can't be written.
    pub fn write_into(&self, folder: &Path) {
        std::fs::write(folder.join("certificate.pem"), &self.pem).expect("a file can be written");
        std::fs::write(folder.join("key.pem"), &self.key).expect("a file can be written");
    }
}

/// A connection by TLS.
pub struct TlsConnection(TlsStream<TcpStream>);

impl TlsConnection {
    /// Connects to the server at `https://ADDRESS`, if it shows that certificate.
    ///
    /// # Errors
    /// When it shows another one, or none.
    ///
    /// # Panics
    /// When the certificate is none.
    pub async fn open(url: &str, trusted: &TestCertificate) -> std::io::Result<TlsConnection> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(trusted.pem.as_bytes()).expect("a certificate");
        roots.add(certificate).expect("a certificate that can be trusted");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a good name");
        let address = url.strip_prefix("https://").expect("the server speaks TLS");
        let stream = TcpStream::connect(address).await?;
        Ok(TlsConnection(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
    }

    /// Sends a request, and reads the answer, which has a body.
    ///
    /// # Errors
    /// When the connection breaks.
    ///
    /// # Panics
    /// When the answer has no length.
    pub async fn call(&mut self, request: &str) -> std::io::Result<String> {
        self.0.write_all(request.as_bytes()).await?;
        self.0.flush().await?;
        let mut answer = String::new();
        loop {
            let mut part = [0; 4096];
            let count = self.0.read(&mut part).await?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            answer.push_str(&String::from_utf8_lossy(&part[..count]));
            let Some((head, body)) = answer.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|text| text.parse().ok()).expect("a length");
            if body.len() >= length {
                return Ok(answer);
            }
        }
    }
}
