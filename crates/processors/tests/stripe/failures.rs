//! What each way to fail proves: that nothing was done, or nothing at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use florin_processors::{DeclineCode, Found, LookupFailed, Outcome, Processor};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::double::error;
use crate::support::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    NotSent,
    Declined,
    Unknown,
}

fn proof(outcome: &Outcome) -> Proof {
    match outcome {
        Outcome::NotSent { .. } => Proof::NotSent,
        Outcome::Declined { .. } => Proof::Declined,
        Outcome::Unknown { .. } => Proof::Unknown,
        other => panic!("{other:?}"),
    }
}

/// The outcome of each kind of request.
async fn all_outcomes(url: &str) -> [Outcome; 5] {
    let stripe = with_options(url, |options| options.answer_timeout_ms = 400);
    let request = charge("pm_card_visa");
    [
        stripe.charge(request.clone()).await,
        stripe.authorize(request.clone()).await,
        stripe.capture(capture(&request, "pi_1", 1000)).await,
        stripe.void(void(&request, "pi_1")).await,
        stripe.refund(refund(&request, "pi_1", 1000)).await,
    ]
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn each_answer_proves_what_it_proves_and_no_more() {
    use Proof::{Declined, NotSent, Unknown};
    let json = |status, body: Value| ResponseTemplate::new(status).set_body_json(body);
    let said = |status, kind, code| json(status, error(kind, code, "As the test says."));
    let html = "<html><body>Bad gateway</body></html>";
    let table = [
        (said(400, "invalid_request_error", Some("parameter_invalid_integer")), Declined),
        (said(402, "card_error", Some("card_declined")), Declined),
        (said(404, "invalid_request_error", Some("resource_missing")), Declined),
        (said(401, "invalid_request_error", Some("api_key_expired")), NotSent),
        (said(403, "invalid_request_error", None), NotSent),
        (said(429, "invalid_request_error", Some("rate_limit")), NotSent),
        (said(429, "invalid_request_error", Some("lock_timeout")), NotSent),
        (said(400, "idempotency_error", None), Unknown),
        (said(409, "idempotency_error", Some("idempotency_key_in_use")), Unknown),
        (said(409, "invalid_request_error", None), Unknown),
        (said(424, "api_error", None), Unknown),
        (said(500, "api_error", None), Unknown),
        (said(503, "api_error", None), Unknown),
        (json(400, json!({ "message": "not Stripe's words" })), Unknown),
        (ResponseTemplate::new(402), Unknown),
        (ResponseTemplate::new(429).set_body_string(html), Unknown),
        (ResponseTemplate::new(502).set_body_string(html), Unknown),
        (ResponseTemplate::new(200).set_body_string(html), Unknown),
        (json(200, json!({})), Unknown),
        (
            json(200, json!({ "id": "x_1", "amount": 1000, "currency": "usd", "status": "of_tomorrow" })),
            Unknown,
        ),
        (ResponseTemplate::new(302).insert_header("location", "/v1/charges"), Unknown),
        (ResponseTemplate::new(204), Unknown),
    ];
    for (answer, expected) in table {
        let shown = format!("{answer:?}");
        let server = answering(answer).await;
        for outcome in all_outcomes(&server.uri()).await {
            assert_eq!(proof(&outcome), expected, "{outcome:?} of {shown}");
        }
        assert_eq!(server.received_requests().await.unwrap().len(), 5, "nothing is sent twice: {shown}");
    }
}

#[tokio::test]
async fn an_answer_about_another_sum_is_none() {
    let intent = |amount, currency| json!({ "id": "pi_1", "amount": amount, "amount_received": amount, "currency": currency, "status": "succeeded" });
    for body in [intent(999, "usd"), intent(100_000, "usd"), intent(1000, "eur")] {
        let server = answering(ResponseTemplate::new(200).set_body_json(&body)).await;
        let [charged, authorized, captured, _, refunded] = all_outcomes(&server.uri()).await;
        assert_eq!(proof(&charged), Proof::Unknown, "{body}");
        assert_eq!(proof(&authorized), Proof::Unknown, "{body}");
        assert_eq!(proof(&refunded), Proof::Unknown, "{body}");
        if body["amount"] != 1000 {
            assert_eq!(proof(&captured), Proof::Unknown, "{body}");
        }
        let found = stripe(&server.uri()).look_up(&about(&charge("pm_card_visa"), Some("pi_1"))).await;
        assert!(matches!(found, Err(LookupFailed(_))), "{found:?}");
    }
}

#[tokio::test]
async fn an_answer_about_another_attempt_is_none() {
    let others = json!({ "id": "pi_9", "amount": 1000, "amount_received": 1000, "currency": "usd", "status": "succeeded",
                         "metadata": { "florin_attempt_id": charge("pm_card_visa").attempt_id.to_string() } });
    let mut decline = error("card_error", Some("card_declined"), "Declined.");
    decline["error"]["payment_intent"] = others.clone();
    for (status, body) in [(200, others), (402, decline)] {
        let server = answering(ResponseTemplate::new(status).set_body_json(&body)).await;
        let [charged, authorized, captured, voided, _] = all_outcomes(&server.uri()).await;
        for outcome in [charged, authorized, captured, voided] {
            assert_eq!(proof(&outcome), Proof::Unknown, "{body}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_under_the_key_of_another_request_is_none() {
    let refused = || ResponseTemplate::new(400).set_body_json(error("card_error", Some("no"), "Declined."));
    let others = answering(refused().insert_header("idempotency-key", "att_of_another")).await;
    for outcome in all_outcomes(&others.uri()).await {
        assert_eq!(proof(&outcome), Proof::Unknown, "{outcome:?}");
    }
    let repeating = MockServer::start().await;
    let repeat = move |request: &wiremock::Request| {
        refused().insert_header("idempotency-key", request.headers["idempotency-key"].clone())
    };
    Mock::given(any()).respond_with(repeat).mount(&repeating).await;
    for outcome in all_outcomes(&repeating.uri()).await {
        assert_eq!(proof(&outcome), Proof::Declined, "{outcome:?}");
    }
}

/// Answers everything with an empty list, on connections that stay open; counts connections and requests.
async fn listing(listener: TcpListener, counts: Arc<[AtomicUsize; 2]>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        counts[0].fetch_add(1, Ordering::SeqCst);
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            let mut read = Vec::new();
            while stream.read_buf(&mut read).await.is_ok_and(|count| count > 0) {
                if read.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
                    read.clear();
                    counts[1].fetch_add(1, Ordering::SeqCst);
                    let body = r#"{"data": [], "has_more": false}"#;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    stream.write_all((head + body).as_bytes()).await.unwrap();
                }
            }
        });
    }
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_over_connections_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let counts = Arc::default();
    let serving = tokio::spawn(listing(listener, Arc::clone(&counts)));
    let (stripe, request) = (stripe(&url), charge("pm_card_visa"));
    assert_eq!(stripe.look_up(&about(&request, None)).await, Ok(Found::NotFound));
    let lost = refund(&request, "pi_1", 1000);
    assert_eq!(stripe.look_up(&about_refund(&lost, None)).await, Ok(Found::NotFound));
    let [connections, requests] = [0, 1].map(|index: usize| counts[index].load(Ordering::SeqCst));
    assert_eq!((connections, requests), (3, 3));
    serving.abort();
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    for outcome in all_outcomes(&format!("http://{address}")).await {
        assert_eq!(proof(&outcome), Proof::NotSent, "{outcome:?}");
    }
    let nowhere = with_options("https://stripe.invalid", |options| options.connect_timeout_ms = 2_000);
    let outcome = nowhere.charge(charge("pm_card_visa")).await;
    assert_eq!(proof(&outcome), Proof::NotSent, "no address: {outcome:?}");
}

