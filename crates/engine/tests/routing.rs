//! Several processor accounts: charges that go on from one to the next, or don't.

mod common;

use std::time::Duration;

use common::{
    Fate, Harness, Kind, create, creation, disable, eventually, id, json, method, record, refund,
    start_with_accounts, tells, test_on_each_database, told, way,
};
use florin_domain::AttemptKind;
use florin_engine::views::Answer;
use serde_json::{Value, json};

test_on_each_database! {
    a_soft_decline_and_what_was_not_sent_go_on_to_the_next_account,
    a_charge_that_is_declined_for_good_or_unknown_goes_nowhere,
    what_all_decline_is_declined_once_and_told_once,
    a_cancellation_that_comes_first_ends_the_payment_and_one_that_comes_later_is_remembered,
    many_cancellations_against_going_on_leave_at_most_one_effect,
    a_key_stays_in_use_until_the_last_charge_is_over,
    a_decline_that_recovery_finds_goes_nowhere,
    an_account_that_is_disabled_meanwhile_is_not_tried,
    an_account_that_another_process_disables_is_no_longer_used_after_a_second,
}

async fn charge(harness: &Harness, method: &str) -> Answer {
    harness.engine.create_payment(harness.context(), create(method), None).await
}

async fn a_soft_decline_and_what_was_not_sent_go_on_to_the_next_account(kind: Kind) {
    let (harness, connectors, _) = start_with_accounts(kind, &["choosy", "away", "works"]).await;
    connectors.at("choosy").set(AttemptKind::Charge, Fate::Declined);
    connectors.at("away").set(AttemptKind::Charge, Fate::NotSent);
    let key = || creation("once");
    let first = harness.engine.create_payment(harness.context(), create("pm_test_success"), key()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let payment = json(&first);
    assert_eq!(way(&payment), [("choosy", "failed"), ("away", "failed"), ("works", "succeeded")]);
    assert_eq!((&payment["processor"], &payment["error_code"]), (&json!("works"), &Value::Null));
    let again = harness.engine.create_payment(harness.context(), create("pm_test_success"), key()).await;
    assert!(again.replayed && again.body == first.body, "{}", again.body);
    let back = harness.engine.refund_payment(harness.context(), id(&first), refund(400), None).await;
    assert_eq!(json(&back)["status"], "succeeded", "{}", back.body);
    assert_eq!(connectors.at("works").sent(2).await.len(), 2);
    assert_eq!(harness.tally(id(&first)).charges, 1);
    harness.finish().await;
}

async fn a_charge_that_is_declined_for_good_or_unknown_goes_nowhere(kind: Kind) {
    let (harness, connectors, _) = start_with_accounts(kind, &["first", "second"]).await;
    connectors.at("first").set(AttemptKind::Charge, Fate::DeclinedForGood);
    assert_eq!(told(&charge(&harness, "pm_test_success").await), tells(402, "insufficient_funds"));
    for fate in [Fate::NeverArrives, Fate::AnswerLost] {
        connectors.at("first").set(AttemptKind::Charge, fate);
        let unknown = charge(&harness, "pm_test_success").await;
        assert_eq!(unknown.status, 202, "{}", unknown.body);
        assert_eq!(way(&json(&unknown)), [("first", "unknown")]);
    }
    connectors.at("first").set(AttemptKind::Charge, Fate::Answered);
    for method in ["pm_test_requires_action", "pm_test_ach", "pm_test_insufficient_funds"] {
        charge(&harness, method).await;
    }
    harness.recover_after(Duration::from_secs(6)).await;
    assert!(connectors.at("second").sent(0).await.is_empty());
    harness.finish().await;
}

async fn what_all_decline_is_declined_once_and_told_once(kind: Kind) {
    let (harness, _connectors, _) = start_with_accounts(kind, &["first", "second"]).await;
    let declined = charge(&harness, "pm_test_decline").await;
    assert_eq!(told(&declined), tells(402, "payment_declined"));
    let id = json(&declined)["error"]["payment_id"].as_str().expect("an id").parse().expect("a payment's id");
    let payment = harness.find(id).await;
    assert_eq!(way(&payment), [("first", "failed"), ("second", "failed")]);
    let events =
        harness.database.number("SELECT count(*) AS number FROM events WHERE type = 'payment.failed'");
    assert_eq!(events, 1);
    // Another request begins at the first account again.
    let again =
        harness.engine.process_payment(harness.context(), id, Some(method("pm_test_success")), None).await;
    assert_eq!(way(&json(&again))[2..], [("first", "succeeded")], "{}", again.body);
    harness.finish().await;
}

async fn a_cancellation_that_comes_first_ends_the_payment_and_one_that_comes_later_is_remembered(kind: Kind) {
    let (harness, connectors, _) = start_with_accounts(kind, &["first", "second"]).await;
    let (first, second) = (connectors.at("first"), connectors.at("second"));
    // While the first charge is under way, whose decline is on its way.
    first.set(AttemptKind::Charge, Fate::Held);
    let charging = spawn_charge(&harness, "pm_test_decline");
    let (payment, ..) = first.sent(1).await[0];
    let canceled = harness.engine.cancel_payment(harness.context(), payment, None, None).await;
    assert_eq!(canceled.status, 202, "{}", canceled.body);
    first.release();
    charging.await.expect("an answer");
    let found = harness.find(payment).await;
    assert_eq!((found["status"].as_str(), way(&found)), (Some("canceled"), vec![("first", "failed")]));
    assert!(second.sent(0).await.is_empty());
    // While the second one is.
    first.set(AttemptKind::Charge, Fate::Declined);
    second.set(AttemptKind::Charge, Fate::Held);
    let charging = spawn_charge(&harness, "pm_test_success");
    let (payment, ..) = second.sent(1).await[0];
    let canceled = harness.engine.cancel_payment(harness.context(), payment, None, None).await;
    assert_eq!(canceled.status, 202, "{}", canceled.body);
    second.release();
    charging.await.expect("an answer");
    let found = eventually("the money given back", async || {
        let found = harness.find(payment).await;
        (found["status"] == "canceled").then_some(found)
    });
    assert_eq!(way(&found.await), [("first", "failed"), ("second", "succeeded")]);
    assert_eq!(harness.tally(payment).refunded, 1000);
    harness.finish().await;
}

fn spawn_charge(harness: &Harness, method: &str) -> tokio::task::JoinHandle<Answer> {
    let (engine, context, request) = (harness.engine.clone(), harness.context(), create(method));
    tokio::spawn(async move { engine.create_payment(context, request, None).await })
}

/// Cancellations come while charges go from one account to the next.
async fn many_cancellations_against_going_on_leave_at_most_one_effect(kind: Kind) {
    let (harness, connectors, _) = start_with_accounts(kind, &["choosy", "pickier", "works"]).await;
    for name in ["choosy", "pickier"] {
        connectors.at(name).set(AttemptKind::Charge, Fate::Declined);
    }
    let mut running = Vec::new();
    for number in 0..60 {
        let recorded =
            harness.engine.create_payment(harness.context(), record("pm_test_success"), None).await;
        let payment = id(&recorded);
        let (engine, context) = (harness.engine.clone(), harness.context());
        let charging =
            tokio::spawn(async move { engine.process_payment(context, payment, None, None).await });
        let (engine, context) = (harness.engine.clone(), harness.context());
        running.push((
            payment,
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(number * 150)).await;
                engine.cancel_payment(context, payment, None, None).await
            }),
            charging,
        ));
    }
    for (payment, canceling, charging) in running {
        let canceled = canceling.await.expect("an answer");
        charging.await.expect("an answer");
        let found = eventually("the payment at its end", async || {
            let found = harness.find(payment).await;
            let is_over = found["payment_status"] != "PROCESSING" && found["payment_status"] != "PENDING";
            is_over.then_some(found)
        });
        let found = found.await;
        let expected = if matches!(canceled.status, 200 | 202) { "canceled" } else { "succeeded" };
        assert_eq!(found["status"], expected, "{} {found:#}", canceled.body);
    }
    harness.finish().await;
}

