//! Recovery's first and last step: taking an attempt that is due, so that no other process looks at it meanwhile, and
//! making it due again after a look-up that told nothing. One that its process did not live to end counts for nothing.

use chrono::{DateTime, Duration, Utc};
use florin_domain::{Attempt, AttemptId, AttemptStatus, Payment, PaymentId, RefundId};
use florin_storage::recovery::is_due;
use florin_storage::{Needs, Realm, WorkingSet};

use super::schedule::{due_after, is_watch_over, leased_until};
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
    /// Since when nobody had changed it before it was taken: unless it was with its sender, nobody has sent it since.
    pub(crate) unchanged_since: Option<DateTime<Utc>>,
}

impl Leased {
    /// An attempt that is taken as `leased`, of which this was known before.
    pub(crate) fn new(payment: Payment, before: &Attempt, leased: Attempt) -> Leased {
        let unchanged_since = (before.status != AttemptStatus::Sending).then_some(before.updated_at);
        Leased { payment, refund_id: leased.refund_id, attempt: leased, unchanged_since }
    }
}

impl Command for TakeLease {
    /// None when the attempt is over, or another process was quicker.
    type Answer = Option<Box<Leased>>;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.payments.insert((self.realm, self.payment_id));
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Self::Answer {
        let attempt = set.attempt(self.realm, self.payment_id, self.attempt_id)?;
        // A bank debit that has cleared is due, too: it may be returned.
        let is_watched = attempt.status == AttemptStatus::Succeeded;
        if !(attempt.status.is_open() || is_watched) || !is_due(attempt, deciding.at) {
            return None;
        }
        let payment = set.payment(self.realm, self.payment_id)?.clone();
        if is_watched && is_watch_over(payment.succeeded_at, deciding.at) {
            let mut attempt = attempt.lease(deciding.at, deciding.at);
            attempt.due_at = None;
            set.put_attempt(attempt);
            return None;
        }
        let before = attempt.clone();
        let leased = before.lease(leased_until(self.lease, deciding.at), deciding.at);
        set.put_attempt(leased.clone());
        Some(Box::new(Leased::new(payment, &before, leased)))
    }
}

/// Ends a look-up that told nothing: the attempt is due again by the schedule, or earlier.
pub(crate) struct EndLookUp {
    pub(crate) realm: Realm,
    pub(crate) payment_id: PaymentId,
    pub(crate) attempt_id: AttemptId,
    /// After how long a look-up will tell something at the latest.
    pub(crate) wait: Option<Duration>,
    /// The end of the look-up's lease.
    pub(crate) leased_until: Option<DateTime<Utc>>,
}

impl Command for EndLookUp {
    type Answer = ();

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.payments.insert((self.realm, self.payment_id));
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) {
        let attempt = set.attempt(self.realm, self.payment_id, self.attempt_id);
        // Whoever has settled it or taken it since knows better.
        let micros = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp_micros());
        let is_held = |attempt: &&Attempt| micros(attempt.due_at) == micros(self.leased_until);
        if let Some(attempt) = attempt.filter(is_held).cloned() {
            let waits_for_a_person = attempt.status == AttemptStatus::NeedsReview;
            let due_at = (!waits_for_a_person).then(|| self.due_at(&attempt, deciding.at));
            set.put_attempt(attempt.looked_up(due_at, deciding.at));
        }
    }
}

impl EndLookUp {
    fn due_at(&self, attempt: &Attempt, at: DateTime<Utc>) -> DateTime<Utc> {
        let by_schedule = due_after(attempt.lookups.saturating_add(1), at);
        // A millisecond more, since a delay has to have passed.
        let wait = self.wait.and_then(|wait| wait.checked_add(&Duration::milliseconds(1)));
        let waited = wait.and_then(|wait| at.checked_add_signed(wait));
        waited.map_or(by_schedule, |waited| waited.min(by_schedule))
    }
}
