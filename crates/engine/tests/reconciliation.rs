//! Reconciliation: what moved here and at the processor, each difference found once, and each day compared once.

mod common;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common::{
    Fate, Harness, Kind, authorize, create, id, json, refund, test_on_each_database, test_on_postgresql,
};
use florin_domain::{AttemptKind, ClosingNote, Currency, OpenItemId, ReferenceId, Resolution};
use florin_engine::requests::{OpenItemFilter, Page, Position, ResolveAttempt};
use florin_engine::{ReconcileFailed, Reconciled};
use florin_processors::{Movement, MovementKind, MovementPage, MovementStatus};
use serde_json::Value;

test_on_each_database! {
    two_sides_that_agree_leave_nothing,
    what_only_the_processor_has_is_missing_here,
    what_only_we_have_is_missing_there,
    other_amounts_and_currencies_are_told,
    what_is_open_or_listed_late_is_no_difference,
    a_difference_is_raised_once_even_when_it_was_closed,
    a_day_is_compared_once_and_begun_anew_when_its_process_died,
}

test_on_postgresql! {
    of_two_processes_one_compares_a_day,
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn reconcile(harness: &Harness) -> Reconciled {
    let (from, until) = window(harness);
    harness.engine.reconcile("acct_1", from, until).await.expect("a comparison")
}

/// All that has been so far.
fn window(harness: &Harness) -> (DateTime<Utc>, DateTime<Utc>) {
    let now = harness.clock.now();
    (now - TimeDelta::days(30), now + TimeDelta::minutes(1))
}

async fn items(harness: &Harness) -> Vec<Value> {
    let page = Page::new(100, Position::Offset(0));
    let listed = harness.engine.list_open_items(harness.context(), OpenItemFilter::default(), page).await;
    json(&listed)["data"].as_array().expect("items").clone()
}

async fn types(harness: &Harness) -> Vec<String> {
    let mut types: Vec<_> =
        items(harness).await.iter().map(|item| item["type"].as_str().expect("a type").to_owned()).collect();
    types.sort_unstable();
    types
}

fn start(kind: Kind) -> Harness {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    harness
}

async fn two_sides_that_agree_leave_nothing(kind: Kind) {
    let harness = start(kind);
    let engine = &harness.engine;
    for _ in 0..60 {
        let paid = engine.create_payment(harness.context(), create("pm_test_success"), None).await;
        engine.refund_payment(harness.context(), id(&paid), refund(300), None).await;
        engine.refund_payment(harness.context(), id(&paid), refund(100), None).await;
    }
    for method in
        ["pm_test_decline", "pm_test_ach", "pm_test_ach_return", "pm_test_timeout", "pm_test_timeout_lost"]
    {
        engine.create_payment(harness.context(), create(method), None).await;
    }
    let parts = engine.create_payment(harness.context(), authorize("pm_test_success"), None).await;
    engine.capture_payment(harness.context(), id(&parts), Some(common::amount(400)), None).await;
    engine.create_payment(harness.context(), authorize("pm_test_success"), None).await;
    let voided = engine.create_payment(harness.context(), authorize("pm_test_success"), None).await;
    engine.cancel_payment(harness.context(), id(&voided), None, None).await;
    for _ in 0..4 {
        harness.recover_after(60 * SECOND).await;
        let found = reconcile(&harness).await;
        assert_eq!((found.differences, found.raised), (0, 0), "{:#?}", items(&harness).await);
    }
    let found = reconcile(&harness).await;
    assert!(found.listed >= 185 && found.booked >= 183, "{found:?}");
    harness.finish().await;
}

async fn what_only_the_processor_has_is_missing_here(kind: Kind) {
    let harness = start(kind);
    // One that we had given up arrives after all, and one was never asked for from here.
    harness.processor.set(AttemptKind::Charge, Fate::NeverArrives);
    let created = harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    harness.recover_after(5 * SECOND).await;
    let (_, _, attempt) = harness.processor.sent(1).await[0];
    harness.processor.arrives_late(attempt, id(&created)).await;
    let at = harness.clock.now();
    let stranger = florin_domain::PaymentId::from_uuid(uuid::Uuid::now_v7());
    let strange = florin_domain::AttemptId::from_uuid(uuid::Uuid::now_v7());
    harness.processor.change_lists(move |page: &mut MovementPage| {
        let nobodys = Movement {
            reference: "by_hand".to_owned(),
            attempt_id: None,
            payment_id: None,
            kind: MovementKind::Charge,
            amount_minor: 700,
            currency: Currency::parse("EUR").expect("a currency"),
            status: MovementStatus::Succeeded,
            at,
        };
        let strangers = Movement {
            attempt_id: Some(strange),
            payment_id: Some(stranger),
            reference: "other".to_owned(),
            ..nobodys.clone()
        };
        let failed =
            Movement { status: MovementStatus::Failed, reference: "failed".to_owned(), ..nobodys.clone() };
        let outside =
            Movement { at: at + TimeDelta::minutes(30), reference: "later".to_owned(), ..nobodys.clone() };
        page.movements.extend([nobodys, strangers, failed, outside]);
    });
    let found = reconcile(&harness).await;
    assert_eq!((found.differences, found.raised), (3, 3));
    assert_eq!(types(&harness).await, ["missing_here"; 3]);
    let items = items(&harness).await;
    let late = items.iter().find(|item| item["attempt_id"] == attempt.to_string()).expect("the late one");
    assert_eq!((&late["there"]["amount"], late["here"]["amount"].is_null()), (&1000.into(), true));
    assert_eq!(late["payment_id"], json(&created)["id"]);
    let by_hand = items.iter().find(|item| item["processor_reference"] == "by_hand").expect("the other");
    assert_eq!((&by_hand["there"]["amount"], &by_hand["there"]["currency"]), (&700.into(), &"EUR".into()));
    harness.engine.drain().await;
    common::check_database(&harness.url);
}

async fn what_only_we_have_is_missing_there(kind: Kind) {
    let harness = start(kind);
    harness.processor.set(AttemptKind::Charge, Fate::NeverArrives);
    harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    let (_, _, attempt) = harness.processor.sent(1).await[0];
    harness.processor.fail_look_ups(true);
    harness.recover_after(8 * DAY).await;
    let decision = ResolveAttempt {
        outcome: Resolution::Succeeded,
        reference: ReferenceId::parse("a_mistake").ok(),
        note: ClosingNote::parse("so I was told").expect("a note"),
    };
    let resolved = harness.engine.resolve_attempt(harness.context(), attempt, decision, None).await;
    assert_eq!(resolved.status, 200);
    // Who can't be asked has not said no.
    let (from, until) = window(&harness);
    let unanswered = harness.engine.reconcile("acct_1", from, until).await;
    assert!(matches!(unanswered, Err(ReconcileFailed::Unanswered)), "{unanswered:?}");
    harness.processor.fail_look_ups(false);
    let found = reconcile(&harness).await;
    assert_eq!((found.booked, found.raised), (1, 1));
    assert_eq!(types(&harness).await, ["missing_there", "needs_review"]);
    harness.engine.drain().await;
    common::check_database(&harness.url);
}

async fn other_amounts_and_currencies_are_told(kind: Kind) {
    let harness = start(kind);
    for _ in 0..2 {
        let paid = harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
        harness.engine.refund_payment(harness.context(), id(&paid), refund(300), None).await;
    }
    harness.processor.change_lists(|page| {
        page.movements[0].amount_minor = 999;
        page.movements[1].amount_minor = 301;
        page.movements[2].currency = Currency::parse("EUR").expect("a currency");
    });
    let found = reconcile(&harness).await;
    assert_eq!((found.differences, found.raised), (3, 3));
    assert_eq!(types(&harness).await, ["amount_mismatch", "amount_mismatch", "currency_mismatch"]);
    let sums: Vec<_> =
        items(&harness).await.iter().map(|item| (item["here"].clone(), item["there"].clone())).collect();
    assert!(sums.iter().any(|(here, there)| here["amount"] == 300 && there["amount"] == 301), "{sums:?}");
    assert!(
        sums.iter().any(|(here, there)| here["currency"] == "USD" && there["currency"] == "EUR"),
        "{sums:?}"
    );
    harness.finish().await;
}

async fn what_is_open_or_listed_late_is_no_difference(kind: Kind) {
    let harness = start(kind);
    harness.engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
    harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    let (_, _, paid) = harness.processor.sent(2).await[1];
    // The first is still unknown here, the second is not on the list yet.
    harness
        .processor
        .change_lists(move |page| page.movements.retain(|movement| movement.attempt_id != Some(paid)));
    let found = reconcile(&harness).await;
    assert_eq!((found.listed, found.booked, found.differences), (1, 1, 0));
    harness.recover_after(5 * SECOND).await;
    harness.finish().await;
}

async fn a_difference_is_raised_once_even_when_it_was_closed(kind: Kind) {
    let harness = start(kind);
    harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    harness.processor.change_lists(|page| page.movements[0].amount_minor = 1);
    let found = [reconcile(&harness).await, reconcile(&harness).await];
    assert_eq!(found.map(|found| (found.differences, found.raised)), [(1, 1), (1, 0)]);
    let item: OpenItemId = items(&harness).await[0]["id"].as_str().expect("an id").parse().expect("an id");
    let note = ClosingNote::parse("their mistake").expect("a note");
    harness.engine.close_open_item(harness.context(), item, note, None).await;
    assert_eq!(reconcile(&harness).await.raised, 0);
    assert_eq!(items(&harness).await.len(), 1);
    harness.finish().await;
}

fn finished(harness: &Harness) -> i64 {
    harness.database.number("SELECT count(*) AS number FROM reconciliations WHERE finished_at IS NOT NULL")
}

async fn a_day_is_compared_once_and_begun_anew_when_its_process_died(kind: Kind) {
    let harness = start(kind);
    assert_eq!((harness.engine.reconcile_days().await, finished(&harness)), (7, 7));
    assert_eq!(harness.engine.reconcile_days().await, 0);
    // One whose process has died in the middle is begun anew when its lease is over.
    harness.database.execute("UPDATE reconciliations SET finished_at = NULL");
    assert_eq!(harness.engine.reconcile_days().await, 0);
    harness.clock.advance(HOUR);
    assert_eq!(harness.engine.reconcile_days().await, 7);
    harness.clock.advance(DAY);
    assert_eq!(harness.engine.reconcile_days().await, 1);
    harness.finish().await;
}

async fn of_two_processes_one_compares_a_day(kind: Kind) {
    let harness = start(kind);
    let (other, processor) = harness.another_engine(|_| {});
    let realm = florin_storage::Realm { tenant_id: harness.tenant, mode: florin_domain::Mode::Test };
    other.add_account("acct_1", realm, processor);
    let running = [harness.engine.clone(), other.clone(), harness.engine.clone(), other.clone()];
    let running = running.map(|engine| tokio::spawn(async move { engine.reconcile_days().await }));
    let mut compared = 0;
    for task in running {
        compared += task.await.expect("a comparison");
    }
    assert_eq!((compared, finished(&harness)), (7, 7));
    other.drain().await;
    harness.finish().await;
}
