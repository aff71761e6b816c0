//! Many callers who want the same money at the same time.

mod common;

use common::{
    Harness, Kind, authorize, create, id, json, refund, tells, test_on_each_database, test_on_postgresql,
    told,
};
use florin_domain::PaymentId;
use florin_engine::Engine;

test_on_each_database! {
    of_twenty_five_refunds_at_once_ten_succeed,
    capture_against_void_one_wins,
    of_many_charges_of_one_payment_one_is_made,
}

test_on_postgresql! {
    of_twenty_five_refunds_at_two_engines_ten_succeed,
    capture_against_void_at_two_engines_one_wins,
}

async fn of_twenty_five_refunds_at_once_ten_succeed(kind: Kind) {
    let harness = Harness::start(kind);
    refund_at_once(&harness, std::slice::from_ref(&harness.engine)).await;
    harness.finish().await;
}

async fn of_twenty_five_refunds_at_two_engines_ten_succeed(kind: Kind) {
    let harness = Harness::start(kind);
    let (other, _) = harness.another_engine(|_| {});
    refund_at_once(&harness, &[harness.engine.clone(), other.clone()]).await;
    other.drain().await;
    harness.finish().await;
}

/// 100 payments of 10, each refunded by 25 concurrent calls of 1.
async fn refund_at_once(harness: &Harness, engines: &[Engine]) {
    let mut payments = Vec::new();
    for _ in 0..100 {
        let mut request = create("pm_test_success");
        request.amount = common::amount(10);
        let (engine, context) = (harness.engine.clone(), harness.context());
        payments.push(tokio::spawn(async move { id(&engine.create_payment(context, request, None).await) }));
    }
    let mut ids: Vec<PaymentId> = Vec::new();
    for payment in payments {
        ids.push(payment.await.expect("a payment"));
    }
    let mut refunds = Vec::new();
    for round in 0..25 {
        for (number, id) in ids.iter().enumerate() {
            let engine = engines[(round + number) % engines.len()].clone();
            let (context, id) = (harness.context(), *id);
            refunds.push(tokio::spawn(async move {
                (id, engine.refund_payment(context, id, refund(1), None).await)
            }));
        }
    }
    let mut succeeded = std::collections::BTreeMap::<PaymentId, u32>::new();
    for refund in refunds {
        let (id, answer) = refund.await.expect("an answer");
        if answer.status == 200 {
            assert_eq!(json(&answer)["status"], "succeeded");
            *succeeded.entry(id).or_default() += 1;
        } else {
            let refusal = told(&answer);
            let refusals = [tells(422, "refund_exceeds_available"), tells(409, "payment_already_refunded")];
            assert!(refusals.contains(&refusal), "{refusal:?}");
        }
    }
    assert_eq!(succeeded.len(), 100);
    for (id, count) in succeeded {
        assert_eq!((count, harness.tally(id).refunded), (10, 10));
        assert_eq!(harness.find(id).await["payment_status"], "REFUNDED");
    }
}

async fn capture_against_void_one_wins(kind: Kind) {
    let harness = Harness::start(kind);
    capture_against_void(&harness, &harness.engine, &harness.engine).await;
    harness.finish().await;
}

async fn capture_against_void_at_two_engines_one_wins(kind: Kind) {
    let harness = Harness::start(kind);
    let (other, _) = harness.another_engine(|_| {});
    capture_against_void(&harness, &harness.engine, &other).await;
    other.drain().await;
    harness.finish().await;
}

async fn capture_against_void(harness: &Harness, capturing: &Engine, voiding: &Engine) {
    for round in 0..30 {
        let created = harness.engine.create_payment(harness.context(), authorize("pm_test_success"), None);
        let payment_id = id(&created.await);
        let capture = {
            let (engine, context) = (capturing.clone(), harness.context());
            async move { engine.capture_payment(context, payment_id, None, None).await }
        };
        let void = {
            let (engine, context) = (voiding.clone(), harness.context());
            async move { engine.cancel_payment(context, payment_id, None, None).await }
        };
        let (captured, voided) = if round % 2 == 0 {
            let (capture, void) = (tokio::spawn(capture), tokio::spawn(void));
            (capture.await.expect("an answer"), void.await.expect("an answer"))
        } else {
            let (void, capture) = (tokio::spawn(void), tokio::spawn(capture));
            (capture.await.expect("an answer"), void.await.expect("an answer"))
        };
        let status = harness.find(payment_id).await["status"].clone();
        let tally = harness.tally(payment_id);
        match (captured.status, voided.status) {
            (200, 400 | 409) => {
                assert_eq!((status.as_str(), tally.captures, tally.voids), (Some("succeeded"), 1, 0));
            }
            (409, 200) => {
                assert_eq!((status.as_str(), tally.captures, tally.voids), (Some("canceled"), 0, 1));
            }
            _ => panic!("{captured:?}, {voided:?}"),
        }
    }
}

async fn of_many_charges_of_one_payment_one_is_made(kind: Kind) {
    let harness = Harness::start(kind);
    for _ in 0..10 {
        let created =
            harness.engine.create_payment(harness.context(), common::record("pm_test_success"), None).await;
        let payment_id = id(&created);
        let charges: Vec<_> = (0..10)
            .map(|_| {
                let (engine, context) = (harness.engine.clone(), harness.context());
                tokio::spawn(async move { engine.process_payment(context, payment_id, None, None).await })
            })
            .collect();
        let mut made = 0;
        for charge in charges {
            let answer = charge.await.expect("an answer");
            made += u32::from(answer.status == 200);
            let refusals = [tells(409, "operation_in_progress"), tells(409, "payment_not_processable")];
            assert!(answer.status == 200 || refusals.contains(&told(&answer)), "{answer:?}");
        }
        assert_eq!((made, harness.tally(payment_id).charges), (1, 1));
    }
    harness.finish().await;
}
