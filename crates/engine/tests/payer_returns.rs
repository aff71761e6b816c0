//! Payers who come back to the page from where they had to act: they are told at once what became of it, and can't make
//! anybody ask the processor without end, on both databases.

mod common;

use std::time::Duration;

use common::requests_of_payment::{Made, ask, made, pay, status_of};
use common::{Harness, Kind, eventually, test_on_each_database};
use florin_domain::PageToken;
use florin_engine::views::ErrorCode;
use florin_engine::{PageState, PayOutcome};

test_on_each_database! {
    what_the_payer_did_is_known_when_they_are_back,
    who_did_not_confirm_may_try_again,
    who_comes_back_without_an_answer_is_waited_for_no_longer_than_before,
    coming_back_again_and_again_asks_the_processor_seldom,
    of_many_who_come_back_at_once_one_makes_it_looked_up,
    nobody_looks_it_up_beside_recovery,
    who_has_nothing_to_act_on_makes_nothing_looked_up,
    a_look_up_on_return_undoes_what_was_canceled_meanwhile,
}

const SECOND: Duration = Duration::from_secs(1);

/// A request whose payer was sent to their bank.
async fn sent_to_the_bank(harness: &Harness) -> Made {
    let request = made(harness, ask()).await;
    let outcome = pay(harness, &request, "pm_test_requires_action").await;
    assert!(matches!(outcome, PayOutcome::ActionRequired { .. }), "{outcome:?}");
    request
}

/// What the payer does at the bank.
async fn act(harness: &Harness, confirms: bool) {
    let (_, _, attempt) = *harness.processor.sent(1).await.last().expect("a charge");
    harness.processor.sandbox.complete_action(attempt, confirms).expect("an action");
}

fn look_ups(harness: &Harness) -> usize {
    harness.processor.look_ups().len()
}

async fn what_the_payer_did_is_known_when_they_are_back(kind: Kind) {
    let harness = Harness::start(kind);
    let request = sent_to_the_bank(&harness).await;
    act(&harness, true).await;
    harness.clock.advance(10 * SECOND);
    assert!(matches!(request.page(&harness).await.state, PageState::ActionRequired { .. }));
    harness.engine.payer_returned(&request.token).await;
    assert!(matches!(request.page(&harness).await.state, PageState::Paid { .. }));
    // And never again, since it is over.
    harness.clock.advance(60 * SECOND);
    harness.engine.payer_returned(&request.token).await;
    assert_eq!((status_of(&harness, &request).await.as_str(), look_ups(&harness)), ("paid", 1));
    assert_eq!((harness.payment_count(), harness.charges()), (1, 1));
    let told =
        harness.database.number("SELECT count(*) AS number FROM events WHERE type = 'payment_request.paid'");
    assert_eq!(told, 1);
    harness.finish().await;
}

async fn who_did_not_confirm_may_try_again(kind: Kind) {
    let harness = Harness::start(kind);
    let request = sent_to_the_bank(&harness).await;
    act(&harness, false).await;
    harness.clock.advance(10 * SECOND);
    harness.engine.payer_returned(&request.token).await;
    let page = request.page(&harness).await;
    assert_eq!(page.state, PageState::Open);
    assert_eq!(page.last_decline.map(|decline| decline.code), Some(ErrorCode::ActionNotCompleted));
    assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::Paid);
    assert_eq!((harness.payment_count(), harness.charges()), (1, 1));
    harness.finish().await;
}

async fn who_comes_back_without_an_answer_is_waited_for_no_longer_than_before(kind: Kind) {
    let harness = Harness::start(kind);
    let request = sent_to_the_bank(&harness).await;
    for _ in 0..8 {
        harness.clock.advance(200 * SECOND);
        harness.engine.payer_returned(&request.token).await;
        assert!(matches!(request.page(&harness).await.state, PageState::ActionRequired { .. }));
    }
    let looked = look_ups(&harness);
    act(&harness, true).await;
    // The schedule has begun anew, and was not used up.
    assert_eq!((harness.recover_after(31 * SECOND).await, look_ups(&harness)), (1, looked + 1));
    assert_eq!(status_of(&harness, &request).await, "paid");
    harness.finish().await;
}

