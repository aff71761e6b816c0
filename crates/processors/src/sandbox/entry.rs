//! One line of the books.

use chrono::{DateTime, Utc};
use florin_domain::{Amount, AttemptId, AttemptKind, Currency, MethodRef, PaymentId, RefundId};
use serde::{Deserialize, Serialize};

use crate::{DeclineCode, Found, Outcome, Request};

/// Where payers of the sandbox are sent. `.invalid` is reserved (RFC 2606): the address leads nowhere.
const ACTION_URL: &str = "https://sandbox.florin.invalid/actions/";

/// The reason of every return: the code of the US bank debit network (Nacha) for it, and its meaning.
const RETURN_REASON: &str = "R01 insufficient funds";

/// What the sandbox wrote down about an attempt.
///
/// An attempt whose outcome changes later (a debit clears, a payer acts) gets a further entry; the last one holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The attempt, which is the idempotency key. Written first: readers find an attempt by how its line begins.
    pub attempt_id: AttemptId,
    /// When the entry was written, by the clock that the sandbox was given.
    #[serde(with = "milliseconds")]
    pub at: DateTime<Utc>,
    /// The payment.
    pub payment_id: PaymentId,
    /// The refund, for refunds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<RefundId>,
    /// What was asked for.
    pub kind: AttemptKind,
    /// The payment method, as it was sent.
    pub payment_method: MethodRef,
    /// How much, in minor units; voids have none.
    #[serde(rename = "amount_minor", default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// In which currency; voids have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// For charges: whether the money was to be taken at once, not only reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<bool>,
    /// For captures, voids and refunds: the reference of the charge, as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_reference: Option<String>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: EntryOutcome,
    /// On a further entry of an attempt: what its first entry said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_as: Option<EntryOutcome>,
    /// The sandbox's own name for what it did.
    pub reference: String,
    /// Where in the file the entry begins, in bytes. Not written.
    #[serde(skip)]
    pub at_position: u64,
}

/// What came of an attempt, according to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum EntryOutcome {
    /// It was done.
    Succeeded,
    /// It was refused.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// It is under way.
    Pending,
    /// It waits for the payer.
    RequiresAction,
    /// It was done, and the bank took the money back.
    Returned,
}

impl Entry {
    /// The first entry of a request.
    pub(super) fn first(request: &Request, outcome: EntryOutcome, at: DateTime<Utc>) -> Entry {
        let attempt_id = request.attempt_id();
        let entry = Entry {
            attempt_id,
            at,
            payment_id: request.payment_id(),
            refund_id: None,
            kind: request.kind(),
            payment_method: request.payment_method().clone(),
            amount: None,
            currency: None,
            capture: None,
            charge_reference: None,
            outcome,
            began_as: None,
            // Made from the attempt's id, so that it is the same whenever it is asked for.
            reference: format!("sandbox_{attempt_id}"),
            at_position: 0,
        };
        match request {
            Request::Authorize(charge) | Request::Charge(charge) => Entry {
                amount: Some(charge.amount),
                currency: Some(charge.currency),
                capture: Some(matches!(request, Request::Charge(_))),
                ..entry
            },
            Request::Capture(capture) => Entry {
                amount: Some(capture.amount),
                currency: Some(capture.currency),
                charge_reference: Some(capture.reference.clone()),
                ..entry
            },
            Request::Void(void) => Entry { charge_reference: Some(void.reference.clone()), ..entry },
            Request::Refund(refund) => Entry {
                refund_id: Some(refund.refund_id),
                amount: Some(refund.amount),
                currency: Some(refund.currency),
                charge_reference: Some(refund.reference.clone()),
                ..entry
            },
        }
    }

    /// A further entry of the same attempt.
    pub(super) fn followed_by(self, outcome: EntryOutcome, at: DateTime<Utc>) -> Entry {
        Entry { at, began_as: Some(self.began_as.unwrap_or(self.outcome)), outcome, ..self }
    }

    /// Whether `other` was made from the same request.
    pub(super) fn is_of_same_request(&self, other: &Entry) -> bool {
        let request = |entry: &Entry| {
            (entry.kind, entry.payment_id, entry.refund_id, entry.amount, entry.currency, entry.capture)
        };
        request(self) == request(other) && self.payment_method == other.payment_method
    }

    /// What is answered to the request whenever it is sent: what was answered the first time.
    pub(super) fn first_answer(&self) -> Outcome {
        self.answer(self.began_as.unwrap_or(self.outcome))
    }

    /// What a look-up tells.
    pub(super) fn found(&self) -> Found {
        if self.outcome == EntryOutcome::Returned {
            return Found::Returned { reference: self.reference.clone(), reason: RETURN_REASON.to_owned() };
        }
        Found::Outcome(self.answer(self.outcome))
    }

    fn answer(&self, outcome: EntryOutcome) -> Outcome {
        let reference = self.reference.clone();
        match outcome {
            // What was returned had been done.
            EntryOutcome::Succeeded | EntryOutcome::Returned => Outcome::Succeeded { reference },
            EntryOutcome::Declined { code } => Outcome::declined(code),
            EntryOutcome::Pending => Outcome::Pending { reference },
            EntryOutcome::RequiresAction => {
                Outcome::RequiresAction { reference, url: format!("{ACTION_URL}{}", self.attempt_id) }
            }
        }
    }
}

/// Times as the API writes them: `2025-11-06T19:54:00.123Z`.
mod milliseconds {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text).map(|at| at.with_timezone(&Utc)).map_err(D::Error::custom)
    }
}
