//! Senders that stand still for longer than their attempts are theirs, and go on as if nothing had happened.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::{
    Connectors, Cut, Fate, Harness, Kind, Proxy, TestDatabase, account, check_database, create, eventually,
    id, json, refund, tells, test_on_each_database, test_on_postgresql, told,
};
use florin_domain::{AttemptKind, Metadata, OpenItemType, PaymentId};
use florin_engine::EngineSettings;
use florin_engine::requests::{CreateProcessorAccount, OpenItemFilter, Page, Position};
use florin_engine::views::Answer;
use tokio::task::JoinHandle;

test_on_each_database! {
    a_charge_whose_lease_is_over_is_not_sent,
    a_refund_that_was_not_sent_in_time_is_left_to_who_has_sent_it_since,
    a_charge_that_left_too_late_is_told_by_an_open_item,
}

test_on_postgresql! {
    that_a_refund_was_not_sent_says_nothing_when_others_have_sent_it_before_that_is_written,
}

const SECOND: Duration = Duration::from_secs(1);
/// The processor's deadline, and five seconds more.
const LEASE: Duration = Duration::from_secs(65);

fn patient(settings: &mut EngineSettings) {
    settings.processor_timeout = 60 * SECOND;
}

/// An engine whose one account takes one request at a time: who waits for its turn stands still.
async fn one_at_a_time(kind: Kind) -> (Harness, Arc<Connectors>) {
    let connectors = Arc::new(Connectors::default());
    let harness = Harness::start_with(kind, |settings| {
        patient(settings);
        connectors.join(settings);
    });
    connectors.settle(harness.books.clone(), harness.clock.clone());
    harness.add_tenant(harness.tenant);
    let one = BTreeMap::from([("max_concurrency".to_owned(), "1".to_owned())]);
    let settings = Metadata::new(one).expect("settings");
    let account = CreateProcessorAccount { settings, ..account("narrow") };
    let added = harness.engine.create_processor_account(harness.context(), account, None).await;
    assert_eq!(added.status, 201, "{}", added.body);
    (harness, connectors)
}

fn charge(harness: &Harness, method: &str) -> JoinHandle<Answer> {
    let (engine, context, request) = (harness.engine.clone(), harness.context(), create(method));
    tokio::spawn(async move { engine.create_payment(context, request, None).await })
}

fn give_back(harness: &Harness, payment: PaymentId) -> JoinHandle<Answer> {
    let (engine, context) = (harness.engine.clone(), harness.context());
    tokio::spawn(async move { engine.refund_payment(context, payment, refund(300), None).await })
}

/// Waits until so many attempts are committed as on their way.
async fn on_their_way(harness: &Harness, count: i64) {
    let sending = "SELECT count(*) AS number FROM attempts WHERE status = 'sending'";
    eventually("the attempts", async || (harness.database.number(sending) == count).then_some(())).await;
}

async fn a_charge_whose_lease_is_over_is_not_sent(kind: Kind) {
    let (harness, connectors) = one_at_a_time(kind).await;
    let processor = connectors.at("narrow");
    processor.set(AttemptKind::Charge, Fate::Held);
    let first = charge(&harness, "pm_test_success");
    processor.sent(1).await;
    let second = charge(&harness, "pm_test_success");
    on_their_way(&harness, 2).await;
    // A second earlier than others take it to be over.
    harness.clock.advance(LEASE - SECOND);
    processor.release();
    assert_eq!(told(&second.await.expect("an answer")), tells(402, "processor_unreachable"));
    assert_eq!(first.await.expect("an answer").status, 201);
    assert_eq!((processor.sent(1).await.len(), harness.charges()), (1, 1));
    // In time, it is sent.
    processor.set(AttemptKind::Charge, Fate::Held);
    let first = charge(&harness, "pm_test_success");
    processor.sent(2).await;
    let second = charge(&harness, "pm_test_success");
    on_their_way(&harness, 2).await;
    harness.clock.advance(LEASE - 20 * SECOND);
    processor.release();
    for answer in [first.await, second.await] {
        assert_eq!(answer.expect("an answer").status, 201);
    }
    harness.finish().await;
}