/// The lease of the first charge is over, the one of the second is not.
async fn a_key_stays_in_use_until_the_last_charge_is_over(kind: Kind) {
    let (harness, connectors, _) = start_with_accounts(kind, &["first", "second"]).await;
    let (first, second) = (connectors.at("first"), connectors.at("second"));
    first.set(AttemptKind::Charge, Fate::Held);
    second.set(AttemptKind::Charge, Fate::Held);
    let (engine, context) = (harness.engine.clone(), harness.context());
    let running = tokio::spawn(async move {
        engine.create_payment(context, create("pm_test_decline"), creation("k")).await
    });
    first.sent(1).await;
    harness.clock.advance(Duration::from_secs(8));
    first.release();
    second.sent(1).await;
    harness.clock.advance(Duration::from_secs(5));
    let again =
        harness.engine.create_payment(harness.context(), create("pm_test_decline"), creation("k")).await;
    assert_eq!(told(&again), tells(409, "idempotency_key_in_use"));
    second.release();
    assert_eq!(told(&running.await.expect("an answer")), tells(402, "payment_declined"));
    harness.finish().await;
}

async fn a_decline_that_recovery_finds_goes_nowhere(kind: Kind) {
    let (harness, connectors, _) = start_with_accounts(kind, &["first", "second"]).await;
    connectors.at("first").set(AttemptKind::Charge, Fate::AnswerLost);
    let unknown = charge(&harness, "pm_test_decline").await;
    assert_eq!(unknown.status, 202, "{}", unknown.body);
    harness.recover_after(Duration::from_secs(6)).await;
    let found = harness.find(id(&unknown)).await;
    assert_eq!((found["status"].as_str(), way(&found)), (Some("failed"), vec![("first", "failed")]));
    assert!(connectors.at("second").sent(0).await.is_empty());
    harness.finish().await;
}

