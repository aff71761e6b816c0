//! Several processor accounts: where charges go, and where they go on to.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{
    Connectors, Fate, Harness, Kind, account, add_accounts, amount, authorize, create, creation, eventually,
    id, json, method, record, refund, tells, test_on_each_database, told,
};
use florin_domain::{
    AccountChange, AttemptKind, Currency, MethodType, ProcessorAccountId, ProcessorName, RouteRule,
};
use florin_engine::requests::CreateMethod;
use florin_engine::views::Answer;
use florin_processors::Currencies;
use serde_json::{Value, json};

test_on_each_database! {
    a_soft_decline_and_what_was_not_sent_go_on_to_the_next_account,
    a_charge_that_is_declined_for_good_or_unknown_goes_nowhere,
    what_all_decline_is_declined_once_and_told_once,
    a_cancellation_that_comes_first_ends_the_payment_and_one_that_comes_later_is_remembered,
    many_cancellations_against_going_on_leave_at_most_one_effect,
    a_decline_that_recovery_finds_goes_nowhere,
    an_account_that_is_disabled_meanwhile_is_not_tried,
    an_account_that_another_process_disables_is_no_longer_used_after_a_second,
    rules_decide_by_type_and_currency_and_only_what_can_take_it_does,
    a_stored_payment_method_belongs_to_its_account,
    a_token_that_nobody_can_tell_about_is_sent_to_one_account_only,
    payments_from_before_the_first_account_are_refunded_where_they_were_charged,
    an_account_that_gives_no_clear_answers_is_passed_over,
    more_requests_than_an_account_takes_at_once_are_not_sent,
    what_a_processor_can_not_do_is_refused,
}

/// An engine whose tenant has accounts of these names.
async fn start(kind: Kind, names: &[&str]) -> (Harness, Arc<Connectors>, Vec<ProcessorAccountId>) {
    let connectors = Arc::new(Connectors::default());
    let harness = Harness::start_with(kind, |settings| connectors.join(settings));
    connectors.settle(harness.books.clone(), harness.clock.clone());
    harness.add_tenant(harness.tenant);
    let ids = add_accounts(&harness.engine, harness.context(), names).await;
    (harness, connectors, ids)
}

async fn charge(harness: &Harness, method: &str) -> Answer {
    harness.engine.create_payment(harness.context(), create(method), None).await
}

/// Where the charges of a payment went, and what became of each.
fn way(payment: &Value) -> Vec<(&str, &str)> {
    let mut attempts: Vec<&Value> = payment["attempts"].as_array().expect("attempts").iter().collect();
    attempts.sort_by_key(|attempt| attempt["attempt_number"].as_u64());
    attempts
        .into_iter()
        .map(|attempt| {
            (
                attempt["processor"].as_str().expect("a processor"),
                attempt["status"].as_str().expect("a status"),
            )
        })
        .collect()
}