#[tokio::test]
async fn without_tls_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let mut sent = Vec::new();
        let _reset = connection.read_to_end(&mut sent).await;
        sent
    });
    let outcome = stripe(&format!("https://{address}")).charge(charge("pm_card_visa")).await;
    assert_eq!(proof(&outcome), Proof::NotSent, "{outcome:?}");
    let sent = serving.await.unwrap();
    let key = KEY.as_bytes();
    assert!(!sent.windows(key.len()).any(|bytes| bytes == key), "the key was sent in the clear");
}

/// Reads a request and then does with the connection what `answer` says: writes that much, and ends or hangs.
async fn breaking(answer: &'static [u8], hangs: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _read = connection.read(&mut buffer).await;
                let _written = connection.write_all(answer).await;
                if hangs {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn after_the_first_byte_a_broken_or_silent_connection_proves_nothing() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{\"id\":";
    for (answer, hangs) in
        [(&b""[..], false), (b"", true), (b"HTTP/1.1 200", false), (head, false), (head, true)]
    {
        let url = breaking(answer, hangs).await;
        for outcome in all_outcomes(&url).await {
            assert_eq!(proof(&outcome), Proof::Unknown, "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let server = answering(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 9 << 20])).await;
    let outcome = stripe(&server.uri()).charge(charge("pm_card_visa")).await;
    assert!(matches!(&outcome, Outcome::Unknown { reason } if reason.contains("too long")), "{outcome:?}");
}

#[tokio::test]
async fn a_look_up_without_a_usable_answer_tells_nothing() {
    for status in [400, 401, 403, 404, 429, 500, 503] {
        let body = error("api_error", None, "As the test says.");
        let server = answering(ResponseTemplate::new(status).set_body_json(body)).await;
        let stripe = stripe(&server.uri());
        let request = charge("pm_card_visa");
        let look_ups = [
            about(&request, Some("pi_1")),
            about(&request, None),
            about_capture(&capture(&request, "pi_1", 1)),
            about_void(&void(&request, "pi_1")),
            about_refund(&refund(&request, "pi_1", 1), Some("re_1")),
            about_refund(&refund(&request, "pi_1", 1), None),
        ];
        for attempt in look_ups {
            let found = stripe.look_up(&attempt).await;
            assert!(found.is_err(), "{status}: {attempt:?} {found:?}");
        }
    }
}

#[tokio::test]
async fn a_bank_s_reason_becomes_ours() {
    let body = json!({ "error": {
        "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.", "charge": "ch_1",
        "payment_intent": { "id": "pi_1", "amount": 1000, "currency": "usd", "status": "requires_payment_method" },
    } });
    let server = answering(ResponseTemplate::new(402).set_body_json(body)).await;
    let expected = Outcome::Declined {
        code: DeclineCode::InsufficientFunds,
        message: "Your card has insufficient funds.".to_owned(),
        may_retry_elsewhere: false,
    };
    assert_eq!(stripe(&server.uri()).charge(charge("pm_card_visa")).await, expected);
}
