//! Sending one webhook: signed, to where its address leads and nowhere else, once, and without waiting for ever.
//!
//! The check of addresses sits where connections are made: a name is resolved here, and what is connected to is what was
//! checked. So a name that leads elsewhere at the second look gains nothing. There are no redirects and no proxies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, ParseError};
use florin_domain::{WebhookEndpoint, contains_card_number};
use florin_processors::http::{describe, webhook_tls};
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, redirect};
use standardwebhooks::Webhook;

use super::addresses::Reach;
use super::target::check_target;

/// How much of an answer is read.
const LONGEST_ANSWER: usize = 64 << 10;
/// How much of it is kept, in bytes.
const KEPT_OF_ANSWER: usize = 1024;
/// What is kept instead of an answer with a card number.
const WITHHELD: &str = "(withheld: the answer holds a card number)";
/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The other side closes idle connections.
const IDLE_CONNECTIONS_FOR: Duration = Duration::from_secs(20);

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's own way to find addresses.
#[must_use]
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Resolves names, and refuses those that lead anywhere but where webhooks may go.
struct CheckedNames {
    reach: Reach,
    lookup: Lookup,
}

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, lookup) = (self.reach, Arc::clone(&self.lookup));
        Box::pin(async move {
            let found = lookup(name.as_str().to_owned()).await?;
            // One bad address spoils the name: else it would be a matter of luck.
            if found.is_empty() || !found.iter().all(|address| reach.allows(*address)) {
                return Err(NotPublic.into());
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that webhooks may not be sent to")]
struct NotPublic;

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The event's id, the same for each try.
    pub(crate) id: String,
    /// When it is sent, in seconds since 1970.
    pub(crate) timestamp: i64,
    /// The event.
    pub(crate) body: Arc<str>,
}

/// What came of a try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The status; none when no answer came.
    pub(crate) status_code: Option<u16>,
    /// The first part of the answer.
    pub(crate) answer: Option<String>,
    /// Why no answer came.
    pub(crate) error: Option<String>,
    /// How long the endpoint wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Sends webhooks.
#[derive(Clone)]
pub(crate) struct WebhookClient {
    http: Client,
    reach: Reach,
}

impl WebhookClient {
    /// A client that gives up after `timeout`.
    pub(crate) fn new(reach: Reach, lookup: Lookup, timeout: Duration) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .tls_backend_preconfigured(webhook_tls())
            .user_agent(concat!("Florin/", env!("CARGO_PKG_VERSION"), " (webhooks)"))
            .dns_resolver(Arc::new(CheckedNames { reach, lookup }))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .pool_idle_timeout(IDLE_CONNECTIONS_FOR)
            .build()?;
        Ok(WebhookClient { http, reach })
    }

    /// Sends a message once, signed by each secret.
    pub(crate) async fn send(
        &self,
        endpoint: &WebhookEndpoint,
        message: Message,
        secrets: Vec<Vec<u8>>,
    ) -> Sent {
        let started = Instant::now();
        let mut sent = match self.attempt(&endpoint.url, message, secrets).await {
            Ok(sent) => sent,
            Err(error) => Sent { error: Some(shortened(&error, KEPT_OF_ANSWER)), ..Sent::default() },
        };
        sent.took = started.elapsed();
        sent
    }

    async fn attempt(&self, url: &str, message: Message, secrets: Vec<Vec<u8>>) -> Result<Sent, String> {
        // Again, since a literal address is never resolved, and the settings may have changed.
        let url = check_target(url, self.reach).map_err(|refused| refused.to_string())?;
        let signature = sign(&message, secrets)?;
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp)
            .header("webhook-signature", signature)
            .body(message.body.to_string());
        let response = request.send().await.map_err(describe)?;
        let retry_after = retry_after(&response, message.timestamp);
        let status_code = Some(response.status().as_u16());
        let answer = Some(without_card_numbers(first_part(response).await));
        Ok(Sent { status_code, answer, retry_after, ..Sent::default() })
    }
}

/// One signature for each secret, with blanks between them.
pub(crate) fn sign(message: &Message, secrets: Vec<Vec<u8>>) -> Result<String, String> {
    let signatures = secrets.into_iter().map(|secret| {
        Webhook::from_bytes(secret)?.sign(&message.id, message.timestamp, message.body.as_bytes())
    });
    let signatures: Result<Vec<String>, _> = signatures.collect();
    signatures.map(|all| all.join(" ")).map_err(|error| format!("could not be signed: {error}"))
}

/// How long after `sent_at` it may be tried again: in seconds, or until a date.
fn retry_after(response: &Response, sent_at: i64) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = value.parse().or_else(|_| {
        let at = DateTime::parse_from_rfc2822(value)?.timestamp();
        Ok::<u64, ParseError>(u64::try_from(at.saturating_sub(sent_at)).unwrap_or(0))
    });
    seconds.ok().map(Duration::from_secs)
}

/// Reads an answer as far as it is of interest; the rest is not waited for.
async fn first_part(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= LONGEST_ANSWER {
            break;
        }
    }
    bytes.truncate(KEPT_OF_ANSWER);
    // What is no text, and U+0000, which no database takes.
    shortened(&String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}"), KEPT_OF_ANSWER)
}

/// A receiver may answer with whatever it was sent by others, and a card number is not stored even so.
fn without_card_numbers(answer: String) -> String {
    if contains_card_number(&answer) { WITHHELD.to_owned() } else { answer }
}

