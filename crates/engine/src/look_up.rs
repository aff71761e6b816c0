//! Asking a processor what became of an attempt, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use florin_domain::{
    Attempt, AttemptKind, AttemptStatus, Failure, FailureCode, OpenItem, OpenItemId, OpenItemType,
    Settlement, Sum,
};
use florin_processors::{Capabilities, Found, LookUp, Outcome, Processor};

use florin_storage::Realm;

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
    /// Nothing yet, but after this long.
    WaitFor(Duration),
}

/// How old an attempt is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    /// By the clock.
    claimed: Duration,
    /// At least, whatever the clock was set to meanwhile.
    proven: Duration,
    /// Whether it may be older than the clock says.
    may_be_more: bool,
}

impl Inner {
    /// Asks the processor about an attempt that was taken for it.
    pub(crate) async fn look_up(&self, leased: &Leased) -> Verdict {
        let attempt = &leased.attempt;
        let realm = Realm { tenant_id: attempt.tenant_id, mode: attempt.mode };
        let Some(processor) = self.processor_named(realm, &attempt.processor) else {
            tracing::error!(attempt = %attempt.id, processor = attempt.processor, "no such processor");
            return self.or_review(Verdict::Wait, attempt);
        };
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
            Some(Found::NotFound) => not_found(processor.capabilities(), attempt.kind, self.age_of(attempt)),
        };
        self.or_review(verdict, attempt)
    }

    /// Asks the processor about an attempt that failed by our own conclusion, and raises an item when it happened.
    pub(crate) async fn check_failed(&self, leased: &Leased) {
        let attempt = &leased.attempt;
        let realm = Realm { tenant_id: attempt.tenant_id, mode: attempt.mode };
        let Some(processor) = self.processor_named(realm, &attempt.processor) else { return };
        let Some(Found::Outcome(Outcome::Succeeded { reference })) = self.found(&processor, leased).await
        else {
            return;
        };
        let id = OpenItemId::from_uuid(self.ids.next(self.now()));
        let message =
            "The processor did what it was taken not to have received: undo it there, or record it.";
        let whose = (id, attempt.tenant_id, attempt.mode);
        let cause = format!("{}:{}", attempt.processor, attempt.id);
        let item = OpenItem::new(whose, OpenItemType::MissingHere, &cause, message);
        let item = item.about(&leased.payment, attempt);
        let there =
            Sum { amount_minor: Some(attempt.amount.minor()), currency: Some(leased.payment.currency) };
        let item = OpenItem { processor_reference: Some(reference), there, here: Sum::default(), ..item };
        if self.write_always(Raise { item }).await.is_err() {
            tracing::error!(attempt = %attempt.id, "what happened after all could not be written down");
        }
    }

    /// What the processor found; none when it could not be asked.
    pub(crate) async fn found(&self, processor: &Arc<dyn Processor>, leased: &Leased) -> Option<Found> {
        metrics::counter!("florin_lookups_total").increment(1);
        let about = about(leased);
        match tokio::time::timeout(self.settings.processor_timeout, processor.look_up(&about)).await {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                tracing::warn!(%error, attempt = %about.attempt_id, "a look-up failed");
                None
            }
            Err(_) => None,
        }
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

    fn age_of(&self, attempt: &Attempt) -> Age {
        let age = self.now().signed_duration_since(attempt.id.created_at()).to_std();
        Age::new(age.ok(), self.time.steady_for(), self.time.was_set())
    }
}

impl Age {
    /// The age by the clock, none when it lies in the future; for how long the clock is known not to have been set; and
    /// whether it was set then.
    fn new(age: Option<Duration>, steady_for: Option<Duration>, was_set: bool) -> Self {
        let claimed = age.unwrap_or_default();
        let proven = match (age, steady_for) {
            (Some(age), Some(steady_for)) => age.min(steady_for),
            (Some(age), None) => age,
            // It was made before the clock was set, whenever that was.
            (None, steady_for) => steady_for.unwrap_or_default(),
        };
        Age { claimed, proven, may_be_more: was_set && age.is_none_or(|age| age != proven) }
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

/// "Not found" proves something only after the processor's greatest delay. A charge is then never sent again, since
/// whoever asked for it has gone; what serves the payer (a refund, a void) or a decision that stands (a capture) is,
/// as long as the processor keeps the key.
fn not_found(capabilities: &Capabilities, kind: AttemptKind, age: Age) -> Verdict {
    let may_send_again = || {
        capabilities.may_send_again_after(age.claimed) && !(age.may_be_more && capabilities.forgets_keys())
    };
    match kind {
        _ if !capabilities.not_found_is_proof_after(age.proven) => {
            let missing = capabilities.max_delay.saturating_sub(age.proven);
            let by_the_clock = capabilities.not_found_is_proof_after(age.claimed);
            if by_the_clock { Verdict::WaitFor(missing) } else { Verdict::Wait }
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

    fn verdict(kind: AttemptKind, age: Age) -> Verdict {
        not_found(&capabilities(), kind, age)
    }

    #[test]
    fn a_clock_that_was_set_forward_proves_nothing_until_the_delay_has_really_passed() {
        let jumped = Age::new(Some(HOUR), Some(5 * SECOND), true);
        assert_eq!(verdict(AttemptKind::Charge, jumped), Verdict::WaitFor(55 * SECOND));
        let later = Age::new(Some(HOUR), Some(61 * SECOND), true);
        assert!(matches!(verdict(AttemptKind::Charge, later), Verdict::Settle(Settlement::Failed(_), None)));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_recovery() {
        assert_eq!(verdict(AttemptKind::Charge, Age::new(None, Some(SECOND), true)), Verdict::Wait);
        let later = verdict(AttemptKind::Charge, Age::new(None, Some(61 * SECOND), true));
        assert!(matches!(later, Verdict::Settle(Settlement::Failed(_), None)));
    }

    #[test]
    fn what_may_be_older_than_the_clock_says_is_not_sent_under_a_key_that_may_be_forgotten() {
        let sure = Age::new(Some(61 * SECOND), None, false);
        assert_eq!(verdict(AttemptKind::Refund, sure), Verdict::SendAgain);
        let doubtful = Age::new(None, Some(61 * SECOND), true);
        assert!(matches!(
            verdict(AttemptKind::Refund, doubtful),
            Verdict::Settle(Settlement::Failed(_), None)
        ));
        let for_ever = Capabilities { keeps_keys_for: Duration::MAX, ..capabilities() };
        assert_eq!(not_found(&for_ever, AttemptKind::Refund, doubtful), Verdict::SendAgain);
        // Made since the clock was set.
        let young = Age::new(Some(61 * SECOND), Some(HOUR), true);
        assert_eq!(verdict(AttemptKind::Refund, young), Verdict::SendAgain);
    }
}
