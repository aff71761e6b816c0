//! What Stripe's codes for declines mean here.

use super::objects::StripeError;
use crate::{DeclineCode, Outcome};

/// What a refused or failed charge came to.
pub(super) fn declined(error: &StripeError) -> Outcome {
    let (code, may_retry_elsewhere) = meaning(error);
    Outcome::Declined { code, message: message(error, code), may_retry_elsewhere }
}

/// What a refused refund, capture or void came to.
pub(super) fn declined_as(code: DeclineCode, error: &StripeError) -> Outcome {
    Outcome::Declined { code, message: message(error, code), may_retry_elsewhere: false }
}

/// Suspicion is not explained: whoever tries cards out would learn from it.
fn message(error: &StripeError, code: DeclineCode) -> String {
    let own = error.message.as_deref().map(str::trim).filter(|own| !own.is_empty());
    match own {
        Some(own) if code != DeclineCode::SuspectedFraud => own.chars().take(500).collect(),
        _ => code.message().to_owned(),
    }
}

/// The bank's reason where there is one, or else Stripe's.
fn meaning(error: &StripeError) -> (DeclineCode, bool) {
    if let Some(code) = &error.decline_code {
        return known(code).unwrap_or((DeclineCode::Declined, false));
    }
    // A request that Stripe did not like, such as an amount below its least, is none that every processor would refuse.
    let is_stripes_own = matches!(error.status, 400 | 404);
    error.code.as_deref().and_then(known).unwrap_or((DeclineCode::Declined, is_stripes_own))
}

/// A code's meaning, and whether another processor may well accept the same payment. Codes that are not listed are not
/// tried elsewhere: a card network may forbid it.
fn known(code: &str) -> Option<(DeclineCode, bool)> {
    let meaning = match code {
        "insufficient_funds" | "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
            (DeclineCode::InsufficientFunds, false)
        }
        "expired_card" | "invalid_expiry_month" | "invalid_expiry_year" => {
            (DeclineCode::ExpiredPaymentMethod, false)
        }
        "fraudulent" | "lost_card" | "stolen_card" | "pickup_card" | "merchant_blacklist" => {
            (DeclineCode::SuspectedFraud, false)
        }
        "authentication_required"
        | "authentication_not_handled"
        | "requires_action_not_handled"
        | "payment_intent_authentication_failure"
        | "setup_intent_authentication_failure"
        | "payment_intent_payment_attempt_expired"
        | "offline_pin_required"
        | "online_or_offline_pin_required" => (DeclineCode::ActionNotCompleted, false),
        // The first says only that there was a decline.
        "card_declined"
        | "generic_decline"
        | "do_not_honor"
        | "call_issuer"
        | "approve_with_id"
        | "issuer_not_available"
        | "no_action_taken"
        | "not_permitted"
        | "processing_error"
        | "reenter_transaction"
        | "try_again_later"
        | "card_not_supported"
        | "currency_not_supported"
        | "service_not_allowed"
        | "transaction_not_allowed"
        | "card_decline_rate_limit_exceeded" => (DeclineCode::Declined, true),
        // Never to be tried again, by anybody, or wrong in itself.
        "do_not_try_again"
        | "revocation_of_authorization"
        | "revocation_of_all_authorizations"
        | "stop_payment_order"
        | "restricted_card"
        | "security_violation"
        | "duplicate_transaction"
        | "invalid_account"
        | "invalid_amount"
        | "new_account_information_available"
        | "incorrect_number"
        | "invalid_number"
        | "incorrect_cvc"
        | "invalid_cvc"
        | "incorrect_zip"
        | "incorrect_address"
        | "incorrect_pin"
        | "invalid_pin"
        | "pin_try_exceeded"
        | "live_mode_test_card"
        | "testmode_decline"
        | "test_mode_live_card" => (DeclineCode::Declined, false),
        _ => return None,
    };
    Some(meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, code: Option<&str>, decline_code: Option<&str>) -> StripeError {
        StripeError {
            status,
            code: code.map(str::to_owned),
            decline_code: decline_code.map(str::to_owned),
            message: Some("Your card was declined.".to_owned()),
            ..StripeError::default()
        }
    }

    #[test]
    fn codes_mean_what_they_say_and_only_soft_ones_are_tried_elsewhere() {
        use DeclineCode::{
            ActionNotCompleted, Declined, ExpiredPaymentMethod, InsufficientFunds, SuspectedFraud,
        };
        let table = [
            (402, Some("card_declined"), Some("insufficient_funds"), InsufficientFunds, false),
            (402, Some("card_declined"), Some("card_velocity_exceeded"), InsufficientFunds, false),
            (402, Some("card_declined"), Some("fraudulent"), SuspectedFraud, false),
            (402, Some("card_declined"), Some("stolen_card"), SuspectedFraud, false),
            (402, Some("card_declined"), Some("generic_decline"), Declined, true),
            (402, Some("card_declined"), Some("do_not_honor"), Declined, true),
            (402, Some("card_declined"), Some("try_again_later"), Declined, true),
            (402, Some("card_declined"), Some("do_not_try_again"), Declined, false),
            (402, Some("card_declined"), Some("a_code_of_tomorrow"), Declined, false),
            (402, Some("card_declined"), None, Declined, true),
            (402, Some("expired_card"), Some("expired_card"), ExpiredPaymentMethod, false),
            (402, Some("expired_card"), None, ExpiredPaymentMethod, false),
            (
                402,
                Some("authentication_required"),
                Some("authentication_required"),
                ActionNotCompleted,
                false,
            ),
            (0, Some("payment_intent_authentication_failure"), None, ActionNotCompleted, false),
            (402, Some("incorrect_cvc"), Some("incorrect_cvc"), Declined, false),
            (402, Some("processing_error"), Some("processing_error"), Declined, true),
            (402, Some("a_code_of_tomorrow"), None, Declined, false),
            (402, None, None, Declined, false),
            (400, Some("amount_too_small"), None, Declined, true),
            (404, Some("resource_missing"), None, Declined, true),
            (400, None, None, Declined, true),
        ];
        for (status, code, decline_code, expected, soft) in table {
            let found = meaning(&error(status, code, decline_code));
            assert_eq!(found, (expected, soft), "{status} {code:?} {decline_code:?}");
        }
    }

    #[test]
    fn people_read_stripes_words_unless_fraud_is_suspected() {
        let message = |decline_code| match declined(&error(402, Some("card_declined"), Some(decline_code))) {
            Outcome::Declined { message, .. } => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(message("insufficient_funds"), "Your card was declined.");
        assert_eq!(message("fraudulent"), DeclineCode::SuspectedFraud.message());
        let silent = StripeError { status: 402, ..StripeError::default() };
        let Outcome::Declined { message, .. } = declined(&silent) else { panic!("not declined") };
        assert_eq!(message, DeclineCode::Declined.message());
    }
}
