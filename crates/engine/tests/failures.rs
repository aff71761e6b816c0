//! A database that refuses, is locked or gone, a queue that is full: nothing is half done, and service goes on.

mod common;

use std::time::{Duration, Instant};

use common::{
    Cut, Fate, Harness, Kind, Proxy, TestDatabase, create, eventually, id, json, tells,
    test_on_each_database, test_on_postgresql, told,
};
use florin_domain::{AttemptKind, Description, PaymentId};
use florin_engine::requests::CreatePayment;
use florin_engine::views::Answer;
use tokio::task::JoinHandle;

test_on_each_database! {
    a_poisoned_command_fails_alone,
    a_full_queue_refuses_and_nothing_happens,
    a_command_that_waited_too_long_is_dropped_and_nothing_happens,
    while_the_database_is_locked_calls_end_and_afterwards_service_goes_on,
}

test_on_postgresql! {
    a_command_that_is_refused_at_the_commit_fails_alone,
    while_the_database_is_gone_calls_end_and_afterwards_service_goes_on,
    connections_that_were_ended_are_replaced_unnoticed,
    a_commit_that_did_not_reach_the_database_is_done_again,
    a_commit_whose_answer_was_lost_stands,
}

fn described(text: &str) -> CreatePayment {
    let description = Some(Description::parse(text).expect("a description"));
    CreatePayment { description, ..create("pm_test_success") }
}

fn spawn(harness: &Harness, request: CreatePayment) -> JoinHandle<Answer> {
    let (engine, context) = (harness.engine.clone(), harness.context());
    tokio::spawn(async move { engine.create_payment(context, request, None).await })
}

async fn answers(tasks: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("an answer"));
    }
    answers
}

const OVERLOADED: (u16, &str) = (503, "overloaded");

fn is_overloaded(answer: &Answer) -> bool {
    told(answer) == tells(OVERLOADED.0, OVERLOADED.1)
}

async fn a_poisoned_command_fails_alone(kind: Kind) {
    let harness = Harness::start_with(kind, |settings| settings.writers = 1);
    harness.database.execute(match kind {
        Kind::Sqlite => {
            "CREATE TRIGGER poisoned BEFORE INSERT ON payments WHEN NEW.description = 'poison' \
             BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
        }
        Kind::Postgres => {
            "ALTER TABLE payments ADD CONSTRAINT poisoned CHECK (description IS DISTINCT FROM 'poison')"
        }
    });
    poison(&harness).await;
    harness.finish().await;
}

async fn a_command_that_is_refused_at_the_commit_fails_alone(kind: Kind) {
    let harness = Harness::start_with(kind, |settings| settings.writers = 1);
    harness.database.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poisoned'; END $$; \
         CREATE CONSTRAINT TRIGGER poisoned AFTER INSERT ON payments DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW WHEN (NEW.description = 'poison') EXECUTE FUNCTION refuse()",
    );
    poison(&harness).await;
    harness.finish().await;
}

/// Every fifth of many concurrent requests is one that the database refuses.
async fn poison(harness: &Harness) {
    for _ in 0..3 {
        let texts: Vec<_> = (0..30).map(|number| if number % 5 == 2 { "poison" } else { "bread" }).collect();
        let tasks = texts.iter().map(|text| spawn(harness, described(text))).collect();
        for (text, answer) in texts.iter().zip(answers(tasks).await) {
            if *text == "poison" {
                assert!(is_overloaded(&answer), "{}", answer.body);
            } else {
                assert_eq!(answer.status, 201, "{}", answer.body);
            }
        }
    }
    assert_eq!((harness.charges(), harness.payment_count()), (72, 72));
}

