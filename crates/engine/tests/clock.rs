//! Clocks of servers that are set back and forth: leases go by the database's.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use common::{
    Fate, Harness, Kind, create, creation, eventually, id, json, tells, test_on_each_database,
    test_on_postgresql, told,
};
use florin_domain::AttemptKind;
use florin_engine::{Engine, EngineSettings, TimeBy};

test_on_each_database! {
    a_clock_that_is_set_does_not_stop_recovery,
    what_a_sender_may_still_send_does_not_fail_by_a_jump,
    what_was_reckoned_before_the_clock_was_set_back_is_over,
}

test_on_postgresql! {
    a_server_with_a_wrong_clock_takes_nobodys_lease,
}

const SECOND: Duration = Duration::from_secs(1);

/// A server's own clock, which can be set.
#[derive(Clone, Default)]
struct OwnClock(Arc<AtomicI64>);

impl OwnClock {
    fn set(&self, by: TimeDelta) {
        self.0.store(by.num_seconds(), Ordering::SeqCst);
    }

    fn of(self, settings: &mut EngineSettings) {
        settings.time_by = TimeBy::Database;
        settings.recovery_interval = SECOND;
        settings.clock = Arc::new(move || {
            #[allow(clippy::disallowed_methods, reason = "the clock of a server, which tests set")]
            let now = Utc::now();
            now + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
        });
    }
}

fn jumps() -> [TimeDelta; 4] {
    [TimeDelta::days(-1), TimeDelta::hours(1), TimeDelta::minutes(-5), TimeDelta::minutes(5)]
}

async fn becomes(harness: &Harness, engine: &Engine, payment: florin_domain::PaymentId, status: &str) {
    eventually(status, async || {
        let found = engine.find_payment(harness.context(), payment).await;
        (json(&found)["payment_status"] == status).then_some(())
    })
    .await;
}

async fn a_clock_that_is_set_does_not_stop_recovery(kind: Kind) {
    let own = OwnClock::default();
    let harness = Harness::start_with(kind, |settings| own.clone().of(settings));
    for jump in jumps() {
        let lost =
            harness.engine.create_payment(harness.context(), create("pm_test_timeout_lost"), None).await;
        let late = harness.engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
        assert_eq!((lost.status, late.status), (202, 202));
        own.set(jump);
        // Within seconds, although they were to be due at a time that is a day away or an hour ago by now.
        becomes(&harness, &harness.engine, id(&late), "SUCCEEDED").await;
        becomes(&harness, &harness.engine, id(&lost), "FAILED").await;
    }
    harness.finish().await;
}

/// Its sender waits for a free connection, say. A minute later nobody could tell that it was sent after it had failed.
async fn what_a_sender_may_still_send_does_not_fail_by_a_jump(kind: Kind) {
    let own = OwnClock::default();
    let harness = Harness::start_with(kind, |settings| {
        own.clone().of(settings);
        settings.processor_timeout = 30 * SECOND;
    });
    harness.processor.set(AttemptKind::Charge, Fate::Stuck);
    let (engine, context) = (harness.engine.clone(), harness.context());
    let paying =
        tokio::spawn(async move { engine.create_payment(context, create("pm_test_success"), None).await });
    let payment_id = harness.processor.sent(1).await[0].0;
    own.set(TimeDelta::hours(1));
    if kind == Kind::Sqlite {
        // On PostgreSQL this clock is nobody's.
        eventually("a look-up", async || (!harness.processor.look_ups().is_empty()).then_some(())).await;
    }
    // Longer than the sandbox's greatest delay.
    tokio::time::sleep(4 * SECOND).await;
    harness.engine.recover_now().await.expect("a sweep");
    let payment = harness.find(payment_id).await;
    assert_eq!(payment["payment_status"], "PROCESSING");
    harness.processor.release();
    assert_eq!(paying.await.expect("an answer").status, 202);
    harness.finish().await;
}

/// Leases of senders and of look-ups, the schedule, and keys in use.
async fn what_was_reckoned_before_the_clock_was_set_back_is_over(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    harness.clock.advance(30 * 24 * 3600 * SECOND);
    let unknown = engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
    harness.processor.fail_look_ups(true);
    // Waits for ten minutes.
    for wait in [5, 30, 120] {
        assert_eq!(harness.recover_after(wait * SECOND).await, 1);
    }
    harness.processor.fail_look_ups(false);
    harness.processor.set(AttemptKind::Charge, Fate::Held);
    let charge = |engine: &Engine| {
        let (engine, context) = (engine.clone(), harness.context());
        tokio::spawn(
            async move { engine.create_payment(context, create("pm_test_success"), creation("k")).await },
        )
    };
    let sending = charge(engine);
    let payment_id = harness.processor.sent(2).await[1].0;
    let again = charge(engine).await.expect("an answer");
    assert_eq!(told(&again), tells(409, "idempotency_key_in_use"));
    // What processes differ by is nothing.
    harness.clock.set_back(10 * SECOND);
    assert_eq!(engine.recover_now().await.expect("a sweep"), 0);
    harness.clock.set_back(3600 * SECOND);
    let again = charge(engine).await.expect("an answer");
    assert_eq!((again.status, &json(&again)["payment_status"]), (202, &"PROCESSING".into()));
    assert_eq!(engine.recover_now().await.expect("a sweep"), 2);
    becomes(&harness, engine, id(&unknown), "SUCCEEDED").await;
    becomes(&harness, engine, payment_id, "SUCCEEDED").await;
    harness.processor.release();
    assert_eq!(sending.await.expect("an answer").status, 201);
    harness.finish().await;
}

async fn a_server_with_a_wrong_clock_takes_nobodys_lease(kind: Kind) {
    let harness = Harness::start_with(kind, |settings| {
        OwnClock::default().of(settings);
        settings.processor_timeout = 30 * SECOND;
    });
    let own = OwnClock::default();
    let (wrong, processor) = harness.another_engine(|settings| own.clone().of(settings));
    harness.processor.set(AttemptKind::Charge, Fate::Held);
    let (engine, context) = (harness.engine.clone(), harness.context());
    let paying =
        tokio::spawn(async move { engine.create_payment(context, create("pm_test_success"), None).await });
    let payment_id = harness.processor.sent(1).await[0].0;
    for jump in jumps() {
        own.set(jump);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        wrong.recover_now().await.expect("a sweep");
    }
    assert_eq!(processor.look_ups().len(), 0);
    // What it begins itself is of the right time as well.
    let made = wrong.create_payment(harness.context(), create("pm_test_success"), None).await;
    let at = id(&made).created_at();
    assert!((id(&made).created_at() - payment_id.created_at()).abs() < TimeDelta::minutes(1), "{at}");
    harness.processor.release();
    assert_eq!(paying.await.expect("an answer").status, 201);
    wrong.drain().await;
    harness.finish().await;
}
