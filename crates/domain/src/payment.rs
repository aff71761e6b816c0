//! A payment: its terms, its facts, and the state that follows from them.
//!
//! The operations live beside it: [`crate::charging`], [`crate::authorization`] and [`crate::refunding`]. Each takes
//! a payment and gives back the changed one or a refusal; nothing is changed in place.

use std::ops::Deref;

use chrono::{DateTime, Utc};

use crate::{Actor, Description, Facts, FactsRefused, Failure, Metadata, NewPayment, Reason, State, Step};

named_enum! {
    /// Which operation of a payment waits for a processor. Refunds are not among them: many may run side by side.
    Operation {
        /// A charge.
        Charge => "charge",
        /// A capture.
        Capture => "capture",
        /// A void.
        Void => "void",
    }
}

/// All that is known of a payment. Read it through [`Payment`], which guarantees that it is consistent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRecord {
    /// What it was made of; payment method, description and metadata as they are now.
    pub terms: NewPayment,
    /// The sums.
    pub facts: Facts,
    /// The operation that waits for a processor.
    pub under_way: Option<Operation>,
    /// How many charges were attempted.
    pub charge_count: u32,
    /// Which processor the last charge went to.
    pub processor: Option<String>,
    /// That processor's name for the payment.
    pub processor_reference: Option<String>,
    /// Where the payer must act.
    pub next_action_url: Option<String>,
    /// Why the last attempt failed.
    pub failure: Option<Failure>,
    /// When a cancellation was asked for.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Why, in the merchant's words.
    pub cancellation_reason: Option<Reason>,
    /// Until when an authorization may be captured.
    pub authorization_expires_at: Option<DateTime<Utc>>,
    /// When the money was reserved.
    pub authorized_at: Option<DateTime<Utc>>,
    /// When the money was captured.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// When the last failure happened, while nothing has succeeded since.
    pub failed_at: Option<DateTime<Utc>>,
    /// When it ended without money.
    pub canceled_at: Option<DateTime<Utc>>,
    /// When the last refund succeeded.
    pub refunded_at: Option<DateTime<Utc>>,
    /// Counts the changes of this payment from 1.
    pub revision: i64,
    /// How many events told of it.
    pub event_count: i64,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// A payment whose facts agree with each other.
///
/// Its fields are read through [`PaymentRecord`]; they change only by the operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    record: PaymentRecord,
}

