//! `florin trigger`: makes happen what an event tells of, by the same calls as anybody would make.

use florin_domain::EventType;
use reqwest::Method;
use serde_json::{Value, json};

use super::remote::RemoteServer;
use crate::cli::TriggerArguments;
use crate::failure::Failure;
use crate::output::print_lines;

/// How often is looked for what happens by itself after a while.
const LOOKS: u32 = 100;
/// How long to wait between two looks.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

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
    let post = async |path: &str, body: Value, expected: &[u16]| {
        server.ask(Method::POST, path, Some(body), expected).await
    };
    let pay = async |method: &str, more: Value| {
        let mut body = json!({ "amount": 1000, "currency": "USD", "payment_method_id": method });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        // A payment that is declined was made, too.
        post("/v1/payments", body, &[201, 202, 402]).await
    };
    const GOOD: &str = "pm_test_success";
    let id = |object: &Value| object["id"].as_str().unwrap_or_default().to_owned();
    match kind {
        EventType::PaymentCreated | EventType::PaymentSucceeded => drop(pay(GOOD, json!({})).await?),
        EventType::PaymentProcessing => drop(pay("pm_test_ach", json!({})).await?),
        EventType::PaymentAuthorized => drop(pay(GOOD, json!({ "capture_method": "manual" })).await?),
        EventType::PaymentFailed => drop(pay("pm_test_decline", json!({})).await?),
        EventType::PaymentCanceled => {
            let payment = pay(GOOD, json!({ "process_payment": false })).await?;
            post(&format!("/v1/payments/{}/cancel", id(&payment)), json!({}), &[200]).await?;
        }
        EventType::PaymentUpdated => {
            let path = format!("/v1/payments/{}", id(&pay(GOOD, json!({})).await?));
            let change = json!({ "description": "Changed by florin trigger" });
            server.ask(Method::PATCH, &path, Some(change), &[200]).await?;
        }
        EventType::PaymentRefunded | EventType::RefundCreated | EventType::RefundSucceeded => {
            let payment = pay(GOOD, json!({})).await?;
            post(&format!("/v1/payments/{}/refund", id(&payment)), json!({}), &[200]).await?;
        }
        EventType::RefundFailed => {
            let payment = pay("pm_test_refund_fails", json!({})).await?;
            post(&format!("/v1/payments/{}/refund", id(&payment)), json!({}), &[200]).await?;
        }
        EventType::InvoicePaid | EventType::InvoiceVoided => {
            let invoice = json!({ "currency": "USD", "amount_due": 1000 });
            let invoice = id(&post("/v1/invoices", invoice, &[201]).await?);
            if kind == EventType::InvoiceVoided {
                post(&format!("/v1/invoices/{invoice}/void"), json!({}), &[200]).await?;
            } else {
                let towards = json!({ "destination_type": "INVOICE", "destination_id": invoice });
                pay(GOOD, towards).await?;
            }
        }
        EventType::PaymentMethodDetached => {
            let method = json!({ "token": GOOD, "type": "CARD" });
            let method = id(&post("/v1/payment_methods", method, &[201]).await?);
            server.ask(Method::DELETE, &format!("/v1/payment_methods/{method}"), None, &[200]).await?;
        }
        EventType::WebhookEndpointTest => {
            let endpoints = server.ask(Method::GET, "/v1/webhook_endpoints?limit=1", None, &[200]).await?;
            let endpoint = id(&endpoints["data"][0]);
            post(&format!("/v1/webhook_endpoints/{endpoint}/test"), json!({}), &[202]).await?;
        }
        // It takes somebody who pays on a page, or receivers that fail for days.
        EventType::PaymentRequestPaid | EventType::WebhookEndpointDisabled => {
            return Err(Failure::NotToBeTriggered(kind));
        }
    }
    Ok(())
}
