//! What happens while a processor has not answered yet: cancellations, callers that go away, a server that ends.

mod common;

use common::{
    Fate, Harness, Kind, authorize, create, creation, eventually, id, json, tells, test_on_each_database,
    told,
};
use florin_domain::{AttemptKind, PaymentId};
use florin_engine::requests::CreatePayment;
use florin_engine::views::Answer;
use serde_json::Value;
use tokio::task::JoinHandle;

test_on_each_database! {
    a_charge_that_was_canceled_meanwhile_is_refunded,
    an_authorization_that_was_canceled_meanwhile_is_voided,
    a_charge_that_was_canceled_meanwhile_and_is_declined_ends_canceled,
    other_operations_wait_for_the_charge,
    a_charge_outlives_its_caller,
    draining_waits_for_what_is_under_way_and_lets_nothing_in,
}

/// Begins a charge whose outcome arrives when the test releases it.
async fn begin(harness: &Harness, request: CreatePayment) -> (PaymentId, JoinHandle<Answer>) {
    harness.processor.set(AttemptKind::Charge, Fate::Held);
    let before = harness.processor.sent(0).await.len();
    let (engine, context) = (harness.engine.clone(), harness.context());
    let task = tokio::spawn(async move { engine.create_payment(context, request, creation("k")).await });
    let sent = harness.processor.sent(before + 1).await;
    (sent[before].0, task)
}

/// The payment once its cancellation is through.
async fn canceled(harness: &Harness, payment_id: PaymentId) -> Value {
    eventually("the cancellation", async || {
        let payment = harness.find(payment_id).await;
        (payment["status"] == "canceled").then_some(payment)
    })
    .await
}

/// Cancels while the charge is under way; gives back the payment at the end, and what the charge was answered with.
async fn cancel_meanwhile(harness: &Harness, request: CreatePayment) -> (Value, Answer) {
    let (payment_id, begun) = begin(harness, request).await;
    for _ in 0..2 {
        let remembered = harness.engine.cancel_payment(harness.context(), payment_id, None, None).await;
        assert_eq!(
            (remembered.status, json(&remembered)["payment_status"].as_str()),
            (202, Some("PROCESSING"))
        );
    }
    harness.processor.release();
    let begun = begun.await.expect("an answer");
    let payment = canceled(harness, payment_id).await;
    let again = harness.engine.cancel_payment(harness.context(), payment_id, None, None).await;
    assert_eq!(told(&again), tells(409, "payment_already_canceled"));
    (payment, begun)
}

async fn a_charge_that_was_canceled_meanwhile_is_refunded(kind: Kind) {
    let harness = Harness::start(kind);
    let (payment, begun) = cancel_meanwhile(&harness, create("pm_test_success")).await;
    assert_eq!((&payment["amount_captured"], &payment["amount_refunded"]), (&1000.into(), &1000.into()));
    assert_eq!(begun.status, 201);
    let tally = harness.tally(id(&begun));
    assert_eq!((tally.charges, tally.refunds, tally.voids), (1, 1, 0));
    harness.finish().await;
}

async fn an_authorization_that_was_canceled_meanwhile_is_voided(kind: Kind) {
    let harness = Harness::start(kind);
    let (payment, begun) = cancel_meanwhile(&harness, authorize("pm_test_success")).await;
    assert_eq!((&payment["amount_captured"], &payment["amount_refunded"]), (&0.into(), &0.into()));
    let tally = harness.tally(id(&begun));
    assert_eq!((tally.charges, tally.refunds, tally.voids), (1, 0, 1));
    harness.finish().await;
}

async fn a_charge_that_was_canceled_meanwhile_and_is_declined_ends_canceled(kind: Kind) {
    let harness = Harness::start(kind);
    let (payment, begun) = cancel_meanwhile(&harness, create("pm_test_decline")).await;
    assert_eq!(told(&begun), tells(402, "payment_declined"));
    assert_eq!(payment["amount_captured"], 0);
    harness.finish().await;
}

async fn other_operations_wait_for_the_charge(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let (payment_id, begun) = begin(&harness, create("pm_test_success")).await;
    let before = harness.find(payment_id).await;
    assert_eq!(before["payment_status"], "PROCESSING");
    let in_progress = tells(409, "operation_in_progress");
    let processed = engine.process_payment(harness.context(), payment_id, None, None).await;
    assert_eq!(told(&processed), in_progress);
    let captured = engine.capture_payment(harness.context(), payment_id, None, None).await;
    assert_eq!(told(&captured), in_progress);
    let refunded = engine.refund_payment(harness.context(), payment_id, common::refund(1), None).await;
    assert_eq!(told(&refunded), tells(400, "payment_not_refundable"));
    assert_eq!(harness.find(payment_id).await, before);
    harness.processor.release();
    assert_eq!(json(&begun.await.expect("an answer"))["status"], "succeeded");
    harness.finish().await;
}

async fn a_charge_outlives_its_caller(kind: Kind) {
    let harness = Harness::start(kind);
    let (payment_id, begun) = begin(&harness, create("pm_test_success")).await;
    begun.abort();
    assert!(begun.await.expect_err("the caller has gone").is_cancelled());
    harness.processor.release();
    eventually("the charge", async || {
        (harness.find(payment_id).await["status"] == "succeeded").then_some(())
    })
    .await;
    let replayed =
        harness.engine.create_payment(harness.context(), create("pm_test_success"), creation("k")).await;
    assert_eq!((replayed.status, replayed.replayed, id(&replayed)), (201, true, payment_id));
    assert_eq!(harness.charges(), 1);
    harness.finish().await;
}

async fn draining_waits_for_what_is_under_way_and_lets_nothing_in(kind: Kind) {
    let harness = Harness::start(kind);
    let (_, begun) = begin(&harness, create("pm_test_success")).await;
    let drain = tokio::spawn({
        let engine = harness.engine.clone();
        async move { engine.drain().await }
    });
    eventually("a closed door", async || {
        let answer =
            harness.engine.create_payment(harness.context(), common::record("pm_test_success"), None);
        let answer = answer.await;
        assert!(matches!(answer.status, 201 | 503), "{}", answer.body);
        (answer.status == 503).then_some(())
    })
    .await;
    assert!(!drain.is_finished() && !begun.is_finished());
    harness.processor.release();
    assert_eq!(json(&begun.await.expect("an answer"))["status"], "succeeded");
    drain.await.expect("the end");
    harness.check();
}
