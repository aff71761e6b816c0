//! Payment requests, their pages and their payers.

use std::sync::Arc;

use florin_domain::{
    CaptureMethod, Currency, Description, Metadata, PageToken, PaymentId, PaymentRequestId,
    PaymentRequestType,
};
use florin_engine::requests::CreatePaymentRequest;
use florin_engine::views::Answer;
use florin_engine::{Engine, PayOutcome, PayTry, PaymentPage};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{Harness, amount, json, method};

/// A payment request that was made.
#[derive(Clone)]
pub(crate) struct Made {
    pub id: PaymentRequestId,
    pub token: PageToken,
}

/// A request of 49.00 EUR.
pub(crate) fn ask() -> CreatePaymentRequest {
    CreatePaymentRequest {
        kind: PaymentRequestType::Product,
        amount: amount(4900),
        currency: Currency::parse("EUR").expect("a currency"),
        description: Some(Description::parse("A chair").expect("a description")),
        customer_id: None,
        invoice_id: None,
        capture_method: CaptureMethod::Automatic,
        expires_at: None,
        success_url: None,
        metadata: Metadata::new([("order".to_owned(), "7".to_owned())].into()).expect("metadata"),
    }
}

/// Makes a request, and its tenant where there is none yet.
pub(crate) async fn made(harness: &Harness, request: CreatePaymentRequest) -> Made {
    if harness.database.number("SELECT count(*) AS number FROM tenants") == 0 {
        harness.add_tenant(harness.tenant);
    }
    let created = harness.engine.create_payment_request(harness.context(), request, None).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let created = json(&created);
    let token = created["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a link");
    Made {
        id: created["id"].as_str().expect("an id").parse().expect("a request's id"),
        token: PageToken::parse(token).expect("a token"),
    }
}

/// Pays on the page by the first account that is offered, or by the sandbox where nothing is.
pub(crate) async fn pay(harness: &Harness, request: &Made, method: &str) -> PayOutcome {
    request.pay_by(harness, "sandbox", method).await
}

/// The same beside the test.
pub(crate) fn charge_by(harness: &Harness, request: &Made, method: &str) -> JoinHandle<PayOutcome> {
    let (engine, token, pay) = (harness.engine.clone(), request.token.clone(), a_try("sandbox", method));
    tokio::spawn(async move { pay_on(&engine, &token, pay).await })
}

/// A try at paying on a page.
pub(crate) async fn pay_on(engine: &Engine, token: &PageToken, pay: PayTry) -> PayOutcome {
    engine.pay_request(token, pay).await.expect("the database").expect("a page")
}

pub(crate) fn a_try(processor: &str, token: &str) -> PayTry {
    PayTry {
        processor: processor.to_owned(),
        method: method(token),
        method_type: None,
        return_query: String::new(),
        address: None,
        request_id: Arc::from("req_page"),
    }
}

/// Where the request stands, as the API tells.
pub(crate) async fn status_of(harness: &Harness, request: &Made) -> String {
    request.find(harness).await["status"].as_str().expect("a status").to_owned()
}

impl Made {
    pub(crate) async fn find(&self, harness: &Harness) -> Value {
        let found = harness.engine.find_payment_request(harness.context(), self.id).await;
        assert_eq!(found.status, 200, "{}", found.body);
        json(&found)
    }

    pub(crate) async fn page(&self, harness: &Harness) -> PaymentPage {
        harness.engine.payment_page(&self.token).await.expect("the database").expect("a page")
    }

    pub(crate) async fn pay_by(&self, harness: &Harness, processor: &str, method: &str) -> PayOutcome {
        pay_on(&harness.engine, &self.token, a_try(processor, method)).await
    }

    pub(crate) async fn cancel(&self, harness: &Harness) -> Answer {
        harness.engine.cancel_payment_request(harness.context(), self.id, None, None).await
    }

    pub(crate) async fn payment_if_any(&self, harness: &Harness) -> Option<PaymentId> {
        self.find(harness).await["payment_id"].as_str().map(|id| id.parse().expect("a payment's id"))
    }

    pub(crate) async fn payment(&self, harness: &Harness) -> PaymentId {
        self.payment_if_any(harness).await.expect("a payment")
    }
}
