//! Histories: a payment, what was tried with it, and what came of that.

use chrono::{DateTime, Duration, Utc};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::payments::{new_payment, settlement};
use super::values::{method_ref, reason};
use crate::{
    AUTHORIZATION_LIFETIME, Actor, Amount, Attempt, AttemptId, AttemptKind, AttemptStart, AttemptStatus,
    CancelRefused, Cancellation, CaptureRefused, ChargeRefused, Failure, FailureCode, FollowUp,
    IllegalChange, Metadata, MethodRef, NewPayment, NewRefund, Payment, Reason, Refund, RefundId,
    RefundRefused, RefundStatus, Settlement, State,
};

/// Something that may be tried with a payment, whether or not it is legal at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Charge, by another payment method where one is given.
    Charge(Option<MethodRef>),
    /// Capture a portion of the amount, or all.
    Capture(Option<Portion>),
    /// Cancel.
    Cancel(Option<Reason>),
    /// Refund a portion of the amount, or all that is left.
    Refund(Option<Portion>),
    /// The processor's answer to one of the open attempts.
    Settle {
        /// Which of them, modulo their number.
        choice: u8,
        /// The answer.
        settlement: Settlement,
    },
    /// A refund that was reported as succeeded fails after all.
    FailRefund {
        /// Which of them, modulo their number.
        choice: u8,
    },
    /// A charge that had succeeded is taken back by the payer's bank.
    Return,
    /// The time of an authorization passes.
    Expire,
}

/// A portion of a payment's amount in hundredths; above 100 it asks for too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion(pub u8);

impl Portion {
    /// The portion as an amount, at least one minor unit.
    #[must_use]
    pub fn of(self, amount: Amount) -> Amount {
        let minor = amount.minor().saturating_mul(i64::from(self.0)) / 100;
        Amount::new(minor.clamp(1, Amount::MAX_MINOR)).unwrap_or(amount)
    }
}

/// Why an action changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no attempt or refund that the action could be about.
    NothingToSettle,
    /// The payment can't be charged.
    Charge(ChargeRefused),
    /// The payment can't be captured.
    Capture(CaptureRefused),
    /// The payment can't be canceled.
    Cancel(CancelRefused),
    /// The payment can't be refunded.
    Refund(RefundRefused),
    /// An answer to an open attempt did not fit the payment. This is a defect of the rules.
    Illegal(IllegalChange),
}

/// A payment with all its attempts and refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The payment as it stands.
    pub payment: Payment,
    /// Its attempts, first to last.
    pub attempts: Vec<Attempt>,
    /// Its refunds, first to last.
    pub refunds: Vec<Refund>,
    now: DateTime<Utc>,
}

/// Any history that begins with a new payment.
pub fn history() -> impl Strategy<Value = History> {
    (new_payment(), vec(action(), 0..24)).prop_map(|(terms, actions)| History::of(terms, &actions))
}

/// Any history in which at least one refund was asked for.
pub fn refund_history() -> impl Strategy<Value = History> {
    (new_payment(), method_ref(), vec(action(), 0..16)).prop_map(|(terms, method, rest)| {
        let succeed = Action::Settle { choice: 0, settlement: Settlement::Succeeded };
        let mut actions = vec![Action::Charge(Some(method)), succeed.clone(), Action::Capture(None), succeed];
        actions.push(Action::Refund(Some(Portion(30))));
        actions.extend(rest);
        History::of(terms, &actions)
    })
}

/// Any action. Money is moved more often than not.
pub fn action() -> impl Strategy<Value = Action> {
    let portion = || of((1..=110_u8).prop_map(Portion));
    let settle = (any::<u8>(), settlement());
    prop_oneof![
        3 => of(method_ref()).prop_map(Action::Charge),
        2 => portion().prop_map(Action::Capture),
        1 => of(reason()).prop_map(Action::Cancel),
        4 => portion().prop_map(Action::Refund),
        8 => settle.prop_map(|(choice, settlement)| Action::Settle { choice, settlement }),
        1 => any::<u8>().prop_map(|choice| Action::FailRefund { choice }),
        1 => Just(Action::Return),
        1 => Just(Action::Expire),
    ]
}

impl History {
    /// The history of a new payment with which all the actions are tried in turn.
    #[must_use]
    pub fn of(terms: NewPayment, actions: &[Action]) -> Self {
        let now = terms.id.created_at();
        let payment = Payment::create(terms);
        let mut history = Self { payment, attempts: Vec::new(), refunds: Vec::new(), now };
        for action in actions {
            // A refusal is part of a legal history: it changes nothing.
            let _ = history.apply(action);
        }
        history
    }

