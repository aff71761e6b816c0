//! Asking a processor what became of an attempt, and what its answer means.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{
    Attempt, AttemptKind, AttemptStatus, Failure, FailureCode, OpenItem, OpenItemId, OpenItemType, Payment,
    Settlement, Sum,
};
use florin_processors::{Capabilities, Found, LookUp, Outcome, Processor};

use florin_storage::InRealm;
use florin_storage::recovery::is_ahead;

use crate::charging::settlement_of;
use crate::commands::{Leased, Raise};
use crate::engine::Inner;

/// After this long nobody asks the processor any more: a person has to.
pub(crate) const REVIEW_AFTER: TimeDelta = TimeDelta::days(7);

/// What a look-up told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What became of it.
    Settle(Settlement, Option<String>),
    /// It never arrived, and may be sent once more.
    SendAgain,
    /// Nothing; the schedule goes on.
    Wait,
    /// Nothing yet, but after this long, if not earlier.
    WaitFor(Duration),
}

/// How old an attempt is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    /// By the clock.
    claimed: Duration,
    /// Whether it may be older than the clock says.
    may_be_more: bool,
    /// How long ago its sender's lease was over, at least, whatever the clock was set to meanwhile.
    past_lease: Duration,
    /// For how much longer its sender may be at it, at most.
    lease_left: Duration,
    /// How long ago it was sent, at least, by the last that was heard of it.
    unchanged: Duration,
}

/// What an age is told by.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// Since it began, by the clock; none when that lies in the future.
    age: Option<Duration>,
    /// Since anybody told what became of it; none when its sender never did.
    unchanged: Option<Option<Duration>>,
    /// For how long the clock is known not to have been set; none when it never is.
    steady_for: Option<Duration>,
    /// Whether it was set then, and not only may have been.
    was_set: bool,
    /// For how long a sender may be at it.
    lease: Duration,
}

impl Inner {
    /// Asks the processor about an attempt that was taken for it.
    pub(crate) async fn look_up(&self, leased: &Leased) -> Verdict {
        let attempt = &leased.attempt;
        let realm = attempt.realm();
        let Some(processor) = self.processor_named(realm, &attempt.processor) else {
            tracing::error!(attempt = %attempt.id, processor = attempt.processor, "no such processor");
            return self.or_review(Verdict::Wait, attempt);
        };
        // As of the question, not of the answer.
        let age = self.age_of(leased);
        let verdict = match self.found(&processor, leased).await {
            None => Verdict::Wait,
            Some(Found::Outcome(outcome)) => match settlement_of(outcome) {
                // A bank debit that has cleared and that nobody has taken back.
                (Settlement::Succeeded, _) if attempt.status == AttemptStatus::Succeeded => Verdict::Wait,
                (Settlement::Pending, _) if attempt.status == AttemptStatus::Pending => Verdict::Wait,
                (Settlement::RequiresAction { .. }, _) if attempt.status == AttemptStatus::RequiresAction => {
                    Verdict::Wait
                }
                (settlement, reference) => Verdict::Settle(settlement, reference),
            },
            Some(Found::Returned { reference, reason }) => {
                Verdict::Settle(failed(FailureCode::BankDebitReturned, &reason), Some(reference))
            }
            // What has cleared is not undone because a processor has forgotten it.
            Some(Found::NotFound) if attempt.status == AttemptStatus::Succeeded => Verdict::Wait,
            Some(Found::NotFound) => not_found(processor.capabilities(), attempt.kind, age),
        };
        self.or_review(verdict, attempt)
    }

    /// Asks the processor about an attempt that failed by our own conclusion, and raises an item when it happened.
    pub(crate) async fn check_failed(&self, leased: &Leased) {
        let attempt = &leased.attempt;
        let realm = attempt.realm();
        let Some(processor) = self.processor_named(realm, &attempt.processor) else { return };
        if let Some(Found::Outcome(Outcome::Succeeded { reference })) = self.found(&processor, leased).await {
            self.tell_of_late_effect(&leased.payment, attempt, Some(reference)).await;
        }
    }

    /// Raises an item about an attempt that failed by our own conclusion and happened all the same.
    pub(crate) async fn tell_of_late_effect(
        &self,
        payment: &Payment,
        attempt: &Attempt,
        reference: Option<String>,
    ) {
        let id = OpenItemId::from_uuid(self.ids.next(self.now()));
        let message =
            "The processor did what it was taken not to have received: undo it there, or record it.";
        let whose = (id, attempt.tenant_id, attempt.mode);
        let cause = format!("{}:{}", attempt.processor, attempt.id);
        let item = OpenItem::new(whose, OpenItemType::MissingHere, &cause, message);
        let item = item.about(payment, attempt);
        let there = Sum { amount_minor: Some(attempt.amount.minor()), currency: Some(payment.currency) };
        let item = OpenItem { processor_reference: reference, there, here: Sum::default(), ..item };
        if self.write_always(Raise { item }).await.is_err() {
            tracing::error!(attempt = %attempt.id, "what happened after all could not be written down");
        }
    }

