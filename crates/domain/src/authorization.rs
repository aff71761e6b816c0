//! What follows an authorization: capture or void; and the cancellation of a payment at any time before it is paid.

use chrono::{DateTime, Duration, Utc};

use crate::{
    Actor, Amount, Attempt, AttemptKind, AttemptStart, Failure, FailureCode, IllegalChange, Operation,
    Payment, PaymentRecord, Reason, Settlement, State, Step, Total,
};

/// Why a payment can't be captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureRefused {
    /// Another operation waits for a processor.
    #[error("a {0} of this payment is under way")]
    InProgress(Operation),
    /// The payment is not authorized.
    #[error("a payment that is {0} can't be captured")]
    NotCapturable(State),
    /// More than is authorized.
    #[error("{} was asked for, {} is authorized", requested.minor(), authorized.minor())]
    ExceedsAuthorized {
        /// What was asked for.
        requested: Amount,
        /// What there is.
        authorized: Total,
    },
}

/// Why a payment can't be canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelRefused {
    /// It was canceled before.
    #[error("the payment is already canceled")]
    AlreadyCanceled,
    /// It is paid or has failed.
    #[error("a payment that is {0} can't be canceled")]
    NotCancelable(State),
    /// Another operation waits for a processor.
    #[error("a {0} of this payment is under way")]
    InProgress(Operation),
}

/// What a cancellation comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// The payment is canceled.
    Done(Payment),
    /// The processor must release something first.
    Void(Payment, Box<Attempt>),
    /// A charge is under way: should it succeed, it is undone.
    Remembered(Payment),
}

/// Why a payment was canceled whose authorization has expired.
pub const AUTHORIZATION_EXPIRED: &str = "The authorization expired.";

/// How long an authorization stands whose time was over and that could not be given up, until that is tried again.
pub const EXPIRED_AGAIN_AFTER: Duration = Duration::hours(1);

impl Payment {
    /// Starts the capture of an authorization, of all of it when no amount is given.
    ///
    /// # Errors
    /// [`CaptureRefused`], and then nothing has changed.
    pub fn start_capture(
        &self,
        amount: Option<Amount>,
        start: AttemptStart,
    ) -> Result<(Payment, Attempt), CaptureRefused> {
        if let Some(operation) = self.under_way {
            return Err(CaptureRefused::InProgress(operation));
        }
        let not_capturable = CaptureRefused::NotCapturable(self.state());
        let mut next = self.changed(start.at, start.by);
        next.under_way = Some(Operation::Capture);
        let payment = self.advance(Step::StartCapture, next).map_err(|_| not_capturable)?;
        let authorized = self.facts.authorized();
        let amount = match amount {
            Some(amount) => amount,
            None => Amount::try_from(authorized).map_err(|_| not_capturable)?,
        };
        if Total::from(amount) > authorized {
            return Err(CaptureRefused::ExceedsAuthorized { requested: amount, authorized });
        }
        let attempt = payment.attempt(start, AttemptKind::Capture, amount);
        Ok((payment, attempt))
    }