async fn a_refund_that_was_not_sent_in_time_is_left_to_who_has_sent_it_since(kind: Kind) {
    let (harness, connectors) = one_at_a_time(kind).await;
    let processor = connectors.at("narrow");
    let mut paid = Vec::new();
    for _ in 0..2 {
        paid.push(id(&charge(&harness, "pm_test_success").await.expect("an answer")));
    }
    processor.set(AttemptKind::Refund, Fate::Held);
    let first = give_back(&harness, paid[0]);
    processor.sent(3).await;
    let second = give_back(&harness, paid[1]);
    on_their_way(&harness, 2).await;
    // Another process finds the first, sends the second again, and does not hear of it.
    harness.clock.advance(LEASE + 10 * SECOND);
    processor.set(AttemptKind::Refund, Fate::AnswerLost);
    let (heir, _) = harness.another_engine(|settings| {
        patient(settings);
        connectors.join(settings);
    });
    // Unless its sender saw by itself that it was too late, before it even waited for its turn: then a little later.
    eventually("the second sending", async || {
        heir.recover_now().await.expect("a sweep");
        let is_sent = processor.sent(3).await.len() == 4;
        harness.clock.advance(if is_sent { Duration::ZERO } else { 30 * SECOND });
        is_sent.then_some(())
    })
    .await;
    assert_eq!(
        harness.database.number("SELECT count(*) AS number FROM attempts WHERE status = 'unknown'"),
        1
    );
    // The second gets its turn too late. That it was not sent by this process proves nothing.
    processor.release_held();
    let late = second.await.expect("an answer");
    assert_eq!((late.status, &json(&late)["status"]), (202, &"pending".into()));
    assert_eq!(first.await.expect("an answer").status, 200);
    processor.set(AttemptKind::Refund, Fate::Answered);
    eventually("the outcome", async || {
        harness.clock.advance(30 * SECOND);
        heir.recover_now().await.expect("a sweep");
        (harness.find(paid[1]).await["amount_refunded"] == 300).then_some(())
    })
    .await;
    assert_eq!((processor.sent(4).await.len(), harness.tally(paid[1]).refunds), (4, 1));
    heir.drain().await;
    harness.finish().await;
}

async fn a_charge_that_left_too_late_is_told_by_an_open_item(kind: Kind) {
    // The answer comes, or does not come either.
    for method in ["pm_test_success", "pm_test_timeout"] {
        let harness = Harness::start_with(kind, patient);
        harness.add_account("acct_1");
        harness.processor.set(AttemptKind::Charge, Fate::Late);
        let charging = charge(&harness, method);
        let payment = harness.processor.sent(1).await[0].0;
        let (heir, _) = harness.another_engine(patient);
        eventually("the conclusion", async || {
            harness.clock.advance(30 * SECOND);
            heir.recover_now().await.expect("a sweep");
            (harness.find(payment).await["error_code"] == "not_processed").then_some(())
        })
        .await;
        harness.processor.release();
        assert_eq!(told(&charging.await.expect("an answer")), tells(402, "not_processed"));
        let filter = OpenItemFilter { kind: Some(OpenItemType::MissingHere), ..OpenItemFilter::default() };
        let items = async || {
            let page = Page::new(10, Position::Offset(0));
            let listed = harness.engine.list_open_items(harness.context(), filter.clone(), page).await;
            json(&listed)["data"].as_array().expect("items").clone()
        };
        let found =
            eventually("the item", async || Some(items().await).filter(|items| !items.is_empty())).await;
        assert_eq!((found.len(), &found[0]["payment_id"]), (1, &payment.to_string().into()));
        assert_eq!(found[0]["status"], "open");
        assert_eq!((harness.tally(payment).charges, harness.tally(payment).captured), (1, 1000));
        assert_eq!(harness.find(payment).await["status"], "failed");
        // What the processor tells of it later raises nothing more.
        assert_eq!(harness.webhook("acct_1", &format!("evt_1 {payment}")).await, Ok(1));
        heir.drain().await;
        assert_eq!(items().await.len(), 1);
        harness.engine.drain().await;
        check_database(&harness.url);
    }
}

async fn that_a_refund_was_not_sent_says_nothing_when_others_have_sent_it_before_that_is_written(kind: Kind) {
    let database = TestDatabase::new(kind);
    let (proxy, url) = Proxy::before(&database.url);
    let harness = Harness::start_on(database, url, patient);
    let paid = id(&charge(&harness, "pm_test_success").await.expect("an answer"));
    harness.processor.set(AttemptKind::Refund, Fate::NotSentHeld);
    let refunding = give_back(&harness, paid);
    harness.processor.sent(2).await;
    // Its sender learns so in time, and can't write it down.
    proxy.set(Cut::Always);
    harness.processor.release_held();
    let (heir, processor) = harness.another_engine(patient);
    processor.set(AttemptKind::Refund, Fate::AnswerLost);
    tokio::time::sleep(SECOND / 5).await;
    harness.clock.advance(LEASE + 10 * SECOND);
    heir.recover_now().await.expect("a sweep");
    let unknown = "SELECT count(*) AS number FROM attempts WHERE status = 'unknown'";
    assert_eq!((processor.sent(1).await.len(), harness.database.number(unknown)), (1, 1));
    proxy.set(Cut::Never);
    let late = refunding.await.expect("an answer");
    assert_eq!((late.status, &json(&late)["status"]), (202, &"pending".into()));
    eventually("the outcome", async || {
        harness.clock.advance(30 * SECOND);
        heir.recover_now().await.expect("a sweep");
        (harness.database.number("SELECT count(*) AS number FROM refunds WHERE status = 'succeeded'") == 1)
            .then_some(())
    })
    .await;
    assert_eq!(harness.tally(paid).refunds, 1);
    heir.drain().await;
    harness.finish().await;
}
