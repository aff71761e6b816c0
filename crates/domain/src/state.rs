//! The status machine of a payment: eight states, the steps between them, and the two vocabularies they are
//! told in.
//!
//! A payment's state is never stored apart from its facts: [`crate::Payment::state`] derives it. This table is
//! the independent statement of which changes are legal, and each operation checks itself against it.

use std::fmt;

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Created, not yet attempted.
    Pending,
    /// An attempt is under way, its outcome is unknown, a bank debit clears, or the payer must act.
    Processing,
    /// The money is reserved and waits to be captured.
    Authorized,
    /// The money was captured, nothing was refunded.
    Captured,
    /// Captured, and some of it refunded.
    PartiallyRefunded,
    /// Captured, and all of it refunded.
    Refunded,
    /// Every attempt so far failed, or a bank debit was returned after it had cleared.
    Failed,
    /// Canceled before completion, or an authorization that was voided or expired.
    Canceled,
}

/// What can happen to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A charge is sent to a processor.
    StartCharge,
    /// A capture of an authorization is sent.
    StartCapture,
    /// A void of an authorization is sent.
    StartVoid,
    /// The charge was authorized, or a capture or void failed and the authorization stands.
    Authorize,
    /// The money was captured.
    Capture,
    /// The attempt failed.
    Fail,
    /// The payment ends without money.
    Cancel,
    /// Refunds now sum up to a part of what was captured.
    RefundPart,
    /// Refunds now sum up to all that was captured.
    RefundAll,
    /// Refunds that had been reported as succeeded failed after all, and none is left.
    ReverseRefunds,
    /// A bank debit was returned after it had cleared.
    Return,
}

impl State {
    /// All states, in the order in which a payment meets them.
    pub const ALL: [State; 8] = [
        State::Pending,
        State::Processing,
        State::Authorized,
        State::Captured,
        State::PartiallyRefunded,
        State::Refunded,
        State::Failed,
        State::Canceled,
    ];

    /// The state that `step` leads to, or `None` where the step is illegal.
    ///
    /// ```
    /// use florin_domain::{State, Step};
    /// assert_eq!(State::Processing.next(Step::Capture), Some(State::Captured));
    /// assert_eq!(State::Canceled.next(Step::Capture), None);
    /// ```
    pub const fn next(self, step: Step) -> Option<State> {
        use State as S;
        use Step as T;
        match (self, step) {
            (S::Pending | S::Failed, T::StartCharge) => Some(S::Processing),
            (S::Authorized, T::StartCapture | T::StartVoid) => Some(S::Processing),
            (S::Processing, T::Authorize) => Some(S::Authorized),
            (S::Processing, T::Capture) => Some(S::Captured),
            (S::Processing, T::Fail) => Some(S::Failed),
            (S::Pending | S::Processing, T::Cancel) => Some(S::Canceled),
            (S::Captured | S::PartiallyRefunded | S::Refunded, T::RefundPart) => Some(S::PartiallyRefunded),
            (S::Captured | S::PartiallyRefunded, T::RefundAll) => Some(S::Refunded),
            (S::PartiallyRefunded | S::Refunded, T::ReverseRefunds) => Some(S::Captured),
            (S::Captured | S::PartiallyRefunded | S::Refunded, T::Return) => Some(S::Failed),
            // Canceled when it had been charged already, and given back for that; then the bank took it back as well.
            (S::Canceled, T::Return) => Some(S::Canceled),
            // The refund that undoes it is under way still.
            (S::Processing, T::Return) => Some(S::Processing),

            (S::Pending, T::StartCapture | T::StartVoid | T::Authorize | T::Capture | T::Fail)
            | (S::Processing, T::StartCharge | T::StartCapture | T::StartVoid)
            | (S::Authorized, T::StartCharge | T::Authorize | T::Capture | T::Fail | T::Cancel)
            | (S::Failed, T::StartCapture | T::StartVoid | T::Authorize | T::Capture | T::Fail | T::Cancel)
            | (
                S::Pending | S::Authorized | S::Failed,
                T::RefundPart | T::RefundAll | T::ReverseRefunds | T::Return,
            )
            | (S::Processing, T::RefundPart | T::RefundAll | T::ReverseRefunds)
            | (S::Captured, T::ReverseRefunds)
            | (S::Refunded, T::RefundAll)
            | (
                S::Captured | S::PartiallyRefunded | S::Refunded,
                T::StartCharge
                | T::StartCapture
                | T::StartVoid
                | T::Authorize
                | T::Capture
                | T::Fail
                | T::Cancel,
            )
            | (
                S::Canceled,
                T::StartCharge
                | T::StartCapture
                | T::StartVoid
                | T::Authorize
                | T::Capture
                | T::Fail
                | T::Cancel
                | T::RefundPart
                | T::RefundAll
                | T::ReverseRefunds,
            ) => None,
        }
    }

