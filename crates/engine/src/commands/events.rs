//! Noting a processor's event, and taking what it names for a look-up.

use chrono::Duration;
use florin_domain::{
    Attempt, AttemptId, AttemptStatus, OpenItem, OpenItemId, OpenItemType, Payment, PaymentId,
};
use florin_storage::recovery::is_due;
use florin_storage::{Needs, ProcessorEventRecord, Realm, WorkingSet};

use super::Leased;
use super::late::is_concluded;
use super::schedule::leased_until;
use crate::writer::{Command, Deciding};

/// Notes an event, unless it has come before.
pub(crate) struct NoteEvent {
    pub(crate) event: ProcessorEventRecord,
    pub(crate) names: Names,
    /// How long the look-up may take.
    pub(crate) lease: Duration,
}

/// What an event names, as far as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Nothing of ours.
    Nothing,
    /// These attempts, which are open or may be returned.
    Attempts(Vec<(PaymentId, AttemptId)>),
    /// All attempts of a payment, which may not be here.
    Payment(PaymentId),
}

/// What follows from an event.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// Whether it has not come before.
    pub(crate) is_new: bool,
    /// What is to be looked up now.
    pub(crate) to_look_up: Vec<Leased>,
}

impl Command for NoteEvent {
    type Answer = Noted;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.processor_events.insert(self.event.key(), self.event.clone());
        match &self.names {
            Names::Nothing => {}
            Names::Attempts(attempts) => {
                needs.payments.extend(attempts.iter().map(|(id, _)| (self.realm(), *id)))
            }
            Names::Payment(id) => drop(needs.payments.insert((self.realm(), *id))),
        }
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Noted {
        if !set.take_event(&self.event.key()) {
            return Noted::default();
        }
        let named = self.named(set);
        if named.is_empty() && matches!(self.names, Names::Payment(_)) {
            self.raise(set, deciding);
        }
        let to_look_up = named.into_iter().filter_map(|(payment, attempt)| {
            let leased = self.lease(&attempt, deciding)?;
            if leased.status != AttemptStatus::Failed {
                set.put_attempt(leased.clone());
            }
            Some(Leased::new(payment, &attempt, leased))
        });
        Noted { is_new: true, to_look_up: to_look_up.collect() }
    }
}

impl NoteEvent {
    fn realm(&self) -> Realm {
        self.event.realm
    }

    /// The attempts that the event names, of those that are the processor's own.
    fn named(&self, set: &WorkingSet) -> Vec<(Payment, Attempt)> {
        let of = |payment_id: PaymentId, wanted: Option<AttemptId>| {
            let payment = set.payment(self.realm(), payment_id);
            let attempts = set.attempts(self.realm(), payment_id).filter(move |attempt| {
                wanted.is_none_or(|id| id == attempt.id) && attempt.processor == self.event.processor
            });
            attempts.filter_map(move |attempt| Some((payment?.clone(), attempt.clone())))
        };
        match &self.names {
            Names::Nothing => Vec::new(),
            Names::Attempts(attempts) => {
                attempts.iter().flat_map(|(id, attempt)| of(*id, Some(*attempt))).collect()
            }
            Names::Payment(payment_id) => of(*payment_id, None).collect(),
        }
    }

    /// The attempt as it is taken for a look-up, the first of a new schedule, since the processor has news of it; none when
    /// there is nothing to be learned about it.
    fn lease(&self, attempt: &Attempt, deciding: &Deciding<'_>) -> Option<Attempt> {
        let is_wanted = match attempt.status {
            // Its sender has it still, whose answer is as good as a look-up.
            AttemptStatus::Sending => !attempt.is_with_its_sender() || is_due(attempt, deciding.at),
            AttemptStatus::Unknown
            | AttemptStatus::Pending
            | AttemptStatus::RequiresAction
            | AttemptStatus::NeedsReview => true,
            AttemptStatus::Succeeded => attempt.due_at.is_some(),
            AttemptStatus::Failed => is_concluded(attempt),
        };
        if !is_wanted {
            return None;
        }
        let until = leased_until(self.lease, deciding.at);
        Some(Attempt { lookups: 0, ..attempt.lease(until, deciding.at) })
    }

    fn raise(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) {
        let event = &self.event;
        let whose = (OpenItemId::from_uuid(deciding.new_id()), event.realm.tenant_id, event.realm.mode);
        let message = format!(
            "The processor's event {} ({}) is about {}, which is not here.",
            event.event_id, event.kind, event.subject
        );
        let cause = format!("{}:{}", event.processor, event.subject);
        let mut item = OpenItem::new(whose, OpenItemType::UnknownEvent, &cause, message);
        item.processor = Some(event.processor.clone());
        tracing::warn!(
            processor = event.processor,
            event = event.event_id,
            "an event is about something unknown"
        );
        metrics::counter!("florin_open_items_total", "type" => "unknown_event").increment(1);
        set.raise(item);
    }
}
