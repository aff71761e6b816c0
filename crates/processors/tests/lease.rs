//! A request is sent while its attempt belongs to its sender, and not a moment later.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use florin_processors::http::{HeaderMap, HttpClient, Method, NoAnswer};
use florin_processors::lease::{Lease, may_be_sent};
use wiremock::matchers::{body_string, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

const BODY: &str = "amount=1000&currency=usd";

async fn processor() -> MockServer {
    let server = MockServer::start().await;
    let whole = Mock::given(method("POST")).and(body_string(BODY)).and(header("content-length", "24"));
    whole.respond_with(ResponseTemplate::new(200)).mount(&server).await;
    server
}

async fn charge(server: &MockServer) -> Result<u16, NoAnswer> {
    let second = Duration::from_secs(1);
    let http = HttpClient::new(&server.uri(), HeaderMap::new(), 5 * second, 5 * second).expect("a client");
    let request = http.request(Method::POST, &["charges"]).body(BODY);
    HttpClient::send(request).await.map(|answer| answer.status)
}

/// A lease that is over after it was looked at so often.
fn over_after(looks: u32) -> Lease {
    let looked = AtomicU32::new(0);
    Lease::new(move || looked.fetch_add(1, Ordering::SeqCst) < looks)
}

#[tokio::test]
async fn a_request_leaves_whole_while_its_lease_is_held() {
    let server = processor().await;
    assert_eq!(charge(&server).await, Ok(200));
    assert_eq!(Lease::new(|| true).hold(charge(&server)).await, Ok(200));
    assert_eq!(server.received_requests().await.expect("they are kept").len(), 2);
}

#[tokio::test]
async fn nothing_is_sent_when_the_lease_is_over_before_or_while_the_connection_is_made() {
    let server = processor().await;
    for looks in [0, 1] {
        let sent = over_after(looks).hold(charge(&server)).await;
        assert!(matches!(sent, Err(NoAnswer::NotSent(_))), "after {looks} looks: {sent:?}");
    }
    assert!(server.received_requests().await.expect("they are kept").is_empty());
    // And the client goes on.
    assert_eq!(charge(&server).await, Ok(200));
}

#[tokio::test]
async fn whoever_sends_otherwise_can_ask() {
    assert!(may_be_sent());
    assert!(over_after(1).hold(async { may_be_sent() && !may_be_sent() }).await);
}
