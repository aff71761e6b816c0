//! What the state of a payment intent or a refund means for an attempt.

use super::declines::{declined, declined_as};
use super::objects::{PaymentIntent, Refund, StripeError};
use crate::http::Url;
use crate::{DeclineCode, Outcome};

/// What became of a charge or an authorization.
pub(super) fn charged(intent: &PaymentIntent, action_page: Option<&Url>) -> Outcome {
    let reference = intent.id.clone();
    match intent.status.as_str() {
        "succeeded" | "requires_capture" => Outcome::Succeeded { reference },
        "processing" => Outcome::Pending { reference },
        "requires_action" => match action_url(intent, action_page) {
            Some(url) => Outcome::RequiresAction { reference, url },
            // Nobody can be sent anywhere; the merchant may cancel it.
            None => Outcome::Pending { reference },
        },
        "requires_payment_method" | "canceled" if intent.last_payment_error.is_some() => {
            declined(intent.last_payment_error.as_ref().unwrap_or(&no_reason()))
        }
        "canceled" => Outcome::Declined {
            code: DeclineCode::Declined,
            message: "The payment was canceled at the processor.".to_owned(),
            may_retry_elsewhere: false,
        },
        // `requires_confirmation` is passed through on the way to the others.
        other => Outcome::Unknown { reason: format!("the payment intent is {other}") },
    }
}

/// What became of a capture of `units`, by the state of what was authorized. None while nothing has happened.
pub(super) fn captured(intent: &PaymentIntent, units: i64) -> Option<Outcome> {
    let reference = intent.id.clone();
    Some(match intent.status.as_str() {
        "requires_capture" => return None,
        // Somebody else may have captured another amount; that is no success of this attempt, and no failure either.
        "succeeded" if intent.amount_received.is_some_and(|received| received != units) => Outcome::Unknown {
            reason: format!(
                "{:?} was captured instead of {units}",
                intent.amount_received.unwrap_or_default()
            ),
        },
        "succeeded" => Outcome::Succeeded { reference },
        "processing" => Outcome::Pending { reference },
        "canceled" => declined_as(DeclineCode::OperationDeclined, &no_reason()),
        other => Outcome::Unknown { reason: format!("the payment intent is {other}") },
    })
}

/// What became of a void, by the state of what was authorized. None while nothing has happened.
pub(super) fn voided(intent: &PaymentIntent) -> Option<Outcome> {
    match intent.status.as_str() {
        "canceled" => Some(Outcome::Succeeded { reference: intent.id.clone() }),
        "succeeded" | "processing" => Some(declined_as(DeclineCode::OperationDeclined, &no_reason())),
        // Reserved, or waiting for the payer; and what has failed needs no void, and can be voided all the same.
        _ => None,
    }
}

/// What became of a refund.
pub(super) fn refunded(refund: &Refund) -> Outcome {
    let reference = refund.id.clone();
    match refund.status.as_deref() {
        Some("succeeded") => Outcome::Succeeded { reference },
        Some("pending" | "requires_action") => Outcome::Pending { reference },
        Some("failed" | "canceled") => Outcome::Declined {
            code: DeclineCode::RefundDeclined,
            message: match &refund.failure_reason {
                Some(reason) => format!("The refund failed: {}.", reason.replace('_', " ")),
                None => DeclineCode::RefundDeclined.message().to_owned(),
            },
            may_retry_elsewhere: false,
        },
        other => Outcome::Unknown { reason: format!("the refund is {other:?}") },
    }
}

/// Where the payer acts: at the bank's, at Stripe's, or on the merchant's page with Stripe.js.
fn action_url(intent: &PaymentIntent, action_page: Option<&Url>) -> Option<String> {
    let action = intent.next_action.as_ref()?;
    if let Some(url) = action.redirect_to_url.as_ref().and_then(|redirect| redirect.url.clone()) {
        return Some(url);
    }
    let hosted = action.verify_with_microdeposits.as_ref();
    if let Some(url) = hosted.and_then(|verification| verification.hosted_verification_url.clone()) {
        return Some(url);
    }
    let mut page = action_page?.clone();
    page.query_pairs_mut()
        .append_pair("payment_intent", &intent.id)
        .append_pair("payment_intent_client_secret", intent.client_secret.as_deref()?);
    Some(page.into())
}

fn no_reason() -> StripeError {
    StripeError::default()
}
