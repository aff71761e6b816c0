//! Stripe's API over HTTP, and what an answer, or the lack of one, proves.
//!
//! | what happens | what it proves |
//! | --- | --- |
//! | no address, no connection, no TLS | nothing was sent |
//! | an answer of 2xx that can be read | done as it says |
//! | 400, 402, 404 with Stripe's error in it | refused: nothing was done |
//! | 401, 403, 429 with Stripe's error in it | not begun: nothing was done |
//! | 409, or a key that was used for something else | the same attempt was sent before, and may have been done |
//! | a time-out, a connection that breaks, 5xx, an answer that can't be read | nothing |

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode, Url, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use super::objects::{ErrorBody, StripeError};
use super::settings::{StripeRefused, StripeSettings};

/// The version of the API that this connector was written for.
const API_VERSION: &str = "2025-09-30.clover";

/// A page of a hundred payment intents has some 400 kB.
const LONGEST_ANSWER: usize = 8 << 20;

/// Stripe closes idle connections; one that has just been closed is a request whose fate nobody knows.
const IDLE_CONNECTIONS_FOR: Duration = Duration::from_secs(20);

/// The parameters of a request.
pub(super) type Form = Vec<(&'static str, String)>;

/// Sends requests to one account.
pub(super) struct StripeClient {
    http: Client,
    base: Url,
}

/// Why there is no object.
#[derive(Debug)]
pub(super) enum CallFailed {
    /// Nothing was done.
    NotBegun(String),
    /// Stripe refused it, so nothing was done.
    Refused(Box<StripeError>),
    /// Nobody knows.
    Unknown(String),
}

impl StripeClient {
    pub(super) fn new(settings: &StripeSettings) -> Result<StripeClient, StripeRefused> {
        let base = settings.options.base()?;
        let http = Client::builder()
            .tls_backend_preconfigured(tls(&base)?)
            .default_headers(headers(settings)?)
            .user_agent(concat!("Florin/", env!("CARGO_PKG_VERSION")))
            // A secret key goes where it was meant to go, and a request is sent once.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(Duration::from_millis(settings.options.connect_timeout_ms))
            .timeout(Duration::from_millis(settings.options.answer_timeout_ms))
            .pool_idle_timeout(IDLE_CONNECTIONS_FOR)
            .build()?;
        Ok(StripeClient { http, base })
    }

    /// Does something, once for each key.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        form: &Form,
        key: &str,
    ) -> Result<T, CallFailed> {
        let request = self.http.post(self.url(path)).form(form);
        call(request.header("Idempotency-Key", key)).await
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &Form,
    ) -> Result<T, CallFailed> {
        call(self.http.get(self.url(path)).query(query)).await
    }

    /// Each part of the path stays one part, whatever is in it.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("v1").extend(path);
        }
        url
    }
}

async fn call<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CallFailed> {
    let answer = request.send().await.map_err(|error| {
        let reason = describe(error.without_url());
        if reason.before_sending {
            CallFailed::NotBegun(reason.text)
        } else {
            CallFailed::Unknown(reason.text)
        }
    })?;
    let status = answer.status();
    let body = read_whole(answer).await.map_err(CallFailed::Unknown)?;
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|error| CallFailed::Unknown(format!("status {status}, not readable: {error}")));
    }
    Err(failure(status, &body))
}

async fn read_whole(mut answer: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| describe(error.without_url()).text)? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err("the answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an answer that is not a success proves. Only Stripe's own words prove anything: a status may be that of something
/// in between.
fn failure(status: StatusCode, body: &[u8]) -> CallFailed {
    let Ok(ErrorBody { mut error }) = serde_json::from_slice(body) else {
        return CallFailed::Unknown(format!("status {status} without a readable error"));
    };
    error.status = status.as_u16();
    if error.is_about_the_key() {
        return CallFailed::Unknown(error.to_string());
    }
    match status.as_u16() {
        400 | 402 | 404 => CallFailed::Refused(Box::new(error)),
        401 | 403 | 429 => CallFailed::NotBegun(error.to_string()),
        _ => CallFailed::Unknown(error.to_string()),
    }
}

struct Described {
    before_sending: bool,
    text: String,
}

fn describe(error: reqwest::Error) -> Described {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Described { before_sending: error.is_connect() || error.is_builder(), text }
}

fn headers(settings: &StripeSettings) -> Result<HeaderMap, StripeRefused> {
    let bearer = format!("Bearer {}", settings.secret_key.expose_secret());
    let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| StripeRefused::SecretKey(settings.mode))?;
    bearer.set_sensitive(true);
    let version = HeaderValue::from_static(API_VERSION);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, bearer), (HeaderName::from_static("stripe-version"), version)]))
}

/// The system decides whom to trust, so that a certificate authority is added or removed where all programs look.
fn tls(base: &Url) -> Result<ClientConfig, StripeRefused> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(if base.scheme() == "https" {
        config.with_platform_verifier()?.with_no_client_auth()
    } else {
        config.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    })
}
