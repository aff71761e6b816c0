//! Asking a processor about one attempt, and about all of a day.

use chrono::{DateTime, Utc};
use florin_domain::{Amount, AttemptId, AttemptKind, Currency, PaymentId, RefundId};

/// What is known here of an attempt that is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// The attempt, which was its idempotency key. It was sent when it was created, or later.
    pub attempt_id: AttemptId,
    /// What it asked for.
    pub kind: AttemptKind,
    /// The payment it serves.
    pub payment_id: PaymentId,
    /// The refund it carries out, for a refund.
    pub refund_id: Option<RefundId>,
    /// How much it asked for, in minor units of `currency`.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The processor's own name for what it did, where an answer told it.
    pub reference: Option<String>,
    /// The processor's reference of the charge that a capture, void or refund acts on.
    pub charge_reference: Option<String>,
}

/// A span of time, from `from` on and before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first instant of it.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
}

/// One movement of money as a processor's list tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The processor's own name for it: for a charge what its attempt carries, for a refund what that one carries.
    pub reference: String,
    /// The attempt that asked for it, where the processor has kept it. None for what was not asked for from here.
    pub attempt_id: Option<AttemptId>,
    /// The payment that it was for, where the processor has kept it.
    pub payment_id: Option<PaymentId>,
    /// Which way the money goes.
    pub kind: MovementKind,
    /// How much moved or, while nothing has moved, was to move; in minor units of `currency`. Of a charge that was
    /// captured in part: that part.
    pub amount_minor: i64,
    /// In which currency.
    pub currency: Currency,
    /// What became of it.
    pub status: MovementStatus,
    /// When it was made, by the processor's clock.
    pub at: DateTime<Utc>,
}

/// Which way the money of a [`Movement`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MovementKind {
    /// To the merchant.
    Charge,
    /// To the payer.
    Refund,
}

/// What became of a [`Movement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MovementStatus {
    /// The money has moved. What a bank took back later has moved all the same: lists do not tell of it.
    Succeeded,
    /// The money is reserved.
    Authorized,
    /// It is under way, or waits for the payer.
    Open,
    /// Nothing moved, and nothing will: declined, failed, voided.
    Failed,
}

/// A part of a processor's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovementPage {
    /// What is on the page.
    pub movements: Vec<Movement>,
    /// What gives the next page; None at the end.
    pub next: Option<String>,
}

/// A list that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListFailed {
    /// This processor lists nothing.
    #[error("the processor has no lists")]
    NotSupported,
    /// There was no usable answer; try again later.
    #[error("the processor could not be asked: {0}")]
    Unanswered(String),
}
