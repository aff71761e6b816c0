//! Payers, cancellations and the time against each other: whoever wins, at most one charge is made, and what is shown is
//! what happened.

mod common;

use std::time::Duration;

use common::requests_of_payment::{a_try, ask, made, pay_on, status_of};
use common::{Harness, Kind, eventually, test_on_each_database, test_on_postgresql};
use florin_engine::requests::CreatePaymentRequest;
use florin_engine::{Engine, PayOutcome};

test_on_each_database! {
    of_two_payers_at_once_one_pays,
    of_many_payers_after_a_decline_one_pays,
    a_cancellation_against_a_payer_ends_in_one_of_the_two,
    expiry_against_a_payer_ends_in_one_of_the_two,
}

test_on_postgresql! {
    of_two_payers_at_two_processes_one_pays,
}

/// How often each race is run.
const ROUNDS: usize = 50;

async fn race(
    harness: &Harness,
    engines: &[&Engine],
    payers: usize,
    first: Option<&str>,
) -> (Vec<PayOutcome>, common::requests_of_payment::Made) {
    let request = made(harness, ask()).await;
    if let Some(first) = first {
        let declined = pay_on(engines[0], &request.token, a_try("sandbox", first)).await;
        assert!(matches!(declined, PayOutcome::Declined(_)), "{declined:?}");
    }
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(payers));
    let tasks: Vec<_> = (0..payers)
        .map(|number| {
            let engine = engines[number % engines.len()].clone();
            let (token, start) = (request.token.clone(), std::sync::Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                pay_on(&engine, &token, a_try("sandbox", "pm_test_success")).await
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.expect("an outcome"));
    }
    (outcomes, request)
}

fn assert_one_paid(outcomes: &[PayOutcome]) {
    let paid = outcomes.iter().filter(|outcome| **outcome == PayOutcome::Paid).count();
    assert_eq!(paid, 1, "{outcomes:?}");
    let rest = [PayOutcome::Paid, PayOutcome::BeingPaid, PayOutcome::AlreadyPaid];
    assert!(outcomes.iter().all(|outcome| rest.contains(outcome)), "{outcomes:?}");
}

async fn rounds(harness: &Harness, engines: &[&Engine], payers: usize, first: Option<&str>) {
    for round in 1..=ROUNDS {
        let (outcomes, request) = race(harness, engines, payers, first).await;
        assert_one_paid(&outcomes);
        assert_eq!(status_of(harness, &request).await, "paid");
        let id = request.payment(harness).await;
        assert_eq!(harness.tally(id).charges, 1);
        let made = harness.payment_count();
        assert_eq!(made, i64::try_from(round).unwrap(), "one payment for each request");
    }
    let charges = u32::try_from(ROUNDS).unwrap();
    assert_eq!(harness.charges(), charges);
}

async fn of_two_payers_at_once_one_pays(kind: Kind) {
    let harness = Harness::start(kind);
    rounds(&harness, &[&harness.engine], 2, None).await;
    harness.finish().await;
}

async fn of_two_payers_at_two_processes_one_pays(kind: Kind) {
    let harness = Harness::start(kind);
    let (other, _) = harness.another_engine(|_| {});
    rounds(&harness, &[&harness.engine, &other], 2, None).await;
    other.drain().await;
    harness.finish().await;
}

async fn of_many_payers_after_a_decline_one_pays(kind: Kind) {
    let harness = Harness::start_with(kind, |settings| settings.writers = 4);
    rounds(&harness, &[&harness.engine], 6, Some("pm_test_decline")).await;
    harness.finish().await;
}

async fn a_cancellation_against_a_payer_ends_in_one_of_the_two(kind: Kind) {
    let harness = Harness::start_with(kind, |settings| settings.writers = 4);
    for round in 0..ROUNDS {
        let request = made(&harness, ask()).await;
        if round % 2 == 1 {
            pay_on(&harness.engine, &request.token, a_try("sandbox", "pm_test_decline")).await;
        }
        let (engine, token) = (harness.engine.clone(), request.token.clone());
        let paying = async move { pay_on(&engine, &token, a_try("sandbox", "pm_test_success")).await };
        let (paid, canceled) = tokio::join!(tokio::spawn(paying), request.cancel(&harness));
        let paid = paid.expect("an outcome");
        let status = eventually("an end", async || {
            Some(status_of(&harness, &request).await).filter(|status| status != "open")
        })
        .await;
        match (status.as_str(), canceled.status) {
            ("paid", 409) => assert_eq!(paid, PayOutcome::Paid),
            ("canceled", 200) => assert_eq!(paid, PayOutcome::Canceled),
            // Remembered while the charge was under way: the money goes back.
            ("canceled", 202) => {
                assert!(!matches!(paid, PayOutcome::Paid | PayOutcome::AlreadyPaid), "{paid:?}")
            }
            // Remembered, and the charge that it waited for was of an earlier moment.
            other => panic!("{other:?}, {paid:?}"),
        }
        if status == "canceled"
            && let Some(id) = request.payment_if_any(&harness).await
        {
            eventually("the money is back", async || {
                let tally = harness.tally(id);
                (tally.captured == tally.refunded).then_some(())
            })
            .await;
        }
    }
    harness.finish().await;
}

async fn expiry_against_a_payer_ends_in_one_of_the_two(kind: Kind) {
    let harness = Harness::start(kind);
    for _ in 0..ROUNDS {
        let expires_at = Some(harness.clock.now() + chrono::TimeDelta::seconds(1));
        let request = made(&harness, CreatePaymentRequest { expires_at, ..ask() }).await;
        let (engine, token) = (harness.engine.clone(), request.token.clone());
        let paying =
            tokio::spawn(async move { pay_on(&engine, &token, a_try("sandbox", "pm_test_success")).await });
        tokio::task::yield_now().await;
        harness.clock.advance(Duration::from_secs(1));
        let outcome = paying.await.expect("an outcome");
        let status = status_of(&harness, &request).await;
        match outcome {
            PayOutcome::Paid => assert_eq!(status, "paid"),
            PayOutcome::Expired => {
                assert_eq!(status, "expired");
                assert_eq!(request.payment_if_any(&harness).await, None);
            }
            other => panic!("{other:?}"),
        }
    }
    harness.finish().await;
}
