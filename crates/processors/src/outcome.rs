//! What a processor says became of a request.

use florin_domain::FailureCode;
use serde::{Deserialize, Serialize};

/// What became of a request that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done. A charge that was not to be captured is authorized.
    Succeeded {
        /// The processor's own name for what it did.
        reference: String,
    },
    /// The processor refused it, for good. Trying again is a new attempt.
    Declined {
        /// Why.
        code: DeclineCode,
        /// The same for people.
        message: String,
        /// Whether another processor may well accept it (a soft decline): the refusal is the processor's own, or that of
        /// a bank which gives no reason. Never for a card that is gone, expired or empty, nor for suspected fraud.
        may_retry_elsewhere: bool,
    },
    /// Accepted; whether it succeeds shows later.
    Pending {
        /// The processor's own name for what it is doing.
        reference: String,
    },
    /// Waits until the payer has acted.
    RequiresAction {
        /// The processor's own name for what it is to do.
        reference: String,
        /// Where the payer acts.
        url: String,
    },
    /// Provably without effect: it never left this machine, or the processor says that it did not begin with it (too many
    /// requests, a key that it doesn't accept).
    NotSent {
        /// What stood in the way, for the log.
        reason: String,
    },
    /// Neither success nor failure: a time-out, a broken connection, an error of the processor. Only a look-up tells.
    Unknown {
        /// What is known, for the log.
        reason: String,
    },
}

impl Outcome {
    /// A decline with the code's own message, and what usually holds of the code for another processor.
    pub fn declined(code: DeclineCode) -> Outcome {
        let may_retry_elsewhere = code.is_soft();
        Outcome::Declined { code, message: code.message().to_owned(), may_retry_elsewhere }
    }
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Where the attempt stands now: succeeded, declined, pending or waiting for the payer.
    Outcome(Outcome),
    /// A bank debit that had succeeded, and that the bank then took back.
    Returned {
        /// The processor's own name for the debit.
        reference: String,
        /// The bank's reason.
        reason: String,
    },
    /// The processor knows no such attempt. This is proof that nothing happened only after
    /// [`Capabilities::max_delay`](crate::Capabilities::max_delay).
    NotFound,
}

/// A look-up that got no usable answer: nothing was learned, look again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the processor could not be asked: {0}")]
pub struct LookupFailed(pub String);

/// Why a processor declined: those of the domain's [`FailureCode`]s that a processor gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineCode {
    /// Declined without a finer reason.
    #[serde(rename = "payment_declined")]
    Declined,
    /// Not enough money on the account.
    InsufficientFunds,
    /// The payment method has expired.
    ExpiredPaymentMethod,
    /// The processor suspects fraud.
    SuspectedFraud,
    /// The payer was to act and did not, or nobody was there to act.
    ActionNotCompleted,
    /// The money could not be given back.
    RefundDeclined,
    /// A capture, a void, or a request that contradicts an earlier one was refused.
    OperationDeclined,
}

impl DeclineCode {
    /// All codes.
    pub const ALL: [DeclineCode; 7] = [
        DeclineCode::Declined,
        DeclineCode::InsufficientFunds,
        DeclineCode::ExpiredPaymentMethod,
        DeclineCode::SuspectedFraud,
        DeclineCode::ActionNotCompleted,
        DeclineCode::RefundDeclined,
        DeclineCode::OperationDeclined,
    ];

    /// Whether another processor may well accept what was declined with this code, unless more is known.
    pub const fn is_soft(self) -> bool {
        match self {
            DeclineCode::Declined => true,
            DeclineCode::InsufficientFunds
            | DeclineCode::ExpiredPaymentMethod
            | DeclineCode::SuspectedFraud
            | DeclineCode::ActionNotCompleted
            | DeclineCode::RefundDeclined
            | DeclineCode::OperationDeclined => false,
        }
    }

    /// A sentence for people, for processors that send none.
    pub const fn message(self) -> &'static str {
        match self {
            DeclineCode::Declined => "The payment was declined.",
            DeclineCode::InsufficientFunds => "The account has insufficient funds.",
            DeclineCode::ExpiredPaymentMethod => "The payment method has expired.",
            DeclineCode::SuspectedFraud => "The payment was declined: fraud is suspected.",
            DeclineCode::ActionNotCompleted => "The payer did not confirm the payment.",
            DeclineCode::RefundDeclined => "The refund was declined.",
            DeclineCode::OperationDeclined => "The processor refused the operation.",
        }
    }
}

impl From<DeclineCode> for FailureCode {
    fn from(code: DeclineCode) -> Self {
        match code {
            DeclineCode::Declined => FailureCode::Declined,
            DeclineCode::InsufficientFunds => FailureCode::InsufficientFunds,
            DeclineCode::ExpiredPaymentMethod => FailureCode::ExpiredPaymentMethod,
            DeclineCode::SuspectedFraud => FailureCode::SuspectedFraud,
            DeclineCode::ActionNotCompleted => FailureCode::ActionNotCompleted,
            DeclineCode::RefundDeclined => FailureCode::RefundDeclined,
            DeclineCode::OperationDeclined => FailureCode::OperationDeclined,
        }
    }
}

impl std::fmt::Display for DeclineCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(FailureCode::from(*self).as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_and_the_api_use_the_same_words() {
        for code in DeclineCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.to_string());
        }
    }
}