async fn a_full_queue_refuses_and_nothing_happens(kind: Kind) {
    let harness = Harness::start_with(kind, |settings| {
        settings.queue_limit = 2;
        settings.batch_limit = 2;
        settings.writers = 1;
    });
    let lock = harness.database.lock();
    let tasks: Vec<_> = (0..10).map(|_| spawn(&harness, create("pm_test_success"))).collect();
    // At most two were taken before the lock was met, and two wait.
    eventually("refusals", async || {
        (tasks.iter().filter(|task| task.is_finished()).count() >= 6).then_some(())
    })
    .await;
    lock.release();
    let answers = answers(tasks).await;
    let refused = answers.iter().filter(|answer| is_overloaded(answer)).count();
    assert!(answers.iter().all(|answer| answer.status == 201 || is_overloaded(answer)));
    assert!((6..10).contains(&refused), "{refused}");
    let made = u32::try_from(10 - refused).expect("a small number");
    assert_eq!((harness.charges(), harness.payment_count()), (made, i64::from(made)));
    harness.finish().await;
}

async fn a_command_that_waited_too_long_is_dropped_and_nothing_happens(kind: Kind) {
    let patience = Duration::from_millis(300);
    let harness = Harness::start_with(kind, |settings| {
        settings.queue_timeout = patience;
        settings.batch_limit = 1;
        settings.writers = 1;
    });
    let lock = harness.database.lock();
    let started = Instant::now();
    let tasks: Vec<_> = (0..5).map(|_| spawn(&harness, create("pm_test_success"))).collect();
    eventually("the deadlines", async || (started.elapsed() > 2 * patience).then_some(())).await;
    lock.release();
    let answers = answers(tasks).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    // One may have been taken before the lock was met.
    assert!(made <= 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.status == 201 || is_overloaded(answer)));
    let made = u32::try_from(made).expect("a small number");
    assert_eq!((harness.charges(), harness.payment_count()), (made, i64::from(made)));
    let later = spawn(&harness, create("pm_test_success")).await.expect("an answer");
    assert_eq!(later.status, 201, "{}", later.body);
    harness.finish().await;
}

/// Begins a charge whose outcome arrives when the test releases it.
async fn begin_charge(harness: &Harness) -> JoinHandle<Answer> {
    harness.processor.set(AttemptKind::Charge, Fate::Held);
    let task = spawn(harness, create("pm_test_success"));
    harness.processor.sent(1).await;
    task
}

async fn while_the_database_is_locked_calls_end_and_afterwards_service_goes_on(kind: Kind) {
    let harness = Harness::start_with(kind, |settings| {
        settings.writers = 1;
        if kind == Kind::Sqlite {
            // Nobody is dropped for having waited: that no transaction can begin ends all calls at once.
            settings.queue_timeout = Duration::from_secs(60);
        }
    });
    let begun = begin_charge(&harness).await;
    let lock = harness.database.lock();
    let started = Instant::now();
    harness.processor.release();
    let tasks = (0..8).map(|_| spawn(&harness, create("pm_test_success"))).collect();
    // A lock is waited for twice, for 5 seconds, by a batch; not once more by each of its commands.
    let refused = answers(tasks).await;
    assert!(refused.iter().all(is_overloaded), "{refused:?}");
    assert!(started.elapsed() < Duration::from_secs(45), "{:?}", started.elapsed());
    assert!(!begun.is_finished());
    lock.release();
    let begun = begun.await.expect("an answer");
    assert_eq!((begun.status, json(&begun)["status"].as_str()), (201, Some("succeeded")));
    let after = spawn(&harness, create("pm_test_success")).await.expect("an answer");
    assert_eq!(after.status, 201, "{}", after.body);
    assert_eq!((harness.charges(), harness.payment_count()), (2, 2));
    harness.finish().await;
}

/// An engine that reaches its database through a proxy.
fn start_behind_proxy(kind: Kind) -> (Harness, Proxy) {
    let database = TestDatabase::new(kind);
    let (proxy, url) = Proxy::before(&database.url);
    (Harness::start_on(database, url, |settings| settings.writers = 1), proxy)
}

