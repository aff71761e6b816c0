//! Several processor accounts: which of them a charge goes to.

mod common;

use common::{
    Fate, Harness, Kind, account, add_accounts, amount, authorize, create, disable, id, json, method, refund,
    start_with_accounts, tells, test_on_each_database, told, way,
};
use florin_domain::{AttemptKind, Currency, MethodType, ProcessorName, RouteRule};
use florin_engine::requests::CreateMethod;
use florin_engine::views::Answer;
use florin_processors::Currencies;
use serde_json::Value;

test_on_each_database! {
    rules_decide_by_type_and_currency_and_only_what_can_take_it_does,
    a_stored_payment_method_belongs_to_its_account,
    a_token_that_nobody_can_tell_about_is_sent_to_one_account_only,
    payments_from_before_the_first_account_are_refunded_where_they_were_charged,
    an_account_that_gives_no_clear_answers_is_passed_over,
    more_requests_than_an_account_takes_at_once_are_not_sent,
    what_a_processor_can_not_do_is_refused,
}

async fn charge(harness: &Harness, method: &str) -> Answer {
    harness.engine.create_payment(harness.context(), create(method), None).await
}

fn spawn_charge(harness: &Harness, method: &str) -> tokio::task::JoinHandle<Answer> {
    let (engine, context, request) = (harness.engine.clone(), harness.context(), create(method));
    tokio::spawn(async move { engine.create_payment(context, request, None).await })
}

async fn rules_decide_by_type_and_currency_and_only_what_can_take_it_does(kind: Kind) {
    let (harness, connectors, ids) = start_with_accounts(kind, &["first", "second", "third"]).await;
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
    let (harness, connectors, ids) = start_with_accounts(kind, &["first", "second"]).await;
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
    let (harness, connectors, _) = start_with_accounts(kind, &["first", "second"]).await;
    for name in ["first", "second"] {
        connectors.at(name).can_not_tell();
        connectors.at(name).set(AttemptKind::Charge, Fate::Declined);
    }
    assert_eq!(told(&charge(&harness, "pm_test_success").await), tells(402, "payment_declined"));
    assert!(connectors.at("second").sent(0).await.is_empty());
    harness.finish().await;
}

async fn payments_from_before_the_first_account_are_refunded_where_they_were_charged(kind: Kind) {
    let (harness, connectors, _) = start_with_accounts(kind, &[]).await;
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
    let (harness, connectors, _) = start_with_accounts(kind, &["first", "second"]).await;
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
    let (harness, connectors, _) = start_with_accounts(kind, &[]).await;
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
    let (harness, connectors, _) = start_with_accounts(kind, &["first"]).await;
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
