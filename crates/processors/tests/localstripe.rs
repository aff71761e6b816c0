//! The Stripe connector against localstripe, where `FLORIN_TEST_LOCALSTRIPE_URL` names one. `scripts/test` starts it.

#[path = "support/stripe.rs"]
mod support;

use std::time::Duration;

use chrono::DateTime;
use florin_processors::stripe::Stripe;
use florin_processors::{
    DeclineCode, Found, LookUp, MovementKind, MovementPage, MovementStatus, Outcome, Processor, Subject,
    WebhookRequest, Window,
};
use support::*;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A connector of localstripe, and its address. None, and a word about it, where there is none.
fn localstripe() -> Option<(Stripe, String)> {
    let Ok(url) = std::env::var("FLORIN_TEST_LOCALSTRIPE_URL") else {
        eprintln!("SKIPPED: FLORIN_TEST_LOCALSTRIPE_URL names no localstripe; scripts/test starts one");
        return None;
    };
    let stripe = with_options(&url, |options| {
        options.filters_lists = false;
        options.action_page = Some("https://shop.example/act".to_owned());
    });
    Some((stripe, url))
}

async fn found(stripe: &Stripe, attempt: &LookUp) -> Outcome {
    match stripe.look_up(attempt).await.unwrap() {
        Found::Outcome(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_charge_succeeds_and_is_found_with_and_without_its_reference() {
    let Some((stripe, _)) = localstripe() else { return };
    let request = charge("pm_card_visa");
    let succeeded = stripe.charge(request.clone()).await;
    let id = reference(succeeded.clone());
    assert!(id.starts_with("pi_"), "{id}");
    for known in [Some(id.as_str()), None] {
        assert_eq!(found(&stripe, &about(&request, known)).await, succeeded, "{known:?}");
    }
    assert_eq!(stripe.look_up(&about(&charge("pm_card_visa"), None)).await, Ok(Found::NotFound));
}

#[tokio::test]
async fn what_was_authorized_is_captured_or_voided() {
    let Some((stripe, _)) = localstripe() else { return };
    for minor in [1000, 400] {
        let request = charge("pm_card_visa");
        let id = reference(stripe.authorize(request.clone()).await);
        assert_eq!(reference(found(&stripe, &about(&request, None)).await), id);
        let capture = capture(&request, &id, minor);
        assert_eq!(stripe.look_up(&about_capture(&capture)).await, Ok(Found::NotFound), "not yet");
        assert_eq!(reference(stripe.capture(capture.clone()).await), id);
        assert_eq!(reference(found(&stripe, &about_capture(&capture)).await), id);
        let late = void(&request, &id);
        assert_eq!(decline_code(stripe.void(late.clone()).await), DeclineCode::OperationDeclined);
        assert_eq!(decline_code(found(&stripe, &about_void(&late)).await), DeclineCode::OperationDeclined);
    }
    let request = charge("pm_card_visa");
    let id = reference(stripe.authorize(request.clone()).await);
    let void = void(&request, &id);
    assert_eq!(stripe.look_up(&about_void(&void)).await, Ok(Found::NotFound), "not yet");
    assert_eq!(reference(stripe.void(void.clone()).await), id);
    assert_eq!(reference(found(&stripe, &about_void(&void)).await), id);
    let late = capture(&request, &id, 1000);
    assert_eq!(decline_code(found(&stripe, &about_capture(&late)).await), DeclineCode::OperationDeclined);
}

#[tokio::test]
async fn a_decline_is_a_decline_also_when_it_is_looked_up() {
    let Some((stripe, _)) = localstripe() else { return };
    let request = charge("pm_card_chargeCustomerFail");
    let declined = Outcome::Declined {
        code: DeclineCode::Declined,
        message: "Your card was declined.".to_owned(),
        may_retry_elsewhere: true,
    };
    assert_eq!(stripe.charge(request.clone()).await, declined);
    assert_eq!(found(&stripe, &about(&request, None)).await, declined);
    let unheard_of = stripe.charge(charge("pm_unheardOf")).await;
    assert_eq!(decline_code(unheard_of), DeclineCode::Declined);
}

/// A card for which localstripe wants its holder to act.
async fn card_to_authenticate(url: &str) -> String {
    let form = [
        ("type", "card"),
        ("card[number]", "4000002500003155"),
        ("card[exp_month]", "12"),
        ("card[exp_year]", "2030"),
        ("card[cvc]", "123"),
    ];
    let request = http().post(format!("{url}/v1/payment_methods")).bearer_auth(KEY);
    let answer = request.form(&form).send().await.unwrap().text().await.unwrap();
    let method: serde_json::Value = serde_json::from_str(&answer).unwrap();
    method["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_charge_waits_for_its_payer_and_then_goes_as_the_payer_did() {
    let Some((stripe, url)) = localstripe() else { return };
    for succeeds in [true, false] {
        let request = charge(&card_to_authenticate(&url).await);
        let Outcome::RequiresAction { reference: id, url: page } = stripe.charge(request.clone()).await
        else {
            panic!("no action is required");
        };
        let page = reqwest::Url::parse(&page).unwrap();
        assert_eq!(page.host_str(), Some("shop.example"));
        let secret = page.query_pairs().find(|(name, _)| name == "payment_intent_client_secret").unwrap().1;
        assert!(matches!(found(&stripe, &about(&request, Some(&id))).await, Outcome::RequiresAction { .. }));

        let act = format!("{url}/v1/payment_intents/{id}/_authenticate");
        let form = [("client_secret", secret.as_ref()), ("success", if succeeds { "true" } else { "false" })];
        let acted = http().post(act).bearer_auth(KEY).form(&form).send().await.unwrap();
        assert!(acted.status().is_success());

        let outcome = found(&stripe, &about(&request, Some(&id))).await;
        if succeeds {
            assert_eq!(outcome, Outcome::Succeeded { reference: id });
        } else {
            assert_eq!(decline_code(outcome), DeclineCode::ActionNotCompleted);
        }
    }
}

#[tokio::test]
async fn refunds_in_part_and_in_full_are_found_with_and_without_their_reference() {
    let Some((stripe, _)) = localstripe() else { return };
    let request = charge("pm_card_visa");
    let id = reference(stripe.charge(request.clone()).await);
    for minor in [300, 700] {
        let refund = refund(&request, &id, minor);
        assert_eq!(stripe.look_up(&about_refund(&refund, None)).await, Ok(Found::NotFound), "not yet");
        let refunded = reference(stripe.refund(refund.clone()).await);
        for known in [Some(refunded.as_str()), None] {
            assert_eq!(reference(found(&stripe, &about_refund(&refund, known)).await), refunded);
        }
    }
    let failed = charge("pm_card_chargeCustomerFail");
    stripe.charge(failed.clone()).await;
    let never = refund(&failed, "pi_unheardOf", 1);
    assert_eq!(decline_code(stripe.refund(never).await), DeclineCode::RefundDeclined);
}

async fn list_all(stripe: &Stripe, window: Window) -> MovementPage {
    let mut all = MovementPage::default();
    let mut cursor = None;
    loop {
        let page = stripe.list(window, cursor).await.unwrap();
        all.movements.extend(page.movements);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn the_list_has_what_moved_with_our_ids() {
    let Some((stripe, _)) = localstripe() else { return };
    let (paid, reserved, declined) =
        (charge("pm_card_visa"), charge("pm_card_visa"), charge("pm_card_chargeCustomerFail"));
    let id = reference(stripe.charge(paid.clone()).await);
    let refund = refund(&paid, &id, 300);
    let refunded = reference(stripe.refund(refund.clone()).await);
    stripe.authorize(reserved.clone()).await;
    stripe.charge(declined.clone()).await;

    let hour = Duration::from_secs(3600);
    let at = paid.attempt_id.created_at();
    let all = list_all(&stripe, Window { from: at - hour, until: at + hour }).await.movements;
    let movement = |attempt| all.iter().find(|movement| movement.attempt_id == Some(attempt)).unwrap();
    let told = |attempt| (movement(attempt).kind, movement(attempt).status, movement(attempt).amount_minor);
    assert_eq!(told(paid.attempt_id), (MovementKind::Charge, MovementStatus::Succeeded, 1000));
    assert_eq!(told(refund.attempt_id), (MovementKind::Refund, MovementStatus::Succeeded, 300));
    assert_eq!(told(reserved.attempt_id), (MovementKind::Charge, MovementStatus::Authorized, 1000));
    assert_eq!(told(declined.attempt_id), (MovementKind::Charge, MovementStatus::Failed, 1000));
    assert_eq!(
        (&movement(paid.attempt_id).reference, &movement(refund.attempt_id).reference),
        (&id, &refunded)
    );

    let earlier = list_all(&stripe, Window { from: at - 2 * hour, until: at - hour }).await;
    assert_eq!(earlier.movements, []);
}

#[tokio::test]
async fn a_webhook_names_the_payment_that_it_is_about() {
    let Some((stripe, url)) = localstripe() else { return };
    let merchant = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&merchant).await;
    let endpoint = serde_json::json!({ "url": merchant.uri(), "secret": WEBHOOK_SECRET });
    let id = uuid::Uuid::now_v7().simple();
    let registering = http().post(format!("{url}/_config/webhooks/{id}")).body(endpoint.to_string());
    assert!(registering.send().await.unwrap().status().is_success());

    let request = charge("pm_card_visa");
    stripe.charge(request.clone()).await;
    let event = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let deliveries = merchant.received_requests().await.unwrap();
            let events = deliveries.iter().map(|delivery| {
                let header = |name: &str| delivery.headers.get(name).and_then(|value| value.to_str().ok());
                let signed = header("stripe-signature").unwrap().split(['=', ',']).nth(1).unwrap();
                let now = DateTime::from_timestamp(signed.parse().unwrap(), 0).unwrap();
                let webhook = WebhookRequest { header: &header, body: &delivery.body, now };
                stripe.parse_webhook(&webhook).unwrap().remove(0)
            });
            let of_payment = Subject::Payment(request.payment_id);
            if let Some(event) = events.into_iter().find(|event| event.subject == of_payment) {
                return event;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let event = event.await.expect("localstripe tells of it in about a second");
    assert_eq!(event.kind, "payment_intent.succeeded");
    assert!(event.id.starts_with("evt_"), "{}", event.id);
}
