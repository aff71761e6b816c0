//! Refunding a payment: reserving the amount, and settling the refund with what the processor answered.

use chrono::{DateTime, Utc};

use crate::{
    Actor, Amount, Attempt, AttemptKind, AttemptStart, IllegalChange, Metadata, Payment, Reason, Refund,
    RefundId, RefundStatus, Settlement, State, Step, Total,
};

/// What a new refund is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// The refund; its creation time is the id's own.
    pub id: RefundId,
    /// How much, in minor units; all that is left when absent.
    pub amount: Option<Amount>,
    /// Why, in the merchant's words.
    pub reason: Option<Reason>,
    /// The merchant's own data.
    pub metadata: Metadata,
}

/// Why a refund can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefused {
    /// Everything was refunded before.
    #[error("the payment is already refunded in full")]
    AlreadyRefunded,
    /// There is nothing captured to give back.
    #[error("a payment that is {0} can't be refunded")]
    NotRefundable(State),
    /// More than is left.
    #[error("{} was asked for, {} is available", requested.minor(), available.minor())]
    ExceedsAvailable {
        /// What was asked for.
        requested: Amount,
        /// What is left.
        available: Total,
    },
    /// Refunds under way have reserved all that was left.
    #[error("{} is held by refunds under way, nothing is available", held.minor())]
    AllHeld {
        /// What they have reserved.
        held: Total,
    },
}

/// A refund that has reserved its amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundStarted {
    /// The payment, with the amount held.
    pub payment: Payment,
    /// The refund, pending.
    pub refund: Refund,
    /// The attempt to send.
    pub attempt: Attempt,
}

/// A settled refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundSettled {
    /// The payment afterwards.
    pub payment: Payment,
    /// The refund afterwards.
    pub refund: Refund,
}

impl Payment {
    /// Reserves the amount of a refund.
    ///
    /// # Errors
    /// [`RefundRefused`], and then nothing has changed.
    pub fn start_refund(&self, new: NewRefund, start: AttemptStart) -> Result<RefundStarted, RefundRefused> {
        match self.state() {
            State::Captured | State::PartiallyRefunded => self.reserve_refund(new, start),
            State::Refunded => Err(RefundRefused::AlreadyRefunded),
            state @ (State::Pending
            | State::Processing
            | State::Authorized
            | State::Failed
            | State::Canceled) => Err(RefundRefused::NotRefundable(state)),
        }
    }

    /// Reserves all of a charge that succeeded although its cancellation had been asked for before.
    ///
    /// # Errors
    /// [`RefundRefused`] when nothing is captured.
    pub fn start_late_refund(
        &self,
        new: NewRefund,
        start: AttemptStart,
    ) -> Result<RefundStarted, RefundRefused> {
        self.reserve_refund(new, start)
    }

    fn reserve_refund(&self, new: NewRefund, start: AttemptStart) -> Result<RefundStarted, RefundRefused> {
        let available = self.facts.refundable();
        let all_held = RefundRefused::AllHeld { held: self.facts.held() };
        let amount = match new.amount {
            Some(amount) => amount,
            None => Amount::try_from(available).map_err(|_| all_held)?,
        };
        let exceeds = RefundRefused::ExceedsAvailable { requested: amount, available };
        let held = self.facts.held().checked_add(Total::from(amount)).ok_or(exceeds)?;
        let mut next = self.changed(start.at, start.by);
        next.facts = self.facts.with(|sums| sums.held = held).map_err(|_| exceeds)?;
        let payment = self.stay(next);
        let refund = Refund {
            id: new.id,
            tenant_id: self.tenant_id,
            mode: self.mode,
            payment_id: self.id,
            amount,
            currency: self.currency,
            status: RefundStatus::Pending,
            reason: new.reason,
            metadata: new.metadata,
            processor_reference: None,
            failure: None,
            revision: 1,
            event_count: 0,
            created_by: start.by,
            updated_at: start.at,
        };
        let mut attempt = payment.attempt(start, AttemptKind::Refund, amount);
        attempt.refund_id = Some(new.id);
        Ok(RefundStarted { payment, refund, attempt })
    }

    /// Settles a refund: one that succeeded counts as refunded, one that failed gives its reservation back, even when
    /// it had been reported as succeeded before.
    ///
    /// # Errors
    /// [`IllegalChange`] when the refund is over or the change would break a rule.
    pub fn settle_refund(
        &self,
        refund: &Refund,
        settlement: &Settlement,
        reference: Option<&str>,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Result<RefundSettled, IllegalChange> {
        let settled = refund.settle(settlement, reference, at)?;
        let mut next = self.changed(at, by);
        let amount = Total::from(refund.amount);
        let payment = match (refund.status, settled.status) {
            (RefundStatus::Pending, RefundStatus::Succeeded) => {
                next.refunded_at = Some(at);
                next.facts = self.facts.with(|sums| {
                    sums.held = less(sums.held, amount);
                    sums.refunded = more(sums.refunded, amount);
                })?;
                if self.cancel_requested_at.is_some() {
                    next.canceled_at = Some(at);
                    self.advance(Step::Cancel, next)?
                } else {
                    self.after_refund(next)?
                }
            }
            (RefundStatus::Pending, RefundStatus::Failed) => {
                next.facts = self.facts.with(|sums| sums.held = less(sums.held, amount))?;
                if self.cancel_requested_at.is_some() {
                    next.cancel_requested_at = None;
                    next.cancellation_reason = None;
                    self.after_failed_undoing(next, at)?
                } else {
                    self.stay(next)
                }
            }
            (RefundStatus::Succeeded, RefundStatus::Failed) => {
                next.facts = self.facts.with(|sums| sums.refunded = less(sums.refunded, amount))?;
                self.after_refund(next)?
            }
            (
                RefundStatus::Pending | RefundStatus::Succeeded,
                RefundStatus::Pending | RefundStatus::Succeeded,
            )
            | (RefundStatus::Failed, _) => self.stay(next),
        };
        Ok(RefundSettled { payment, refund: settled })
    }
}

impl Payment {
    /// Takes `next`, whose charge stands since it could not be undone, unless the bank has returned it meanwhile.
    fn after_failed_undoing(
        &self,
        mut next: crate::PaymentRecord,
        at: DateTime<Utc>,
    ) -> Result<Payment, IllegalChange> {
        if next.facts.returned().is_zero() {
            return self.advance(Step::Capture, next);
        }
        next.failed_at = Some(at);
        self.advance(Step::Fail, next)
    }

    /// Takes `next`, whose sum of refunds has changed. A payment that is over stays over.
    fn after_refund(&self, next: crate::PaymentRecord) -> Result<Payment, IllegalChange> {
        match self.state() {
            State::Captured | State::PartiallyRefunded | State::Refunded => {
                self.advance(refund_step(&next), next)
            }
            State::Pending | State::Processing | State::Authorized | State::Failed | State::Canceled => {
                Ok(self.stay(next))
            }
        }
    }
}

/// Which step leads to a payment whose refunds sum up as in `next`.
fn refund_step(next: &crate::PaymentRecord) -> Step {
    let refunded = next.facts.refunded();
    if refunded.is_zero() {
        Step::ReverseRefunds
    } else if refunded == next.facts.captured() {
        Step::RefundAll
    } else {
        Step::RefundPart
    }
}

/// Sums beyond their range stay out of it, so that the check of the facts refuses them.
fn more(sum: Total, amount: Total) -> Total {
    sum.checked_add(amount).unwrap_or(Total::MAX)
}

fn less(sum: Total, amount: Total) -> Total {
    sum.checked_sub(amount).unwrap_or(Total::MAX)
}