    /// Settles a capture. A failed one leaves the authorization as it was.
    ///
    /// # Errors
    /// [`IllegalChange`] when the attempt is over or the change would break a rule.
    pub fn settle_capture(
        &self,
        attempt: &Attempt,
        settlement: &Settlement,
        reference: Option<&str>,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Result<(Payment, Attempt), IllegalChange> {
        let attempt = attempt.settle(settlement, reference, at, by)?;
        self.waits_for(Operation::Capture)?;
        let mut next = self.changed(at, by);
        let payment = match settlement {
            Settlement::Succeeded => {
                next.under_way = None;
                next.failure = None;
                next.succeeded_at = Some(at);
                next.facts = self.facts.with(|sums| sums.captured = Total::from(attempt.amount))?;
                self.advance(Step::Capture, next)?
            }
            Settlement::Failed(failure) => {
                next.under_way = None;
                next.failure = Some(failure.clone());
                self.advance(Step::Authorize, next)?
            }
            Settlement::Pending
            | Settlement::RequiresAction { .. }
            | Settlement::Unknown
            | Settlement::NeedsReview => self.stay(next),
        };
        Ok((payment, attempt))
    }

    /// Cancels the payment, or starts to.
    ///
    /// # Errors
    /// [`CancelRefused`], and then nothing has changed.
    pub fn cancel(&self, reason: Option<Reason>, start: AttemptStart) -> Result<Cancellation, CancelRefused> {
        let state = self.state();
        let mut next = self.changed(start.at, start.by);
        next.cancel_requested_at = Some(start.at);
        next.cancellation_reason = reason.or_else(|| self.cancellation_reason.clone());
        match (state, self.under_way) {
            (State::Canceled, _) => Err(CancelRefused::AlreadyCanceled),
            (State::Pending, _) => {
                next.canceled_at = Some(start.at);
                self.advance(Step::Cancel, next)
                    .map(Cancellation::Done)
                    .map_err(|_| CancelRefused::NotCancelable(state))
            }
            (State::Authorized, _) => {
                next.under_way = Some(Operation::Void);
                let payment =
                    self.advance(Step::StartVoid, next).map_err(|_| CancelRefused::NotCancelable(state))?;
                let attempt = payment.attempt(start, AttemptKind::Void, payment.amount);
                Ok(Cancellation::Void(payment, Box::new(attempt)))
            }
            // The payer was asked to act: nothing is charged yet, and the processor can still call it off.
            (State::Processing, Some(Operation::Charge)) if self.next_action_url.is_some() => {
                let (payment, attempt) = self.start_void(next, start);
                Ok(Cancellation::Void(payment, Box::new(attempt)))
            }
            (State::Processing, Some(Operation::Charge)) => Ok(Cancellation::Remembered(self.stay(next))),
            (State::Processing, Some(operation @ (Operation::Capture | Operation::Void))) => {
                Err(CancelRefused::InProgress(operation))
            }
            (State::Processing, None) => Err(CancelRefused::InProgress(Operation::Void)),
            (State::Captured | State::PartiallyRefunded | State::Refunded | State::Failed, _) => {
                Err(CancelRefused::NotCancelable(state))
            }
        }
    }

    /// Starts to give up an authorization whose time is over. None when there is nothing to give up: it is not over yet,
    /// or captured, or being captured.
    pub fn expire(&self, start: AttemptStart) -> Option<(Payment, Attempt)> {
        let is_over = self.authorization_expires_at.is_some_and(|expires_at| expires_at <= start.at);
        if self.state() != State::Authorized || !is_over {
            return None;
        }
        let reason = Reason::parse(AUTHORIZATION_EXPIRED).ok();
        match self.cancel(reason, start).ok()? {
            Cancellation::Void(payment, attempt) => Some((payment, *attempt)),
            Cancellation::Done(_) | Cancellation::Remembered(_) => None,
        }
    }

    /// Starts to release what a charge reserved although its cancellation had been asked for before it succeeded.
    pub fn start_late_void(&self, start: AttemptStart) -> (Payment, Attempt) {
        self.start_void(self.changed(start.at, start.by), start)
    }

    /// Starts a void of a payment that stays in its state until the void is settled.
    fn start_void(&self, mut next: PaymentRecord, start: AttemptStart) -> (Payment, Attempt) {
        next.under_way = Some(Operation::Void);
        let payment = self.stay(next);
        let attempt = payment.attempt(start, AttemptKind::Void, payment.amount);
        (payment, attempt)
    }

    /// Settles a void. A failed one leaves the authorization, or the charge that waits for the payer, as it was.
    ///
    /// `open_charge` is the charge that waited for the payer when the void was sent; a successful void ends it.
    ///
    /// # Errors
    /// [`IllegalChange`] when an attempt is over or the change would break a rule.
    pub fn settle_void(
        &self,
        attempt: &Attempt,
        open_charge: Option<&Attempt>,
        settlement: &Settlement,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Result<VoidSettled, IllegalChange> {
        let attempt = attempt.settle(settlement, None, at, by)?;
        self.waits_for(Operation::Void)?;
        let mut next = self.changed(at, by);
        let mut charge = None;
        let payment = match settlement {
            Settlement::Succeeded => {
                next.under_way = None;
                next.next_action_url = None;
                next.canceled_at = Some(at);
                charge = open_charge.map(|open| open.settle(&abandoned(), None, at, by)).transpose()?;
                self.advance(Step::Cancel, next)?
            }
            Settlement::Failed(_) if open_charge.is_some() => {
                next.under_way = Some(Operation::Charge);
                self.stay(next)
            }
            Settlement::Failed(failure) => {
                next.under_way = None;
                next.cancel_requested_at = None;
                next.cancellation_reason = None;
                next.failure = Some(failure.clone());
                if self.authorization_expires_at.is_some_and(|expires_at| expires_at <= at) {
                    next.authorization_expires_at = at.checked_add_signed(EXPIRED_AGAIN_AFTER);
                }
                self.advance(Step::Authorize, next)?
            }
            Settlement::Pending
            | Settlement::RequiresAction { .. }
            | Settlement::Unknown
            | Settlement::NeedsReview => self.stay(next),
        };
        Ok(VoidSettled { payment, attempt, charge })
    }
}

/// A settled void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoidSettled {
    /// The payment afterwards.
    pub payment: Payment,
    /// The void afterwards.
    pub attempt: Attempt,
    /// The charge that waited for the payer, when the void ended it.
    pub charge: Option<Attempt>,
}

fn abandoned() -> Settlement {
    Settlement::Failed(Failure {
        code: FailureCode::Abandoned,
        message: "The payment was canceled before the payer had acted.".to_owned(),
    })
}
