//! Webhooks that Stripe has signed, and others.

use chrono::{DateTime, TimeDelta, Utc};
use florin_processors::stripe::Stripe;
use florin_processors::{Processor, ProcessorEvent, Subject, WebhookRefused, WebhookRequest};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::*;

const SIGNED_AT: i64 = 1_762_458_840;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(SIGNED_AT, 0).unwrap()
}

fn digest(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn parse(
    stripe: &Stripe,
    signature: Option<&str>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Vec<ProcessorEvent>, WebhookRefused> {
    let header = |name: &str| signature.filter(|_| name.eq_ignore_ascii_case("stripe-signature"));
    stripe.parse_webhook(&WebhookRequest { header: &header, body, now })
}

fn connector() -> Stripe {
    stripe("https://api.stripe.com")
}

fn event(object: Value) -> Vec<u8> {
    let event = json!({
        "id": "evt_1MqqbKLt4dXK03v5qaIbiNCC", "object": "event", "api_version": "2025-09-30.clover",
        "created": SIGNED_AT, "livemode": false, "type": "as.the.test.says", "pending_webhooks": 1,
        "data": { "object": object }, "request": { "id": null, "idempotency_key": null },
    });
    event.to_string().into_bytes()
}

#[test]
fn an_event_says_what_to_look_up() {
    let request = charge("pm_card_visa");
    let ids = json!({ "florin_attempt_id": request.attempt_id.to_string(),
                      "florin_payment_id": request.payment_id.to_string() });
    let (payment, attempt) = (Subject::Payment(request.payment_id), Subject::Attempt(request.attempt_id));
    let named = |id: &str| Subject::Reference(id.to_owned());
    let table = [
        (json!({ "object": "payment_intent", "id": "pi_1", "metadata": ids }), payment.clone()),
        (json!({ "object": "payment_intent", "id": "pi_1", "metadata": {} }), named("pi_1")),
        (
            json!({ "object": "payment_intent", "id": "pi_1", "metadata": { "florin_payment_id": "pay_1" } }),
            named("pi_1"),
        ),
        (json!({ "object": "charge", "id": "ch_1", "payment_intent": "pi_1", "metadata": ids }), payment),
        (
            json!({ "object": "charge", "id": "ch_1", "payment_intent": "pi_1", "metadata": {} }),
            named("pi_1"),
        ),
        (
            json!({ "object": "charge", "id": "ch_1", "payment_intent": null, "metadata": {} }),
            Subject::Nothing,
        ),
        (json!({ "object": "refund", "id": "re_1", "payment_intent": "pi_1", "metadata": ids }), attempt),
        (json!({ "object": "refund", "id": "re_1", "metadata": null }), named("re_1")),
        (
            json!({ "object": "dispute", "id": "dp_1", "payment_intent": "pi_1", "metadata": {} }),
            named("pi_1"),
        ),
        (json!({ "object": "balance", "available": [] }), Subject::Nothing),
        (json!({ "object": "customer", "id": "cus_1", "metadata": ids }), Subject::Nothing),
    ];
    for (object, subject) in table {
        let body = event(object.clone());
        let signature = format!("t={SIGNED_AT},v1={}", digest(WEBHOOK_SECRET, SIGNED_AT, &body));
        let expected = ProcessorEvent {
            id: "evt_1MqqbKLt4dXK03v5qaIbiNCC".to_owned(),
            kind: "as.the.test.says".to_owned(),
            subject,
        };
        assert_eq!(parse(&connector(), Some(&signature), &body, now()), Ok(vec![expected]), "{object}");
    }
}

#[test]
fn only_stripe_s_signature_of_these_bytes_is_believed() {
    use WebhookRefused::{Unsigned, WrongSignature};
    let connector = connector();
    let body = event(json!({ "object": "payment_intent", "id": "pi_1" }));
    let right = digest(WEBHOOK_SECRET, SIGNED_AT, &body);
    let foreign = digest("whsec_ofSomebodyElse", SIGNED_AT, &body);
    let cut = &right[..62];
    let table = [
        (format!("t={SIGNED_AT},v1={right}"), None),
        (format!("v1={right}, t={SIGNED_AT}"), None),
        (format!("t={SIGNED_AT},v1={foreign},v1={right},v0={cut}"), None),
        (format!("t={SIGNED_AT},v1={}", right.to_uppercase()), None),
        (format!("t={SIGNED_AT},v1={foreign}"), Some(WrongSignature)),
        (format!("t={SIGNED_AT},v1={cut}"), Some(WrongSignature)),
        (format!("t={},v1={right}", SIGNED_AT + 1), Some(WrongSignature)),
        (format!("t={SIGNED_AT},v0={right}"), Some(Unsigned)),
        (format!("t={SIGNED_AT},v1=no hexadecimal digits"), Some(Unsigned)),
        (format!("t={SIGNED_AT},v1="), Some(WrongSignature)),
        (format!("t=tomorrow,v1={right}"), Some(Unsigned)),
        (format!("v1={right}"), Some(Unsigned)),
        (String::new(), Some(Unsigned)),
    ];
    for (signature, refused) in table {
        let parsed = parse(&connector, Some(&signature), &body, now());
        assert_eq!(parsed.err(), refused, "{signature}");
    }
    assert_eq!(parse(&connector, None, &body, now()), Err(Unsigned));
    let right = format!("t={SIGNED_AT},v1={right}");
    for at in 0..body.len() {
        let mut changed = body.clone();
        changed[at] ^= 1;
        assert_eq!(parse(&connector, Some(&right), &changed, now()), Err(WrongSignature), "byte {at}");
    }
}

#[test]
fn a_signature_is_good_for_five_minutes() {
    let body = event(json!({ "object": "payment_intent", "id": "pi_1" }));
    let signature = format!("t={SIGNED_AT},v1={}", digest(WEBHOOK_SECRET, SIGNED_AT, &body));
    for (seconds, is_good) in
        [(0, true), (300, true), (301, false), (-300, true), (-301, false), (86_400, false)]
    {
        let parsed = parse(&connector(), Some(&signature), &body, now() + TimeDelta::seconds(seconds));
        let expected = if is_good { None } else { Some(WebhookRefused::OutOfTime { at: now() }) };
        assert_eq!(parsed.err(), expected, "{seconds}");
    }
}

#[test]
fn while_a_secret_is_replaced_both_are_good() {
    let body = event(json!({ "object": "payment_intent", "id": "pi_1" }));
    let mut settings = settings("https://api.stripe.com");
    settings.webhook_secrets.insert(0, SecretString::from("whsec_ofTomorrow"));
    let both = Stripe::new(settings.clone()).unwrap();
    for secret in ["whsec_ofTomorrow", WEBHOOK_SECRET] {
        let signature = format!("t={SIGNED_AT},v1={}", digest(secret, SIGNED_AT, &body));
        assert!(parse(&both, Some(&signature), &body, now()).is_ok());
    }
    settings.webhook_secrets.clear();
    let none = Stripe::new(settings).unwrap();
    let signature = format!("t={SIGNED_AT},v1={}", digest("", SIGNED_AT, &body));
    assert_eq!(parse(&none, Some(&signature), &body, now()), Err(WebhookRefused::NoSecret));
}

#[test]
fn a_signed_body_that_is_no_event_is_refused() {
    for body in ["", "{}", "[]", "null", r#"{"id":"evt_1","type":"x","data":{}}"#, "\u{0}"] {
        let signature = format!("t={SIGNED_AT},v1={}", digest(WEBHOOK_SECRET, SIGNED_AT, body.as_bytes()));
        let parsed = parse(&connector(), Some(&signature), body.as_bytes(), now());
        assert!(matches!(parsed, Err(WebhookRefused::Unreadable(_))), "{body:?} {parsed:?}");
    }
}