async fn while_the_database_is_gone_calls_end_and_afterwards_service_goes_on(kind: Kind) {
    let (harness, proxy) = start_behind_proxy(kind);
    let begun = begin_charge(&harness).await;
    proxy.set(Cut::Always);
    harness.processor.release();
    let tasks = (0..5).map(|_| spawn(&harness, create("pm_test_success"))).collect();
    assert!(answers(tasks).await.iter().all(is_overloaded));
    let payment_id = harness.processor.sent(1).await[0].0;
    let unread = harness.engine.find_payment(harness.context(), payment_id).await;
    assert!(is_overloaded(&unread), "{}", unread.body);
    let readiness = harness.engine.readiness().await;
    assert!(!readiness.database && !readiness.schema, "{readiness:?}");
    proxy.set(Cut::Never);
    let begun = begun.await.expect("an answer");
    assert_eq!((begun.status, json(&begun)["status"].as_str()), (201, Some("succeeded")));
    let after = spawn(&harness, create("pm_test_success")).await.expect("an answer");
    assert_eq!(after.status, 201, "{}", after.body);
    eventually("the payment", async || {
        let found = harness.engine.find_payment(harness.context(), payment_id).await;
        (found.status == 200).then_some(())
    })
    .await;
    assert!(harness.engine.readiness().await.database);
    assert_eq!((harness.charges(), harness.payment_count()), (2, 2));
    harness.finish().await;
}

async fn connections_that_were_ended_are_replaced_unnoticed(kind: Kind) {
    let harness = Harness::start(kind);
    let payment_id = id(&spawn(&harness, create("pm_test_success")).await.expect("an answer"));
    harness.find(payment_id).await;
    for _ in 0..3 {
        let ended = harness.database.number(
            "SELECT count(pg_terminate_backend(pid)) AS number FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        assert!(ended >= 2, "{ended}");
        let tasks = (0..4).map(|_| spawn(&harness, create("pm_test_success"))).collect();
        for answer in answers(tasks).await {
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
        harness.find(payment_id).await;
        assert!(harness.engine.readiness().await.database);
    }
    assert_eq!((harness.charges(), harness.payment_count()), (13, 13));
    harness.finish().await;
}

async fn a_commit_that_did_not_reach_the_database_is_done_again(kind: Kind) {
    cut_commits(kind, Cut::BeforeCommit).await;
}

async fn a_commit_whose_answer_was_lost_stands(kind: Kind) {
    cut_commits(kind, Cut::AfterCommit).await;
}

/// Cuts the connection at the first and at the second commit of a charge.
async fn cut_commits(kind: Kind, cut: Cut) {
    let (harness, proxy) = start_behind_proxy(kind);
    for round in 1..=3 {
        proxy.set(cut);
        let created = spawn(&harness, create("pm_test_success")).await.expect("an answer");
        assert_eq!((created.status, proxy.cuts()), (201, 3 * round - 2), "{}", created.body);

        harness.processor.set(AttemptKind::Charge, Fate::Held);
        let sent_before = harness.processor.sent(0).await.len();
        let begun = spawn(&harness, create("pm_test_success"));
        let payment_id = harness.processor.sent(sent_before + 1).await[sent_before].0;
        proxy.set(cut);
        harness.processor.release();
        let begun = begun.await.expect("an answer");
        assert_eq!((begun.status, proxy.cuts()), (201, 3 * round - 1), "{}", begun.body);
        assert_eq!(json(&begun)["status"], "succeeded");
        assert_eq!(harness.find(payment_id).await["status"], "succeeded");

        proxy.set(cut);
        let refunds = (0..3).map(|_| refund_one(&harness, payment_id)).collect();
        for refund in answers(refunds).await {
            assert_eq!(refund.status, 200, "{}", refund.body);
        }
        assert_eq!(
            (&harness.find(payment_id).await["amount_refunded"], proxy.cuts()),
            (&3.into(), 3 * round)
        );
    }
    assert_eq!((harness.charges(), harness.payment_count()), (6, 6));
    harness.finish().await;
}

fn refund_one(harness: &Harness, id: PaymentId) -> JoinHandle<Answer> {
    let (engine, context) = (harness.engine.clone(), harness.context());
    tokio::spawn(async move { engine.refund_payment(context, id, common::refund(1), None).await })
}
