//! A client as a merchant would write one.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// The key that `florin dev` gives to its sandbox tenant.
pub const DOCUMENTED_KEY: &str = "sk_test_1234567890abcdefghijklmnop";

/// A client of one server with one key.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body, null when it is no JSON.
    pub body: Value,
}

/// No answer came: the connection was refused or broke. What happened to the request is unknown.
#[derive(Debug)]
pub struct Lost(pub reqwest::Error);

impl Client {
    /// A client of the server at `url` with the documented key.
    ///
    /// # Panics
    /// When the machine has no means to connect to anything.
    pub fn new(url: &str) -> Client {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(120))
            .build()
            .expect("a client without TLS can be made");
        Client { http, url: url.to_owned(), key: DOCUMENTED_KEY.to_owned() }
    }

    /// The same with another key.
    pub fn with_key(&self, key: &str) -> Client {
        Client { key: key.to_owned(), ..self.clone() }
    }

    /// The same at another server.
    pub fn at(&self, url: &str) -> Client {
        Client { url: url.to_owned(), ..self.clone() }
    }

    /// Sends a request, of which a body and an idempotency key may be parts.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> Result<Reply, Lost> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.map_err(Lost)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.map_err(Lost)?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Reply { status, headers, text, body })
    }

    /// GET, of which an answer is expected.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None, None).await.expect("the server answers")
    }

    /// POST, of which an answer is expected.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body), None).await.expect("the server answers")
    }

    /// POST with an idempotency key.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post_once(&self, path: &str, body: &Value, idempotency_key: &str) -> Result<Reply, Lost> {
        self.send(Method::POST, path, Some(body), Some(idempotency_key)).await
    }

    /// Makes a payment that succeeds, and gives back its id.
    ///
    /// # Panics
    /// When it does not succeed.
    pub async fn pay(&self, amount: u32) -> String {
        let payment = json!({ "amount": amount, "currency": "USD", "payment_method_id": "pm_test_success" });
        self.post("/v1/payments", &payment).await.expect_status(201).id()
    }

    /// Reads a payment that is there.
    ///
    /// # Panics
    /// When it is not.
    pub async fn payment(&self, id: &str) -> Value {
        self.get(&format!("/v1/payments/{id}")).await.expect_status(200).body
    }

    /// All payments, page by page.
    ///
    /// # Panics
    /// When a page can't be had.
    pub async fn all_payments(&self) -> Vec<Value> {
        let mut payments = Vec::new();
        let mut path = "/v1/payments?limit=100".to_owned();
        loop {
            let page = self.get(&path).await.expect_status(200).body;
            payments.extend(page["data"].as_array().expect("a list").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/payments?limit=100&starting_after={cursor}"),
                None => return payments,
            }
        }
    }
}

impl Reply {
    /// This reply, which has to have that status.
    ///
    /// # Panics
    /// When it has another one.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// This reply, which has to be an error of that status and code in the common format.
    ///
    /// # Panics
    /// When it is something else.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> Reply {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        let error = self.body["error"].as_object().expect("an error has the common format");
        let keys: Vec<&str> = error.keys().map(String::as_str).collect();
        for key in ["code", "message", "type", "param", "payment_id", "request_id"] {
            assert!(keys.contains(&key), "an error without {key}: {}", self.text);
        }
        assert!(error["message"].as_str().is_some_and(|text| text.len() > 10), "{}", self.text);
        assert!(error["request_id"].as_str().is_some_and(|id| id.starts_with("req_")), "{}", self.text);
        self
    }

    /// The error's code; empty when it is no error.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// The object's id.
    ///
    /// # Panics
    /// When it has none.
    #[track_caller]
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id: {}", self.text)).to_owned()
    }

    /// A header; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
