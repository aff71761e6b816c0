//! What became of an attempt, and what moved, by Stripe's own records.

use std::time::{Duration, Instant};

use florin_processors::{
    DeclineCode, Found, Movement, MovementKind, MovementStatus, Outcome, Processor, Window,
};
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::double::{Double, error};
use crate::support::*;

fn intent(id: &str, attempt: &str, status: &str) -> serde_json::Value {
    json!({ "id": id, "amount": 1000, "amount_received": 1000, "currency": "usd", "status": status,
            "created": 1_762_458_840, "metadata": { "florin_attempt_id": attempt } })
}

fn page(objects: &[serde_json::Value], has_more: bool) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "data": objects, "has_more": has_more }))
}

async fn answer(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(path(at)).respond_with(answer).mount(server).await;
}

#[tokio::test]
async fn a_lost_charge_is_found_by_search_and_read_afresh() {
    let server = MockServer::start().await;
    let stripe = stripe(&server.uri());
    let request = charge("pm_card_visa");
    let id = request.attempt_id.to_string();
    // A hit of the search is behind: the payment intent itself says how it is now.
    answer(&server, "/v1/payment_intents/search", page(&[intent("pi_1", &id, "requires_action")], false))
        .await;
    answer(
        &server,
        "/v1/payment_intents/pi_1",
        ResponseTemplate::new(200).set_body_json(intent("pi_1", &id, "succeeded")),
    )
    .await;
    let succeeded = Found::Outcome(Outcome::Succeeded { reference: "pi_1".to_owned() });
    assert_eq!(stripe.look_up(&about(&request, None)).await, Ok(succeeded));
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked[0].url.query_pairs().next().unwrap().1, format!("metadata['florin_attempt_id']:'{id}'"));
}

#[tokio::test]
async fn a_lost_charge_that_the_search_does_not_show_yet_is_found_in_the_list() {
    let request = charge("pm_card_visa");
    let id = request.attempt_id.to_string();
    let no_search =
        ResponseTemplate::new(400).set_body_json(error("invalid_request_error", None, "No search."));
    for search in [page(&[], false), no_search] {
        let server = MockServer::start().await;
        answer(&server, "/v1/payment_intents/search", search).await;
        answer(
            &server,
            "/v1/payment_intents",
            page(&[intent("pi_2", "att_x", "succeeded"), intent("pi_1", &id, "processing")], false),
        )
        .await;
        answer(
            &server,
            "/v1/payment_intents/pi_1",
            ResponseTemplate::new(200).set_body_json(intent("pi_1", &id, "succeeded")),
        )
        .await;
        let stripe = with_options(&server.uri(), |options| {
            (options.clock_tolerance_seconds, options.max_delay_seconds) = (60, 30);
        });
        let succeeded = Found::Outcome(Outcome::Succeeded { reference: "pi_1".to_owned() });
        assert_eq!(stripe.look_up(&about(&request, None)).await, Ok(succeeded));
        let asked = server.received_requests().await.unwrap();
        let query =
            |name: &str| asked[1].url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let made = request.attempt_id.created_at().timestamp();
        assert_eq!(query("created[gte]"), (made - 60).to_string());
        assert_eq!(query("created[lte]"), (made + 90).to_string());
    }
}

#[tokio::test]
async fn a_lost_charge_is_found_among_many_of_its_time() {
    let request = charge("pm_card_visa");
    let (id, made) = (request.attempt_id.to_string(), request.attempt_id.created_at().timestamp());
    let server = MockServer::start().await;
    answer(&server, "/v1/payment_intents/search", page(&[], false)).await;
    let others = intent("pi_9", "att_x", "succeeded");
    let lists = {
        let (id, others) = (id.clone(), others.clone());
        move |request: &wiremock::Request| {
            let query: std::collections::HashMap<_, _> = request.url.query_pairs().into_owned().collect();
            let bound = |name: &str| query[name].parse::<i64>().unwrap();
            let (from, until) = (bound("created[gte]"), bound("created[lte]"));
            let is_last = query.contains_key("starting_after");
            match () {
                () if until - from > 1000 => page(std::slice::from_ref(&others), true),
                () if !(from..=until).contains(&made) => page(&[], false),
                () if is_last => page(&[intent("pi_1", &id, "succeeded")], false),
                () => page(std::slice::from_ref(&others), true),
            }
        }
    };
    Mock::given(path("/v1/payment_intents")).respond_with(lists).mount(&server).await;
    let one = ResponseTemplate::new(200).set_body_json(intent("pi_1", &id, "succeeded"));
    answer(&server, "/v1/payment_intents/pi_1", one).await;
    let succeeded = Found::Outcome(Outcome::Succeeded { reference: "pi_1".to_owned() });
    assert_eq!(stripe(&server.uri()).look_up(&about(&request, None)).await, Ok(succeeded));
}