    /// Tries an action one second after the last one.
    ///
    /// # Errors
    /// [`Refused`], and then nothing but the time has changed.
    pub fn apply(&mut self, action: &Action) -> Result<(), Refused> {
        self.now = self.now.checked_add_signed(Duration::seconds(1)).unwrap_or(self.now);
        match action {
            Action::Charge(method) => {
                let method = method.clone().filter(|_| self.payment.method_type.needs_processor());
                let method = method.map(|method| (method, self.payment.method_type));
                let started = self.payment.start_charge(self.start(), method);
                let (payment, attempt) = started.map_err(Refused::Charge)?;
                self.started(payment, attempt);
            }
            Action::Capture(portion) => {
                let amount = portion.map(|portion| portion.of(self.payment.amount));
                let started = self.payment.start_capture(amount, self.start());
                let (payment, attempt) = started.map_err(Refused::Capture)?;
                self.started(payment, attempt);
            }
            Action::Cancel(reason) => {
                match self.payment.cancel(reason.clone(), self.start()).map_err(Refused::Cancel)? {
                    Cancellation::Done(payment) | Cancellation::Remembered(payment) => self.payment = payment,
                    Cancellation::Void(payment, attempt) => self.started(payment, *attempt),
                }
            }
            Action::Refund(portion) => {
                let amount = portion.map(|portion| portion.of(self.payment.amount));
                let started = self.payment.start_refund(self.new_refund(amount), self.start());
                let started = started.map_err(Refused::Refund)?;
                self.refunds.push(started.refund);
                self.started(started.payment, started.attempt);
            }
            Action::Settle { choice, settlement } => {
                let attempt = choose(*choice, self.answerable()).ok_or(Refused::NothingToSettle)?;
                self.settle(&attempt, settlement)?;
            }
            Action::FailRefund { choice } => {
                let succeeded = self.refunds.iter().filter(|refund| refund.status == RefundStatus::Succeeded);
                let refund = choose(*choice, succeeded.cloned()).ok_or(Refused::NothingToSettle)?;
                self.settle_refund(&refund, &late_failure()).map_err(Refused::Illegal)?;
            }
            Action::Return => {
                let cleared = self.cleared_debit().ok_or(Refused::NothingToSettle)?;
                let (failure, payment) = (returned(), &self.payment);
                let returned = payment.return_charge(&cleared, &failure, self.now, Actor::System);
                let (payment, attempt) = returned.map_err(Refused::Illegal)?;
                self.changed(payment, [attempt]);
            }
            Action::Expire => {
                self.now = self.now.checked_add_signed(AUTHORIZATION_LIFETIME).unwrap_or(self.now);
                let expired = self.payment.expire(self.start());
                let (payment, attempt) = expired.ok_or(Refused::NothingToSettle)?;
                self.started(payment, attempt);
            }
        }
        Ok(())
    }

    /// The charge that a bank may take back: one that brought a payment what it still has.
    fn cleared_debit(&self) -> Option<Attempt> {
        let has_money = match self.payment.state() {
            State::Captured | State::PartiallyRefunded | State::Refunded => true,
            State::Canceled => !self.payment.facts.captured().is_zero(),
            // The refund that undoes a late success may be under way still.
            State::Processing => self.payment.under_way.is_none() && !self.payment.facts.captured().is_zero(),
            State::Pending | State::Authorized | State::Failed => false,
        };
        let mut charges = self.attempts.iter().filter(|attempt| attempt.kind == AttemptKind::Charge);
        charges.find(|charge| has_money && charge.status == AttemptStatus::Succeeded).cloned()
    }

    /// The open attempts that a processor may answer. While it has not said whether a charge that waits for
    /// the payer is called off, it says nothing else about that charge.
    fn answerable(&self) -> impl Iterator<Item = Attempt> {
        let open = self.attempts.iter().filter(|attempt| attempt.status.is_open());
        let voids = open.clone().any(|attempt| attempt.kind == AttemptKind::Void);
        open.filter(move |attempt| !(voids && attempt.kind == AttemptKind::Charge)).cloned()
    }