async fn a_soft_decline_and_what_was_not_sent_go_on_to_the_next_account(kind: Kind) {
    let (harness, connectors, _) = start(kind, &["choosy", "away", "works"]).await;
    connectors.at("choosy").set(AttemptKind::Charge, Fate::Declined);
    connectors.at("away").set(AttemptKind::Charge, Fate::NotSent);
    let key = || creation("once");
    let first = harness.engine.create_payment(harness.context(), create("pm_test_success"), key()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let payment = json(&first);
    assert_eq!(way(&payment), [("choosy", "failed"), ("away", "failed"), ("works", "succeeded")]);
    assert_eq!((&payment["processor"], &payment["error_code"]), (&json!("works"), &Value::Null));
    let again = harness.engine.create_payment(harness.context(), create("pm_test_success"), key()).await;
    assert!(again.replayed && again.body == first.body, "{}", again.body);
    let back = harness.engine.refund_payment(harness.context(), id(&first), refund(400), None).await;
    assert_eq!(json(&back)["status"], "succeeded", "{}", back.body);
    assert_eq!(connectors.at("works").sent(2).await.len(), 2);
    assert_eq!(harness.tally(id(&first)).charges, 1);
    harness.finish().await;
}

async fn a_charge_that_is_declined_for_good_or_unknown_goes_nowhere(kind: Kind) {
    let (harness, connectors, _) = start(kind, &["first", "second"]).await;
    connectors.at("first").set(AttemptKind::Charge, Fate::DeclinedForGood);
    assert_eq!(told(&charge(&harness, "pm_test_success").await), tells(402, "insufficient_funds"));
    for fate in [Fate::NeverArrives, Fate::AnswerLost] {
        connectors.at("first").set(AttemptKind::Charge, fate);
        let unknown = charge(&harness, "pm_test_success").await;
        assert_eq!(unknown.status, 202, "{}", unknown.body);
        assert_eq!(way(&json(&unknown)), [("first", "unknown")]);
    }
    connectors.at("first").set(AttemptKind::Charge, Fate::Answered);
    for method in ["pm_test_requires_action", "pm_test_ach", "pm_test_insufficient_funds"] {
        charge(&harness, method).await;
    }
    harness.recover_after(Duration::from_secs(6)).await;
    assert!(connectors.at("second").sent(0).await.is_empty());
    harness.finish().await;
}

async fn what_all_decline_is_declined_once_and_told_once(kind: Kind) {
    let (harness, _connectors, _) = start(kind, &["first", "second"]).await;
    let declined = charge(&harness, "pm_test_decline").await;
    assert_eq!(told(&declined), tells(402, "payment_declined"));
    let id = json(&declined)["error"]["payment_id"].as_str().expect("an id").parse().expect("a payment's id");
    let payment = harness.find(id).await;
    assert_eq!(way(&payment), [("first", "failed"), ("second", "failed")]);
    let events =
        harness.database.number("SELECT count(*) AS number FROM events WHERE type = 'payment.failed'");
    assert_eq!(events, 1);
    // Another request begins at the first account again.
    let again =
        harness.engine.process_payment(harness.context(), id, Some(method("pm_test_success")), None).await;
    assert_eq!(way(&json(&again))[2..], [("first", "succeeded")], "{}", again.body);
    harness.finish().await;
}

async fn a_cancellation_that_comes_first_ends_the_payment_and_one_that_comes_later_is_remembered(kind: Kind) {
    let (harness, connectors, _) = start(kind, &["first", "second"]).await;
    let (first, second) = (connectors.at("first"), connectors.at("second"));
    // While the first charge is under way, whose decline is on its way.
    first.set(AttemptKind::Charge, Fate::Held);
    let charging = spawn_charge(&harness, "pm_test_decline");
    let (payment, ..) = first.sent(1).await[0];
    let canceled = harness.engine.cancel_payment(harness.context(), payment, None, None).await;
    assert_eq!(canceled.status, 202, "{}", canceled.body);
    first.release();
    charging.await.expect("an answer");
    let found = harness.find(payment).await;
    assert_eq!((found["status"].as_str(), way(&found)), (Some("canceled"), vec![("first", "failed")]));
    assert!(second.sent(0).await.is_empty());
    // While the second one is.
    first.set(AttemptKind::Charge, Fate::Declined);
    second.set(AttemptKind::Charge, Fate::Held);
    let charging = spawn_charge(&harness, "pm_test_success");
    let (payment, ..) = second.sent(1).await[0];
    let canceled = harness.engine.cancel_payment(harness.context(), payment, None, None).await;
    assert_eq!(canceled.status, 202, "{}", canceled.body);
    second.release();
    charging.await.expect("an answer");
    let found = eventually("the money given back", async || {
        let found = harness.find(payment).await;
        (found["status"] == "canceled").then_some(found)
    });
    assert_eq!(way(&found.await), [("first", "failed"), ("second", "succeeded")]);
    assert_eq!(harness.tally(payment).refunded, 1000);
    harness.finish().await;
}

fn spawn_charge(harness: &Harness, method: &str) -> tokio::task::JoinHandle<Answer> {
    let (engine, context, request) = (harness.engine.clone(), harness.context(), create(method));
    tokio::spawn(async move { engine.create_payment(context, request, None).await })
}

/// Cancellations come while charges go from one account to the next.
async fn many_cancellations_against_going_on_leave_at_most_one_effect(kind: Kind) {
    let (harness, connectors, _) = start(kind, &["choosy", "pickier", "works"]).await;
    for name in ["choosy", "pickier"] {
        connectors.at(name).set(AttemptKind::Charge, Fate::Declined);
    }
    let mut running = Vec::new();
    for number in 0..60 {
        let recorded =
            harness.engine.create_payment(harness.context(), record("pm_test_success"), None).await;
        let payment = id(&recorded);
        let (engine, context) = (harness.engine.clone(), harness.context());
        let charging =
            tokio::spawn(async move { engine.process_payment(context, payment, None, None).await });
        let (engine, context) = (harness.engine.clone(), harness.context());
        running.push((
            payment,
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(number * 150)).await;
                engine.cancel_payment(context, payment, None, None).await
            }),
            charging,
        ));
    }
    for (payment, canceling, charging) in running {
        let canceled = canceling.await.expect("an answer");
        charging.await.expect("an answer");
        let found = eventually("the payment at its end", async || {
            let found = harness.find(payment).await;
            let is_over = found["payment_status"] != "PROCESSING" && found["payment_status"] != "PENDING";
            is_over.then_some(found)
        });
        let found = found.await;
        let expected = if matches!(canceled.status, 200 | 202) { "canceled" } else { "succeeded" };
        assert_eq!(found["status"], expected, "{} {found:#}", canceled.body);
    }
    harness.finish().await;
}

