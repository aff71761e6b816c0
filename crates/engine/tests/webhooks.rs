//! Processors' webhooks: in any order, twice, and before our own answer; and authorizations that expire.

mod common;

use std::time::Duration;

use common::{
    Fate, Harness, Kind, authorize, create, eventually, id, json, tells, test_on_each_database,
    test_on_postgresql, told,
};
use florin_domain::{AttemptKind, PaymentId};
use florin_engine::views::ErrorCode;

test_on_each_database! {
    what_is_not_signed_is_not_believed,
    an_event_makes_what_it_names_known_at_once,
    an_event_before_our_own_answer_waits_for_it,
    an_event_is_found_by_the_processors_own_name,
    an_event_whose_look_up_died_is_not_lost,
    an_event_about_what_had_been_given_up_raises_an_item,
    an_event_tells_of_a_return_at_once,
    an_authorization_expires_with_the_processor,
    an_expiry_waits_for_a_capture_and_a_capture_for_an_expiry,
    an_expiry_that_is_refused_is_tried_again,
    an_expiry_whose_process_died_is_finished_by_the_next,
}

test_on_postgresql! {
    events_that_come_twice_to_many_processes_count_once,
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

async fn status(harness: &Harness, payment_id: PaymentId) -> String {
    harness.find(payment_id).await["payment_status"].as_str().expect("a status").to_owned()
}

async fn becomes(harness: &Harness, payment_id: PaymentId, expected: &str) {
    eventually(expected, async || (status(harness, payment_id).await == expected).then_some(())).await;
}

fn noted(harness: &Harness) -> i64 {
    harness.database.number("SELECT count(*) AS number FROM processor_events")
}

fn items(harness: &Harness, kind: &str) -> i64 {
    harness.database.number(&format!("SELECT count(*) AS number FROM open_items WHERE type = '{kind}'"))
}

async fn what_is_not_signed_is_not_believed(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    for (signature, account, code) in [
        (None, "acct_1", ErrorCode::WebhookNotVerified),
        (Some("wrong"), "acct_1", ErrorCode::WebhookNotVerified),
        (Some("right"), "acct_2", ErrorCode::ProcessorAccountNotFound),
    ] {
        let header = |name: &str| signature.filter(|_| name == "signature");
        let refused = harness.engine.verify_webhook(account, &header, b"evt_1").err().expect("a refusal");
        assert_eq!(refused.code, code);
    }
    assert_eq!(noted(&harness), 0);
    harness.finish().await;
}

async fn an_event_makes_what_it_names_known_at_once(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    let (engine, context) = (&harness.engine, harness.context());
    let created = engine.create_payment(context, create("pm_test_timeout"), None).await;
    assert_eq!(created.status, 202);
    let (_, _, attempt) = harness.processor.sent(1).await[0];
    assert_eq!(harness.webhook("acct_1", &format!("evt_1 {attempt}")).await, Ok(1));
    becomes(&harness, id(&created), "SUCCEEDED").await;
    // Again, and others about the same: nothing more happens.
    assert_eq!(harness.webhook("acct_1", &format!("evt_1 {attempt}")).await, Ok(0));
    assert_eq!(harness.webhook("acct_1", &format!("evt_2 {}", id(&created))).await, Ok(1));
    assert_eq!(harness.webhook("acct_1", "evt_3").await, Ok(1));
    assert_eq!((harness.processor.look_ups().len(), noted(&harness)), (1, 3));
    let told = "SELECT count(*) AS number FROM events WHERE type = 'payment.succeeded'";
    assert_eq!(harness.database.number(told), 1);
    harness.finish().await;
}

async fn an_event_before_our_own_answer_waits_for_it(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    harness.processor.set(AttemptKind::Charge, Fate::Held);
    let (engine, context) = (harness.engine.clone(), harness.context());
    let paying =
        tokio::spawn(async move { engine.create_payment(context, create("pm_test_success"), None).await });
    let (payment_id, _, attempt) = harness.processor.sent(1).await[0];
    assert_eq!(harness.webhook("acct_1", &format!("evt_1 {attempt}")).await, Ok(1));
    assert_eq!(harness.webhook("acct_1", &format!("evt_2 {payment_id}")).await, Ok(1));
    assert_eq!(harness.processor.look_ups().len(), 0);
    harness.processor.release();
    assert_eq!(paying.await.expect("an answer").status, 201);
    // The sender dies: its lease ends, and the next event is a reason again.
    harness.processor.set(AttemptKind::Charge, Fate::Held);
    let (engine, context) = (harness.engine.clone(), harness.context());
    drop(tokio::spawn(async move { engine.create_payment(context, create("pm_test_success"), None).await }));
    let (payment_id, _, _) = harness.processor.sent(2).await[1];
    harness.clock.advance(60 * SECOND);
    harness.webhook("acct_1", &format!("evt_3 {payment_id}")).await.expect("a webhook");
    becomes(&harness, payment_id, "SUCCEEDED").await;
    harness.processor.release();
    harness.finish().await;
}

async fn an_event_is_found_by_the_processors_own_name(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    let engine = &harness.engine;
    let created = engine.create_payment(harness.context(), create("pm_test_requires_action"), None).await;
    let (_, _, attempt) = harness.processor.sent(1).await[0];
    harness.processor.sandbox.complete_action(attempt, true).expect("an action");
    let reference = json(&created)["processor_reference"].as_str().expect("a reference").to_owned();
    assert_eq!(harness.webhook("acct_1", &format!("evt_1 {reference}")).await, Ok(1));
    becomes(&harness, id(&created), "SUCCEEDED").await;
    assert_eq!(harness.webhook("acct_1", "evt_2 nobody_knows").await, Ok(1));
    assert_eq!(items(&harness, "unknown_event"), 0);
    harness.finish().await;
}

async fn an_event_whose_look_up_died_is_not_lost(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    let engine = &harness.engine;
    let created = engine.create_payment(harness.context(), create("pm_test_requires_action"), None).await;
    // Looked up so often that the schedule is a day.
    for _ in 0..8 {
        harness.recover_after(24 * HOUR).await;
    }
    let (_, _, attempt) = harness.processor.sent(1).await[0];
    harness.processor.sandbox.complete_action(attempt, true).expect("an action");
    let (dying, dead) = harness.another_engine(|settings| settings.processor_timeout = 60 * SECOND);
    let realm = florin_storage::Realm { tenant_id: harness.tenant, mode: florin_domain::Mode::Test };
    dying.add_account("acct_1", realm, std::sync::Arc::clone(&dead) as _);
    dead.let_look_ups_hang();
    let header = |name: &str| (name == "signature").then_some("right");
    let body = format!("evt_1 {attempt}");
    let webhook = dying.verify_webhook("acct_1", &header, body.as_bytes()).expect("a webhook");
    dying.note_webhook(webhook).await.expect("noted");
    eventually("the look-up", async || (!dead.look_ups().is_empty()).then_some(())).await;
    // As long as a lease, which is the processor's deadline and some seconds; then the schedule begins anew.
    harness.processor.fail_look_ups(true);
    assert_eq!(harness.recover_after(64 * SECOND).await, 0);
    assert_eq!(harness.recover_after(SECOND).await, 1);
    harness.processor.fail_look_ups(false);
    assert_eq!(harness.recover_after(29 * SECOND).await, 0);
    assert_eq!(harness.recover_after(SECOND).await, 1);
    assert_eq!(status(&harness, id(&created)).await, "SUCCEEDED");
    harness.finish().await;
}

async fn an_event_about_what_had_been_given_up_raises_an_item(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    // The processor says it does not know the charge, which is late beyond all that it had promised.
    harness.processor.set(AttemptKind::Charge, Fate::NeverArrives);
    let created = harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    harness.recover_after(5 * SECOND).await;
    assert_eq!(harness.find(id(&created)).await["error_code"], "not_processed");
    harness.webhook("acct_1", &format!("evt_1 {}", id(&created))).await.expect("a webhook");
    eventually("the look-up", async || (harness.processor.look_ups().len() == 2).then_some(())).await;
    assert_eq!(items(&harness, "missing_here"), 0);
    let (_, _, attempt) = harness.processor.sent(1).await[0];
    harness.processor.arrives_late(attempt, id(&created)).await;
    for event in ["evt_2", "evt_3"] {
        harness.webhook("acct_1", &format!("{event} {}", id(&created))).await.expect("a webhook");
    }
    eventually("the item", async || (items(&harness, "missing_here") == 1).then_some(())).await;
    assert_eq!(status(&harness, id(&created)).await, "FAILED");
    harness.engine.drain().await;
    assert_eq!(items(&harness, "missing_here"), 1);
    common::check_database(&harness.url);
}

async fn an_event_tells_of_a_return_at_once(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    let created = harness.engine.create_payment(harness.context(), create("pm_test_ach_return"), None).await;
    harness.recover_after(5 * SECOND).await;
    assert_eq!(status(&harness, id(&created)).await, "SUCCEEDED");
    harness.clock.advance(60 * SECOND);
    harness.webhook("acct_1", &format!("evt_1 {}", id(&created))).await.expect("a webhook");
    becomes(&harness, id(&created), "FAILED").await;
    assert_eq!(harness.find(id(&created)).await["error_code"], "bank_debit_returned");
    harness.finish().await;
}

async fn events_that_come_twice_to_many_processes_count_once(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    let created = harness.engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
    let body = format!("evt_1 {}", id(&created));
    let (other, processor) = harness.another_engine(|_| {});
    let realm = florin_storage::Realm { tenant_id: harness.tenant, mode: florin_domain::Mode::Test };
    other.add_account("acct_1", realm, processor);
    let sent = (0..20).map(|number| {
        let engine = if number % 2 == 0 { harness.engine.clone() } else { other.clone() };
        let body = body.clone();
        tokio::spawn(async move {
            let header = |name: &str| (name == "signature").then_some("right");
            let webhook = engine.verify_webhook("acct_1", &header, body.as_bytes()).expect("a webhook");
            engine.note_webhook(webhook).await.expect("noted")
        })
    });
    let mut new = 0;
    for task in sent.collect::<Vec<_>>() {
        new += task.await.expect("an answer");
    }
    assert_eq!((new, noted(&harness)), (1, 1));
    becomes(&harness, id(&created), "SUCCEEDED").await;
    other.drain().await;
    harness.finish().await;
}

async fn authorized(harness: &Harness) -> PaymentId {
    let created = harness.engine.create_payment(harness.context(), authorize("pm_test_success"), None).await;
    assert_eq!(json(&created)["payment_status"], "AUTHORIZED");
    id(&created)
}

async fn an_authorization_expires_with_the_processor(kind: Kind) {
    let harness = Harness::start(kind);
    let payment_id = authorized(&harness).await;
    assert_eq!(harness.recover_after(WEEK - SECOND).await, 0);
    harness.processor.set(AttemptKind::Void, Fate::AnswerLost);
    assert_eq!(harness.recover_after(SECOND).await, 1);
    // Not by our clock alone.
    assert_eq!(status(&harness, payment_id).await, "PROCESSING");
    assert_eq!(harness.recover_after(5 * SECOND).await, 1);
    let payment = harness.find(payment_id).await;
    assert_eq!((&payment["status"], harness.tally(payment_id).voids), (&"canceled".into(), 1));
    assert_eq!(payment["cancellation_reason"], "The authorization expired.");
    assert_eq!(payment["updated_by"], "system");
    let told_of = "SELECT count(*) AS number FROM events WHERE type = 'payment.canceled'";
    assert_eq!(harness.database.number(told_of), 1);
    harness.finish().await;
}

async fn an_expiry_waits_for_a_capture_and_a_capture_for_an_expiry(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let captured = authorized(&harness).await;
    harness.clock.advance(WEEK);
    harness.processor.set(AttemptKind::Capture, Fate::Held);
    let (capturing, context) = (engine.clone(), harness.context());
    let capturing =
        tokio::spawn(async move { capturing.capture_payment(context, captured, None, None).await });
    harness.processor.sent(2).await;
    // The sweep finds nothing to expire while the capture is under way.
    assert_eq!(engine.recover_now().await.expect("a sweep"), 0);
    harness.processor.release();
    assert_eq!(capturing.await.expect("an answer").status, 200);
    assert_eq!(engine.recover_now().await.expect("a sweep"), 0);

    let expired = authorized(&harness).await;
    harness.clock.advance(WEEK);
    harness.processor.set(AttemptKind::Void, Fate::Held);
    let sweeping = engine.clone();
    let sweeping = tokio::spawn(async move { sweeping.recover_now().await });
    harness.processor.sent(4).await;
    let refused = engine.capture_payment(harness.context(), expired, None, None).await;
    assert_eq!(told(&refused), tells(409, "operation_in_progress"));
    harness.processor.release();
    sweeping.await.expect("an end").expect("a sweep");
    assert_eq!(status(&harness, expired).await, "CANCELED");
    assert_eq!((harness.tally(captured).captures, harness.tally(expired).voids), (1, 1));

    // Both at the same instant, many times over.
    for _ in 0..10 {
        let both = authorized(&harness).await;
        harness.clock.advance(WEEK);
        let (sweeping, capturing, context) = (engine.clone(), engine.clone(), harness.context());
        let sweeping = tokio::spawn(async move { sweeping.recover_now().await });
        let capturing =
            tokio::spawn(async move { capturing.capture_payment(context, both, None, None).await });
        let answer = capturing.await.expect("an answer");
        sweeping.await.expect("an end").expect("a sweep");
        let expected = if answer.status == 200 { "SUCCEEDED" } else { "CANCELED" };
        becomes(&harness, both, expected).await;
    }
    harness.finish().await;
}

async fn an_expiry_that_is_refused_is_tried_again(kind: Kind) {
    let harness = Harness::start(kind);
    let payment_id = authorized(&harness).await;
    for fate in [Fate::DeclinedForGood, Fate::NotSent] {
        harness.processor.set(AttemptKind::Void, fate);
        harness.clock.advance(WEEK);
        assert_eq!(harness.engine.recover_now().await.expect("a sweep"), 1);
        let payment = harness.find(payment_id).await;
        assert_eq!(
            (&payment["payment_status"], payment["cancellation_reason"].is_null()),
            (&"AUTHORIZED".into(), true)
        );
        assert_eq!(harness.recover_after(HOUR - SECOND).await, 0);
    }
    harness.processor.set(AttemptKind::Void, Fate::Answered);
    assert_eq!(harness.recover_after(SECOND).await, 1);
    assert_eq!(status(&harness, payment_id).await, "CANCELED");
    harness.finish().await;
}

async fn an_expiry_whose_process_died_is_finished_by_the_next(kind: Kind) {
    for fate in [Fate::Held, Fate::Stuck] {
        let harness = Harness::start(kind);
        let payment_id = authorized(&harness).await;
        harness.processor.set(AttemptKind::Void, fate);
        harness.clock.advance(WEEK);
        let dying = harness.engine.clone();
        drop(tokio::spawn(async move { dying.recover_now().await }));
        harness.processor.sent(2).await;
        harness.processor.fail_look_ups(true);
        let (heir, _processor) = harness.another_engine(|_| {});
        eventually("the end", async || {
            harness.clock.advance(60 * SECOND);
            heir.recover_now().await.expect("a sweep");
            (status(&harness, payment_id).await == "CANCELED").then_some(())
        })
        .await;
        assert_eq!(harness.tally(payment_id).voids, 1);
        heir.drain().await;
        harness.processor.release();
        harness.finish().await;
    }
}