/// Refused because a payment can't change in that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalChange {
    /// The status machine has no such step.
    #[error("a payment that is {from} can't {step}")]
    Step {
        /// Where the payment stands.
        from: State,
        /// What was tried.
        step: Step,
    },
    /// The facts after a step are not those of the state that the step leads to.
    #[error("after {step} a payment that was {from} is {to}")]
    Diverged {
        /// Where the payment stood.
        from: State,
        /// What was done.
        step: Step,
        /// What its facts say now.
        to: State,
    },
    /// The operation is not the one that waits for a processor. A charge whose void was sent is settled by the void.
    #[error("the payment does not wait for a {settled}, but for {}", waits_for.map_or("nothing", Operation::as_str))]
    NotUnderWay {
        /// What was to be settled.
        settled: Operation,
        /// What the payment waits for.
        waits_for: Option<Operation>,
    },
    /// The sums would break a money rule.
    #[error(transparent)]
    Facts(#[from] FactsRefused),
    /// The attempt is over.
    #[error(transparent)]
    Attempt(#[from] crate::AttemptOver),
    /// The refund is over.
    #[error(transparent)]
    Refund(#[from] crate::RefundOver),
}

/// Refused because a stored payment contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InconsistentPayment {
    /// It is stored as one state, and its facts are another's.
    #[error("stored as {stored}, but its facts are those of a payment that is {derived}")]
    State {
        /// What was stored.
        stored: State,
        /// What the facts say.
        derived: State,
    },
    /// It is for one amount, and its facts are for another.
    #[error("the facts are for another amount than the payment")]
    Amount,
}

impl Payment {
    /// A new payment that nothing has happened to.
    ///
    /// ```
    /// # use florin_domain::*;
    /// # let uuid = "pay_01jcy1p2bqfz0bkmjj3c4nx7g5".parse::<PaymentId>().unwrap().uuid();
    /// let payment = Payment::create(NewPayment {
    ///     id: PaymentId::from_uuid(uuid),
    ///     tenant_id: TenantId::from_uuid(uuid),
    ///     mode: Mode::Test,
    ///     amount: Amount::new(1000).unwrap(),
    ///     currency: Currency::parse("USD").unwrap(),
    ///     capture_method: CaptureMethod::Automatic,
    ///     customer_id: None,
    ///     destination: None,
    ///     request_id: None,
    ///     payment_method: Some(MethodRef::parse("pm_test_success").unwrap()),
    ///     method_type: MethodType::Card,
    ///     description: None,
    ///     metadata: Metadata::default(),
    ///     idempotency_key: None,
    ///     return_url: None,
    ///     off_session: false,
    ///     created_by: Actor::System,
    /// });
    /// assert_eq!(payment.state(), State::Pending);
    /// ```
    pub fn create(terms: NewPayment) -> Payment {
        let created_at = terms.id.created_at();
        Payment {
            record: PaymentRecord {
                facts: Facts::untouched(terms.amount),
                under_way: None,
                charge_count: 0,
                processor: None,
                processor_reference: None,
                next_action_url: None,
                failure: None,
                cancel_requested_at: None,
                cancellation_reason: None,
                authorization_expires_at: None,
                authorized_at: None,
                succeeded_at: None,
                failed_at: None,
                canceled_at: None,
                refunded_at: None,
                revision: 1,
                event_count: 0,
                updated_by: terms.created_by,
                updated_at: created_at,
                terms,
            },
        }
    }

    /// A payment as it was stored.
    ///
    /// # Errors
    /// [`InconsistentPayment`] when the stored state or amount contradicts the facts.
    pub fn restore(record: PaymentRecord, stored: State) -> Result<Payment, InconsistentPayment> {
        if record.facts.amount() != record.terms.amount {
            return Err(InconsistentPayment::Amount);
        }
        let payment = Payment { record };
        let derived = payment.state();
        if derived != stored {
            return Err(InconsistentPayment::State { stored, derived });
        }
        Ok(payment)
    }

    /// Where the payment stands, derived from its facts.
    pub fn state(&self) -> State {
        let facts = &self.facts;
        if self.canceled_at.is_some() {
            State::Canceled
        } else if self.under_way.is_some() || self.cancel_requested_at.is_some() {
            State::Processing
        } else if !facts.returned().is_zero() {
            State::Failed
        } else if !facts.captured().is_zero() {
            if facts.refunded().is_zero() {
                State::Captured
            } else if facts.refunded() == facts.captured() {
                State::Refunded
            } else {
                State::PartiallyRefunded
            }
        } else if !facts.authorized().is_zero() {
            State::Authorized
        } else if self.failed_at.is_some() {
            State::Failed
        } else {
            State::Pending
        }
    }

    /// What a new refund may take, in minor units.
    pub fn refundable(&self) -> crate::Total {
        match self.state() {
            State::Captured | State::PartiallyRefunded => self.facts.refundable(),
            State::Pending
            | State::Processing
            | State::Authorized
            | State::Refunded
            | State::Failed
            | State::Canceled => crate::Total::ZERO,
        }
    }

    /// The payment with another description and other metadata.
    #[must_use]
    pub fn describe(
        &self,
        description: Option<Description>,
        metadata: Metadata,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Payment {
        let mut next = self.changed(at, by);
        next.terms.description = description;
        next.terms.metadata = metadata;
        Payment { record: next }
    }

    /// The payment with one more event told of it; the event's sequence number is the new count.
    #[must_use]
    pub fn with_event(mut self) -> Payment {
        self.record.event_count = self.record.event_count.saturating_add(1);
        self
    }

    /// All that is known of the payment.
    pub fn into_record(self) -> PaymentRecord {
        self.record
    }

    /// Checks that the operation to settle is the one under way.
    pub(crate) fn waits_for(&self, settled: Operation) -> Result<(), IllegalChange> {
        let waits_for = self.under_way;
        if waits_for == Some(settled) {
            Ok(())
        } else {
            Err(IllegalChange::NotUnderWay { settled, waits_for })
        }
    }

    /// A copy to work on: one revision further.
    pub(crate) fn changed(&self, at: DateTime<Utc>, by: Actor) -> PaymentRecord {
        let mut next = self.record.clone();
        next.revision = next.revision.saturating_add(1);
        next.updated_at = at;
        next.updated_by = by;
        next
    }

    /// Takes `record` for the payment after `step`, when the table agrees that the step leads there.
    pub(crate) fn advance(&self, step: Step, record: PaymentRecord) -> Result<Payment, IllegalChange> {
        let from = self.state();
        let expected = from.next(step).ok_or(IllegalChange::Step { from, step })?;
        let next = Payment { record };
        let to = next.state();
        if to == expected { Ok(next) } else { Err(IllegalChange::Diverged { from, step, to }) }
    }

    /// Takes `record` for the payment after a change that leaves its state alone.
    pub(crate) fn stay(&self, record: PaymentRecord) -> Payment {
        Payment { record }
    }
}

impl Deref for Payment {
    type Target = PaymentRecord;

    fn deref(&self) -> &PaymentRecord {
        &self.record
    }
}

impl Deref for PaymentRecord {
    type Target = NewPayment;

    fn deref(&self) -> &NewPayment {
        &self.terms
    }
}
