//! What callers ask for of what needs a person.

use chrono::{DateTime, Utc};
use florin_domain::{ClosingNote, OpenItemStatus, OpenItemType, PaymentId, ReferenceId, Resolution};

/// What a person has found out about an attempt that needs review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveAttempt {
    /// What became of it.
    pub outcome: Resolution,
    /// The processor's name for it.
    pub reference: Option<ReferenceId>,
    /// How the person knows.
    pub note: ClosingNote,
}

/// Which open items are wanted: those that meet each condition given.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct OpenItemFilter {
    /// By whether somebody has dealt with them.
    pub status: Option<OpenItemStatus>,
    /// By what was found.
    pub kind: Option<OpenItemType>,
    /// About this payment.
    pub payment_id: Option<PaymentId>,
    /// About something at this processor.
    pub processor: Option<ReferenceId>,
    /// Raised later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Raised earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}
