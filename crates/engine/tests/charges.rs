//! Charges, captures, cancellations and refunds through the engine, on both databases.

mod common;

use std::time::Duration;

use common::{Harness, Kind, kinds};
use florin_domain::{Amount, CaptureMethod, Currency, Metadata, MethodRef, PaymentId};
use florin_engine::requests::{CreatePayment, CreateRefund};
use florin_engine::views::Answer;
use serde_json::Value;

fn create(method: &str) -> CreatePayment {
    CreatePayment {
        amount: Amount::new(1000).expect("an amount"),
        currency: Currency::parse("USD").expect("a currency"),
        payment_method: Some(MethodRef::parse(method).expect("a method")),
        process_payment: true,
        capture_method: CaptureMethod::Automatic,
        return_url: None,
        off_session: false,
        description: None,
        metadata: Metadata::default(),
        idempotency_key: None,
    }
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).expect("JSON")
}

fn id(answer: &Answer) -> PaymentId {
    json(answer)["id"].as_str().expect("an id").parse().expect("a payment's id")
}

fn on_each_database<F: Future<Output = ()>>(test: impl Fn(Kind) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for kind in kinds() {
        runtime.block_on(test(kind));
    }
}

#[test]
fn a_charge_succeeds_and_is_refunded_in_parts() {
    on_each_database(async |kind| {
        let harness = Harness::start(kind);
        let created = harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
        assert_eq!(created.status, 201, "{}", created.body);
        assert_eq!(json(&created)["status"], "succeeded");
        let refund = CreateRefund { amount: Amount::new(400).ok(), ..CreateRefund::default() };
        let refunded = harness.engine.refund_payment(harness.context(), id(&created), refund, None).await;
        assert_eq!((refunded.status, json(&refunded)["status"].as_str()), (200, Some("succeeded")));
        let rest = harness
            .engine
            .refund_payment(harness.context(), id(&created), CreateRefund::default(), None)
            .await;
        assert_eq!(json(&rest)["amount"], 600);
        let found = harness.engine.find_payment(harness.context(), id(&created)).await;
        assert_eq!(json(&found)["payment_status"], "REFUNDED");
        harness.engine.drain().await;
    });
}

#[test]
fn an_outcome_that_is_unknown_is_found_out_later() {
    on_each_database(async |kind| {
        let harness = Harness::start(kind);
        for (method, status) in [("pm_test_timeout", "succeeded"), ("pm_test_timeout_lost", "failed")] {
            let created = harness.engine.create_payment(harness.context(), create(method), None).await;
            assert_eq!(
                (created.status, json(&created)["payment_status"].as_str()),
                (202, Some("PROCESSING"))
            );
            harness.clock.advance(Duration::from_secs(60));
            assert_eq!(harness.engine.recover_now().await.expect("a sweep"), 1);
            let found = harness.engine.find_payment(harness.context(), id(&created)).await;
            assert_eq!(json(&found)["status"], status, "{}", found.body);
        }
        harness.engine.drain().await;
    });
}