#[tokio::test]
async fn an_answer_to_another_look_up_proves_nothing() {
    let request = charge("pm_card_visa");
    let lost = refund(&request, "pi_1", 1000);
    let server = MockServer::start().await;
    answer(&server, "/v1/payment_intents/search", page(&[intent("pi_9", "att_x", "succeeded")], false)).await;
    answer(&server, "/v1/payment_intents", page(&[], false)).await;
    let others = json!({ "id": "re_9", "amount": 1000, "currency": "usd", "status": "succeeded", "payment_intent": "pi_9" });
    answer(&server, "/v1/refunds", page(&[others], false)).await;
    let stripe = stripe(&server.uri());
    assert!(stripe.look_up(&about(&request, None)).await.is_err());
    assert!(stripe.look_up(&about_refund(&lost, None)).await.is_err());
}

#[tokio::test]
async fn a_list_of_something_else_is_not_a_list_without_it() {
    let request = charge("pm_card_visa");
    let lost = refund(&request, "pi_1", 1000);
    let server = MockServer::start().await;
    let mut another = intent("pi_9", "att_x", "succeeded");
    another["object"] = json!("payment_intent");
    let a_refund =
        json!({ "object": "refund", "id": "re_9", "amount": 1, "currency": "usd", "status": "succeeded" });
    answer(&server, "/v1/payment_intents/search", page(&[], false)).await;
    answer(&server, "/v1/payment_intents", page(&[a_refund], false)).await;
    answer(&server, "/v1/refunds", page(&[another], false)).await;
    let stripe = stripe(&server.uri());
    for attempt in [about(&request, None), about_refund(&lost, None)] {
        let found = stripe.look_up(&attempt).await;
        assert!(found.is_err(), "{found:?}");
    }
}

#[tokio::test]
async fn only_what_search_and_whole_list_do_not_show_was_not_found() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let mut all = Vec::new();
    for _ in 0..7 {
        let request = charge("pm_card_visa");
        reference(stripe.charge(request.clone()).await);
        all.push(request);
    }
    assert_eq!(stripe.look_up(&about(&charge("pm_card_visa"), None)).await, Ok(Found::NotFound));
    let listed = double.server.received_requests().await.unwrap();
    let pages = listed
        .iter()
        .filter(|request| request.url.path() == "/v1/payment_intents" && request.method == "GET");
    // The first of all, then each part of the time on its own.
    let asked: Vec<bool> = pages.map(|page| page.url.query().unwrap().contains("starting_after")).collect();
    let further = asked.iter().filter(|is_further| **is_further).count();
    assert!(asked.len() - further == 9 && (1..=2).contains(&further), "7 of them in pages of 3: {asked:?}");

    let server = MockServer::start().await;
    answer(&server, "/v1/payment_intents/search", page(&[], false)).await;
    let broken = ResponseTemplate::new(500).set_body_json(error("api_error", None, "Sorry."));
    answer(&server, "/v1/payment_intents", broken).await;
    assert!(crate::support::stripe(&server.uri()).look_up(&about(&all[0], None)).await.is_err());
}

fn failed_authentication(intent: &mut serde_json::Value) {
    intent["status"] = "requires_payment_method".into();
    intent["next_action"] = json!(null);
    intent["last_payment_error"] = json!({
        "type": "invalid_request_error", "code": "payment_intent_authentication_failure",
        "message": "The provided PaymentMethod has failed authentication.",
    });
}

#[tokio::test]
async fn a_decline_is_final_before_it_is_told() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let mut request = charge("pm_card_authenticationRequired");
    request.return_url = Some("https://shop.example/back".to_owned());
    let Outcome::RequiresAction { reference: id, .. } = stripe.charge(request.clone()).await else {
        panic!("no action is required");
    };
    double.change_newest(failed_authentication);
    for _ in 0..2 {
        let Ok(Found::Outcome(found)) = stripe.look_up(&about(&request, Some(&id))).await else {
            panic!("not found");
        };
        assert_eq!(decline_code(found), DeclineCode::ActionNotCompleted);
        double.change_newest(|intent| assert_eq!(intent["status"], "canceled"));
    }
}

