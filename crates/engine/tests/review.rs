//! What needs a person: open items, each raised once, and decisions about attempts that need review.

mod common;

use std::time::Duration;

use common::{
    Fate, Harness, Kind, authorize, create, creation, eventually, id, idempotency, json, refund, tells,
    test_on_each_database, told,
};
use florin_domain::{AttemptId, AttemptKind, ClosingNote, OpenItemType, PaymentId, ReferenceId, Resolution};
use florin_engine::requests::{OpenItemFilter, Page, Position, ResolveAttempt};
use florin_engine::views::Answer;
use serde_json::Value;

test_on_each_database! {
    a_charge_in_review_is_settled_by_a_person_and_its_key_is_answered,
    a_decision_is_made_once_and_repeated_alike,
    a_charge_that_did_not_happen_can_be_charged_again,
    a_late_success_by_decision_is_undone,
    captures_voids_and_refunds_in_review_are_settled_by_a_person,
    what_is_not_in_review_can_not_be_decided,
    an_event_settles_what_needs_review_and_closes_its_item,
    an_attempt_that_is_sent_again_and_again_needs_review_at_last,
    a_debit_that_comes_back_after_refunds_leaves_an_item,
    a_debit_that_comes_back_while_its_late_refund_is_under_way_waits_for_nothing,
    an_item_is_closed_with_a_note,
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn decision(outcome: Resolution, reference: Option<&str>) -> ResolveAttempt {
    let reference = reference.map(|text| ReferenceId::parse(text).expect("a reference"));
    ResolveAttempt { outcome, reference, note: note("seen in the dashboard") }
}

fn note(text: &str) -> ClosingNote {
    ClosingNote::parse(text).expect("a note")
}

async fn items(harness: &Harness, kind: OpenItemType) -> Vec<Value> {
    let filter = OpenItemFilter { kind: Some(kind), ..OpenItemFilter::default() };
    let page = Page::new(100, Position::Offset(0));
    let listed = harness.engine.list_open_items(harness.context(), filter, page).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    json(&listed)["data"].as_array().expect("items").clone()
}

/// Lets a week pass in which the processor can't be asked.
async fn wait_for_review(harness: &Harness) {
    harness.processor.fail_look_ups(true);
    harness.recover_after(8 * DAY).await;
    harness.processor.fail_look_ups(false);
}

/// The attempt that needs review; there is one.
async fn in_review(harness: &Harness) -> AttemptId {
    let items = items(harness, OpenItemType::NeedsReview).await;
    let open: Vec<_> = items.iter().filter(|item| item["status"] == "open").collect();
    let [item] = &open[..] else { panic!("one item: {items:#?}") };
    item["attempt_id"].as_str().expect("an attempt").parse().expect("an attempt's id")
}

async fn resolve(harness: &Harness, attempt: AttemptId, decision: ResolveAttempt) -> Answer {
    harness.engine.resolve_attempt(harness.context(), attempt, decision, None).await
}

async fn a_charge_in_review_is_settled_by_a_person_and_its_key_is_answered(kind: Kind) {
    let harness = Harness::start(kind);
    let (heir, processor) = harness.another_engine(|_| {});
    // The process that was to answer the key dies in the middle.
    harness.processor.set(AttemptKind::Charge, Fate::Held);
    let (engine, context) = (harness.engine.clone(), harness.context());
    let first = context.clone();
    drop(tokio::spawn(async move {
        engine.create_payment(first, create("pm_test_success"), creation("key-1")).await
    }));
    let payment_id = harness.processor.sent(1).await[0].0;
    processor.fail_look_ups(true);
    harness.processor.fail_look_ups(true);
    harness.clock.advance(8 * DAY);
    heir.recover_now().await.expect("a sweep");
    let attempt = in_review(&harness).await;
    let resolved = heir
        .resolve_attempt(harness.context(), attempt, decision(Resolution::Succeeded, Some("ch_1")), None)
        .await;
    assert_eq!(resolved.status, 200, "{}", resolved.body);
    let item = json(&resolved);
    assert_eq!((&item["status"], &item["resolution"]), (&"closed".into(), &"succeeded".into()));
    assert_eq!(item["note"], "seen in the dashboard");
    assert!(item["closed_by"].as_str().expect("who").starts_with("key_") && !item["closed_at"].is_null());
    let payment = harness.find(payment_id).await;
    assert_eq!((&payment["status"], &payment["processor_reference"]), (&"succeeded".into(), &"ch_1".into()));
    let again = heir.create_payment(context, create("pm_test_success"), creation("key-1")).await;
    assert_eq!((again.status, &json(&again)["status"]), (201, &"succeeded".into()));
    assert_eq!((again.replayed, harness.charges()), (true, 1));
    let told = "SELECT count(*) AS number FROM events WHERE type = 'payment.succeeded'";
    assert_eq!(harness.database.number(told), 1);
    heir.drain().await;
    harness.processor.release();
    harness.finish().await;
}

async fn a_decision_is_made_once_and_repeated_alike(kind: Kind) {
    let harness = Harness::start(kind);
    let created = harness.engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
    wait_for_review(&harness).await;
    let attempt = in_review(&harness).await;
    let missing = resolve(&harness, attempt, decision(Resolution::Succeeded, None)).await;
    assert_eq!(told(&missing), tells(400, "parameter_missing"));
    let decided = decision(Resolution::Succeeded, Some("sandbox_1"));
    let racing: Vec<_> = (0..8)
        .map(|_| {
            let (engine, context, decided) = (harness.engine.clone(), harness.context(), decided.clone());
            tokio::spawn(async move { engine.resolve_attempt(context, attempt, decided, None).await })
        })
        .collect();
    let mut bodies = Vec::new();
    for task in racing {
        let answer = task.await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    let other = resolve(&harness, attempt, decision(Resolution::Failed, None)).await;
    assert_eq!(told(&other), tells(409, "attempt_not_in_review"));
    let key = || idempotency("key-2", "POST /v1/attempts/resolve", 1);
    let by_key = harness.engine.resolve_attempt(harness.context(), attempt, decided.clone(), key()).await;
    let replayed = harness.engine.resolve_attempt(harness.context(), attempt, decided, key()).await;
    assert_eq!((&by_key.body, &replayed.body, replayed.replayed), (&bodies[0], &bodies[0], true));
    let movements = "SELECT count(*) AS number FROM transactions WHERE type = 'charge'";
    assert_eq!(harness.database.number(movements), 1);
    assert_eq!(harness.find(id(&created)).await["status"], "succeeded");
    harness.finish().await;
}

async fn a_charge_that_did_not_happen_can_be_charged_again(kind: Kind) {
    let harness = Harness::start(kind);
    harness.processor.set(AttemptKind::Charge, Fate::NeverArrives);
    let created = harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    wait_for_review(&harness).await;
    // What waits for a person is looked at no more, and holds the payment.
    assert_eq!(harness.recover_after(30 * DAY).await, 0);
    let busy = harness.engine.process_payment(harness.context(), id(&created), None, None).await;
    assert_eq!(told(&busy), tells(409, "operation_in_progress"));
    let attempt = in_review(&harness).await;
    let resolved = resolve(&harness, attempt, decision(Resolution::Failed, None)).await;
    assert_eq!(json(&resolved)["resolution"], "failed", "{}", resolved.body);
    let payment = harness.find(id(&created)).await;
    assert_eq!((&payment["status"], &payment["error_code"]), (&"failed".into(), &"not_processed".into()));
    harness.processor.set(AttemptKind::Charge, Fate::Answered);
    let again = harness.engine.process_payment(harness.context(), id(&created), None, None).await;
    assert_eq!(json(&again)["status"], "succeeded");
    harness.finish().await;
}

async fn a_late_success_by_decision_is_undone(kind: Kind) {
    let harness = Harness::start(kind);
    for (request, refunds, voids) in [(create("pm_test_timeout"), 1, 0), (authorize("pm_test_timeout"), 0, 1)]
    {
        let created = harness.engine.create_payment(harness.context(), request, None).await;
        let canceled = harness.engine.cancel_payment(harness.context(), id(&created), None, None).await;
        assert_eq!(canceled.status, 202);
        wait_for_review(&harness).await;
        let attempt = in_review(&harness).await;
        let reference = format!("sandbox_{attempt}");
        let resolved = resolve(&harness, attempt, decision(Resolution::Succeeded, Some(&reference))).await;
        assert_eq!(resolved.status, 200, "{}", resolved.body);
        eventually("the end", async || {
            (harness.find(id(&created)).await["status"] == "canceled").then_some(())
        })
        .await;
        let tally = harness.tally(id(&created));
        assert_eq!((tally.refunds, tally.voids), (refunds, voids));
    }
    harness.finish().await;
}

async fn captures_voids_and_refunds_in_review_are_settled_by_a_person(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    for (kind, outcome, state) in [
        (AttemptKind::Capture, Resolution::Succeeded, "SUCCEEDED"),
        (AttemptKind::Capture, Resolution::Failed, "CANCELED"),
        (AttemptKind::Void, Resolution::Succeeded, "CANCELED"),
        (AttemptKind::Refund, Resolution::Succeeded, "REFUNDED"),
        (AttemptKind::Refund, Resolution::Failed, "SUCCEEDED"),
    ] {
        let request = if kind == AttemptKind::Refund { create } else { authorize };
        let created = engine.create_payment(harness.context(), request("pm_test_success"), None).await;
        let happens = outcome == Resolution::Succeeded;
        harness.processor.set(kind, if happens { Fate::AnswerLost } else { Fate::NeverArrives });
        let (context, payment) = (harness.context(), id(&created));
        let unknown = match kind {
            AttemptKind::Capture => engine.capture_payment(context, payment, None, None).await,
            AttemptKind::Void => engine.cancel_payment(context, payment, None, None).await,
            _ => engine.refund_payment(context, payment, refund(1000), None).await,
        };
        assert_eq!(unknown.status, 202, "{}", unknown.body);
        wait_for_review(&harness).await;
        let attempt = in_review(&harness).await;
        harness.processor.set(kind, Fate::Answered);
        let resolved = resolve(&harness, attempt, decision(outcome, None)).await;
        assert_eq!(resolved.status, 200, "{}", resolved.body);
        // An authorization that stands again has expired meanwhile.
        harness.recover_after(SECOND).await;
        assert_eq!(harness.find(payment).await["payment_status"], state, "{kind} {outcome}");
    }
    harness.finish().await;
}

async fn what_is_not_in_review_can_not_be_decided(kind: Kind) {
    let harness = Harness::start(kind);
    let unknown = AttemptId::from_uuid(uuid::Uuid::now_v7());
    let refused = resolve(&harness, unknown, decision(Resolution::Failed, None)).await;
    assert_eq!(told(&refused), tells(404, "attempt_not_found"));
    harness.engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
    let (_, _, open) = harness.processor.sent(1).await[0];
    let refused = resolve(&harness, open, decision(Resolution::Failed, None)).await;
    assert_eq!(told(&refused), tells(409, "attempt_not_in_review"));
    wait_for_review(&harness).await;
    let other =
        common::context(florin_domain::TenantId::from_uuid(uuid::Uuid::now_v7()), florin_domain::Mode::Test);
    let foreign = harness.engine.resolve_attempt(other, open, decision(Resolution::Failed, None), None).await;
    assert_eq!(told(&foreign), tells(404, "attempt_not_found"));
    // Its item waits for the decision.
    let items = items(&harness, OpenItemType::NeedsReview).await;
    let item = items[0]["id"].as_str().expect("an id").parse().expect("an item's id");
    let closed = harness.engine.close_open_item(harness.context(), item, note("done"), None).await;
    assert_eq!(told(&closed), tells(409, "open_item_not_closable"));
    harness.finish().await;
}

async fn an_event_settles_what_needs_review_and_closes_its_item(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    let created = harness.engine.create_payment(harness.context(), create("pm_test_timeout"), None).await;
    wait_for_review(&harness).await;
    assert_eq!(harness.webhook("acct_1", &format!("evt_1 {}", id(&created))).await, Ok(1));
    eventually("the outcome", async || {
        (harness.find(id(&created)).await["status"] == "succeeded").then_some(())
    })
    .await;
    let items = items(&harness, OpenItemType::NeedsReview).await;
    assert_eq!(
        (items.len(), &items[0]["status"], &items[0]["resolution"]),
        (1, &"closed".into(), &"succeeded".into())
    );
    assert_eq!((&items[0]["closed_by"], items[0]["note"].is_null()), (&"system".into(), true));
    harness.finish().await;
}

async fn an_attempt_that_is_sent_again_and_again_needs_review_at_last(kind: Kind) {
    let harness = Harness::start(kind);
    let created = harness.engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    harness.processor.set(AttemptKind::Refund, Fate::NeverArrives);
    harness.engine.refund_payment(harness.context(), id(&created), refund(1000), None).await;
    for _ in 0..20 {
        harness.recover_after(DAY).await;
    }
    let attempt = in_review(&harness).await;
    let sent = harness.processor.sent(3).await.len();
    assert!(sent < 15, "it is sent no more once it needs review: {sent}");
    resolve(&harness, attempt, decision(Resolution::Failed, None)).await;
    assert_eq!(harness.find(id(&created)).await["amount_refundable"], 1000);
    harness.finish().await;
}

/// A bank debit of 10.00 USD that has cleared and will be returned.
async fn cleared(harness: &Harness) -> PaymentId {
    let created = harness.engine.create_payment(harness.context(), create("pm_test_ach_return"), None).await;
    harness.recover_after(5 * SECOND).await;
    assert_eq!(harness.find(id(&created)).await["payment_status"], "SUCCEEDED");
    id(&created)
}

async fn a_debit_that_comes_back_after_refunds_leaves_an_item(kind: Kind) {
    let harness = Harness::start(kind);
    for refunded in [false, true] {
        let payment_id = cleared(&harness).await;
        if refunded {
            harness.engine.refund_payment(harness.context(), payment_id, refund(400), None).await;
        }
        for _ in 0..3 {
            harness.recover_after(DAY).await;
        }
        let payment = harness.find(payment_id).await;
        assert_eq!((&payment["status"], &payment["amount_returned"]), (&"failed".into(), &1000.into()));
        let items = items(&harness, OpenItemType::ReturnedAfterRefund).await;
        assert_eq!(items.len(), usize::from(refunded));
        if let Some(item) = items.first() {
            assert_eq!(item["payment_id"], payment["id"]);
            assert!(item["message"].as_str().expect("a message").contains("400"), "{item}");
        }
    }
    harness.finish().await;
}

async fn a_debit_that_comes_back_while_its_late_refund_is_under_way_waits_for_nothing(kind: Kind) {
    let harness = Harness::start(kind);
    for (round, (fate, end)) in
        [(Fate::AnswerLost, "CANCELED"), (Fate::DeclinedForGood, "FAILED")].into_iter().enumerate()
    {
        let refunds_sent = async || {
            harness.processor.sent(1).await.iter().filter(|sent| sent.1 == AttemptKind::Refund).count()
        };
        let before = if round == 0 { 0 } else { refunds_sent().await };
        let created =
            harness.engine.create_payment(harness.context(), create("pm_test_ach_return"), None).await;
        let canceled = harness.engine.cancel_payment(harness.context(), id(&created), None, None).await;
        assert_eq!(canceled.status, 202);
        harness.processor.set(AttemptKind::Refund, Fate::Stuck);
        harness.recover_after(5 * SECOND).await;
        // The late refund is on its way and has no end; the debit comes back meanwhile.
        eventually("the refund", async || (refunds_sent().await > before).then_some(())).await;
        harness.clock.advance(10 * SECOND);
        harness.engine.recover_now().await.expect("a sweep");
        let payment = harness.find(id(&created)).await;
        assert_eq!(
            (&payment["amount_returned"], &payment["payment_status"]),
            (&1000.into(), &"PROCESSING".into())
        );
        assert_eq!(payment["error_code"], "bank_debit_returned");
        harness.processor.set(AttemptKind::Refund, fate);
        harness.processor.release_held();
        eventually("the end", async || {
            harness.recover_after(60 * SECOND).await;
            (harness.find(id(&created)).await["payment_status"] == end).then_some(())
        })
        .await;
    }
    assert_eq!(items(&harness, OpenItemType::ReturnedAfterRefund).await.len(), 2);
    harness.finish().await;
}

async fn an_item_is_closed_with_a_note(kind: Kind) {
    let harness = Harness::start(kind);
    harness.add_account("acct_1");
    let stranger = AttemptId::from_uuid(uuid::Uuid::now_v7());
    let payment = PaymentId::from_uuid(uuid::Uuid::now_v7());
    for event in ["evt_1", "evt_2", "evt_1"] {
        harness.webhook("acct_1", &format!("{event} {payment}")).await.expect("a webhook");
        harness.webhook("acct_1", &format!("{event}b {stranger}")).await.expect("a webhook");
    }
    let found = items(&harness, OpenItemType::UnknownEvent).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    let item = found[0]["id"].as_str().expect("an id").parse().expect("an item's id");
    let engine = &harness.engine;
    let shown = engine.find_open_item(harness.context(), item).await;
    assert_eq!(json(&shown), found[0]);
    let closed = engine.close_open_item(harness.context(), item, note("another shop"), None).await;
    assert_eq!((closed.status, &json(&closed)["note"]), (200, &"another shop".into()));
    let again = engine.close_open_item(harness.context(), item, note("another shop"), None).await;
    assert_eq!(again.body, closed.body);
    let other = engine.close_open_item(harness.context(), item, note("who knows"), None).await;
    assert_eq!(told(&other), tells(409, "open_item_not_closable"));
    // The same cause again, after it was closed.
    harness.webhook("acct_1", &format!("evt_3 {payment}")).await.expect("a webhook");
    assert_eq!(items(&harness, OpenItemType::UnknownEvent).await.len(), 1);
    let open =
        OpenItemFilter { status: Some(florin_domain::OpenItemStatus::Open), ..OpenItemFilter::default() };
    let page = Page::new(10, Position::Offset(0));
    let listed = engine.list_open_items(harness.context(), open, page).await;
    assert_eq!(json(&listed)["total_count"], 0);
    harness.finish().await;
}
