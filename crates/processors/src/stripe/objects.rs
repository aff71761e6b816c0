//! Stripe's objects, as far as they matter here.

use std::collections::HashMap;
use std::fmt;

use florin_domain::{AttemptId, PaymentId};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Where our ids are kept in Stripe's metadata.
pub(super) const ATTEMPT_ID: &str = "metadata[florin_attempt_id]";
pub(super) const PAYMENT_ID: &str = "metadata[florin_payment_id]";
pub(super) const REFUND_ID: &str = "metadata[florin_refund_id]";

/// The merchant's and our own data on an object.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Metadata(HashMap<String, serde_json::Value>);

impl Metadata {
    /// The attempt that made the object.
    pub(super) fn attempt_id(&self) -> Option<AttemptId> {
        self.0.get("florin_attempt_id")?.as_str()?.parse().ok()
    }

    /// Whether it is known to be another attempt's.
    pub(super) fn is_of_other(&self, id: AttemptId) -> bool {
        self.attempt_id().is_some_and(|made_by| made_by != id)
    }

    /// The payment that it serves.
    pub(super) fn payment_id(&self) -> Option<PaymentId> {
        self.0.get("florin_payment_id")?.as_str()?.parse().ok()
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PaymentIntent {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    #[serde(default)]
    pub(super) amount_received: Option<i64>,
    #[serde(default)]
    pub(super) client_secret: Option<String>,
    #[serde(default)]
    pub(super) created: i64,
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) next_action: Option<NextAction>,
    #[serde(default)]
    pub(super) last_payment_error: Option<StripeError>,
    /// None also where only its id was given.
    #[serde(default, deserialize_with = "when_whole")]
    pub(super) latest_charge: Option<Charge>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct NextAction {
    #[serde(default)]
    pub(super) redirect_to_url: Option<Redirect>,
    #[serde(default)]
    pub(super) verify_with_microdeposits: Option<HostedVerification>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Redirect {
    pub(super) url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct HostedVerification {
    pub(super) hosted_verification_url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Charge {
    #[serde(default)]
    pub(super) disputed: bool,
    #[serde(default)]
    pub(super) payment_method_details: Option<MethodDetails>,
}

fn when_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Charge>, D::Error> {
    let charge = serde_json::Value::deserialize(deserializer)?;
    if charge.is_object() {
        serde_json::from_value(charge).map(Some).map_err(D::Error::custom)
    } else {
        Ok(None)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct MethodDetails {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    /// None for a few old kinds of charges.
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) created: i64,
    #[serde(default)]
    pub(super) failure_reason: Option<String>,
    #[serde(default)]
    pub(super) payment_intent: Option<String>,
    #[serde(default)]
    pub(super) metadata: Option<Metadata>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Dispute {
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) status: String,
}

/// What is listed.
pub(super) trait Named {
    /// What Stripe calls it.
    const NAME: &'static str;
}

impl Named for PaymentIntent {
    const NAME: &'static str = "payment_intent";
}

impl Named for Refund {
    const NAME: &'static str = "refund";
}

impl Named for Dispute {
    const NAME: &'static str = "dispute";
}

/// A page of a list, or of what a search found.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: StripeError,
}

/// An error, as an answer or as the reason why a payment intent failed last.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct StripeError {
    #[serde(skip)]
    pub(super) status: u16,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) decline_code: Option<String>,
    #[serde(default)]
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) payment_intent: Option<Box<PaymentIntent>>,
}

impl StripeError {
    /// Whether it is known to be about another attempt's charge.
    pub(super) fn is_about_other(&self, id: AttemptId) -> bool {
        self.payment_intent.as_ref().is_some_and(|intent| intent.metadata.is_of_other(id))
    }

    /// Whether another request with the same key is under way or was made: this one proves nothing.
    pub(super) fn is_about_the_key(&self) -> bool {
        self.kind == "idempotency_error"
            || self.code.as_deref().is_some_and(|code| code.starts_with("idempotency_key"))
    }
}

/// For the log. What Stripe says for people may be as long as it likes, and is not repeated.
impl fmt::Display for StripeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_deref().unwrap_or("no code");
        write!(f, "status {}, {} ({code})", self.status, self.kind)
    }
}
