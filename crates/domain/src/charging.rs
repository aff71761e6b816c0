//! Charging a payment: starting an attempt, and settling it with what the processor answered.

use chrono::{DateTime, Duration, Utc};

use crate::{
    Actor, Attempt, AttemptId, AttemptKind, AttemptStatus, CaptureMethod, Failure, IllegalChange, MethodRef,
    MethodType, Operation, Payment, Settlement, State, Step, Total,
};

/// How an attempt starts: what the domain can't know by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptStart {
    /// The new attempt.
    pub id: AttemptId,
    /// Which processor it goes to.
    pub processor: String,
    /// Until when its sender may work on it.
    pub lease_until: DateTime<Utc>,
    /// Now.
    pub at: DateTime<Utc>,
    /// Who asked.
    pub by: Actor,
}

/// Why a payment can't be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChargeRefused {
    /// Another operation waits for a processor.
    #[error("a {0} of this payment is under way")]
    InProgress(Operation),
    /// The payment is neither new nor failed.
    #[error("a payment that is {0} can't be charged")]
    NotProcessable(State),
    /// Nothing to charge.
    #[error("the payment names no payment method")]
    NoPaymentMethod,
    /// A payment method where none can be charged.
    #[error("a payment by {0} takes no payment method")]
    TakesNoPaymentMethod(MethodType),
}

/// What must follow at once when a charge succeeded after its cancellation had been asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowUp {
    /// Release what was reserved.
    Void,
    /// Give back what was taken.
    Refund,
}

/// A settled charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeSettled {
    /// The payment afterwards.
    pub payment: Payment,
    /// The attempt afterwards.
    pub attempt: Attempt,
    /// What must be done about a cancellation that was asked for meanwhile.
    pub follow_up: Option<FollowUp>,
}

/// How long an authorization is taken to stand when the processor does not say: seven days, as card schemes have it.
pub const AUTHORIZATION_LIFETIME: Duration = Duration::days(7);

impl Payment {
    /// Starts a charge, by another payment method where one is given with its type.
    ///
    /// A payment whose bank debit was returned is over, although it counts as failed: it has moved money both ways.
    ///
    /// # Errors
    /// [`ChargeRefused`], and then nothing has changed.
    pub fn start_charge(
        &self,
        start: AttemptStart,
        payment_method: Option<(MethodRef, MethodType)>,
    ) -> Result<(Payment, Attempt), ChargeRefused> {
        if let Some(operation) = self.under_way {
            return Err(ChargeRefused::InProgress(operation));
        }
        // Before the payment method: one that is sent after all would not help a payment that is over.
        if self.state().next(Step::StartCharge).is_none() || !self.facts.returned().is_zero() {
            return Err(ChargeRefused::NotProcessable(self.state()));
        }
        let (method, method_type) = self.method_to_charge(payment_method)?;
        let mut next = self.changed(start.at, start.by);
        next.under_way = Some(Operation::Charge);
        next.charge_count = self.charge_count.saturating_add(1);
        next.terms.payment_method = method;
        next.terms.method_type = method_type;
        next.processor = Some(start.processor.clone());
        next.processor_reference = None;
        next.failure = None;
        next.failed_at = None;
        let number = next.charge_count;
        let payment =
            self.advance(Step::StartCharge, next).map_err(|_| ChargeRefused::NotProcessable(self.state()))?;
        let mut attempt = payment.attempt(start, AttemptKind::Charge, payment.amount);
        attempt.number = number;
        attempt.capture = payment.capture_method == CaptureMethod::Automatic;
        Ok((payment, attempt))
    }

    /// What a charge uses: what is given, or what the payment has.
    fn method_to_charge(
        &self,
        given: Option<(MethodRef, MethodType)>,
    ) -> Result<(Option<MethodRef>, MethodType), ChargeRefused> {
        match (self.method_type.needs_processor(), given, &self.payment_method) {
            (true, Some((method, method_type)), _) => Ok((Some(method), method_type)),
            (true, None, Some(method)) => Ok((Some(method.clone()), self.method_type)),
            (true, None, None) => Err(ChargeRefused::NoPaymentMethod),
            (false, Some(_), _) => Err(ChargeRefused::TakesNoPaymentMethod(self.method_type)),
            (false, None, _) => Ok((None, self.method_type)),
        }
    }