async fn a_decline_that_recovery_finds_goes_nowhere(kind: Kind) {
    let (harness, connectors, _) = start(kind, &["first", "second"]).await;
    connectors.at("first").set(AttemptKind::Charge, Fate::AnswerLost);
    let unknown = charge(&harness, "pm_test_decline").await;
    assert_eq!(unknown.status, 202, "{}", unknown.body);
    harness.recover_after(Duration::from_secs(6)).await;
    let found = harness.find(id(&unknown)).await;
    assert_eq!((found["status"].as_str(), way(&found)), (Some("failed"), vec![("first", "failed")]));
    assert!(connectors.at("second").sent(0).await.is_empty());
    harness.finish().await;
}

fn disable() -> AccountChange {
    AccountChange { enabled: Some(false), ..AccountChange::default() }
}

async fn an_account_that_is_disabled_meanwhile_is_not_tried(kind: Kind) {
    let (harness, connectors, ids) = start(kind, &["first", "second", "third"]).await;
    let first = connectors.at("first");
    first.set(AttemptKind::Charge, Fate::Held);
    connectors.at("third").set(AttemptKind::Charge, Fate::Declined);
    let charging = spawn_charge(&harness, "pm_test_decline");
    first.sent(1).await;
    let disabled = harness.engine.update_processor_account(harness.context(), ids[1], disable()).await;
    assert_eq!((disabled.status, json(&disabled)["enabled"].clone()), (200, json!(false)));
    first.release();
    let declined = charging.await.expect("an answer");
    let payment = json(&declined)["error"]["payment_id"].as_str().expect("an id").parse().expect("an id");
    assert_eq!(way(&harness.find(payment).await), [("first", "failed"), ("third", "failed")]);
    harness.finish().await;
}

