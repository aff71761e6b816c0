//! A receiver of webhooks that notes what comes and answers as the test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::client::Client;

/// A webhook that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Where to.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it came.
    pub bytes: Vec<u8>,
    /// The event.
    pub event: Value,
    /// When it had come.
    pub at: Instant,
}

/// How it is answered.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// By this status, with these headers.
    Answer(u16, Vec<(&'static str, String)>),
    /// By 200 and bytes without end.
    Endless,
    /// Not at all.
    Silence,
}

impl Received {
    /// The event's id.
    pub fn id(&self) -> &str {
        self.event["id"].as_str().unwrap_or_default()
    }

    /// Whether the secret signed it.
    ///
    /// # Panics
    /// When the secret is none.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let webhook = Webhook::new(secret).expect("a secret");
        webhook.verify(&self.bytes, &self.headers).is_ok()
    }
}

type Policy = Arc<dyn Fn(&Received) -> Behaviour + Send + Sync>;

/// A receiver on a port of its own.
#[derive(Clone)]
pub struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<Mutex<usize>>,
    sent_in_vain: Arc<Mutex<Option<usize>>>,
}

impl Receiver {
    /// A receiver that answers 204.
    pub async fn start() -> Receiver {
        Receiver::answering(|_| Behaviour::Answer(204, Vec::new())).await
    }

    /// A receiver that answers as it is told.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn answering(policy: impl Fn(&Received) -> Behaviour + Send + Sync + 'static) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let receiver = Receiver {
            url,
            received: Arc::default(),
            connections: Arc::default(),
            sent_in_vain: Arc::default(),
        };
        let (notes, policy): (Receiver, Policy) = (receiver.clone(), Arc::new(policy));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                *notes.connections.lock().expect("no test panics with it") += 1;
                tokio::spawn(serve(connection, notes.clone(), Arc::clone(&policy)));
            }
        });
        receiver
    }

    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Its port.
    ///
    /// # Panics
    /// Never: it has one.
    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("it has a port")
    }

    /// How many connections were made to it.
    ///
    /// # Panics
    /// When a test has panicked with it.
    pub fn connections(&self) -> usize {
        *self.connections.lock().expect("no test panics with it")
    }

    /// How many bytes of an endless answer were sent before nobody took more; none while somebody does.
    ///
    /// # Panics
    /// When a test has panicked with it.
    pub fn sent_in_vain(&self) -> Option<usize> {
        *self.sent_in_vain.lock().expect("no test panics with it")
    }

    /// What came so far.
    ///
    /// # Panics
    /// When a test has panicked with it.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no test panics with it").clone()
    }

    /// How often each event came to a path.
    ///
    /// # Panics
    /// When a test has panicked with it.
    pub fn counts(&self, path: &str) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for received in self.received.lock().expect("no test panics with it").iter() {
            if received.path == path {
                *counts.entry(received.id().to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

async fn serve(connection: TcpStream, notes: Receiver, policy: Policy) {
    let mut reader = BufReader::new(connection);
    while let Some(received) = read(&mut reader).await {
        let behaviour = policy(&received);
        notes.received.lock().expect("no test panics with it").push(received);
        let answer = match behaviour {
            Behaviour::Silence => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                return;
            }
            Behaviour::Endless => {
                let sent = send_on(reader.get_mut()).await;
                *notes.sent_in_vain.lock().expect("no test panics with it") = Some(sent);
                return;
            }
            Behaviour::Answer(status, headers) => {
                let headers: String =
                    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let length = if status == 204 { "" } else { "content-length: 2\r\n" };
                let body = if status == 204 { "" } else { "no" };
                format!("HTTP/1.1 {status} x\r\n{headers}{length}\r\n{body}")
            }
        };
        if reader.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Sends until nobody takes more, and says how much that was.
async fn send_on(connection: &mut TcpStream) -> usize {
    let (mut sent, chunk) = (0, [b'x'; 4096]);
    let head = b"HTTP/1.1 200 x\r\ncontent-length: 1000000000000\r\n\r\n";
    if connection.write_all(head).await.is_ok() {
        while connection.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
    }
    sent
}

async fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?);
    }
    let length = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).await.ok()?;
    let event = serde_json::from_slice(&bytes).unwrap_or_default();
    Some(Received { path, headers, bytes, event, at: Instant::now() })
}

/// The events of the documented API.
pub const DOCUMENTED: [&str; 5] =
    ["payment.created", "payment.succeeded", "payment.failed", "payment.canceled", "payment.refunded"];

/// An endpoint, and its secret.
///
/// # Panics
/// When it can't be made.
pub async fn make_endpoint(client: &Client, body: Value) -> (String, String) {
    let made = client.post("/v1/webhook_endpoints", &body).await.expect_status(201);
    let secret = made.body["secret"].as_str().expect("it is shown once").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    (made.id(), secret)
}

/// Makes each of the documented events happen.
///
/// # Panics
/// When something is answered otherwise.
pub async fn make_everything_happen(client: &Client) {
    let paid = client.pay(1000).await;
    client.post(&format!("/v1/payments/{paid}/refund"), &json!({ "amount": 400 })).await.expect_status(200);
    let declined = json!({ "amount": 500, "currency": "USD", "payment_method_id": "pm_test_decline" });
    client.post("/v1/payments", &declined).await.expect_status(402);
    let recorded = json!({ "amount": 500, "currency": "USD", "process_payment": false, "payment_method_id": "pm_test_success" });
    let recorded = client.post("/v1/payments", &recorded).await.expect_status(201).id();
    client.post(&format!("/v1/payments/{recorded}/cancel"), &json!({})).await.expect_status(200);
}

/// A time by the server's clock.
///
/// # Panics
/// When no payment can be made.
pub async fn server_time(client: &Client) -> String {
    let body = json!({ "amount": 1, "currency": "USD", "process_payment": false, "payment_method_id": "pm_test_success" });
    let payment = client.post("/v1/payments", &body).await.expect_status(201);
    payment.body["created_at"].as_str().expect("a time").to_owned()
}

/// A payment that is recorded and not charged: one event.
///
/// # Panics
/// When it can't be made.
pub async fn recorded(client: &Client) -> String {
    let body = json!({ "amount": 1, "currency": "USD", "process_payment": false, "payment_method_id": "pm_test_success" });
    client.post("/v1/payments", &body).await.expect_status(201).id()
}
