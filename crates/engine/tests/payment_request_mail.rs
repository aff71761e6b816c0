//! Sending payment requests by e-mail: a real conversation with a mail server on loopback.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::requests_of_payment::{Made, ask, made, pay};
use common::{Harness, Kind, idempotency, json, tells, test_on_each_database, told};
use florin_domain::{CustomerName, Description, Email, Metadata};
use florin_engine::Mailer;
use florin_engine::requests::{CreateCustomer, CreatePaymentRequest};
use florin_engine::views::Answer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

test_on_each_database! {
    an_e_mail_has_both_parts_and_the_link,
    the_customers_address_is_used_when_none_is_given,
    without_a_mail_server_or_an_address_the_link_is_given_and_the_answer_says_so,
    a_repetition_sends_no_second_e_mail,
    a_mail_server_that_refuses_or_is_silent_or_gone_is_told_of,
    nothing_that_people_write_becomes_a_header_or_html,
    what_is_over_is_not_sent,
}

/// How the mail server behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Takes,
    RefusesReceiver,
    /// Says nothing once it has the e-mail.
    Silent,
}

/// A mail server that keeps what it takes.
struct MailServer {
    url: String,
    taken: Arc<Mutex<Vec<(String, String)>>>,
}

impl MailServer {
    async fn start(manner: Manner) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, manner, Arc::clone(&kept)));
            }
        });
        MailServer { url, taken }
    }

    fn mailer(&self) -> Mailer {
        Mailer::new(&self.url, "Shop <pay@shop.example>").expect("a mailer")
    }

    /// The receivers and texts of what was taken.
    fn taken(&self) -> Vec<(String, String)> {
        self.taken.lock().unwrap().clone()
    }
}