#[tokio::test]
async fn a_payer_who_pays_after_all_is_quicker_than_the_end_of_a_decline() {
    let server = MockServer::start().await;
    let request = charge("pm_card_visa");
    let id = request.attempt_id.to_string();
    let mut declined = intent("pi_1", &id, "requires_payment_method");
    failed_authentication(&mut declined);
    answer(&server, "/v1/payment_intents/pi_1", ResponseTemplate::new(200).set_body_json(&declined)).await;
    let mut refused = error("invalid_request_error", Some("payment_intent_unexpected_state"), "Too late.");
    refused["error"]["payment_intent"] = intent("pi_1", &id, "succeeded");
    answer(&server, "/v1/payment_intents/pi_1/cancel", ResponseTemplate::new(400).set_body_json(refused))
        .await;
    let succeeded = Found::Outcome(Outcome::Succeeded { reference: "pi_1".to_owned() });
    assert_eq!(stripe(&server.uri()).look_up(&about(&request, Some("pi_1"))).await, Ok(succeeded));
}

#[tokio::test]
async fn another_payment_intent_is_never_taken_for_the_one_that_was_to_be_closed() {
    let request = charge("pm_card_visa");
    let id = request.attempt_id.to_string();
    let mut declined = intent("pi_1", &id, "requires_payment_method");
    failed_authentication(&mut declined);
    let other = intent("pi_2", "att_x", "succeeded");
    let mut refused = error("invalid_request_error", Some("payment_intent_unexpected_state"), "Too late.");
    refused["error"]["payment_intent"] = other.clone();
    for closed in
        [ResponseTemplate::new(200).set_body_json(other), ResponseTemplate::new(400).set_body_json(refused)]
    {
        let server = MockServer::start().await;
        let open = ResponseTemplate::new(200).set_body_json(&declined);
        answer(&server, "/v1/payment_intents/pi_1", open).await;
        // The connection is out of step, and something in between has given the answer our key.
        let closed = closed.insert_header("idempotency-key", "close_pi_1");
        answer(&server, "/v1/payment_intents/pi_1/cancel", closed).await;
        let found = stripe(&server.uri()).look_up(&about(&request, Some("pi_1"))).await;
        assert!(found.is_err(), "{found:?}");
    }
}

#[tokio::test]
async fn many_look_ups_at_once_read_a_few_lists_at_a_time() {
    let server = MockServer::start().await;
    answer(&server, "/v1/payment_intents/search", page(&[], false)).await;
    let slow = page(&[], false).set_delay(Duration::from_millis(100));
    answer(&server, "/v1/payment_intents", slow).await;
    let stripe = stripe(&server.uri());
    let request = charge("pm_card_visa");
    let attempt = about(&request, None);
    let began = Instant::now();
    let found = futures_util::future::join_all((0..12).map(|_| stripe.look_up(&attempt))).await;
    assert!(found.iter().all(|found| *found == Ok(Found::NotFound)), "{found:?}");
    assert!(began.elapsed() >= Duration::from_millis(300), "four at a time: {:?}", began.elapsed());
}

#[tokio::test]
async fn what_nobody_declined_is_no_decline() {
    for status in ["requires_payment_method", "requires_confirmation", "of_tomorrow"] {
        let server = MockServer::start().await;
        let open = intent("pi_1", "att_x", status);
        answer(&server, "/v1/payment_intents/pi_1", ResponseTemplate::new(200).set_body_json(open)).await;
        let found = stripe(&server.uri()).look_up(&about(&charge("pm_card_visa"), Some("pi_1"))).await;
        assert!(found.is_err(), "{status}: {found:?}");
    }
}

#[tokio::test]
async fn two_charges_of_one_attempt_are_for_a_person() {
    let server = MockServer::start().await;
    let request = charge("pm_card_visa");
    let id = request.attempt_id.to_string();
    let two = [intent("pi_1", &id, "succeeded"), intent("pi_2", &id, "succeeded")];
    answer(&server, "/v1/payment_intents/search", page(&two, false)).await;
    let failed = stripe(&server.uri()).look_up(&about(&request, None)).await.unwrap_err();
    assert!(failed.to_string().contains("2 payment intents"), "{failed}");
}

#[tokio::test]
async fn what_stripe_has_named_and_does_not_know_any_more_is_not_not_found() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let request = charge("pm_card_visa");
    for attempt in [about(&request, Some("pi_ofAnotherAccount")), about_void(&void(&request, "pi_x"))] {
        assert!(stripe.look_up(&attempt).await.is_err());
    }
}

