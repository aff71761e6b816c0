//! A client of a server, for commands that do what anybody could do over HTTP.

use std::time::Duration;

use florin_processors::http::webhook_tls;
use reqwest::{Client, Method, Response, redirect};
use serde_json::Value;

use crate::cli::Remote;
use crate::failure::Failure;

/// A server, and who asks it.
pub(super) struct RemoteServer {
    http: Client,
    url: String,
    key: String,
}

impl RemoteServer {
    pub(super) fn new(remote: &Remote) -> Result<RemoteServer, Failure> {
        let http = Client::builder()
            .tls_backend_preconfigured(webhook_tls())
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .build()?;
        let url = remote.server.trim_end_matches('/').to_owned();
        Ok(RemoteServer { http, url, key: remote.key.clone() })
    }

    /// Sends a request, and reads an answer of one of these statuses.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        expected: &[u16],
    ) -> Result<Value, Failure> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.timeout(Duration::from_secs(60)).send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if expected.contains(&status) {
            return Ok(body);
        }
        let message = body["error"]["message"].as_str().unwrap_or(&text).to_owned();
        Err(Failure::Answered { status, message })
    }

    /// Posts a body, and reads an answer of one of these statuses.
    pub(super) async fn post(&self, path: &str, body: Value, expected: &[u16]) -> Result<Value, Failure> {
        self.ask(Method::POST, path, Some(body), expected).await
    }

    /// Pays on the page of a payment request, as a payer's browser does.
    pub(super) async fn pay_on_page(&self, link: &str, method: &str) -> Result<(), Failure> {
        // The link may be one for payers, who reach the server at another address.
        let token = link.rsplit('/').next().unwrap_or_default();
        let page = format!("{}/pay/{token}", self.url);
        let request = self.http.get(&page).timeout(Duration::from_secs(60));
        let shown = request.send().await?.text().await?;
        let processor = shown.split_once("name=\"processor\" value=\"").map(|(_, rest)| rest);
        let processor = processor.and_then(|rest| rest.split('"').next()).unwrap_or_default();
        let form = format!("processor={processor}&method={method}");
        let request = self.http.post(&page).header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form).timeout(Duration::from_secs(60)).send().await?;
        let status = answer.status().as_u16();
        if status == 303 {
            return Ok(());
        }
        let message = "the payment page takes no test payment method".to_owned();
        Err(Failure::Answered { status, message })
    }

    /// Opens a stream of events.
    pub(super) async fn stream(&self, query: &str, after: Option<&str>) -> Result<Response, Failure> {
        let mut request =
            self.http.get(format!("{}/v1/events/stream{query}", self.url)).bearer_auth(&self.key);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        if status == 200 {
            return Ok(response);
        }
        let body: Value = serde_json::from_str(&response.text().await?).unwrap_or_default();
        let message = body["error"]["message"].as_str().unwrap_or("no reason is given").to_owned();
        Err(Failure::Answered { status, message })
    }
}
