//! TLS by rustls, with a certificate that can be replaced while the server runs.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

use crate::settings::TlsFiles;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A certificate and its key can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsRefused {
    /// A file can't be read, or has something else in it.
    #[error("can't use {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: pem::Error,
    },
    /// There is no certificate in the file.
    #[error("there is no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    /// They don't belong together, or are of a kind that is not supported.
    #[error("the certificate and its key can't be used: {0}")]
    Pair(#[from] rustls::Error),
}

/// The certificate in use.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads it for the first time.
    pub(crate) fn load(files: &TlsFiles) -> Result<Arc<Certificate>, TlsRefused> {
        let current = RwLock::new(Arc::new(read(files)?));
        Ok(Arc::new(Certificate { files: files.clone(), current }))
    }

    /// What makes connections secure with it, and with what replaces it.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsRefused> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again whenever they change, and on SIGHUP. What can't be used is reported, and not used.
    ///
    /// # Errors
    /// When the system refuses to tell of the signal.
    pub(crate) fn keep_current(self: Arc<Self>) -> io::Result<impl Future<Output = ()>> {
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(async move {
            let mut seen = self.marks();
            loop {
                let is_asked = tokio::select! {
                    asked = hangup.recv() => asked.is_some(),
                    () = tokio::time::sleep(LOOK_EVERY) => false,
                };
                let marks = self.marks();
                if is_asked || marks != seen {
                    self.reload();
                    seen = marks;
                }
            }
        })
    }

    fn reload(&self) {
        match read(&self.files) {
            Ok(certificate) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
                count_reload("done");
                tracing::info!("the TLS certificate was read again");
            }
            Err(error) => {
                count_reload("refused");
                tracing::warn!(%error, "the TLS certificate was not replaced: the one before stays in use");
            }
        }
    }

    /// By what a change of the files is noticed.
    fn marks(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.files.certificate, &self.files.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn count_reload(outcome: &'static str) {
    metrics::counter!("florin_tls_reloads_total", "outcome" => outcome).increment(1);
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsRefused> {
    let refused = |path: &PathBuf| {
        let path = path.clone();
        |reason| TlsRefused::File { path, reason }
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(refused(&files.certificate))?;
    if certificates.is_empty() {
        return Err(TlsRefused::NoCertificate(files.certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(refused(&files.key))?;
    Ok(CertifiedKey::from_der(certificates, key, &provider())?)
}