    /// What the processor found; none when it could not be asked.
    pub(crate) async fn found(&self, processor: &Arc<dyn Processor>, leased: &Leased) -> Option<Found> {
        metrics::counter!("florin_lookups_total").increment(1);
        let about = about(leased);
        let found =
            match tokio::time::timeout(self.settings.processor_timeout, processor.look_up(&about)).await {
                Ok(Ok(found)) => Some(found),
                Ok(Err(error)) => {
                    tracing::warn!(%error, attempt = %about.attempt_id, "a look-up failed");
                    None
                }
                Err(_) => None,
            };
        let attempt = &leased.attempt;
        let realm = attempt.realm();
        self.answering.note(realm, &attempt.processor, found.is_some(), Instant::now());
        found
    }

    /// What is unknown for too long needs review.
    fn or_review(&self, verdict: Verdict, attempt: &Attempt) -> Verdict {
        match verdict {
            Verdict::Wait | Verdict::Settle(Settlement::Unknown, _)
                if self.is_to_be_reviewed(attempt) && !waits_by_nature(attempt.status) =>
            {
                Verdict::Settle(Settlement::NeedsReview, None)
            }
            verdict => verdict,
        }
    }

    /// Whether the attempt is unknown for so long that a person has to settle it.
    pub(crate) fn is_to_be_reviewed(&self, attempt: &Attempt) -> bool {
        let age = self.now().signed_duration_since(attempt.id.created_at());
        age > REVIEW_AFTER && attempt.status != AttemptStatus::NeedsReview
    }

    fn age_of(&self, leased: &Leased) -> Age {
        let now = self.now();
        let since = |at: DateTime<Utc>| match is_ahead(at, now) {
            true => None,
            // Processes differ by a little.
            false => Some(now.signed_duration_since(at).to_std().unwrap_or_default()),
        };
        Age::new(Times {
            age: since(leased.attempt.id.created_at()),
            unchanged: leased.unchanged_since.map(since),
            steady_for: self.time.steady_for(),
            was_set: self.time.was_set(),
            lease: self.lease().to_std().unwrap_or(Duration::MAX),
        })
    }
}

impl Age {
    fn new(times: Times) -> Self {
        let Times { age, unchanged, steady_for, was_set, lease } = times;
        let at_least = |told: Option<Duration>| match (told, steady_for) {
            (Some(told), Some(steady_for)) => told.min(steady_for),
            (Some(told), None) => told,
            // It happened before the clock was set, whenever that was.
            (None, steady_for) => steady_for.unwrap_or_default(),
        };
        let proven = at_least(age);
        Age {
            claimed: age.unwrap_or_default(),
            may_be_more: age.is_none_or(|age| was_set && age != proven),
            past_lease: proven.saturating_sub(lease),
            lease_left: if unchanged.is_some() { Duration::ZERO } else { lease.saturating_sub(proven) },
            unchanged: unchanged.map(at_least).unwrap_or_default(),
        }
    }

    /// For how long nobody has been sending it, at least.
    fn unsent(&self) -> Duration {
        self.past_lease.max(self.unchanged)
    }

    /// After how long, at the latest, nobody will have been sending it for so long. The look-up that ends now is a
    /// change, too.
    fn until_unsent_for(&self, delay: Duration) -> Duration {
        delay.saturating_sub(self.past_lease).saturating_add(self.lease_left)
    }
}

/// What the processor is told of the attempt that it is asked about.
fn about(leased: &Leased) -> LookUp {
    let (payment, attempt) = (&leased.payment, &leased.attempt);
    LookUp {
        attempt_id: attempt.id,
        kind: attempt.kind,
        payment_id: attempt.payment_id,
        refund_id: attempt.refund_id,
        amount: attempt.amount,
        currency: payment.currency,
        reference: attempt.processor_reference.clone(),
        charge_reference: payment.processor_reference.clone(),
    }
}

/// A bank debit clears or is returned, or a payer acts, in their own time.
fn waits_by_nature(status: AttemptStatus) -> bool {
    matches!(status, AttemptStatus::Pending | AttemptStatus::RequiresAction | AttemptStatus::Succeeded)
}

