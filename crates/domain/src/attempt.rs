//! An attempt: one message to a processor and what became of it.

use chrono::{DateTime, Utc};

use crate::{Actor, Amount, AttemptId, MethodRef, Mode, PaymentId, RefundId, TenantId};

named_enum! {
    /// What an attempt asks of the processor.
    AttemptKind {
        /// Take or reserve the money.
        Charge => "charge",
        /// Take money that was reserved.
        Capture => "capture",
        /// Release money that was reserved.
        Void => "void",
        /// Give money back.
        Refund => "refund",
    }
}

named_enum! {
    /// What is known of an attempt.
    AttemptStatus {
        /// On its way; whoever sends it holds a lease.
        Sending => "sending",
        /// Sent, and nobody knows what became of it.
        Unknown => "unknown",
        /// Accepted, and decided later by its nature.
        Pending => "pending",
        /// Waits for the payer.
        RequiresAction => "requires_action",
        /// Done.
        Succeeded => "succeeded",
        /// Provably not done.
        Failed => "failed",
        /// Unknown for so long that a person has to settle it.
        NeedsReview => "needs_review",
    }
}

named_enum! {
    /// Why a processor did not do what it was asked.
    FailureCode {
        /// The payer's bank or the processor declined, without a finer reason.
        Declined => "payment_declined",
        /// Not enough money.
        InsufficientFunds => "insufficient_funds",
        /// The customer has fewer credits than the payment is for.
        InsufficientCredits => "insufficient_credits",
        /// The payment method has expired.
        ExpiredPaymentMethod => "expired_payment_method",
        /// The processor suspects fraud.
        SuspectedFraud => "suspected_fraud",
        /// The payer did not complete the action that was asked for.
        ActionNotCompleted => "action_not_completed",
        /// The message provably never left.
        NotSent => "processor_unreachable",
        /// The processor has no record of the attempt.
        NotProcessed => "not_processed",
        /// A refund was declined.
        RefundDeclined => "refund_declined",
        /// The processor refused to capture or void.
        OperationDeclined => "operation_declined",
        /// A bank debit was returned after it had cleared.
        BankDebitReturned => "bank_debit_returned",
        /// Given up because the payment was canceled meanwhile.
        Abandoned => "abandoned",
    }
}

/// Why something failed, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason, for programs.
    pub code: FailureCode,
    /// The reason, for people; never holds card data.
    pub message: String,
}

/// What an attempt came to, as far as anybody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Done.
    Succeeded,
    /// Provably not done.
    Failed(Failure),
    /// Accepted; decided later by its nature.
    Pending,
    /// The payer must act.
    RequiresAction {
        /// Where the payer acts.
        url: String,
    },
    /// Nobody knows; a look-up will tell.
    Unknown,
    /// Nobody knows after all look-ups; a person settles it.
    NeedsReview,
}

/// One message to a processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The attempt, and its idempotency key at the processor.
    pub id: AttemptId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// The payment it serves.
    pub payment_id: PaymentId,
    /// The refund it carries out, for a refund.
    pub refund_id: Option<RefundId>,
    /// What it asks.
    pub kind: AttemptKind,
    /// Counts the charges of a payment from 1; 0 for other kinds.
    pub number: u32,
    /// What is known of it.
    pub status: AttemptStatus,
    /// The amount it moves, in minor units of the payment's currency.
    pub amount: Amount,
    /// Charge only: take the money at once rather than reserve it.
    pub capture: bool,
    /// The payment method it uses.
    pub payment_method: Option<MethodRef>,
    /// Which processor it goes to.
    pub processor: String,
    /// The processor's name for it.
    pub processor_reference: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When recovery looks at it next; while it is sending, the end of the sender's lease.
    pub due_at: Option<DateTime<Utc>>,
    /// How often recovery has looked, of the look-ups that came to their end.
    pub lookups: u32,
    /// Counts the changes of this attempt from 1.
    pub revision: i64,
    /// Who asked for it.
    pub created_by: Actor,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// Refused because an attempt is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the attempt is over: it {status}")]
pub struct AttemptOver {
    /// What became of it.
    pub status: AttemptStatus,
}

impl AttemptStatus {
    /// Whether the outcome is still to come.
    pub const fn is_open(self) -> bool {
        match self {
            AttemptStatus::Sending
            | AttemptStatus::Unknown
            | AttemptStatus::Pending
            | AttemptStatus::RequiresAction
            | AttemptStatus::NeedsReview => true,
            AttemptStatus::Succeeded | AttemptStatus::Failed => false,
        }
    }
}

impl Attempt {
    /// The attempt with what became of it, as of `at`.
    ///
    /// # Errors
    /// [`AttemptOver`] when its outcome was known before: an outcome is settled once.
    pub fn settle(
        &self,
        settlement: &Settlement,
        reference: Option<&str>,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Result<Attempt, AttemptOver> {
        if !self.status.is_open() {
            return Err(AttemptOver { status: self.status });
        }
        let mut next = self.changed(at, by);
        (next.status, next.failure) = match settlement {
            Settlement::Succeeded => (AttemptStatus::Succeeded, None),
            Settlement::Failed(failure) => (AttemptStatus::Failed, Some(failure.clone())),
            Settlement::Pending => (AttemptStatus::Pending, None),
            Settlement::RequiresAction { .. } => (AttemptStatus::RequiresAction, None),
            Settlement::Unknown => (AttemptStatus::Unknown, None),
            Settlement::NeedsReview => (AttemptStatus::NeedsReview, None),
        };
        if let Some(reference) = reference {
            next.processor_reference = Some(reference.to_owned());
        }
        if !next.status.is_open() {
            next.due_at = None;
        }
        Ok(next)
    }

    /// A bank debit that had cleared, returned after all.
    ///
    /// # Errors
    /// [`AttemptOver`] unless it is a charge that succeeded.
    pub(crate) fn take_back(
        &self,
        failure: &Failure,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Result<Attempt, AttemptOver> {
        if self.kind != AttemptKind::Charge || self.status != AttemptStatus::Succeeded {
            return Err(AttemptOver { status: self.status });
        }
        let mut next = self.changed(at, by);
        next.status = AttemptStatus::Failed;
        next.failure = Some(failure.clone());
        next.due_at = None;
        Ok(next)
    }

    /// The attempt as recovery takes it to look it up: nobody else does until `until`.
    #[must_use]
    pub fn lease(&self, until: DateTime<Utc>, at: DateTime<Utc>) -> Attempt {
        let mut next = self.changed(at, Actor::System);
        next.due_at = Some(until);
        next
    }

    /// The attempt after a look-up that told nothing: looked at once more, and due again at `due_at`.
    #[must_use]
    pub fn looked_up(&self, due_at: Option<DateTime<Utc>>, at: DateTime<Utc>) -> Attempt {
        let mut next = self.changed(at, Actor::System);
        next.due_at = due_at;
        next.lookups = self.lookups.saturating_add(1);
        next
    }

    /// Whether nobody has had it but its sender, who has not told what became of it.
    pub fn is_with_its_sender(&self) -> bool {
        self.status == AttemptStatus::Sending && self.revision == 1
    }

    fn changed(&self, at: DateTime<Utc>, by: Actor) -> Attempt {
        let mut next = self.clone();
        next.revision = self.revision.saturating_add(1);
        next.updated_at = at;
        next.updated_by = by;
        next
    }
}