async fn an_account_that_another_process_disables_is_no_longer_used_after_a_second(kind: Kind) {
    let (harness, connectors, ids) = start(kind, &["first", "second"]).await;
    let (other, _) = harness.another_engine(|settings| connectors.join(settings));
    let paid = other.create_payment(harness.context(), create("pm_test_success"), None).await;
    assert_eq!(json(&paid)["processor"], "first");
    harness.engine.update_processor_account(harness.context(), ids[0], disable()).await;
    let here = charge(&harness, "pm_test_success").await;
    assert_eq!(json(&here)["processor"], "second", "at once in the process that has changed it");
    let began = std::time::Instant::now();
    eventually("the other process to know", async || {
        let paid = other.create_payment(harness.context(), create("pm_test_success"), None).await;
        (json(&paid)["processor"] == "second").then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    // What it has charged it still gives back.
    let back = other.refund_payment(harness.context(), id(&paid), refund(1000), None).await;
    assert_eq!(json(&back)["status"], "succeeded", "{}", back.body);
    other.drain().await;
    harness.finish().await;
}

async fn rules_decide_by_type_and_currency_and_only_what_can_take_it_does(kind: Kind) {
    let (harness, connectors, ids) = start(kind, &["first", "second", "third"]).await;
    let currency = |code: &str| Currency::parse(code).expect("a currency");
    let yen_only = [currency("JPY")].to_vec();
    connectors.at("first").change_capabilities(|can| can.currencies = Currencies::Only(yen_only));
    let rules = vec![
        RouteRule { payment_method_type: Some(MethodType::Ach), currency: None, accounts: vec![ids[2]] },
        RouteRule { payment_method_type: None, currency: Some(currency("EUR")), accounts: vec![ids[1]] },
        RouteRule { payment_method_type: None, currency: Some(currency("GBP")), accounts: Vec::new() },
        RouteRule { payment_method_type: None, currency: None, accounts: vec![ids[0], ids[2]] },
    ];
    let set = harness.engine.set_processor_routes(harness.context(), rules).await;
    assert_eq!(set.status, 200, "{}", set.body);
    for (method, code, expected) in [
        ("pm_test_ach", "EUR", Ok("third")),
        ("pm_test_success", "EUR", Ok("second")),
        ("pm_test_success", "JPY", Ok("first")),
        ("pm_test_success", "USD", Ok("third")),
        ("pm_test_success", "GBP", Err("currency_not_supported")),
        ("pm_test_unheard_of", "USD", Err("payment_method_not_found")),
        ("pm_test_expired", "USD", Err("payment_method_invalid")),
    ] {
        let mut request = create(method);
        request.currency = currency(code);
        let answer = json(&harness.engine.create_payment(harness.context(), request, None).await);
        let found = match answer["error"]["code"].as_str() {
            None => Ok(answer["processor"].as_str().expect("a processor")),
            Some(code) => Err(code),
        };
        assert_eq!(found, expected, "{method} {code}: {answer:#}");
    }
    harness.finish().await;
}

fn stored(processor: Option<&str>) -> CreateMethod {
    CreateMethod {
        token: method("pm_test_success"),
        method_type: MethodType::Card,
        processor: processor.map(|name| ProcessorName::parse(name).expect("a name")),
        customer_id: None,
        brand: None,
        last4: None,
        expiry: None,
        bank_name: None,
        metadata: florin_domain::Metadata::default(),
    }
}

async fn a_stored_payment_method_belongs_to_its_account(kind: Kind) {
    let (harness, connectors, ids) = start(kind, &["first", "second"]).await;
    let engine = &harness.engine;
    let made = engine.create_payment_method(harness.context(), stored(Some("second")), None).await;
    let own = json(&made)["id"].as_str().expect("an id").to_owned();
    connectors.at("second").set(AttemptKind::Charge, Fate::Declined);
    assert_eq!(told(&charge(&harness, &own).await), tells(402, "payment_declined"));
    assert!(connectors.at("first").sent(0).await.is_empty(), "no other account hears of it");
    connectors.at("second").set(AttemptKind::Charge, Fate::Answered);
    assert_eq!(json(&charge(&harness, &own).await)["processor"], "second");
    // One that belongs to none may go on.
    let made = json(&engine.create_payment_method(harness.context(), stored(None), None).await);
    assert_eq!(made["processor"], Value::Null);
    connectors.at("first").set(AttemptKind::Charge, Fate::Declined);
    let paid = json(&charge(&harness, made["id"].as_str().expect("an id")).await);
    assert_eq!(way(&paid), [("first", "failed"), ("second", "succeeded")]);
    // Where tokens are an account's own, one is chosen.
    connectors.at("first").can_not_tell();
    let made = json(&engine.create_payment_method(harness.context(), stored(None), None).await);
    assert_eq!(made["processor"], "first");
    engine.update_processor_account(harness.context(), ids[1], disable()).await;
    assert_eq!(told(&charge(&harness, &own).await), tells(422, "payment_method_invalid"));
    let nobody = engine.create_payment_method(harness.context(), stored(Some("third")), None).await;
    assert_eq!(told(&nobody), tells(404, "processor_account_not_found"));
    harness.finish().await;
}

async fn a_token_that_nobody_can_tell_about_is_sent_to_one_account_only(kind: Kind) {
    let (harness, connectors, _) = start(kind, &["first", "second"]).await;
    for name in ["first", "second"] {
        connectors.at(name).can_not_tell();
        connectors.at(name).set(AttemptKind::Charge, Fate::Declined);
    }
    assert_eq!(told(&charge(&harness, "pm_test_success").await), tells(402, "payment_declined"));
    assert!(connectors.at("second").sent(0).await.is_empty());
    harness.finish().await;
}

async fn payments_from_before_the_first_account_are_refunded_where_they_were_charged(kind: Kind) {
    let (harness, connectors, _) = start(kind, &[]).await;
    let paid = charge(&harness, "pm_test_success").await;
    let held = harness.engine.create_payment(harness.context(), authorize("pm_test_success"), None).await;
    assert_eq!(json(&paid)["processor"], "sandbox");
    add_accounts(&harness.engine, harness.context(), &["first"]).await;
    let back = harness.engine.refund_payment(harness.context(), id(&paid), refund(1000), None).await;
    let captured = harness.engine.capture_payment(harness.context(), id(&held), None, None).await;
    assert_eq!((back.status, captured.status), (200, 200), "{} {}", back.body, captured.body);
    assert!(connectors.at("first").sent(0).await.is_empty());
    assert_eq!(json(&charge(&harness, "pm_test_success").await)["processor"], "first");
    harness.finish().await;
}

async fn an_account_that_gives_no_clear_answers_is_passed_over(kind: Kind) {
    let (harness, connectors, _) = start(kind, &["first", "second"]).await;
    connectors.at("first").set(AttemptKind::Charge, Fate::NotSent);
    for _ in 0..5 {
        assert_eq!(way(&json(&charge(&harness, "pm_test_success").await)).len(), 2);
    }
    let paid = json(&charge(&harness, "pm_test_success").await);
    assert_eq!(way(&paid), [("second", "succeeded")]);
    // Where there is no other account, nothing is sent.
    let mut only = account("only");
    only.position = florin_domain::AccountPosition::new(9).expect("a place");
    let tenant = florin_domain::TenantId::from_uuid(uuid::Uuid::now_v7());
    harness.add_tenant(tenant);
    let context = || common::context(tenant, florin_domain::Mode::Test);
    harness.engine.create_processor_account(context(), only, None).await;
    connectors.at("only").set(AttemptKind::Charge, Fate::NeverArrives);
    for _ in 0..5 {
        let unknown = harness.engine.create_payment(context(), create("pm_test_success"), None).await;
        assert_eq!(unknown.status, 202, "{}", unknown.body);
    }
    let refused = harness.engine.create_payment(context(), create("pm_test_success"), None).await;
    assert_eq!(told(&refused), tells(402, "processor_unreachable"));
    assert_eq!(connectors.at("only").sent(5).await.len(), 5);
    harness.finish().await;
}

async fn more_requests_than_an_account_takes_at_once_are_not_sent(kind: Kind) {
    let (harness, connectors, _) = start(kind, &[]).await;
    let mut narrow = account("narrow");
    let settings = [("max_concurrency".to_owned(), "1".to_owned())];
    narrow.settings = florin_domain::Metadata::new(settings.into()).expect("settings");
    let made = harness.engine.create_processor_account(harness.context(), narrow, None).await;
    assert_eq!(made.status, 201, "{}", made.body);
    add_accounts(&harness.engine, harness.context(), &["wide"]).await;
    connectors.at("narrow").set(AttemptKind::Charge, Fate::Held);
    let first = spawn_charge(&harness, "pm_test_success");
    connectors.at("narrow").sent(1).await;
    let second = json(&charge(&harness, "pm_test_success").await);
    assert_eq!(way(&second), [("narrow", "failed"), ("wide", "succeeded")]);
    connectors.at("narrow").release();
    assert_eq!(json(&first.await.expect("an answer"))["processor"], "narrow");
    harness.finish().await;
}

async fn what_a_processor_can_not_do_is_refused(kind: Kind) {
    let (harness, connectors, _) = start(kind, &["first"]).await;
    let yen = Currency::parse("JPY").expect("a currency");
    connectors.at("first").change_capabilities(|can| {
        can.partial_capture = false;
        can.units = vec![(yen, florin_processors::Units { exponent: 0, step: 100 })];
    });
    let held = harness.engine.create_payment(harness.context(), authorize("pm_test_success"), None).await;
    let part = harness.engine.capture_payment(harness.context(), id(&held), Some(amount(400)), None).await;
    assert_eq!(told(&part), tells(422, "partial_capture_not_supported"));
    let all = harness.engine.capture_payment(harness.context(), id(&held), Some(amount(1000)), None).await;
    assert_eq!(all.status, 200, "{}", all.body);
    let mut coarse = create("pm_test_success");
    (coarse.currency, coarse.amount) = (yen, amount(150));
    let refused = harness.engine.create_payment(harness.context(), coarse.clone(), None).await;
    assert_eq!(told(&refused), tells(400, "parameter_invalid"));
    coarse.amount = amount(200);
    let paid = harness.engine.create_payment(harness.context(), coarse, None).await;
    assert_eq!(paid.status, 201, "{}", paid.body);
    let back = harness.engine.refund_payment(harness.context(), id(&paid), refund(50), None).await;
    assert_eq!(told(&back), tells(400, "parameter_invalid"));
    harness.finish().await;
}
