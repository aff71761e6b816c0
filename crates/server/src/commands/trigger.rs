//! `florin trigger`: makes happen what an event tells of, by the same calls as anybody would make.

use std::time::Duration;

use florin_domain::EventType;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::remote::RemoteServer;
use crate::cli::TriggerArguments;
use crate::failure::Failure;
use crate::output::print_lines;

/// How often is looked for what happens by itself after a while.
const LOOKS: u32 = 100;
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// The test payment method that succeeds.
const GOOD: &str = "pm_test_success";

pub(super) fn run(arguments: &TriggerArguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let event = runtime.block_on(async {
        let server = RemoteServer::new(&arguments.remote)?;
        trigger(&server, arguments.kind).await
    })?;
    let pretty = serde_json::to_string_pretty(&event).unwrap_or_default();
    Ok(print_lines([pretty])?)
}

async fn trigger(server: &RemoteServer, kind: EventType) -> Result<Value, Failure> {
    let newest = async || -> Result<Value, Failure> {
        let path = format!("/v1/events?type={kind}&limit=1");
        Ok(server.ask(Method::GET, &path, None, &[200]).await?["data"][0].clone())
    };
    let before = newest().await?;
    make_happen(server, kind).await?;
    for _ in 0..LOOKS {
        let event = newest().await?;
        if event["id"] != before["id"] {
            return Ok(event);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Failure::NothingHappened(kind))
}

async fn make_happen(server: &RemoteServer, kind: EventType) -> Result<(), Failure> {
    let pay = async |method: &str, more: Value| pay(server, method, more).await;
    match kind {
        EventType::PaymentCreated | EventType::PaymentSucceeded => drop(pay(GOOD, json!({})).await?),
        EventType::PaymentProcessing => drop(pay("pm_test_ach", json!({})).await?),
        EventType::PaymentAuthorized => drop(pay(GOOD, json!({ "capture_method": "manual" })).await?),
        EventType::PaymentFailed => drop(pay("pm_test_decline", json!({})).await?),
        EventType::PaymentCanceled => {
            let payment = pay(GOOD, json!({ "process_payment": false })).await?;
            server.post(&format!("/v1/payments/{}/cancel", id(&payment)), json!({}), &[200]).await?;
        }
        EventType::PaymentUpdated => {
            let path = format!("/v1/payments/{}", id(&pay(GOOD, json!({})).await?));
            let change = json!({ "description": "Changed by florin trigger" });
            server.ask(Method::PATCH, &path, Some(change), &[200]).await?;
        }
        EventType::PaymentRefunded | EventType::RefundCreated | EventType::RefundSucceeded => {
            let payment = pay(GOOD, json!({})).await?;
            server.post(&format!("/v1/payments/{}/refund", id(&payment)), json!({}), &[200]).await?;
        }
        EventType::RefundFailed => {
            let payment = pay("pm_test_refund_fails", json!({})).await?;
            server.post(&format!("/v1/payments/{}/refund", id(&payment)), json!({}), &[200]).await?;
        }
        EventType::PaymentRequestPaid => {
            let wanted = json!({ "type": "product", "amount": 1000, "currency": "USD" });
            let request = server.post("/v1/payment_requests", wanted, &[201]).await?;
            server.pay_on_page(request["url"].as_str().unwrap_or_default(), GOOD).await?;
        }
        EventType::InvoicePaid => {
            let towards =
                json!({ "destination_type": "INVOICE", "destination_id": new_invoice(server).await? });
            pay(GOOD, towards).await?;
        }
        EventType::InvoiceVoided => {
            let path = format!("/v1/invoices/{}/void", new_invoice(server).await?);
            server.post(&path, json!({}), &[200]).await?;
        }
        EventType::PaymentMethodDetached => {
            let method = json!({ "token": GOOD, "type": "CARD" });
            let method = id(&server.post("/v1/payment_methods", method, &[201]).await?);
            server.ask(Method::DELETE, &format!("/v1/payment_methods/{method}"), None, &[200]).await?;
        }
        EventType::WebhookEndpointTest => {
            let endpoints = server.ask(Method::GET, "/v1/webhook_endpoints?limit=1", None, &[200]).await?;
            let endpoint = id(&endpoints["data"][0]);
            server.post(&format!("/v1/webhook_endpoints/{endpoint}/test"), json!({}), &[202]).await?;
        }
        EventType::WebhookEndpointDisabled => disable_an_endpoint(server).await?,
    }
    Ok(())
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_default().to_owned()
}

async fn pay(server: &RemoteServer, method: &str, more: Value) -> Result<Value, Failure> {
    let mut body = json!({ "amount": 1000, "currency": "USD", "payment_method_id": method });
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    // A payment that is declined was made, too.
    server.post("/v1/payments", body, &[201, 202, 402]).await
}

async fn new_invoice(server: &RemoteServer) -> Result<String, Failure> {
    let invoice = json!({ "currency": "USD", "amount_due": 1000 });
    Ok(id(&server.post("/v1/invoices", invoice, &[201]).await?))
}

/// An endpoint here, for a moment, that answers as one does that is gone for good. The server has to be one that may send
/// to this machine itself, as `florin dev` does.
async fn disable_an_endpoint(server: &RemoteServer) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // Whatever breaks is tried again.
            let _broken = answer_gone(connection).await;
        }
    });
    let wanted = json!({ "url": url, "description": "florin trigger", "events": ["payment.updated"] });
    let endpoint = id(&server.post("/v1/webhook_endpoints", wanted, &[201]).await?);
    let path = format!("/v1/webhook_endpoints/{endpoint}");
    let disabled = wait_until_disabled(server, &path).await;
    server.ask(Method::DELETE, &path, None, &[200]).await?;
    disabled
}

async fn wait_until_disabled(server: &RemoteServer, path: &str) -> Result<(), Failure> {
    server.post(&format!("{path}/test"), json!({}), &[202]).await?;
    for _ in 0..LOOKS {
        if server.ask(Method::GET, path, None, &[200]).await?["enabled"] == false {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Failure::NothingHappened(EventType::WebhookEndpointDisabled))
}

async fn answer_gone(connection: TcpStream) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut line = String::new();
    // The head ends with an empty line.
    while connection.read_line(&mut line).await? > 2 {
        line.clear();
    }
    connection.write_all(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
    connection.shutdown().await?;
    // What is not read would break the answer off.
    tokio::io::copy(&mut connection, &mut tokio::io::sink()).await?;
    Ok(())
}
