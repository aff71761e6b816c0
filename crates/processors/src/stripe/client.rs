//! Stripe's API, and what an answer, or the lack of one, proves.
//!
//! | what happens | what it proves |
//! | --- | --- |
//! | no address, no connection, no TLS | nothing was sent |
//! | an answer of 2xx that can be read | done as it says |
//! | 400, 402, 404 with Stripe's error in it | refused: nothing was done |
//! | 401, 403, 429 with Stripe's error in it | not begun: nothing was done |
//! | 409, or a key that was used for something else | the same attempt was sent before, and may have been done |
//! | a time-out, a connection that breaks, 5xx, an answer that can't be read | nothing |
//! | an answer that names the key of another request | nothing: the connection is out of step |
//!
//! What reads goes over connections of its own, since an answer to it may tell nothing of what it is the answer to.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::objects::{ErrorBody, Named, Page, StripeError};
use super::settings::{StripeRefused, StripeSettings};
use crate::http::{Answer, HeaderMap, HeaderName, HeaderValue, HttpClient, Method, NoAnswer};

/// The version of the API that this connector was written for.
const API_VERSION: &str = "2025-09-30.clover";

/// The header with the key under which a request is done once.
const KEY: &str = "idempotency-key";

/// The parameters of a request.
pub(super) type Form = Vec<(&'static str, String)>;

/// Sends requests to one account.
pub(super) struct StripeClient {
    http: HttpClient,
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
        let options = &settings.options;
        let http = HttpClient::new(
            &options.api_base,
            headers(settings)?,
            Duration::from_millis(options.connect_timeout_ms),
            Duration::from_millis(options.answer_timeout_ms),
        )?;
        Ok(StripeClient { http })
    }

    /// Does something, once for each key.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        form: &Form,
        key: &str,
    ) -> Result<T, CallFailed> {
        let request = self.http.request(Method::POST, &[&["v1"], path].concat());
        let answer = HttpClient::send(request.form(form).header(KEY, key)).await;
        // Stripe repeats the key of each request that has one, whatever the answer is.
        let told = answer.as_ref().ok().and_then(|answer| answer.headers.get(KEY));
        if told.is_some_and(|told| told != key) {
            return Err(CallFailed::Unknown("the answer is to a request with another key".to_owned()));
        }
        read(answer)
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &Form,
    ) -> Result<T, CallFailed> {
        let request = self.http.request_afresh(Method::GET, &[&["v1"], path].concat());
        read(HttpClient::send(request.query(query)).await)
    }

    /// Reads a page of a list. What is called something else was listed for somebody else, and proves nothing here.
    pub(super) async fn list<T: DeserializeOwned + Named>(
        &self,
        path: &[&str],
        query: &Form,
    ) -> Result<Page<T>, CallFailed> {
        let page: Page<Value> = self.get(path, query).await?;
        let is_other = |object: &Value| object.get("object").is_some_and(|name| name != T::NAME);
        if page.data.iter().any(is_other) {
            return Err(CallFailed::Unknown(format!("the answer is no list of {}s", T::NAME)));
        }
        let data: Result<Vec<T>, _> = page.data.into_iter().map(serde_json::from_value).collect();
        let data = data.map_err(|error| CallFailed::Unknown(format!("not readable: {error}")))?;
        Ok(Page { data, has_more: page.has_more })
    }
}

fn read<T: DeserializeOwned>(answer: Result<Answer, NoAnswer>) -> Result<T, CallFailed> {
    match answer {
        Ok(answer) if answer.is_success() => answer.json().map_err(CallFailed::Unknown),
        Ok(answer) => Err(failure(&answer)),
        Err(NoAnswer::NotSent(reason)) => Err(CallFailed::NotBegun(reason)),
        Err(NoAnswer::Unknown(reason)) => Err(CallFailed::Unknown(reason)),
    }
}

/// What an answer that is not a success proves. Only Stripe's own words prove anything: a status may be that of something
/// in between.
fn failure(answer: &Answer) -> CallFailed {
    let status = answer.status;
    let Ok(ErrorBody { mut error }) = answer.json() else {
        return CallFailed::Unknown(format!("status {status} without a readable error"));
    };
    error.status = status;
    if error.is_about_the_key() {
        return CallFailed::Unknown(error.to_string());
    }
    match status {
        400 | 402 | 404 => CallFailed::Refused(Box::new(error)),
        401 | 403 | 429 => CallFailed::NotBegun(error.to_string()),
        _ => CallFailed::Unknown(error.to_string()),
    }
}

fn headers(settings: &StripeSettings) -> Result<HeaderMap, StripeRefused> {
    let bearer = format!("Bearer {}", settings.secret_key.expose_secret());
    let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| StripeRefused::SecretKey(settings.mode))?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("authorization"), bearer);
    headers.insert(HeaderName::from_static("stripe-version"), HeaderValue::from_static(API_VERSION));
    Ok(headers)
}