    /// Takes a bank debit back that had cleared: the payer's bank has returned it, so all that was captured is gone.
    /// It waits for no refund, not even for one that undoes the charge: those go on to their end.
    ///
    /// # Errors
    /// [`IllegalChange`] unless the attempt is a charge that succeeded, and the payment has kept what it brought.
    pub fn return_charge(
        &self,
        attempt: &Attempt,
        failure: &Failure,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Result<(Payment, Attempt), IllegalChange> {
        let attempt = attempt.take_back(failure, at, by)?;
        if let Some(operation) = self.under_way {
            return Err(IllegalChange::NotUnderWay {
                settled: Operation::Charge,
                waits_for: Some(operation),
            });
        }
        let mut next = self.changed(at, by);
        next.facts = self.facts.with(|sums| sums.returned = sums.captured)?;
        next.failure = Some(failure.clone());
        next.failed_at = self.cancel_requested_at.is_none().then_some(at);
        Ok((self.advance(Step::Return, next)?, attempt))
    }

    /// Settles a charge with what became of it.
    ///
    /// # Errors
    /// [`IllegalChange`] when the attempt is over or the change would break a rule; nothing has changed then.
    pub fn settle_charge(
        &self,
        attempt: &Attempt,
        settlement: &Settlement,
        reference: Option<&str>,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Result<ChargeSettled, IllegalChange> {
        let attempt = attempt.settle(settlement, reference, at, by)?;
        self.waits_for(Operation::Charge)?;
        let mut next = self.changed(at, by);
        next.next_action_url = None;
        if let Some(reference) = reference {
            next.processor_reference = Some(reference.to_owned());
        }
        let mut follow_up = None;
        let payment = match settlement {
            Settlement::Succeeded => {
                let all = Total::from(self.amount);
                next.under_way = None;
                next.facts = self.facts.with(|sums| {
                    sums.authorized = all;
                    sums.captured = if attempt.capture { all } else { Total::ZERO };
                })?;
                let step = if attempt.capture {
                    next.succeeded_at = Some(at);
                    follow_up = Some(FollowUp::Refund);
                    Step::Capture
                } else {
                    next.authorized_at = Some(at);
                    next.authorization_expires_at = at.checked_add_signed(AUTHORIZATION_LIFETIME);
                    follow_up = Some(FollowUp::Void);
                    Step::Authorize
                };
                if self.cancel_requested_at.is_some() {
                    self.stay(next)
                } else {
                    follow_up = None;
                    self.advance(step, next)?
                }
            }
            Settlement::Failed(failure) => {
                next.under_way = None;
                next.failure = Some(failure.clone());
                next.failed_at = Some(at);
                if self.cancel_requested_at.is_some() {
                    next.canceled_at = Some(at);
                    self.advance(Step::Cancel, next)?
                } else {
                    self.advance(Step::Fail, next)?
                }
            }
            Settlement::RequiresAction { url } => {
                next.next_action_url = Some(url.clone());
                self.stay(next)
            }
            Settlement::Pending | Settlement::Unknown | Settlement::NeedsReview => self.stay(next),
        };
        Ok(ChargeSettled { payment, attempt, follow_up })
    }

    /// A new attempt on behalf of this payment.
    pub(crate) fn attempt(&self, start: AttemptStart, kind: AttemptKind, amount: crate::Amount) -> Attempt {
        Attempt {
            id: start.id,
            tenant_id: self.tenant_id,
            mode: self.mode,
            payment_id: self.id,
            refund_id: None,
            kind,
            number: 0,
            status: AttemptStatus::Sending,
            amount,
            capture: false,
            payment_method: self.payment_method.clone(),
            processor: start.processor,
            processor_reference: None,
            failure: None,
            due_at: Some(start.lease_until),
            lookups: 0,
            revision: 1,
            created_by: start.by,
            updated_by: start.by,
            updated_at: start.at,
        }
    }
}
