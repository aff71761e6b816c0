//! Taking an attempt for a look-up because its payer is back from where they had to act: at once, and still seldom enough
//! that nobody can wear out the processor by loading a page again and again.

use chrono::{DateTime, Duration, Utc};
use florin_domain::{Attempt, AttemptStatus, PaymentId};
use florin_storage::{Needs, Realm, WorkingSet};

use super::Leased;
use super::schedule::leased_until;
use crate::writer::{Command, Deciding};

/// The shortest time between the last that happened to an attempt and a look-up of this kind.
const LEAST_WAIT: Duration = Duration::seconds(3);

/// The longer the payer takes, the longer is the wait, by this part of the attempt's age: so there are some dozens of such
/// look-ups at most, however often somebody comes back.
const PART_OF_AGE: i32 = 8;

/// Takes the lease of the attempt whose payer is back.
pub(crate) struct TakeReturned {
    pub(crate) realm: Realm,
    pub(crate) payment_id: PaymentId,
    /// How long the look-up may take.
    pub(crate) lease: Duration,
}

impl Command for TakeReturned {
    /// None when no payer has to act any more, or it was looked up a moment ago.
    type Answer = Option<Box<Leased>>;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.payments.insert((self.realm, self.payment_id));
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Self::Answer {
        let payment = set.payment(self.realm, self.payment_id)?.clone();
        let is_wanted = |attempt: &&Attempt| is_worth_a_look(attempt, self.lease, deciding.at);
        let before = set.attempts(self.realm, self.payment_id).find(is_wanted)?.clone();
        // The first of a new schedule, as after an event of the processor's: or else whoever comes back often would wait
        // the longer for the outcome.
        let leased = before.lease(leased_until(self.lease, deciding.at), deciding.at);
        let leased = Attempt { lookups: 0, ..leased };
        set.put_attempt(leased.clone());
        Some(Box::new(Leased::new(payment, &before, leased)))
    }
}

/// Whether an attempt waits for its payer, nobody looks it up right now, and the last look is long enough ago.
pub(crate) fn is_worth_a_look(attempt: &Attempt, lease: Duration, at: DateTime<Utc>) -> bool {
    let since = |time: DateTime<Utc>| at.signed_duration_since(time);
    let micros = |time: DateTime<Utc>| time.timestamp_micros();
    let lease_ends =
        attempt.due_at.filter(|due_at| micros(*due_at) == micros(leased_until(lease, attempt.updated_at)));
    let is_leased = lease_ends.is_some_and(|ends| at < ends);
    let wait = LEAST_WAIT.max(since(attempt.id.created_at()) / PART_OF_AGE);
    attempt.status == AttemptStatus::RequiresAction && !is_leased && since(attempt.updated_at) >= wait
}
