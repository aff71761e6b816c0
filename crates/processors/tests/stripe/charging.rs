//! What is asked of Stripe, and what its answers mean.

use florin_domain::{Currency, MethodType};
use florin_processors::{DeclineCode, Found, MethodCheck, Outcome, Processor};
use serde_json::json;

use crate::double::{Double, fields};
use crate::support::*;

#[tokio::test]
async fn a_charge_is_confirmed_in_one_request_with_the_attempt_as_its_key() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let mut request = charge("cus_1/pm_card_visa");
    request.description = Some("Order 4711".to_owned());
    request.return_url = Some("https://shop.example/back?order=1".to_owned());
    reference(stripe.charge(request.clone()).await);

    let sent = double.last_request().await;
    let header = |name: &str| sent.headers.get(name).unwrap().to_str().unwrap();
    assert_eq!((sent.method.as_str(), sent.url.path()), ("POST", "/v1/payment_intents"));
    assert_eq!(header("idempotency-key"), request.attempt_id.to_string());
    assert_eq!(header("authorization"), format!("Bearer {KEY}"));
    assert_eq!(header("stripe-version"), "2025-09-30.clover");
    assert!(header("user-agent").starts_with("Florin/"));
    let (attempt_id, payment_id) = (request.attempt_id.to_string(), request.payment_id.to_string());
    let expected = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("customer", "cus_1"),
        ("payment_method", "pm_card_visa"),
        ("payment_method_types[]", "card"),
        ("capture_method", "automatic"),
        ("confirm", "true"),
        ("description", "Order 4711"),
        ("return_url", "https://shop.example/back?order=1"),
        ("metadata[florin_attempt_id]", &attempt_id),
        ("metadata[florin_payment_id]", &payment_id),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fields(&sent), expected.into_iter().collect());
}

#[tokio::test]
async fn who_may_be_asked_to_act_decides_what_is_sent() {
    let double = Double::start().await;
    let url = "https://shop.example/back".to_owned();
    let page = Some("https://shop.example/act".to_owned());
    let table = [
        (true, None, None, "off_session"),
        (true, Some(&url), page.as_ref(), "off_session"),
        (false, Some(&url), None, "return_url"),
        (false, Some(&url), page.as_ref(), "return_url"),
        (false, None, None, "error_on_requires_action"),
        (false, None, page.as_ref(), ""),
    ];
    for (off_session, return_url, action_page, expected) in table {
        let stripe = with_options(&double.url(), |options| options.action_page = action_page.cloned());
        let mut request = charge("pm_card_visa");
        (request.off_session, request.return_url) = (off_session, return_url.cloned());
        stripe.charge(request).await;
        let sent = fields(&double.last_request().await);
        let names = ["off_session", "return_url", "error_on_requires_action"];
        let found: Vec<_> = names.into_iter().filter(|name| sent.contains_key(*name)).collect();
        assert_eq!(found.concat(), expected);
    }
}

#[tokio::test]
async fn a_payer_who_has_to_act_is_sent_to_the_bank_or_the_charge_is_declined() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let mut request = charge("pm_card_authenticationRequired");
    request.return_url = Some("https://shop.example/back".to_owned());
    let Outcome::RequiresAction { reference: id, url } = stripe.charge(request.clone()).await else {
        panic!("no action is required");
    };
    assert_eq!(url, "https://hooks.stripe.com/redirect/authenticate/src_1");
    double.change_newest(|intent| {
        intent["status"] = "succeeded".into();
        intent["next_action"] = json!(null);
    });
    let succeeded = Found::Outcome(Outcome::Succeeded { reference: id.clone() });
    assert_eq!(stripe.look_up(&about(&request, Some(&id))).await, Ok(succeeded));

    for off_session in [true, false] {
        let mut absent = charge("pm_card_authenticationRequired");
        absent.off_session = off_session;
        let outcome = stripe.charge(absent).await;
        assert_eq!(decline_code(outcome), DeclineCode::ActionNotCompleted, "{off_session}");
    }
}

#[tokio::test]
async fn a_bank_debit_is_pending_until_it_clears_and_may_be_taken_back() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let mut request = charge("pm_usBankAccount");
    request.method_type = MethodType::Ach;
    let Outcome::Pending { reference: id } = stripe.charge(request.clone()).await else {
        panic!("not pending")
    };
    assert_eq!(fields(&double.last_request().await)["payment_method_types[]"], "us_bank_account");
    let look_up = about(&request, Some(&id));
    let pending = Found::Outcome(Outcome::Pending { reference: id.clone() });
    assert_eq!(stripe.look_up(&look_up).await, Ok(pending));

    let charge = |disputed| json!({ "id": "ch_1", "disputed": disputed, "payment_method_details": { "type": "us_bank_account" } });
    double.change_newest(|intent| {
        intent["status"] = "succeeded".into();
        intent["latest_charge"] = charge(false);
    });
    let cleared = Found::Outcome(Outcome::Succeeded { reference: id.clone() });
    assert_eq!(stripe.look_up(&look_up).await, Ok(cleared.clone()));

    double.change_newest(|intent| intent["latest_charge"] = charge(true));
    let returned = Found::Returned { reference: id, reason: "insufficient funds".to_owned() };
    assert_eq!(stripe.look_up(&look_up).await, Ok(returned));

    double.change_newest(|intent| intent["latest_charge"]["payment_method_details"]["type"] = "card".into());
    assert_eq!(stripe.look_up(&look_up).await, Ok(cleared), "a card's dispute is no return");
}