async fn an_account_that_is_disabled_meanwhile_is_not_tried(kind: Kind) {
    let (harness, connectors, ids) = start_with_accounts(kind, &["first", "second", "third"]).await;
    let first = connectors.at("first");
    first.set(AttemptKind::Charge, Fate::Held);
    connectors.at("third").set(AttemptKind::Charge, Fate::Declined);
    let charging = spawn_charge(&harness, "pm_test_decline");
    first.sent(1).await;
    let disabled = harness.engine.update_processor_account(harness.context(), ids[1], disable()).await;
    assert_eq!((disabled.status, json(&disabled)["enabled"].clone()), (200, json!(false)));
    first.release();
    let declined = charging.await.expect("an answer");
    let payment = json(&declined)["error"]["payment_id"].as_str().expect("an id").parse().expect("an id");
    assert_eq!(way(&harness.find(payment).await), [("first", "failed"), ("third", "failed")]);
    harness.finish().await;
}

async fn an_account_that_another_process_disables_is_no_longer_used_after_a_second(kind: Kind) {
    let (harness, connectors, ids) = start_with_accounts(kind, &["first", "second"]).await;
    let (other, _) = harness.another_engine(|settings| connectors.join(settings));
    let paid = other.create_payment(harness.context(), create("pm_test_success"), None).await;
    assert_eq!(json(&paid)["processor"], "first");
    harness.engine.update_processor_account(harness.context(), ids[0], disable()).await;
    let here = charge(&harness, "pm_test_success").await;
    assert_eq!(json(&here)["processor"], "second", "at once in the process that has changed it");
    let began = std::time::Instant::now();
    eventually("the other process to know", async || {
        let paid = other.create_payment(harness.context(), create("pm_test_success"), None).await;
        (json(&paid)["processor"] == "second").then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    // What it has charged it still gives back.
    let back = other.refund_payment(harness.context(), id(&paid), refund(1000), None).await;
    assert_eq!(json(&back)["status"], "succeeded", "{}", back.body);
    other.drain().await;
    harness.finish().await;
}
