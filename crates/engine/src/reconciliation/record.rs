//! What is compared: a movement as either side has it, as a line that sorts by its attempt.

use chrono::{DateTime, Utc};
use florin_domain::{Attempt, AttemptId, AttemptKind, AttemptStatus, FailureCode, Payment, PaymentId, Sum};
use florin_processors::{Movement, MovementStatus};
use serde::{Deserialize, Serialize};

/// A movement, as one side has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) payment_id: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) amount_minor: i64,
    pub(super) currency: String,
    /// Whether the money has moved.
    pub(super) moved: bool,
    /// When the attempt was made, or the processor made its own of it: microseconds since 1970.
    pub(super) at: i64,
}

impl Record {
    /// The movement as the processor lists it.
    pub(super) fn of_theirs(movement: &Movement) -> Record {
        Record {
            payment_id: movement.payment_id.map(|id| id.to_string()),
            reference: Some(movement.reference.clone()),
            amount_minor: movement.amount_minor,
            currency: movement.currency.code().to_owned(),
            moved: movement.status == MovementStatus::Succeeded,
            at: movement.at.timestamp_micros(),
        }
    }

    /// What an attempt has moved here, by what is left of it now.
    pub(super) fn of_ours(payment: &Payment, attempt: &Attempt) -> Record {
        let captured = payment.facts.captured().minor();
        Record {
            payment_id: Some(payment.id.to_string()),
            reference: attempt.processor_reference.clone(),
            amount_minor: if attempt.kind == AttemptKind::Charge { captured } else { attempt.amount.minor() },
            currency: payment.currency.code().to_owned(),
            moved: has_moved(attempt),
            at: attempt.id.created_at().timestamp_micros(),
        }
    }

    /// The line of an attempt.
    pub(super) fn line(&self, attempt_id: AttemptId) -> String {
        // Texts and numbers always have a JSON form, without line breaks.
        format!("{attempt_id} {}", serde_json::to_string(self).unwrap_or_default())
    }

    /// What [`Record::line`] has written.
    pub(super) fn parse(line: &str) -> Option<(AttemptId, Record)> {
        let (attempt_id, record) = line.split_once(' ')?;
        Some((attempt_id.parse().ok()?, serde_json::from_str(record).ok()?))
    }

    pub(super) fn payment_id(&self) -> Option<PaymentId> {
        self.payment_id.as_ref()?.parse().ok()
    }

    pub(super) fn sum(&self) -> Sum {
        Sum {
            amount_minor: Some(self.amount_minor),
            currency: florin_domain::Currency::parse(&self.currency).ok(),
        }
    }

    pub(super) fn is_within(&self, (from, until): (DateTime<Utc>, DateTime<Utc>)) -> bool {
        (from.timestamp_micros()..until.timestamp_micros()).contains(&self.at)
    }
}

/// Whether the money has moved: what a bank took back later has moved all the same, as processors' lists have it.
pub(super) fn has_moved(attempt: &Attempt) -> bool {
    let returned = |attempt: &Attempt| {
        attempt.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::BankDebitReturned)
    };
    attempt.status == AttemptStatus::Succeeded || returned(attempt)
}