#[tokio::test]
async fn what_stripe_cannot_count_is_refused_before_it_is_sent() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    for (code, minor, sent) in [
        ("KWD", 5_124, None),
        ("MGA", 150, None),
        ("CLF", 1_000, None),
        ("KWD", 5_120, Some("5120")),
        ("MGA", 500, Some("5")),
        ("UGX", 700, Some("70000")),
        ("ISK", 5, Some("500")),
        ("JPY", 500, Some("500")),
    ] {
        let before = double.intents();
        let mut request = charge("pm_card_visa");
        (request.amount, request.currency) = (amount(minor), currency(code));
        let outcome = stripe.charge(request).await;
        assert_eq!(double.intents() - before, usize::from(sent.is_some()), "{minor} {code}");
        match sent {
            Some(units) => assert_eq!(fields(&double.last_request().await)["amount"], units, "{code}"),
            None => {
                assert!(matches!(outcome, Outcome::Declined { may_retry_elsewhere: true, .. }), "{outcome:?}")
            }
        }
    }
    let kwd = || Currency::KWD;
    let mut request = charge("pm_card_visa");
    (request.amount, request.currency) = (amount(1_000), kwd());
    let id = reference(stripe.charge(request.clone()).await);
    let fils = stripe.refund(refund(&request, &id, 1)).await;
    assert_eq!(decline_code(fils), DeclineCode::RefundDeclined);
}

#[tokio::test]
async fn what_is_sent_again_is_answered_as_before() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let request = charge("pm_card_visa");
    let id = reference(stripe.authorize(request.clone()).await);
    assert_eq!(reference(stripe.authorize(request.clone()).await), id);
    let capture = capture(&request, &id, 400);
    for _ in 0..2 {
        assert_eq!(reference(stripe.capture(capture.clone()).await), id);
    }
    let refund = refund(&request, &id, 400);
    let refunded = reference(stripe.refund(refund.clone()).await);
    assert_eq!(reference(stripe.refund(refund).await), refunded);
    assert_eq!(double.intents(), 1);
}

#[tokio::test]
async fn what_was_done_under_a_key_that_stripe_has_forgotten_is_still_a_success() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let request = charge("pm_card_visa");
    let id = reference(stripe.authorize(request.clone()).await);
    reference(stripe.capture(capture(&request, &id, 400)).await);
    assert_eq!(reference(stripe.capture(capture(&request, &id, 400)).await), id, "by another key");
    let other = stripe.capture(capture(&request, &id, 500)).await;
    assert!(matches!(other, Outcome::Unknown { .. }), "another amount was captured: {other:?}");
    assert_eq!(decline_code(stripe.void(void(&request, &id)).await), DeclineCode::OperationDeclined);

    let request = charge("pm_card_visa");
    let id = reference(stripe.authorize(request.clone()).await);
    for _ in 0..2 {
        assert_eq!(reference(stripe.void(void(&request, &id)).await), id);
    }
    let late = stripe.capture(capture(&request, &id, 400)).await;
    assert_eq!(decline_code(late), DeclineCode::OperationDeclined);
}

#[tokio::test]
async fn refunds_beyond_what_was_captured_are_declined() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let request = charge("pm_card_visa");
    let id = reference(stripe.charge(request.clone()).await);
    reference(stripe.refund(refund(&request, &id, 600)).await);
    assert_eq!(decline_code(stripe.refund(refund(&request, &id, 401)).await), DeclineCode::RefundDeclined);
    reference(stripe.refund(refund(&request, &id, 400)).await);
}

#[test]
fn only_what_looks_like_stripes_is_a_payment_method() {
    let stripe = stripe("https://api.stripe.com");
    let table = [
        ("pm_1MqLiJLkdIwHu7ixUEgbFdYF", true),
        ("cus_9s6XKzkNRiz8i3/pm_card_visa", true),
        ("card_1MqLiJLkdIwHu7ix", true),
        ("src_1MqLiJLkdIwHu7ix", true),
        ("pm_", false),
        ("pm_test/../x", false),
        ("cus_/pm_1", false),
        ("cus_1/", false),
        ("cus_1", false),
        ("tok_visa", false),
        ("pm-1", false),
    ];
    for (id, looks_right) in table {
        let expected = if looks_right { MethodCheck::Unchecked } else { MethodCheck::NotFound };
        let method = florin_domain::MethodRef::parse(id).unwrap();
        assert_eq!(stripe.check_method(&method), expected, "{id}");
    }
}
