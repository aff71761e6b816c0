//! When attempts are looked up: by the schedule, and when a processor answers again.

mod common;

use std::time::Duration;

use common::{Harness, Kind, create, eventually, id, test_on_each_database, test_on_postgresql};
use florin_domain::PaymentId;
use florin_engine::EngineSettings;

test_on_each_database! {
    look_ups_follow_the_schedule_and_end_with_a_person,
    what_is_unknown_of_a_processor_that_answers_again_is_looked_up_at_once,
}

test_on_postgresql! {
    a_look_up_whose_process_died_counts_for_nothing,
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn status(harness: &Harness, payment_id: PaymentId) -> String {
    harness.find(payment_id).await["payment_status"].as_str().expect("a status").to_owned()
}

async fn look_ups_follow_the_schedule_and_end_with_a_person(kind: Kind) {
    let harness = Harness::start(kind);
    let created = harness.engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
    harness.processor.fail_look_ups(true);
    let first = [5, 30, 120, 600, 3600, 6 * 3600];
    let daily = std::iter::repeat_n(24 * 3600, 7);
    for (count, wait) in first.into_iter().chain(daily).enumerate() {
        assert_eq!(harness.recover_after((wait - 1) * SECOND).await, 0, "too early: look-up {count}");
        assert_eq!(harness.recover_after(SECOND).await, 1, "too late: look-up {count}");
        assert_eq!(harness.processor.look_ups().len(), count + 1);
        assert_eq!(status(&harness, id(&created)).await, "PROCESSING");
        let in_review = "SELECT count(*) AS number FROM attempts WHERE status = 'needs_review'";
        assert_eq!(harness.database.number(in_review), i64::from(count == 12));
    }
    assert_eq!(harness.recover_after(30 * DAY).await, 0);
    assert_eq!(status(&harness, id(&created)).await, "PROCESSING");
    harness.finish().await;
}

async fn a_look_up_whose_process_died_counts_for_nothing(kind: Kind) {
    // Longer than the test takes.
    let patient = |settings: &mut EngineSettings| settings.processor_timeout = 60 * SECOND;
    let harness = Harness::start_with(kind, patient);
    let created = harness.engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
    assert_eq!(created.status, 202);
    let (heir, processor) = harness.another_engine(patient);
    harness.processor.let_look_ups_hang();
    processor.fail_look_ups(true);
    harness.clock.advance(5 * SECOND);
    for round in 1..=3 {
        let dying = harness.engine.clone();
        drop(tokio::spawn(async move { dying.recover_now().await }));
        eventually("the look-up", async || (harness.processor.look_ups().len() == round).then_some(())).await;
        // As long as a lease: the processor's deadline and 5 seconds.
        harness.clock.advance(64 * SECOND);
        assert_eq!(heir.recover_now().await.expect("a sweep"), 0);
        harness.clock.advance(SECOND);
    }
    assert_eq!(harness.database.number("SELECT lookups AS number FROM attempts"), 0);
    // The first that comes to an end is the first of the schedule.
    assert_eq!(heir.recover_now().await.expect("a sweep"), 1);
    assert_eq!(harness.database.number("SELECT lookups AS number FROM attempts"), 1);
    processor.fail_look_ups(false);
    harness.clock.advance(29 * SECOND);
    assert_eq!(heir.recover_now().await.expect("a sweep"), 0);
    harness.clock.advance(SECOND);
    assert_eq!(heir.recover_now().await.expect("a sweep"), 1);
    assert_eq!(status(&harness, id(&created)).await, "SUCCEEDED");
    heir.drain().await;
    harness.processor.release();
    harness.finish().await;
}

async fn what_is_unknown_of_a_processor_that_answers_again_is_looked_up_at_once(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let created = engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
    harness.processor.fail_look_ups(true);
    for wait in [5, 30, 120] {
        assert_eq!(harness.recover_after(wait * SECOND).await, 1);
    }
    harness.processor.fail_look_ups(false);
    // Not before the processor has answered something else, and for a while by the steady clock.
    let other = engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    assert_eq!(other.status, 201);
    assert_eq!(harness.recover_after(SECOND).await, 0);
    tokio::time::sleep(16 * SECOND).await;
    assert_eq!(harness.recover_after(SECOND).await, 1);
    assert_eq!(status(&harness, id(&created)).await, "SUCCEEDED");
    harness.finish().await;
}
