//! An HTTP client for connectors: it sends each request once, to where it was meant to go, and tells apart what was
//! provably not sent from what nobody knows.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use florin_processors::http::{HeaderMap, HttpClient, Method};
//! # use florin_processors::Outcome;
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let http = HttpClient::new("https://api.acme.example", HeaderMap::new(), Duration::from_secs(5), Duration::from_secs(25))?;
//! let outcome = match HttpClient::send(http.request(Method::POST, &["charges"]).body("{}")).await {
//!     Ok(answer) if answer.is_success() => Outcome::Succeeded { reference: "of the answer".to_owned() },
//!     Ok(answer) => Outcome::Unknown { reason: format!("status {}", answer.status) },
//!     Err(no_answer) => Outcome::from(no_answer),
//! };
//! # Ok(())
//! # }
//! ```

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, redirect};
pub use reqwest::{Method, RequestBuilder, Url};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use serde::de::DeserializeOwned;

use crate::lease::{Lease, OVER};
use crate::{ListFailed, LookupFailed, Outcome};

/// A list of a hundred objects has some hundred kilobytes.
const LONGEST_ANSWER: usize = 8 << 20;

/// The other side closes idle connections; one that has just been closed is a request whose fate nobody knows.
const IDLE_CONNECTIONS_FOR: Duration = Duration::from_secs(20);

/// Sends requests to one processor. Holds connections that are used again.
#[derive(Clone)]
pub struct HttpClient {
    http: Client,
    /// Uses no connection twice.
    afresh: Client,
    base: Url,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpRefused {
    /// The address is none, or not one that a secret may be sent to.
    #[error(
        "the address {0:?} is refused: it has to be https, or http on this machine itself, without a path"
    )]
    Base(String),
    /// TLS can't be set up, mostly because the system has no certificates of authorities.
    #[error("TLS can't be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The client can't be set up.
    #[error("the HTTP client can't be used: {0}")]
    Client(#[from] reqwest::Error),
}

/// An answer, whatever it says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// No whole answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// There was no address, no connection or no TLS: nothing left this machine.
    NotSent(String),
    /// The connection stood, and then broke or fell silent: nobody knows.
    Unknown(String),
}

impl HttpClient {
    /// A client for the processor at `base`.
    ///
    /// `connect_timeout` is for a connection to stand, DNS and TLS included; `answer_timeout` for the whole answer to be
    /// there, connecting included. `headers` go with each request; mark secrets in them as sensitive.
    ///
    /// # Errors
    /// [`HttpRefused`].
    pub fn new(
        base: &str,
        headers: HeaderMap,
        connect_timeout: Duration,
        answer_timeout: Duration,
    ) -> Result<HttpClient, HttpRefused> {
        let base = safe_base(base).ok_or_else(|| HttpRefused::Base(base.to_owned()))?;
        let tls = tls(&base)?;
        let client = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .default_headers(headers.clone())
                .user_agent(concat!("Florin/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .connect_timeout(connect_timeout)
                .timeout(answer_timeout)
        };
        let http = client().pool_idle_timeout(IDLE_CONNECTIONS_FOR).build()?;
        let afresh = client().pool_max_idle_per_host(0).http1_only().build()?;
        Ok(HttpClient { http, afresh, base })
    }

    /// A request to be filled and sent. Each part of the path stays one part, whatever is in it.
    pub fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// The same over a connection of its own. Where an answer does not tell what it is the answer to, as an empty list does
    /// not, this makes sure that it is not one to an earlier request, that came late or twice.
    pub fn request_afresh(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.afresh.request(method, self.url(path))
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        url
    }

    /// Sends a request once, and reads its whole answer. Sends nothing once the attempt does not belong to its sender any
    /// more ([`lease`](crate::lease)).
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn send(request: RequestBuilder) -> Result<Answer, NoAnswer> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(|error| NoAnswer::NotSent(describe(error)))?;
        let lease = Lease::current();
        if let Some(lease) = &lease {
            if !lease.is_held() {
                return Err(NoAnswer::NotSent(OVER.to_owned()));
            }
            // Asked once more when the connection stands, which may take seconds.
            let body = request.body_mut().take();
            *request.body_mut() = body.map(|body| lease.watch(body));
        }
        let mut answer = client.execute(request).await.map_err(|error| {
            let was_withheld = lease.is_some_and(|lease| lease.has_withheld());
            if was_withheld || error.is_connect() || error.is_builder() {
                NoAnswer::NotSent(describe(error))
            } else {
                NoAnswer::Unknown(describe(error))
            }
        })?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| NoAnswer::Unknown(describe(error)))? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(NoAnswer::Unknown("the answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

impl Answer {
    /// Whether the status is one of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// What is wrong with it, and the status, for the log.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("status {}, not readable: {error}", self.status))
    }
}

impl From<NoAnswer> for Outcome {
    fn from(no_answer: NoAnswer) -> Outcome {
        match no_answer {
            NoAnswer::NotSent(reason) => Outcome::NotSent { reason },
            NoAnswer::Unknown(reason) => Outcome::Unknown { reason },
        }
    }
}

impl From<NoAnswer> for LookupFailed {
    fn from(no_answer: NoAnswer) -> LookupFailed {
        let (NoAnswer::NotSent(reason) | NoAnswer::Unknown(reason)) = no_answer;
        LookupFailed(reason)
    }
}

impl From<NoAnswer> for ListFailed {
    fn from(no_answer: NoAnswer) -> ListFailed {
        let (NoAnswer::NotSent(reason) | NoAnswer::Unknown(reason)) = no_answer;
        ListFailed::Unanswered(reason)
    }
}

/// Whether a secret may be sent to an address: by TLS, or without leaving this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_on_this_machine(url))
}

fn safe_base(base: &str) -> Option<Url> {
    let url = Url::parse(base).ok().filter(is_safe)?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    is_bare.then_some(url)
}

fn is_on_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// What went wrong, with its causes, for a log. Without the address, in which ids may be that are nobody's business.
pub fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// How webhooks are encrypted: by those whom the system trusts. Where it trusts nobody, nothing can be sent by https.
pub fn webhook_tls() -> ClientConfig {
    let builder = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has what the default versions need")
    };
    match builder().with_platform_verifier() {
        Ok(config) => config.with_no_client_auth(),
        Err(_nobody) => builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
    }
}

/// The system decides whom to trust, so that a certificate authority is added or removed where all programs look.
fn tls(base: &Url) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(if base.scheme() == "https" {
        config.with_platform_verifier()?.with_no_client_auth()
    } else {
        config.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    })
}