    /// The state in the five words of the payment API's `status`.
    pub const fn status(self) -> Status {
        match self {
            State::Pending | State::Processing | State::Authorized => Status::Pending,
            State::Captured => Status::Succeeded,
            State::PartiallyRefunded | State::Refunded => Status::Refunded,
            State::Failed => Status::Failed,
            State::Canceled => Status::Canceled,
        }
    }

    /// The state in the finer words of `payment_status`.
    pub const fn payment_status(self) -> PaymentStatus {
        match self {
            State::Pending => PaymentStatus::Pending,
            State::Processing => PaymentStatus::Processing,
            State::Authorized => PaymentStatus::Authorized,
            State::Captured => PaymentStatus::Succeeded,
            State::PartiallyRefunded => PaymentStatus::PartiallyRefunded,
            State::Refunded => PaymentStatus::Refunded,
            State::Failed => PaymentStatus::Failed,
            State::Canceled => PaymentStatus::Canceled,
        }
    }

    /// The state's own name, as `docs/states.md` and the database write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Processing => "processing",
            State::Authorized => "authorized",
            State::Captured => "captured",
            State::PartiallyRefunded => "partially_refunded",
            State::Refunded => "refunded",
            State::Failed => "failed",
            State::Canceled => "canceled",
        }
    }
}

impl Step {
    /// All steps.
    pub const ALL: [Step; 11] = [
        Step::StartCharge,
        Step::StartCapture,
        Step::StartVoid,
        Step::Authorize,
        Step::Capture,
        Step::Fail,
        Step::Cancel,
        Step::RefundPart,
        Step::RefundAll,
        Step::ReverseRefunds,
        Step::Return,
    ];

    /// The step's name, as `docs/states.md` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Step::StartCharge => "start_charge",
            Step::StartCapture => "start_capture",
            Step::StartVoid => "start_void",
            Step::Authorize => "authorize",
            Step::Capture => "capture",
            Step::Fail => "fail",
            Step::Cancel => "cancel",
            Step::RefundPart => "refund_part",
            Step::RefundAll => "refund_all",
            Step::ReverseRefunds => "reverse_refunds",
            Step::Return => "return",
        }
    }
}

named_enum! {
    /// The five words of `status`.
    Status {
        /// Not decided yet.
        Pending => "pending",
        /// Paid.
        Succeeded => "succeeded",
        /// Not paid.
        Failed => "failed",
        /// Ended before completion.
        Canceled => "canceled",
        /// Paid, and given back in part or in full.
        Refunded => "refunded",
    }
}

named_enum! {
    /// The finer words of `payment_status`.
    PaymentStatus {
        /// Created, not yet attempted.
        Pending => "PENDING",
        /// Under way.
        Processing => "PROCESSING",
        /// Reserved, not captured.
        Authorized => "AUTHORIZED",
        /// Captured.
        Succeeded => "SUCCEEDED",
        /// Not paid.
        Failed => "FAILED",
        /// Ended before completion.
        Canceled => "CANCELED",
        /// Captured and refunded in full.
        Refunded => "REFUNDED",
        /// Captured and refunded in part.
        PartiallyRefunded => "PARTIALLY_REFUNDED",
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
