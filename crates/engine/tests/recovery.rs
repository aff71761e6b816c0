//! Attempts whose outcome is open, and engines that died: recovery finds out what happened, and nothing happens twice.

mod common;

use std::time::Duration;

use common::{
    Fate, Harness, Kind, authorize, create, eventually, id, json, refund, tells, test_on_each_database,
    test_on_postgresql, told,
};
use florin_domain::{AttemptKind, PaymentId};
use florin_engine::requests::CreatePayment;
use florin_engine::views::Answer;
use tokio::task::JoinHandle;

test_on_each_database! {
    a_charge_whose_process_died_is_found_out,
    a_charge_that_was_never_sent_fails_when_that_is_proved_and_not_before,
    what_waits_for_its_payer_is_never_given_up,
    a_payers_action_is_found,
    an_unknown_refund_holds_its_amount_until_it_is_settled,
    a_lost_refund_is_sent_again_while_the_processor_keeps_the_key,
    a_refund_that_is_pending_by_its_nature_succeeds_later,
    lost_captures_and_voids_are_sent_again,
    captures_and_voids_whose_answer_was_lost_are_found,
    what_the_payer_was_asked_for_can_be_called_off,
    what_could_not_be_called_off_and_was_confirmed_is_refunded,
    a_cancellation_is_remembered_until_the_outcome_is_known,
    a_late_refund_whose_process_died_is_sent_by_the_next,
}