async fn converse(stream: TcpStream, manner: Manner, kept: Arc<Mutex<Vec<(String, String)>>>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut receiver = String::new();
    let _gone = writer.write_all(b"220 test\r\n").await;
    while let Ok(Some(line)) = lines.next_line().await {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250 test\r\n",
            "MAIL" => "250 ok\r\n",
            "RCPT" if manner == Manner::RefusesReceiver => "550 nobody of that name\r\n",
            "RCPT" => {
                receiver = line.clone();
                "250 ok\r\n"
            }
            "DATA" => {
                let _gone = writer.write_all(b"354 go on\r\n").await;
                let mut text = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    text.push_str(&line);
                    text.push_str("\r\n");
                }
                kept.lock().unwrap().push((receiver.clone(), text));
                if manner == Manner::Silent {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        if writer.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn with_mailer(kind: Kind, mailer: Mailer) -> Harness {
    Harness::start_with(kind, |settings| {
        settings.mailer = Some(mailer);
        settings.public_url = Arc::from("https://pay.example.com");
    })
}

async fn send(harness: &Harness, request: &Made, email: Option<&str>) -> Answer {
    let email = email.map(|text| Email::parse(text).expect("an address"));
    harness.engine.send_payment_request(harness.context(), request.id, email, None).await
}

fn status(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    json(answer)["email_status"].as_str().expect("a status").to_owned()
}

/// The text of an e-mail with its quoted-printable lines put together.
fn unfolded(text: &str) -> String {
    text.replace("=\r\n", "").replace("=3D", "=")
}

async fn an_e_mail_has_both_parts_and_the_link(kind: Kind) {
    let server = MailServer::start(Manner::Takes).await;
    let harness = with_mailer(kind, server.mailer());
    let request = made(&harness, ask()).await;
    let answer = send(&harness, &request, Some("ada@example.com")).await;
    assert_eq!(status(&answer), "sent");
    let taken = server.taken();
    let [(receiver, text)] = &taken[..] else { panic!("{taken:?}") };
    assert!(receiver.contains("<ada@example.com>"), "{receiver}");
    let (text, url) = (unfolded(text), format!("https://pay.example.com/pay/{}", request.token));
    assert_eq!(json(&answer)["url"], url);
    assert_eq!(text.matches(&url).count(), 3, "in the text, in the link and below it: {text}");
    for part in ["text/plain", "text/html", "49.00 EUR", "A chair", "From: Shop <pay@shop.example>"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!request.find(&harness).await["last_sent_at"].is_null());
    let entries = "SELECT count(*) AS number FROM audit_log WHERE action = 'payment_request.sent'";
    assert_eq!(harness.database.number(entries), 1);
    harness.finish().await;
}

async fn the_customers_address_is_used_when_none_is_given(kind: Kind) {
    let server = MailServer::start(Manner::Takes).await;
    let harness = with_mailer(kind, server.mailer());
    harness.add_tenant(harness.tenant);
    let customer = CreateCustomer {
        name: Some(CustomerName::parse("Ada").unwrap()),
        email: Some(Email::parse("ada@example.org").unwrap()),
        external_id: None,
        metadata: Metadata::default(),
    };
    let customer = json(&harness.engine.create_customer(harness.context(), customer, None).await);
    let customer_id = Some(customer["id"].as_str().unwrap().parse().unwrap());
    let request = made(&harness, CreatePaymentRequest { customer_id, ..ask() }).await;
    assert_eq!(status(&send(&harness, &request, None).await), "sent");
    assert!(server.taken()[0].0.contains("<ada@example.org>"));
    harness.finish().await;
}

async fn without_a_mail_server_or_an_address_the_link_is_given_and_the_answer_says_so(kind: Kind) {
    let harness = Harness::start(kind);
    let request = made(&harness, ask()).await;
    for (email, expected) in [(None, "no_address"), (Some("ada@example.com"), "not_configured")] {
        let answer = send(&harness, &request, email).await;
        assert_eq!(status(&answer), expected);
        let answer = json(&answer);
        assert!(answer["url"].as_str().unwrap().ends_with(request.token.as_str()));
        assert!(answer["message"].as_str().unwrap().starts_with("No e-mail was sent"), "{answer}");
    }
    let wrong = harness.engine.send_payment_request(
        harness.context(),
        request.id,
        Some(Email::parse("a@b@c").unwrap()),
        None,
    );
    assert_eq!(told(&wrong.await), tells(400, "parameter_invalid"));
    harness.finish().await;
}

async fn a_repetition_sends_no_second_e_mail(kind: Kind) {
    let server = MailServer::start(Manner::Takes).await;
    let harness = with_mailer(kind, server.mailer());
    let request = made(&harness, ask()).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let key = idempotency("once", &format!("POST /v1/payment_requests/{}/send", request.id), 1);
        let email = Some(Email::parse("ada@example.com").unwrap());
        answers.push(harness.engine.send_payment_request(harness.context(), request.id, email, key).await);
    }
    assert_eq!((answers[0].status, answers[1].replayed), (200, true));
    assert_eq!(answers[0].body, answers[1].body);
    assert_eq!(server.taken().len(), 1);
    harness.finish().await;
}

async fn a_mail_server_that_refuses_or_is_silent_or_gone_is_told_of(kind: Kind) {
    let refusing = MailServer::start(Manner::RefusesReceiver).await;
    let silent = MailServer::start(Manner::Silent).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = Mailer::new(&format!("smtp://{gone}"), "pay@shop.example").unwrap();
    let patience = Duration::from_millis(300);
    for (mailer, expected) in [
        (refusing.mailer(), "failed"),
        (silent.mailer().with_patience(patience), "unknown"),
        (gone, "failed"),
    ] {
        let harness = with_mailer(kind, mailer);
        let request = made(&harness, ask()).await;
        assert_eq!(status(&send(&harness, &request, Some("ada@example.com")).await), expected);
        assert!(request.find(&harness).await["last_sent_at"].is_null());
        harness.finish().await;
    }
}

async fn nothing_that_people_write_becomes_a_header_or_html(kind: Kind) {
    let server = MailServer::start(Manner::Takes).await;
    let harness = with_mailer(kind, server.mailer());
    let hostile = "x\r\nBcc: all@example.net\r\n\r\n<script>alert(1)</script>\"><img src=x>";
    let mut connection = harness.url.connect().expect("the database");
    let tenant = florin_storage::access::Tenant { id: harness.tenant, name: hostile.to_owned() };
    florin_storage::access::create_tenant(&mut connection, &tenant).expect("a tenant");
    let description = Some(Description::parse(hostile).unwrap());
    let request = made(&harness, CreatePaymentRequest { description, ..ask() }).await;
    assert_eq!(status(&send(&harness, &request, Some("ada@example.com")).await), "sent");
    let taken = server.taken();
    let text = unfolded(&taken[0].1);
    let is_header = |line: &str| line.to_lowercase().starts_with("bcc:");
    assert!(!taken[0].1.lines().any(is_header), "{text}");
    assert!(!text.contains("\r\nBcc"), "{text}");
    let html = &text[text.find("text/html").expect("the second part")..];
    for tag in ["<script", "<img"] {
        assert!(!html.contains(tag), "{tag}: {html}");
    }
    assert!(html.contains("&lt;script&gt;"), "{html}");
    assert!(Email::parse("ada@example.com\r\nBcc: all@example.net").is_err());
    harness.finish().await;
}

async fn what_is_over_is_not_sent(kind: Kind) {
    let server = MailServer::start(Manner::Takes).await;
    let harness = with_mailer(kind, server.mailer());
    let [paid, canceled] = [made(&harness, ask()).await, made(&harness, ask()).await];
    pay(&harness, &paid, "pm_test_success").await;
    canceled.cancel(&harness).await;
    for request in [&paid, &canceled] {
        let answer = send(&harness, request, Some("ada@example.com")).await;
        assert_eq!(told(&answer), tells(409, "payment_request_not_open"));
    }
    assert!(server.taken().is_empty());
    harness.finish().await;
}