fn shortened(text: &str, most: usize) -> String {
    text.chars()
        .scan(0, |length, character| {
            *length += character.len_utf8();
            (*length <= most).then_some(character)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::delivery::sample::sample_endpoint;

    /// Hosts that no webhook may reach, however they are written.
    const REFUSED: &str = include_str!("refused_hosts.txt");

    /// Counts the connections that are made to loopback, and to whatever address else this machine has.
    async fn canary() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        (port, count)
    }

    #[test]
    fn an_answer_with_a_card_number_is_withheld_and_others_are_kept() {
        assert_eq!(without_card_numbers("paid by 4242 4242 4242 4242".to_owned()), WITHHELD);
        assert_eq!(without_card_numbers("thanks".to_owned()), "thanks");
    }

    fn client(reach: Reach, lookup: Lookup) -> WebhookClient {
        WebhookClient::new(reach, lookup, Duration::from_millis(300)).unwrap()
    }

    fn leads_to(addresses: Vec<IpAddr>) -> Lookup {
        Arc::new(move |_| {
            let addresses = addresses.clone();
            Box::pin(async move { Ok(addresses) })
        })
    }

    async fn send(client: &WebhookClient, url: String) -> Sent {
        let endpoint = WebhookEndpoint { url, ..sample_endpoint() };
        let message = Message { id: "evt_1".to_owned(), timestamp: 1, body: Arc::from("{}") };
        client.send(&endpoint, message, vec![vec![1; 24]]).await
    }

    #[tokio::test]
    async fn three_hundred_ways_to_write_where_no_webhook_may_go_lead_to_no_connection() {
        let (port, connections) = canary().await;
        let client = client(Reach::Public, system_lookup());
        assert!(REFUSED.lines().count() >= 300);
        for host in REFUSED.lines() {
            for url in [format!("https://{host}:{port}/"), format!("http://{host}:{port}/")] {
                let refused = check_target(&url, Reach::Public);
                assert!(refused.is_err(), "{url} is taken for {refused:?}");
                let sent = send(&client, url.clone()).await;
                assert!(sent.status_code.is_none() && sent.error.is_some(), "{url}: {sent:?}");
            }
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_name_that_leads_to_any_such_address_leads_to_no_connection() {
        let (port, connections) = canary().await;
        let url = format!("https://hooks.example:{port}/");
        let literal = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let addresses: Vec<IpAddr> = REFUSED.lines().filter_map(literal).collect();
        assert!(addresses.len() > 200, "{}", addresses.len());
        for address in addresses {
            // Also beside one that is public, which nobody answers at.
            for found in [vec![address], vec!["2000::1".parse().unwrap(), address]] {
                let sent = send(&client(Reach::Public, leads_to(found)), url.clone()).await;
                let error = sent.error.unwrap_or_default();
                assert!(error.contains("may not be sent to"), "{address}: {error}");
            }
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_at_the_next_look_gains_nothing() {
        let (port, connections) = canary().await;
        let looks = Arc::new(AtomicUsize::new(0));
        let looked = Arc::clone(&looks);
        let rebinding: Lookup = Arc::new(move |_| {
            let is_first = looked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
            let found: IpAddr = if is_first { "2000::1" } else { "127.0.0.1" }.parse().unwrap();
            Box::pin(async move { Ok(vec![found]) })
        });
        let client = client(Reach::Public, rebinding);
        for _ in 0..10 {
            let sent = send(&client, format!("https://hooks.example:{port}/")).await;
            assert!(sent.status_code.is_none(), "{sent:?}");
        }
        // Each time it was looked once, and what was found was what was connected to, or not.
        assert_eq!(looks.load(Ordering::SeqCst), 10);
        assert_eq!(connections.load(Ordering::SeqCst), 0);
    }

    /// A receiver on loopback that answers each connection by these bytes, and then says no more.
    async fn receiver(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut connection, _)) = listener.accept().await {
                assert!(connection.read(&mut [0; 4096]).await.unwrap() > 0);
                connection.write_all(&answer).await.unwrap();
                open.push(connection);
            }
        });
        url
    }

    #[tokio::test]
    async fn where_an_answer_leads_to_is_not_followed() {
        let (port, connections) = canary().await;
        let client = client(Reach::PublicAndLoopback, system_lookup());
        for status in [301, 302, 303, 307, 308] {
            let head = format!(
                "HTTP/1.1 {status} x\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n"
            );
            let sent = send(&client, receiver(head.into_bytes()).await).await;
            assert_eq!(sent.status_code, Some(status), "{sent:?}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn of_a_long_answer_sixty_four_kilobytes_are_read_and_not_one_more_is_waited_for() {
        let patience = Duration::from_secs(2);
        let client = WebhookClient::new(Reach::PublicAndLoopback, system_lookup(), patience).unwrap();
        for (sent_of_it, waits) in [(64 << 10, false), ((64 << 10) - 1, true)] {
            let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n".to_vec();
            answer.resize(answer.len() + sent_of_it, b'x');
            let sent = send(&client, receiver(answer).await).await;
            assert_eq!((sent.status_code, sent.answer.map(|kept| kept.len())), (Some(200), Some(1024)));
            assert_eq!(sent.took >= patience, waits, "{:?} for {sent_of_it} bytes", sent.took);
        }
    }

    #[tokio::test]
    async fn the_canary_would_sing() {
        let (port, connections) = canary().await;
        let client = client(Reach::PublicAndLoopback, leads_to(vec!["127.0.0.1".parse().unwrap()]));
        send(&client, format!("https://hooks.example:{port}/")).await;
        send(&client, format!("http://127.0.0.1:{port}/")).await;
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    }
}