test_on_postgresql! {
    two_engines_look_up_each_attempt_once_in_a_lease,
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Begins a charge whose sender never hears of it again, and gives it a heir, as when a process dies.
async fn abandon(harness: &Harness, request: CreatePayment, fate: Fate) -> PaymentId {
    harness.processor.set(AttemptKind::Charge, fate);
    let (engine, context) = (harness.engine.clone(), harness.context());
    drop(tokio::spawn(async move { engine.create_payment(context, request, None).await }));
    harness.processor.sent(1).await[0].0
}

async fn status(harness: &Harness, payment_id: PaymentId) -> String {
    harness.find(payment_id).await["payment_status"].as_str().expect("a status").to_owned()
}

/// Checks all, without waiting for engines that are meant to be dead.
async fn finish_among_the_dead(harness: Harness, heir: florin_engine::Engine) {
    heir.drain().await;
    harness.check();
    harness.processor.release();
    harness.finish().await;
}

async fn a_charge_whose_process_died_is_found_out(kind: Kind) {
    let harness = Harness::start(kind);
    let payment_id = abandon(&harness, create("pm_test_success"), Fate::Held).await;
    let (heir, processor) = harness.another_engine(|settings| settings.is_idle = false);
    if kind == Kind::Postgres {
        // The sender may still be at work elsewhere, until its lease is over.
        harness.clock.advance(9 * SECOND);
        assert_eq!(heir.recover_now().await.expect("a sweep"), 0);
        assert_eq!(status(&harness, payment_id).await, "PROCESSING");
        harness.clock.advance(SECOND);
        assert_eq!(heir.recover_now().await.expect("a sweep"), 1);
    }
    eventually("the outcome", async || (status(&harness, payment_id).await == "SUCCEEDED").then_some(()))
        .await;
    // The first engine is not quite as dead as a process would be: on SQLite its own first sweep may come that late.
    let look_ups = processor.look_ups().len() + harness.processor.look_ups().len();
    assert_eq!((look_ups, harness.charges()), (1, 1));
    finish_among_the_dead(harness, heir).await;
}

async fn a_charge_that_was_never_sent_fails_when_that_is_proved_and_not_before(kind: Kind) {
    let harness = Harness::start(kind);
    harness.processor.set_max_delay(60 * SECOND);
    harness.processor.set(AttemptKind::Charge, Fate::NeverArrives);
    let created = harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    assert_eq!(created.status, 202);
    for wait in [5, 30] {
        assert_eq!(harness.recover_after(wait * SECOND).await, 1);
        assert_eq!(status(&harness, id(&created)).await, "PROCESSING");
    }
    // Earlier than by the schedule: when the delay has passed since the end of its sender's lease, which was 10 seconds.
    assert_eq!(harness.recover_after(35 * SECOND).await, 0);
    assert_eq!(harness.recover_after(SECOND).await, 1);
    let payment = harness.find(id(&created)).await;
    assert_eq!((&payment["status"], &payment["error_code"]), (&"failed".into(), &"not_processed".into()));
    // The charge was sent once and never again; a new attempt is the caller's decision.
    assert_eq!(harness.processor.sent(1).await.len(), 1);
    harness.processor.set(AttemptKind::Charge, Fate::Answered);
    let again = harness.engine.process_payment(harness.context(), id(&created), None, None).await;
    assert_eq!(json(&again)["status"], "succeeded");
    harness.finish().await;
}

async fn what_waits_for_its_payer_is_never_given_up(kind: Kind) {
    let harness = Harness::start(kind);
    let created =
        harness.engine.create_payment(harness.context(), create("pm_test_requires_action"), None).await;
    assert_eq!(created.status, 201);
    assert_eq!(json(&created)["next_action"]["type"], "redirect");
    for _ in 0..10 {
        assert_eq!(harness.recover_after(2 * DAY).await, 1);
    }
    let payment = harness.find(id(&created)).await;
    assert_eq!(
        (&payment["payment_status"], &payment["next_action"]),
        (&"PROCESSING".into(), &json(&created)["next_action"])
    );
    let (_, _, attempt_id) = harness.processor.sent(1).await[0];
    harness.processor.sandbox.complete_action(attempt_id, true).expect("an action");
    assert_eq!(harness.recover_after(2 * DAY).await, 1);
    assert_eq!(status(&harness, id(&created)).await, "SUCCEEDED");
    harness.finish().await;
}

async fn a_payers_action_is_found(kind: Kind) {
    let harness = Harness::start(kind);
    for (round, (request, confirmed, outcome)) in [
        (create("pm_test_requires_action"), true, "SUCCEEDED"),
        (authorize("pm_test_requires_action"), true, "AUTHORIZED"),
        (create("pm_test_requires_action"), false, "FAILED"),
    ]
    .into_iter()
    .enumerate()
    {
        let created = harness.engine.create_payment(harness.context(), request, None).await;
        let (_, _, attempt_id) = harness.processor.sent(round + 1).await[round];
        harness.processor.sandbox.complete_action(attempt_id, confirmed).expect("an action");
        assert_eq!(harness.recover_after(5 * SECOND).await, 1);
        let payment = harness.find(id(&created)).await;
        assert_eq!(payment["payment_status"], outcome);
        assert!(payment["next_action"].is_null());
    }
    harness.finish().await;
}

/// A paid payment, and a refund of 300 of it that meets `fate`.
async fn refund_meets(harness: &Harness, fate: Fate) -> (PaymentId, Answer) {
    let engine = &harness.engine;
    let payment_id = id(&engine.create_payment(harness.context(), create("pm_test_success"), None).await);
    harness.processor.set(AttemptKind::Refund, fate);
    (payment_id, engine.refund_payment(harness.context(), payment_id, refund(300), None).await)
}

async fn an_unknown_refund_holds_its_amount_until_it_is_settled(kind: Kind) {
    let harness = Harness::start(kind);
    let (payment_id, unknown) = refund_meets(&harness, Fate::AnswerLost).await;
    assert_eq!((unknown.status, &json(&unknown)["status"]), (202, &"pending".into()));
    let payment = harness.find(payment_id).await;
    assert_eq!((&payment["amount_refunded"], &payment["amount_refundable"]), (&0.into(), &700.into()));
    let too_much = harness.engine.refund_payment(harness.context(), payment_id, refund(701), None).await;
    assert_eq!(told(&too_much), tells(422, "refund_exceeds_available"));
    assert_eq!(harness.recover_after(4 * SECOND).await, 0);
    assert_eq!(harness.recover_after(SECOND).await, 1);
    let payment = harness.find(payment_id).await;
    assert_eq!((&payment["amount_refunded"], &payment["amount_refundable"]), (&300.into(), &700.into()));
    assert_eq!((harness.tally(payment_id).refunds, harness.processor.sent(2).await.len()), (1, 2));
    harness.finish().await;
}

async fn a_lost_refund_is_sent_again_while_the_processor_keeps_the_key(kind: Kind) {
    let harness = Harness::start(kind);
    let (payment_id, unknown) = refund_meets(&harness, Fate::NeverArrives).await;
    assert_eq!(unknown.status, 202);
    // Lost once more, and then not.
    assert_eq!(harness.recover_after(5 * SECOND).await, 1);
    assert_eq!(harness.find(payment_id).await["amount_refunded"], 0);
    harness.processor.set(AttemptKind::Refund, Fate::Answered);
    assert_eq!(harness.recover_after(30 * SECOND).await, 1);
    assert_eq!(harness.find(payment_id).await["amount_refunded"], 300);
    let sent = harness.processor.sent(4).await;
    assert!(sent[1].2 == sent[2].2 && sent[2].2 == sent[3].2, "one attempt: {sent:?}");
    assert_eq!(harness.tally(payment_id).refunds, 1);

    // Where a key is not kept for so long, sending again might refund twice; the amount is given back instead.
    harness.processor.set_keeps_keys_for(SECOND);
    harness.processor.set(AttemptKind::Refund, Fate::NeverArrives);
    let lost = harness.engine.refund_payment(harness.context(), payment_id, refund(100), None).await;
    assert_eq!(lost.status, 202);
    assert_eq!(harness.recover_after(5 * SECOND).await, 1);
    let payment = harness.find(payment_id).await;
    assert_eq!((&payment["amount_refunded"], &payment["amount_refundable"]), (&300.into(), &700.into()));
    assert_eq!(harness.processor.sent(5).await.len(), 5);
    harness.finish().await;
}

async fn a_refund_that_is_pending_by_its_nature_succeeds_later(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let created = engine.create_payment(harness.context(), create("pm_test_refund_pending"), None).await;
    let pending = engine.refund_payment(harness.context(), id(&created), refund(1000), None).await;
    assert_eq!((pending.status, &json(&pending)["status"]), (200, &"pending".into()));
    let refused = engine.refund_payment(harness.context(), id(&created), refund(1), None).await;
    assert_eq!(told(&refused), tells(422, "refund_exceeds_available"));
    assert_eq!(harness.recover_after(5 * SECOND).await, 1);
    assert_eq!(status(&harness, id(&created)).await, "REFUNDED");
    harness.finish().await;
}

async fn lost_captures_and_voids_are_sent_again(kind: Kind) {
    let harness = Harness::start(kind);
    capture_and_void(&harness, Fate::NeverArrives).await;
    harness.finish().await;
}

async fn captures_and_voids_whose_answer_was_lost_are_found(kind: Kind) {
    let harness = Harness::start(kind);
    capture_and_void(&harness, Fate::AnswerLost).await;
    harness.finish().await;
}

async fn capture_and_void(harness: &Harness, fate: Fate) {
    let engine = &harness.engine;
    let kinds = [AttemptKind::Capture, AttemptKind::Void];
    let mut payments = Vec::new();
    for kind in kinds {
        harness.processor.set(kind, fate);
        let created = engine.create_payment(harness.context(), authorize("pm_test_success"), None).await;
        payments.push(id(&created));
    }
    let captured =
        engine.capture_payment(harness.context(), payments[0], Some(common::amount(400)), None).await;
    assert_eq!((captured.status, &json(&captured)["payment_status"]), (202, &"PROCESSING".into()));
    let canceled = engine.cancel_payment(harness.context(), payments[1], None, None).await;
    assert_eq!((canceled.status, &json(&canceled)["payment_status"]), (202, &"PROCESSING".into()));
    for payment_id in &payments {
        let in_progress = tells(409, "operation_in_progress");
        let canceled = engine.cancel_payment(harness.context(), *payment_id, None, None).await;
        assert_eq!(told(&canceled), in_progress);
        let captured = engine.capture_payment(harness.context(), *payment_id, None, None).await;
        assert_eq!(told(&captured), in_progress);
    }
    kinds.into_iter().for_each(|kind| harness.processor.set(kind, Fate::Answered));
    assert_eq!(harness.recover_after(5 * SECOND).await, 2);
    let captured = harness.find(payments[0]).await;
    assert_eq!(
        (&captured["payment_status"], &captured["amount_captured"]),
        (&"SUCCEEDED".into(), &400.into())
    );
    assert_eq!(status(harness, payments[1]).await, "CANCELED");
    assert_eq!((harness.tally(payments[0]).captures, harness.tally(payments[1]).voids), (1, 1));
}

async fn what_the_payer_was_asked_for_can_be_called_off(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    for (fate, answered) in [(Fate::Answered, 200), (Fate::AnswerLost, 202), (Fate::NeverArrives, 202)] {
        let created = engine.create_payment(harness.context(), create("pm_test_requires_action"), None).await;
        harness.processor.set(AttemptKind::Void, fate);
        let canceled = engine.cancel_payment(harness.context(), id(&created), None, None).await;
        assert_eq!(canceled.status, answered, "{}", canceled.body);
        harness.processor.set(AttemptKind::Void, Fate::Answered);
        harness.recover_after(5 * SECOND).await;
        let payment = harness.find(id(&created)).await;
        assert_eq!(
            (&payment["status"], &payment["attempts"][0]["status"]),
            (&"canceled".into(), &"failed".into())
        );
        assert!(payment["next_action"].is_null());
    }
    assert_eq!(harness.recover_after(DAY).await, 0);
    harness.finish().await;
}

async fn what_could_not_be_called_off_and_was_confirmed_is_refunded(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let created = engine.create_payment(harness.context(), create("pm_test_requires_action"), None).await;
    harness.processor.set(AttemptKind::Void, Fate::NotSent);
    let canceled = engine.cancel_payment(harness.context(), id(&created), None, None).await;
    assert_eq!(told(&canceled), tells(402, "processor_unreachable"));
    assert_eq!(status(&harness, id(&created)).await, "PROCESSING");
    let (_, _, attempt_id) = harness.processor.sent(1).await[0];
    harness.processor.sandbox.complete_action(attempt_id, true).expect("an action");
    assert_eq!(harness.recover_after(5 * SECOND).await, 1);
    eventually("the refund", async || (status(&harness, id(&created)).await == "CANCELED").then_some(()))
        .await;
    assert_eq!(harness.tally(id(&created)).refunded, 1000);
    harness.finish().await;
}

async fn a_cancellation_is_remembered_until_the_outcome_is_known(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    for (request, refunds, voids) in [
        (create("pm_test_timeout"), 1, 0),
        (authorize("pm_test_timeout"), 0, 1),
        (create("pm_test_timeout_lost"), 0, 0),
        (create("pm_test_processor_error"), 0, 0),
    ] {
        let created = engine.create_payment(harness.context(), request, None).await;
        assert_eq!(created.status, 202, "{}", created.body);
        let canceled = engine.cancel_payment(harness.context(), id(&created), None, None).await;
        assert_eq!((canceled.status, &json(&canceled)["payment_status"]), (202, &"PROCESSING".into()));
        assert_eq!(harness.recover_after(5 * SECOND).await, 1);
        eventually("the end", async || (status(&harness, id(&created)).await == "CANCELED").then_some(()))
            .await;
        let tally = harness.tally(id(&created));
        assert_eq!((tally.refunds, tally.voids), (refunds, voids));
    }
    harness.finish().await;
}

async fn a_late_refund_whose_process_died_is_sent_by_the_next(kind: Kind) {
    for (fate, sent) in [(Fate::Stuck, 1), (Fate::Held, 0)] {
        let harness = Harness::start(kind);
        let payment_id = abandon(&harness, create("pm_test_success"), Fate::Held).await;
        let canceled = harness.engine.cancel_payment(harness.context(), payment_id, None, None).await;
        assert_eq!(canceled.status, 202);
        harness.processor.release();
        harness.processor.set(AttemptKind::Refund, fate);
        harness.processor.sent(2).await;
        harness.processor.fail_look_ups(true);
        let (heir, processor) = harness.another_engine(|_| {});
        eventually("the end", async || {
            harness.clock.advance(60 * SECOND);
            heir.recover_now().await.expect("a sweep");
            (status(&harness, payment_id).await == "CANCELED").then_some(())
        })
        .await;
        assert_eq!((harness.tally(payment_id).refunded, processor.sent(0).await.len()), (1000, sent));
        finish_among_the_dead(harness, heir).await;
    }
}

async fn two_engines_look_up_each_attempt_once_in_a_lease(kind: Kind) {
    let harness = Harness::start(kind);
    let (other, other_processor) = harness.another_engine(|_| {});
    let created: Vec<JoinHandle<Answer>> = (0..20)
        .map(|_| {
            let (engine, context) = (harness.engine.clone(), harness.context());
            tokio::spawn(async move { engine.create_payment(context, create("pm_test_timeout"), None).await })
        })
        .collect();
    for task in created {
        assert_eq!(task.await.expect("an answer").status, 202);
    }
    harness.processor.fail_look_ups(true);
    other_processor.fail_look_ups(true);
    let look_ups = || {
        let mut all = [harness.processor.look_ups(), other_processor.look_ups()].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        (count, all.len())
    };
    for round in 1..=3 {
        harness.clock.advance(120 * SECOND);
        let sweeps = (0..6).map(|number| {
            let engine = if number % 2 == 0 { harness.engine.clone() } else { other.clone() };
            tokio::spawn(async move { engine.recover_now().await })
        });
        for sweep in sweeps.collect::<Vec<_>>() {
            sweep.await.expect("a sweep").expect("the database");
        }
        assert_eq!(look_ups(), (20 * round, 20));
    }
    other_processor.fail_look_ups(false);
    harness.clock.advance(600 * SECOND);
    other.recover_now().await.expect("a sweep");
    assert_eq!((look_ups(), harness.charges()), ((80, 20), 20));
    let paid = "SELECT count(*) AS number FROM payments WHERE state = 'captured'";
    assert_eq!(harness.database.number(paid), 20);
    other.drain().await;
    harness.finish().await;
}