async fn coming_back_again_and_again_asks_the_processor_seldom(kind: Kind) {
    let harness = Harness::start(kind);
    let request = sent_to_the_bank(&harness).await;
    let come_back = async |times: u32, pause: Duration| {
        let before = look_ups(&harness);
        for _ in 0..times {
            harness.clock.advance(pause);
            harness.engine.payer_returned(&request.token).await;
        }
        look_ups(&harness) - before
    };
    assert_eq!(come_back(20, Duration::ZERO).await, 0, "the processor has only just been asked");
    assert_eq!(come_back(60, SECOND).await, 14, "at first it is every few seconds");
    assert!(come_back(360, 10 * SECOND).await <= 40, "in an hour some dozens");
    assert!(come_back(100, 60 * SECOND).await <= 10, "and then hardly any more");
    harness.finish().await;
}

async fn of_many_who_come_back_at_once_one_makes_it_looked_up(kind: Kind) {
    let harness = Harness::start(kind);
    let request = sent_to_the_bank(&harness).await;
    act(&harness, true).await;
    harness.clock.advance(10 * SECOND);
    let (engines, others): (Vec<_>, Vec<_>) = match kind {
        // One process has the file.
        Kind::Sqlite => (vec![harness.engine.clone()], Vec::new()),
        Kind::Postgres => {
            let (other, processor) = harness.another_engine(|_| {});
            (vec![harness.engine.clone(), other], vec![processor])
        }
    };
    let returns = (0..12).map(|turn| {
        let (engine, token) = (engines[turn % engines.len()].clone(), request.token.clone());
        tokio::spawn(async move { engine.payer_returned(&token).await })
    });
    for returned in returns.collect::<Vec<_>>() {
        returned.await.expect("no panic");
    }
    let elsewhere: usize = others.iter().map(|processor| processor.look_ups().len()).sum();
    assert_eq!(look_ups(&harness) + elsewhere, 1);
    assert_eq!(status_of(&harness, &request).await, "paid");
    for engine in &engines[1..] {
        engine.drain().await;
    }
    harness.finish().await;
}

async fn nobody_looks_it_up_beside_recovery(kind: Kind) {
    let harness = Harness::start_with(kind, |settings| settings.processor_timeout = 60 * SECOND);
    let request = sent_to_the_bank(&harness).await;
    act(&harness, true).await;
    harness.processor.let_look_ups_hang();
    harness.clock.advance(10 * SECOND);
    let engine = harness.engine.clone();
    let recovering = tokio::spawn(async move { engine.recover_now().await });
    eventually("recovery to look it up", async || (look_ups(&harness) == 1).then_some(())).await;
    // Recovery has a lease of 65 seconds.
    harness.clock.advance(40 * SECOND);
    harness.engine.payer_returned(&request.token).await;
    assert_eq!(look_ups(&harness), 1);
    // Had its process died, the lease would be over then.
    harness.clock.advance(40 * SECOND);
    harness.processor.release();
    recovering.await.expect("no panic").expect("a sweep");
    assert_eq!(status_of(&harness, &request).await, "paid");
    assert_eq!(harness.charges(), 1);
    harness.finish().await;
}

async fn who_has_nothing_to_act_on_makes_nothing_looked_up(kind: Kind) {
    let harness = Harness::start(kind);
    let [open, unknown, clears] = [(); 3].map(|()| ask());
    let [open, unknown, clears] =
        [made(&harness, open).await, made(&harness, unknown).await, made(&harness, clears).await];
    assert_eq!(pay(&harness, &unknown, "pm_test_timeout").await, PayOutcome::Pending);
    assert_eq!(pay(&harness, &clears, "pm_test_ach").await, PayOutcome::Pending);
    harness.clock.advance(60 * SECOND);
    for request in [&open, &unknown, &clears] {
        harness.engine.payer_returned(&request.token).await;
    }
    harness.engine.payer_returned(&PageToken::parse("000000000000000000000000").unwrap()).await;
    assert_eq!(look_ups(&harness), 0);
    harness.finish().await;
}

async fn a_look_up_on_return_undoes_what_was_canceled_meanwhile(kind: Kind) {
    let harness = Harness::start(kind);
    let request = sent_to_the_bank(&harness).await;
    act(&harness, true).await;
    harness.clock.advance(10 * SECOND);
    assert_eq!(request.cancel(&harness).await.status, 202);
    harness.engine.payer_returned(&request.token).await;
    eventually("the money to be given back", async || {
        harness.engine.payer_returned(&request.token).await;
        harness.recover_after(60 * SECOND).await;
        (status_of(&harness, &request).await == "canceled").then_some(())
    })
    .await;
    harness.finish().await;
}