#[tokio::test]
async fn a_lost_refund_is_found_among_the_charge_s_own() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let request = charge("pm_card_visa");
    let id = reference(stripe.charge(request.clone()).await);
    let refunds: Vec<_> = (0..7).map(|_| refund(&request, &id, 100)).collect();
    for refund in &refunds {
        reference(stripe.refund(refund.clone()).await);
    }
    for refund in &refunds {
        let Ok(Found::Outcome(found)) = stripe.look_up(&about_refund(refund, None)).await else {
            panic!("not found")
        };
        let found = reference(found);
        let known = stripe.look_up(&about_refund(refund, Some(&found))).await;
        assert_eq!(known, Ok(Found::Outcome(Outcome::Succeeded { reference: found })));
    }
    let never = refund(&request, &id, 100);
    assert_eq!(stripe.look_up(&about_refund(&never, None)).await, Ok(Found::NotFound));
}

#[tokio::test]
async fn a_refund_that_failed_later_is_declined() {
    let server = MockServer::start().await;
    let request = charge("pm_card_visa");
    let refund = refund(&request, "pi_1", 100);
    let body = json!({ "id": "re_1", "amount": 100, "currency": "usd", "status": "failed",
                       "failure_reason": "expired_or_canceled_card" });
    answer(&server, "/v1/refunds/re_1", ResponseTemplate::new(200).set_body_json(body)).await;
    let found = stripe(&server.uri()).look_up(&about_refund(&refund, Some("re_1"))).await.unwrap();
    let Found::Outcome(Outcome::Declined { message, .. }) = found else { panic!("{found:?}") };
    assert_eq!(message, "The refund failed: expired or canceled card.");
}

#[tokio::test]
async fn the_list_goes_through_all_pages_of_charges_and_then_of_refunds() {
    let double = Double::start().await;
    let stripe = stripe(&double.url());
    let mut expected = Vec::new();
    let mut requests = Vec::new();
    for number in 1..=5 {
        let mut request = charge("pm_card_visa");
        (request.amount, request.currency) = (amount(number * 1000), currency("KWD"));
        let id = reference(stripe.authorize(request.clone()).await);
        stripe.capture(capture(&request, &id, number * 500)).await;
        let refund = refund(&request, &id, 10);
        let refunded = reference(stripe.refund(refund.clone()).await);
        expected.push((id, Some(request.attempt_id), MovementKind::Charge, number * 500));
        expected.push((refunded, Some(refund.attempt_id), MovementKind::Refund, 10));
        requests.push(request);
    }
    let at = requests[0].attempt_id.created_at();
    let window = Window { from: at - Duration::from_secs(60), until: at + Duration::from_secs(60) };
    let (mut found, mut cursor, mut pages): (Vec<Movement>, _, _) = (Vec::new(), None, 0);
    loop {
        let page = stripe.list(window, cursor).await.unwrap();
        (cursor, pages) = (page.next, pages + 1);
        found.extend(page.movements);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, 4);
    assert!(found.iter().all(|movement| movement.status == MovementStatus::Succeeded));
    let mut told: Vec<_> = found
        .iter()
        .map(|movement| {
            (movement.reference.clone(), movement.attempt_id, movement.kind, movement.amount_minor)
        })
        .collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(told, expected);
    assert!(found.iter().all(|movement| movement.currency == currency("KWD")));

    let later = Window { from: window.until, until: window.until + Duration::from_secs(60) };
    assert_eq!(stripe.list(later, None).await.unwrap().movements, []);
}

#[tokio::test]
async fn a_list_has_what_was_not_asked_for_from_here() {
    let server = MockServer::start().await;
    let after_it = intent("pi_2", "att_x", "succeeded");
    let foreign = json!({ "id": "pi_dashboard", "amount": 2000, "amount_received": 2000, "currency": "isk",
                          "status": "succeeded", "created": 1_762_458_839, "metadata": {} });
    answer(&server, "/v1/payment_intents", page(&[after_it, foreign], false)).await;
    let at = chrono::DateTime::from_timestamp(1_762_458_839, 0).unwrap();
    let window = Window { from: at, until: at + Duration::from_secs(1) };
    let page = stripe(&server.uri()).list(window, None).await.unwrap();
    let expected = Movement {
        reference: "pi_dashboard".to_owned(),
        payment_id: None,
        attempt_id: None,
        kind: MovementKind::Charge,
        amount_minor: 20,
        currency: currency("ISK"),
        status: MovementStatus::Succeeded,
        at,
    };
    assert_eq!((page.movements, page.next.as_deref()), (vec![expected], Some("refunds")));
}