/// "Not found" proves something only when nobody has sent the attempt for longer than the processor's greatest delay:
/// since its sender told what it knows, or since its lease was over. A charge is then never sent again, since
/// whoever asked for it has gone; what serves the payer (a refund, a void) or a decision that stands (a capture) is,
/// as long as the processor keeps the key.
fn not_found(capabilities: &Capabilities, kind: AttemptKind, age: Age) -> Verdict {
    let may_send_again = || {
        capabilities.may_send_again_after(age.claimed) && !(age.may_be_more && capabilities.forgets_keys())
    };
    match kind {
        _ if !capabilities.not_found_is_proof_after(age.unsent()) => {
            Verdict::WaitFor(age.until_unsent_for(capabilities.max_delay))
        }
        AttemptKind::Capture | AttemptKind::Void | AttemptKind::Refund if may_send_again() => {
            Verdict::SendAgain
        }
        AttemptKind::Charge | AttemptKind::Capture | AttemptKind::Void | AttemptKind::Refund => {
            let message = "The payment processor has no record of it: nothing happened.";
            Verdict::Settle(failed(FailureCode::NotProcessed, message), None)
        }
    }
}

fn failed(code: FailureCode, message: &str) -> Settlement {
    Settlement::Failed(Failure { code, message: message.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3600);

    fn capabilities() -> Capabilities {
        Capabilities { max_delay: 60 * SECOND, keeps_keys_for: 24 * HOUR, ..Capabilities::default() }
    }

    fn verdict(kind: AttemptKind, times: Times) -> Verdict {
        not_found(&capabilities(), kind, Age::new(times))
    }

    /// Of an attempt whose sender had 10 seconds, and did or did not tell that it knows nothing.
    fn times(age: Option<Duration>, unchanged: Option<Option<Duration>>) -> Times {
        Times { age, unchanged, steady_for: None, was_set: false, lease: 10 * SECOND }
    }

    fn is_failed(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Settle(Settlement::Failed(_), None))
    }

    #[test]
    fn not_found_proves_something_after_the_delay_since_it_can_have_been_sent_last() {
        let charge = AttemptKind::Charge;
        // Its sender may have sent it at the end of its lease.
        assert_eq!(verdict(charge, times(Some(4 * SECOND), None)), Verdict::WaitFor(66 * SECOND));
        assert_eq!(verdict(charge, times(Some(65 * SECOND), None)), Verdict::WaitFor(5 * SECOND));
        assert!(is_failed(&verdict(charge, times(Some(71 * SECOND), None))));
        // Its sender told so long ago that it knows nothing.
        assert!(is_failed(&verdict(charge, times(Some(65 * SECOND), Some(Some(61 * SECOND))))));
        assert_eq!(
            verdict(charge, times(Some(9 * SECOND), Some(Some(SECOND)))),
            Verdict::WaitFor(60 * SECOND)
        );
        assert_eq!(
            verdict(charge, times(Some(50 * SECOND), Some(Some(5 * SECOND)))),
            Verdict::WaitFor(20 * SECOND)
        );
    }

    #[test]
    fn a_clock_that_was_set_forward_proves_nothing_until_the_delay_has_really_passed() {
        for unchanged in [None, Some(Some(HOUR))] {
            let jumped =
                |steady| Times { steady_for: Some(steady), was_set: true, ..times(Some(HOUR), unchanged) };
            let missing = if unchanged.is_some() { 60 } else { 65 };
            assert_eq!(verdict(AttemptKind::Charge, jumped(5 * SECOND)), Verdict::WaitFor(missing * SECOND));
            assert!(is_failed(&verdict(AttemptKind::Charge, jumped(71 * SECOND))));
        }
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_recovery() {
        let jumped = |steady| Times { steady_for: Some(steady), was_set: true, ..times(None, Some(None)) };
        assert_eq!(verdict(AttemptKind::Charge, jumped(SECOND)), Verdict::WaitFor(60 * SECOND));
        assert!(is_failed(&verdict(AttemptKind::Charge, jumped(61 * SECOND))));
    }

    #[test]
    fn what_may_be_older_than_the_clock_says_is_not_sent_under_a_key_that_may_be_forgotten() {
        let refund = AttemptKind::Refund;
        assert_eq!(verdict(refund, times(Some(71 * SECOND), None)), Verdict::SendAgain);
        // Even where nobody saw how the clock was set back.
        for was_set in [true, false] {
            let doubtful = Times { steady_for: Some(71 * SECOND), was_set, ..times(None, None) };
            assert!(is_failed(&verdict(refund, doubtful)));
            let for_ever = Capabilities { keeps_keys_for: Duration::MAX, ..capabilities() };
            assert_eq!(not_found(&for_ever, refund, Age::new(doubtful)), Verdict::SendAgain);
        }
        // Made since the clock was set.
        let young = Times { steady_for: Some(HOUR), was_set: true, ..times(Some(71 * SECOND), None) };
        assert_eq!(verdict(refund, young), Verdict::SendAgain);
    }
}
