//! Stripe's webhooks: `Stripe-Signature: t=<seconds>,v1=<HMAC-SHA-256 of "t.body">`, with one `v1` for each secret that
//! is valid at the time.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use super::objects::Metadata;
use crate::{ProcessorEvent, Subject, WebhookRefused, WebhookRequest};

/// How far from now a signature may have been made, as Stripe's own libraries have it.
const TOLERANCE: TimeDelta = TimeDelta::seconds(300);

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: EventData,
}

#[derive(Deserialize)]
struct EventData {
    object: EventObject,
}

#[derive(Deserialize)]
struct EventObject {
    #[serde(default)]
    object: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    payment_intent: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

struct Signature<'a> {
    at: DateTime<Utc>,
    /// As it was signed, digit by digit.
    at_text: &'a str,
    digests: Vec<Vec<u8>>,
}

/// The event of a webhook that Stripe has signed.
pub(super) fn parse(
    webhook: &WebhookRequest<'_>,
    secrets: &[SecretString],
) -> Result<ProcessorEvent, WebhookRefused> {
    if secrets.is_empty() {
        return Err(WebhookRefused::NoSecret);
    }
    let header = (webhook.header)("Stripe-Signature").ok_or(WebhookRefused::Unsigned)?;
    let signature = Signature::parse(header).ok_or(WebhookRefused::Unsigned)?;
    if !secrets.iter().any(|secret| signature.is_of(webhook.body, secret)) {
        return Err(WebhookRefused::WrongSignature);
    }
    if webhook.now.signed_duration_since(signature.at).abs() > TOLERANCE {
        return Err(WebhookRefused::OutOfTime { at: signature.at });
    }
    let event: Event = serde_json::from_slice(webhook.body)
        .map_err(|error| WebhookRefused::Unreadable(error.to_string()))?;
    Ok(ProcessorEvent { id: event.id, kind: event.kind, subject: subject(event.data.object) })
}

impl<'a> Signature<'a> {
    fn parse(header: &'a str) -> Option<Signature<'a>> {
        let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
        let (_, at_text) = fields().find(|(name, _)| *name == "t")?;
        let at = DateTime::from_timestamp(at_text.parse().ok()?, 0)?;
        let digests: Vec<_> =
            fields().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| hex::decode(hex).ok()).collect();
        if digests.is_empty() { None } else { Some(Signature { at, at_text, digests }) }
    }

    /// Compares in a time that does not depend on where the digests differ.
    fn is_of(&self, body: &[u8], secret: &SecretString) -> bool {
        self.digests.iter().any(|digest| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
                return false;
            };
            mac.update(self.at_text.as_bytes());
            mac.update(b".");
            mac.update(body);
            mac.verify_slice(digest).is_ok()
        })
    }
}

/// What to look up. A payment intent is that of a payment, whichever of its attempts (charge, capture, void) moved it.
fn subject(object: EventObject) -> Subject {
    let payment_id = object.metadata.as_ref().and_then(|metadata| metadata.payment_id());
    let attempt_id = object.metadata.as_ref().and_then(|metadata| metadata.attempt_id());
    let subject = match object.object.as_str() {
        "payment_intent" => payment_id.map(Subject::Payment).or(object.id.map(Subject::Reference)),
        "charge" => payment_id.map(Subject::Payment).or(object.payment_intent.map(Subject::Reference)),
        "refund" => attempt_id.map(Subject::Attempt).or(object.id.map(Subject::Reference)),
        "dispute" => object.payment_intent.map(Subject::Reference),
        _ => None,
    };
    subject.unwrap_or(Subject::Nothing)
}
