//! Recovery's first step: taking an attempt that is due, so that no other process looks at it meanwhile.

use chrono::{DateTime, Duration, Utc};
use florin_domain::{Attempt, AttemptId, AttemptStatus, Payment, PaymentId, RefundId};
use florin_storage::{Needs, Realm, WorkingSet};

use super::schedule::{due_after, is_watch_over};
use crate::writer::{Command, Deciding};

/// Takes the lease of an attempt that is due.
pub(crate) struct TakeLease {
    pub(crate) realm: Realm,
    pub(crate) payment_id: PaymentId,
    pub(crate) attempt_id: AttemptId,
    /// How long the look-up may take.
    pub(crate) lease: Duration,
}

/// An attempt that recovery may look up now.
#[derive(Clone, Debug)]
pub(crate) struct Leased {
    pub(crate) payment: Payment,
    pub(crate) attempt: Attempt,
    pub(crate) refund_id: Option<RefundId>,
}

impl Command for TakeLease {
    /// None when the attempt is over, or another process was quicker.
    type Answer = Option<Box<Leased>>;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.payments.insert((self.realm, self.payment_id));
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Self::Answer {
        let attempt = set.attempt(self.realm, self.payment_id, self.attempt_id)?;
        let is_due = attempt.due_at.is_some_and(|due_at| due_at <= deciding.at);
        // A bank debit that has cleared is due, too: it may be returned.
        let is_watched = attempt.status == AttemptStatus::Succeeded;
        if !(attempt.status.is_open() || is_watched) || !is_due {
            return None;
        }
        let payment = set.payment(self.realm, self.payment_id)?.clone();
        if is_watched && is_watch_over(payment.succeeded_at, deciding.at) {
            let mut attempt = attempt.lease(deciding.at, deciding.at);
            attempt.due_at = None;
            set.put_attempt(attempt);
            return None;
        }
        let leased = attempt.lease(self.until(attempt.lookups, deciding.at), deciding.at);
        set.put_attempt(leased.clone());
        Some(Box::new(Leased { payment, refund_id: leased.refund_id, attempt: leased }))
    }
}

impl TakeLease {
    /// The next time it is due, should this look-up find out nothing: by the schedule, and after the lease.
    fn until(&self, lookups: u32, at: DateTime<Utc>) -> DateTime<Utc> {
        let lease = at.checked_add_signed(self.lease).unwrap_or(at);
        due_after(lookups.saturating_add(1), at).max(lease)
    }
}

/// Makes an attempt that recovery has taken due earlier than by the schedule.
pub(crate) struct Postpone {
    pub(crate) realm: Realm,
    pub(crate) payment_id: PaymentId,
    pub(crate) attempt_id: AttemptId,
    /// When it is to be due; the end of its lease when it was taken.
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) leased_until: Option<DateTime<Utc>>,
}

impl Command for Postpone {
    type Answer = ();

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.payments.insert((self.realm, self.payment_id));
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) {
        let attempt = set.attempt(self.realm, self.payment_id, self.attempt_id);
        // Whoever else has taken it since knows better.
        let micros = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp_micros());
        let is_held = |attempt: &&Attempt| micros(attempt.due_at) == micros(self.leased_until);
        let held = attempt.filter(|attempt| attempt.status.is_open()).filter(is_held);
        if let Some(attempt) = held {
            let lookups = attempt.lookups;
            let postponed = Attempt { lookups, ..attempt.lease(self.due_at, deciding.at) };
            set.put_attempt(postponed);
        }
    }
}
