//! A request that is sent again with its idempotency key.

mod common;

use std::time::Duration;

use common::{
    Fate, Harness, Kind, context, create, creation, eventually, id, idempotency, json, record, refund, tells,
    test_on_each_database, test_on_postgresql, told,
};
use florin_domain::{AttemptKind, Mode, TenantId};
use florin_engine::Engine;
use florin_engine::views::Answer;

test_on_each_database! {
    the_same_key_fifty_times_at_once_charges_once,
    the_first_answer_is_replayed_byte_for_byte_and_a_row_is_written,
    a_declined_charge_is_replayed,
    another_body_with_the_same_key_is_refused,
    refusals_by_state_are_kept,
    other_refusals_do_not_use_the_key_up,
    a_key_is_good_for_one_tenant_mode_and_path,
    an_answer_is_kept_for_thirty_days_and_the_key_for_ever,
    all_old_answers_are_forgotten_however_many_there_are,
    the_key_of_a_request_whose_process_died_stays_bound_until_recovery_answers,
    the_key_of_a_refund_whose_process_died_is_answered_with_the_refund,
}

test_on_postgresql! {
    the_same_key_at_two_engines_charges_once,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Creates with one key from many tasks; gives back the answers.
async fn create_at_once(harness: &Harness, engines: &[&Engine], count: usize, key: &str) -> Vec<Answer> {
    let tasks: Vec<_> = (0..count)
        .zip(engines.iter().cycle())
        .map(|(_, engine)| {
            let (engine, context, key) = ((*engine).clone(), harness.context(), creation(key));
            tokio::spawn(async move { engine.create_payment(context, create("pm_test_success"), key).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("an answer"));
    }
    answers
}

/// One answer is the first; the others are its replay, or say that it was still running.
fn assert_one_charge(answers: &[Answer]) {
    let first: Vec<_> = answers.iter().filter(|answer| answer.status == 201 && !answer.replayed).collect();
    assert_eq!(first.len(), 1, "{answers:?}");
    for other in answers.iter().filter(|answer| answer.status != 201 || answer.replayed) {
        if other.status == 201 {
            assert_eq!(other.body, first[0].body);
        } else {
            assert_eq!(told(other), tells(409, "idempotency_key_in_use"));
            assert!(other.retry_after_seconds.is_some());
        }
    }
}

async fn the_same_key_fifty_times_at_once_charges_once(kind: Kind) {
    let harness = Harness::start(kind);
    for round in 0..5 {
        let answers = create_at_once(&harness, &[&harness.engine], 50, &format!("key-{round}")).await;
        assert_one_charge(&answers);
        assert_eq!((harness.charges(), harness.payment_count()), (round + 1, i64::from(round) + 1));
    }
    harness.finish().await;
}

async fn the_same_key_at_two_engines_charges_once(kind: Kind) {
    let harness = Harness::start(kind);
    let (other, _) = harness.another_engine(|_| {});
    for round in 0..10 {
        let answers = create_at_once(&harness, &[&harness.engine, &other], 50, &format!("key-{round}")).await;
        assert_one_charge(&answers);
        assert_eq!((harness.charges(), harness.payment_count()), (round + 1, i64::from(round) + 1));
    }
    other.drain().await;
    harness.engine.drain().await;
    // Everybody locks keys before payments: a deadlock would end well, but a second later.
    let deadlocks = "SELECT deadlocks AS number FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(harness.database.number(deadlocks), 0);
    harness.check();
}

const REVISIONS: &str = "SELECT CAST(sum(revision) AS BIGINT) AS number FROM idempotency_keys";

async fn the_first_answer_is_replayed_byte_for_byte_and_a_row_is_written(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let first = engine.create_payment(harness.context(), create("pm_test_success"), creation("k")).await;
    // What happens to the payment later does not show in a replay.
    let refunded = engine.refund_payment(harness.context(), id(&first), refund(5), None).await;
    assert_eq!(refunded.status, 200);
    let revision = harness.database.number(REVISIONS);
    let again = engine.create_payment(harness.context(), create("pm_test_success"), creation("k")).await;
    assert_eq!((again.status, &again.body, again.replayed), (201, &first.body, true));
    assert!(!first.replayed);
    assert_eq!(harness.database.number(REVISIONS), revision + 1);
    assert_eq!(harness.charges(), 1);
    harness.finish().await;
}

async fn a_declined_charge_is_replayed(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let first = engine.create_payment(harness.context(), create("pm_test_decline"), creation("k")).await;
    assert_eq!(told(&first), tells(402, "payment_declined"));
    let again = engine.create_payment(harness.context(), create("pm_test_decline"), creation("k")).await;
    assert_eq!((again.status, &again.body, again.replayed), (402, &first.body, true));
    assert_eq!(harness.payment_count(), 1);
    harness.finish().await;
}

async fn another_body_with_the_same_key_is_refused(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let key = |body| idempotency("k", "POST /v1/payments", body);
    engine.create_payment(harness.context(), create("pm_test_success"), key(1)).await;
    let other = engine.create_payment(harness.context(), create("pm_test_success"), key(2)).await;
    assert_eq!(told(&other), tells(422, "idempotency_key_reused"));
    let again = engine.create_payment(harness.context(), create("pm_test_success"), key(1)).await;
    assert!(again.replayed);
    assert_eq!(harness.charges(), 1);
    harness.finish().await;
}

async fn refusals_by_state_are_kept(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let payment_id = id(&engine.create_payment(harness.context(), record("pm_test_success"), None).await);
    let key = idempotency("k", "POST capture", 1);
    let refused = engine.capture_payment(harness.context(), payment_id, None, key.clone()).await;
    assert_eq!(told(&refused), tells(409, "payment_not_capturable"));
    engine.process_payment(harness.context(), payment_id, None, None).await;
    let again = engine.capture_payment(harness.context(), payment_id, None, key).await;
    assert_eq!((&again.body, again.replayed), (&refused.body, true));

    let key = idempotency("k", "POST refund", 1);
    let refused = engine.refund_payment(harness.context(), payment_id, refund(1001), key.clone()).await;
    assert_eq!(told(&refused), tells(422, "refund_exceeds_available"));
    let again = engine.refund_payment(harness.context(), payment_id, refund(1001), key).await;
    assert_eq!((&again.body, again.replayed), (&refused.body, true));

    let expired = engine.create_payment(harness.context(), create("pm_test_expired"), creation("x")).await;
    assert_eq!(told(&expired), tells(422, "payment_method_invalid"));
    let again = engine.create_payment(harness.context(), create("pm_test_expired"), creation("x")).await;
    assert_eq!((&again.body, again.replayed), (&expired.body, true));
    assert_eq!(harness.payment_count(), 1);
    harness.finish().await;
}

async fn other_refusals_do_not_use_the_key_up(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let payment_id = id(&engine.create_payment(harness.context(), record("pm_test_success"), None).await);
    let key = || idempotency("k", "POST refund", 1);
    let refused = engine.refund_payment(harness.context(), payment_id, refund(1), key()).await;
    assert_eq!(told(&refused), tells(400, "payment_not_refundable"));
    assert_eq!(harness.database.number("SELECT count(*) AS number FROM idempotency_keys"), 0);
    engine.process_payment(harness.context(), payment_id, None, None).await;
    // Another body with the same key is a first request, too.
    let key = idempotency("k", "POST refund", 2);
    let refunded = engine.refund_payment(harness.context(), payment_id, refund(2), key.clone()).await;
    assert_eq!((refunded.status, refunded.replayed), (200, false));
    let again = engine.refund_payment(harness.context(), payment_id, refund(2), key).await;
    assert_eq!((&again.body, again.replayed), (&refunded.body, true));
    harness.finish().await;
}

async fn a_key_is_good_for_one_tenant_mode_and_path(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let stranger = TenantId::from_uuid(uuid::Uuid::now_v7());
    let contexts = [harness.context(), context(stranger, Mode::Test), context(harness.tenant, Mode::Live)];
    for context in &contexts {
        let answer = engine.create_payment(context.clone(), record("pm_test_success"), creation("k")).await;
        assert_eq!((answer.status, answer.replayed), (201, false));
    }
    let elsewhere = idempotency("k", "POST /v1/payments/other", 1);
    let answer = engine.create_payment(harness.context(), record("pm_test_success"), elsewhere).await;
    assert_eq!((answer.status, answer.replayed), (201, false));
    for context in contexts {
        let again = engine.create_payment(context, record("pm_test_success"), creation("k")).await;
        assert!(again.replayed);
    }
    assert_eq!(harness.payment_count(), 4);
    harness.finish().await;
}

async fn an_answer_is_kept_for_thirty_days_and_the_key_for_ever(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let first = engine.create_payment(harness.context(), create("pm_test_success"), creation("k")).await;
    harness.clock.advance(30 * DAY);
    let again = engine.create_payment(harness.context(), create("pm_test_success"), creation("k")).await;
    assert!(again.replayed);
    harness.clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        let late = engine.create_payment(harness.context(), create("pm_test_success"), creation("k")).await;
        assert_eq!(told(&late), tells(409, "idempotency_key_expired"));
        assert_eq!(json(&late)["error"]["payment_id"], json(&first)["id"]);
        // Whether the answer is forgotten yet does not matter.
        let mut connection = harness.url.connect().expect("the database");
        florin_storage::forget_answers(&mut connection, harness.clock.now()).expect("forgetting");
    }
    assert_eq!(harness.charges(), 1);
    harness.finish().await;
}

async fn all_old_answers_are_forgotten_however_many_there_are(kind: Kind) {
    let harness = Harness::start(kind);
    let answer = async |key: String| {
        harness.engine.create_payment(harness.context(), create("pm_test_success"), creation(&key)).await
    };
    futures_util::future::join_all((0..230).map(|number| answer(format!("old-{number}")))).await;
    harness.clock.advance(30 * DAY + Duration::from_secs(1));
    assert_eq!(answer("young".to_owned()).await.status, 201);
    let kept = || {
        harness
            .database
            .number("SELECT count(*) AS number FROM idempotency_keys WHERE answer_body IS NOT NULL")
    };
    assert_eq!(kept(), 231);
    let (_forgetful, _) = harness.another_engine(|settings| settings.is_idle = false);
    eventually("the old answers are forgotten", async || (kept() == 1).then_some(())).await;
    assert!(answer("young".to_owned()).await.replayed);
    harness.finish().await;
}

async fn the_key_of_a_request_whose_process_died_stays_bound_until_recovery_answers(kind: Kind) {
    let harness = Harness::start(kind);
    let (engine, key) = (&harness.engine, || creation("k"));
    harness.processor.set(AttemptKind::Charge, Fate::Held);
    let dying = tokio::spawn({
        let (engine, context) = (engine.clone(), harness.context());
        async move { engine.create_payment(context, create("pm_test_success"), key()).await }
    });
    let payment_id = harness.processor.sent(1).await[0].0;
    let running = engine.create_payment(harness.context(), create("pm_test_success"), key()).await;
    assert_eq!(told(&running), tells(409, "idempotency_key_in_use"));

    // On SQLite a new process knows at once that the old one has died, on PostgreSQL when its lease is over.
    let (heir, _) = harness.another_engine(|settings| settings.is_idle = false);
    let as_it_stands = if kind == Kind::Postgres {
        let running = heir.create_payment(harness.context(), create("pm_test_success"), key()).await;
        assert_eq!(told(&running), tells(409, "idempotency_key_in_use"));
        harness.clock.advance(Duration::from_secs(11));
        let answer = heir.create_payment(harness.context(), create("pm_test_success"), key()).await;
        assert_eq!((answer.status, answer.replayed, id(&answer)), (202, false, payment_id));
        Some(json(&answer))
    } else {
        None
    };
    if let Some(answer) = as_it_stands {
        assert_eq!(answer["payment_status"], "PROCESSING");
        assert_eq!(heir.recover_now().await.expect("a sweep"), 1);
    }
    // On SQLite recovery has begun with the start.
    let answered = eventually("recovery's answer", async || {
        let answer = heir.create_payment(harness.context(), create("pm_test_success"), key()).await;
        assert!(matches!(answer.status, 201 | 202), "{}", answer.body);
        (answer.status == 201).then_some(answer)
    })
    .await;
    assert!(answered.replayed);
    assert_eq!(json(&answered)["status"], "succeeded");
    assert_eq!(id(&answered), payment_id);

    // Should the old process not have died after all, its caller gets the same answer.
    harness.processor.release();
    let late = dying.await.expect("the late answer");
    assert_eq!((late.status, &late.body), (201, &answered.body));
    assert_eq!(harness.charges(), 1);
    heir.drain().await;
    harness.finish().await;
}

async fn the_key_of_a_refund_whose_process_died_is_answered_with_the_refund(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let payment_id = id(&engine.create_payment(harness.context(), create("pm_test_success"), None).await);
    harness.processor.set(AttemptKind::Refund, Fate::Held);
    let refunds = [("one", 300), ("other", 200)];
    let ask = |engine: &Engine, (key, minor)| {
        let (engine, context) = (engine.clone(), harness.context());
        let key = idempotency(key, "POST refund", 1);
        async move { engine.refund_payment(context, payment_id, refund(minor), key).await }
    };
    let dying = refunds.map(|refund| tokio::spawn(ask(engine, refund)));
    harness.processor.sent(3).await;
    let (heir, _) = harness.another_engine(|_| {});
    harness.clock.advance(Duration::from_secs(11));
    heir.recover_now().await.expect("a sweep");
    let mut answers = Vec::new();
    for refund in refunds {
        let answered = eventually("recovery's answer", async || {
            let answer = ask(&heir, refund).await;
            assert!(matches!(answer.status, 200 | 202), "{}", answer.body);
            (answer.status == 200).then_some(answer)
        })
        .await;
        let told = json(&answered);
        assert_eq!((&told["status"], &told["amount"]), (&"succeeded".into(), &refund.1.into()));
        assert!(answered.replayed);
        answers.push(answered);
    }
    assert_eq!(harness.tally(payment_id).refunds, 2);
    harness.processor.release();
    for (dying, answered) in dying.into_iter().zip(answers) {
        assert_eq!(dying.await.expect("the late answer").body, answered.body);
    }
    heir.drain().await;
    harness.finish().await;
}
