//! A refund: money given back, or on its way back.

use chrono::{DateTime, Utc};

use crate::{
    Actor, Amount, Currency, Failure, Metadata, Mode, PaymentId, Reason, RefundId, Settlement, TenantId,
};

named_enum! {
    /// What is known of a refund.
    RefundStatus {
        /// Reserved and on its way, or its outcome is unknown.
        Pending => "pending",
        /// Given back.
        Succeeded => "succeeded",
        /// Not given back; the reservation was released.
        Failed => "failed",
    }
}

/// Money given back to the payer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The refund.
    pub id: RefundId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// The payment it gives back.
    pub payment_id: PaymentId,
    /// How much, in minor units.
    pub amount: Amount,
    /// The payment's currency.
    pub currency: Currency,
    /// What is known of it.
    pub status: RefundStatus,
    /// Why, in the merchant's words.
    pub reason: Option<Reason>,
    /// The merchant's own data.
    pub metadata: Metadata,
    /// The processor's name for it.
    pub processor_reference: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Counts the changes of this refund from 1.
    pub revision: i64,
    /// How many events told of it.
    pub event_count: i64,
    /// Who asked for it.
    pub created_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// Refused because a refund can't change in that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a refund that is {status} can't be settled again")]
pub struct RefundOver {
    /// What became of it.
    pub status: RefundStatus,
}

impl Refund {
    /// The refund with what became of it.
    ///
    /// A pending refund may succeed or fail; one that was reported as succeeded may fail after all.
    ///
    /// # Errors
    /// [`RefundOver`] for any other change.
    pub fn settle(
        &self,
        settlement: &Settlement,
        reference: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<Refund, RefundOver> {
        let over = Err(RefundOver { status: self.status });
        let mut next = self.clone();
        (next.status, next.failure) = match (self.status, settlement) {
            (RefundStatus::Pending, Settlement::Succeeded) => (RefundStatus::Succeeded, None),
            (RefundStatus::Pending | RefundStatus::Succeeded, Settlement::Failed(failure)) => {
                (RefundStatus::Failed, Some(failure.clone()))
            }
            (
                RefundStatus::Pending,
                Settlement::Pending
                | Settlement::RequiresAction { .. }
                | Settlement::Unknown
                | Settlement::NeedsReview,
            ) => (RefundStatus::Pending, None),
            (
                RefundStatus::Succeeded,
                Settlement::Succeeded
                | Settlement::Pending
                | Settlement::RequiresAction { .. }
                | Settlement::Unknown
                | Settlement::NeedsReview,
            )
            | (RefundStatus::Failed, _) => return over,
        };
        if let Some(reference) = reference {
            next.processor_reference = Some(reference.to_owned());
        }
        next.revision = self.revision.saturating_add(1);
        next.updated_at = at;
        Ok(next)
    }
}
