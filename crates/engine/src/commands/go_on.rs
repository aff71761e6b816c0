//! Going on: a charge that has failed at one account is followed by one at the next, in the commit that settles it.
//!
//! Only its own sender asks for that, and only where nothing was charged. A payment whose cancellation was asked for is
//! canceled instead: it has not failed then.

use chrono::{DateTime, Utc};
use florin_domain::{Attempt, AttemptId, AttemptStart, Payment, State};
use florin_storage::{IdempotencyRecord, WorkingSet};

use super::Sending;
use super::booking::put_payment;
use super::settle::{Settled, Settling};
use super::telling::{answer, payment_json};
use crate::writer::Deciding;

/// The next charge of a payment.
pub(super) struct NextCharge {
    payment: Payment,
    attempt: Attempt,
    /// Its account's place among the others.
    place: usize,
}

impl Settling {
    /// The next charge of a payment whose charge has failed, if there is an account left that takes one.
    pub(super) fn next_charge(&self, deciding: &Deciding<'_>, payment: &Payment) -> Option<NextCharge> {
        if self.others.is_empty() || payment.state() != State::Failed {
            return None;
        }
        let routes = &self.sender.routes;
        let (place, name) = self.others.iter().enumerate().find(|(_, name)| routes.is_open(name))?;
        let start = AttemptStart {
            id: AttemptId::from_uuid(deciding.new_id()),
            processor: name.to_string(),
            lease_until: self.sender.lease_until(deciding.at),
            at: deciding.at,
            by: self.requester.actor,
        };
        let (payment, attempt) = payment.start_charge(start, None).ok()?;
        Some(NextCharge { payment, attempt, place })
    }

    /// Puts the charge that has failed, and the next one, which has to be sent.
    pub(super) fn go_on(
        &self,
        set: &mut WorkingSet,
        deciding: &Deciding<'_>,
        failed: Attempt,
        next: NextCharge,
    ) -> Settled {
        let NextCharge { payment, attempt, place } = next;
        let because = failed.failure.as_ref().map(|failure| failure.code.as_str());
        tracing::info!(
            payment = %payment.id, from = failed.processor, to = attempt.processor, because,
            "a charge goes on to the next processor account"
        );
        metrics::counter!("florin_charges_gone_on_total").increment(1);
        set.put_attempt(failed);
        set.put_attempt(attempt.clone());
        put_payment(set, deciding, payment.clone(), None);
        let keys = self.keep_keys_running(set, self.sender.lease_until(deciding.at));
        let body = payment_json(&payment, set.attempts(self.requester.realm, payment.id));
        let others = self.others.iter().skip(place.saturating_add(1)).cloned().collect();
        let success_status = self.success_status;
        let next = Sending { payment, attempt, keys, is_new: false, success_status, others };
        Settled { next: Some(Box::new(next)), ..Settled::told(answer(202, body)) }
    }

    /// The keys that wait go on waiting, for as long as the next charge may take.
    fn keep_keys_running(&self, set: &mut WorkingSet, until: DateTime<Utc>) -> Vec<IdempotencyRecord> {
        let mut kept = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let Some(mut record) = set.key(&(key.realm, key.digest)).cloned() else { continue };
            if record.answer.is_none() {
                record.running_until = until;
                record.revision = record.revision.saturating_add(1);
                set.put_key(record.clone());
                kept.push(record);
            }
        }
        kept
    }
}