    fn settle(&mut self, attempt: &Attempt, settlement: &Settlement) -> Result<(), Refused> {
        match attempt.kind {
            AttemptKind::Charge => self.settle_charge(attempt, settlement),
            AttemptKind::Capture => {
                let payment = &self.payment;
                let settled = payment.settle_capture(attempt, settlement, None, self.now, Actor::System);
                let (payment, attempt) = settled.map_err(Refused::Illegal)?;
                self.changed(payment, [attempt]);
                Ok(())
            }
            AttemptKind::Void => {
                let open_charge = self.attempts.iter().find(|other| is_open_charge(other));
                let payment = &self.payment;
                let settled = payment.settle_void(attempt, open_charge, settlement, self.now, Actor::System);
                let settled = settled.map_err(Refused::Illegal)?;
                self.changed(settled.payment, [Some(settled.attempt), settled.charge].into_iter().flatten());
                Ok(())
            }
            AttemptKind::Refund => {
                let over = attempt.settle(settlement, None, self.now, Actor::System);
                let over = over.map_err(|over| Refused::Illegal(over.into()))?;
                let refund = self.refunds.iter().find(|refund| Some(refund.id) == attempt.refund_id).cloned();
                let refund = refund.ok_or(Refused::NothingToSettle)?;
                self.settle_refund(&refund, settlement).map_err(Refused::Illegal)?;
                self.changed(self.payment.clone(), [over]);
                Ok(())
            }
        }
    }

    /// Settles a charge, and starts at once what must follow when it had been canceled meanwhile.
    fn settle_charge(&mut self, attempt: &Attempt, settlement: &Settlement) -> Result<(), Refused> {
        let settled = self.payment.settle_charge(attempt, settlement, None, self.now, Actor::System);
        let settled = settled.map_err(Refused::Illegal)?;
        self.changed(settled.payment, [settled.attempt]);
        match settled.follow_up {
            None => {}
            Some(FollowUp::Void) => {
                let (payment, attempt) = self.payment.start_late_void(self.start());
                self.started(payment, attempt);
            }
            Some(FollowUp::Refund) => {
                let started = self.payment.start_late_refund(self.new_refund(None), self.start());
                let started = started.map_err(Refused::Refund)?;
                self.refunds.push(started.refund);
                self.started(started.payment, started.attempt);
            }
        }
        Ok(())
    }

    fn settle_refund(&mut self, refund: &Refund, settlement: &Settlement) -> Result<(), IllegalChange> {
        let settled = self.payment.settle_refund(refund, settlement, None, self.now, Actor::System)?;
        self.payment = settled.payment;
        if let Some(known) = self.refunds.iter_mut().find(|known| known.id == settled.refund.id) {
            *known = settled.refund;
        }
        Ok(())
    }

    fn started(&mut self, payment: Payment, attempt: Attempt) {
        self.payment = payment;
        self.attempts.push(attempt);
    }

    fn changed(&mut self, payment: Payment, attempts: impl IntoIterator<Item = Attempt>) {
        self.payment = payment;
        for changed in attempts {
            if let Some(known) = self.attempts.iter_mut().find(|known| known.id == changed.id) {
                *known = changed;
            }
        }
    }

    fn start(&self) -> AttemptStart {
        AttemptStart {
            id: AttemptId::from_bytes(self.next_id()),
            processor: "sandbox".to_owned(),
            lease_until: self.now.checked_add_signed(Duration::seconds(30)).unwrap_or(self.now),
            at: self.now,
            by: Actor::System,
        }
    }

    fn new_refund(&self, amount: Option<Amount>) -> NewRefund {
        let id = RefundId::from_bytes(self.next_id());
        NewRefund { id, amount, reason: None, metadata: Metadata::default() }
    }

    /// Time alone makes the ids unique: it goes on with each action.
    fn next_id(&self) -> [u8; 16] {
        AttemptId::first_at(self.now).bytes()
    }
}

fn is_open_charge(attempt: &Attempt) -> bool {
    attempt.kind == AttemptKind::Charge && attempt.status.is_open()
}

fn choose<T>(choice: u8, among: impl Iterator<Item = T>) -> Option<T> {
    let among: Vec<T> = among.collect();
    let index = usize::from(choice).checked_rem(among.len())?;
    among.into_iter().nth(index)
}

fn returned() -> Failure {
    let message = "The payer's bank returned the debit.".to_owned();
    Failure { code: FailureCode::BankDebitReturned, message }
}

fn late_failure() -> Settlement {
    Settlement::Failed(Failure {
        code: FailureCode::RefundDeclined,
        message: "The payer's bank sent the refund back.".to_owned(),
    })
}
