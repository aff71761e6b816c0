//! One payment of the model, in plain words, without the domain's types or rules.

pub(crate) use super::method::{Around, Method, Money, New, Told};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting,
    /// The charge's outcome is unknown: whether it really happened, and when recovery looks.
    Unknown {
        happened: bool,
        due: u64,
    },
    /// The payer was asked to act: what they did, when recovery looks, and how often it has.
    Acting {
        acted: Option<bool>,
        due: u64,
        looks: usize,
    },
    /// A bank debit that has not cleared: since when, and when recovery looks.
    Clearing {
        since: u64,
        due: u64,
        looks: usize,
    },
    Authorized,
    Paid,
    Failed,
    Canceled,
}

/// A payment in plain words.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub new: New,
    pub method: Option<Method>,
    pub stage: Stage,
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
    /// Refunds under way: how much, and when recovery looks.
    held: Vec<(i64, u64)>,
    pub description: Option<String>,
    pub error_code: Option<&'static str>,
    pub attempts: usize,
    cancel_wanted: bool,
    /// A payer has confirmed what was called off before anybody had looked.
    confirmed_in_vain: bool,
    /// What the payer's bank has taken back.
    pub returned: i64,
    watch: Option<Watch>,
    /// When an authorization is given up.
    expires: Option<u64>,
}

/// A bank debit that has cleared is looked at, since it may be returned.
#[derive(Clone, Copy, Debug)]
struct Watch {
    cleared: u64,
    due: u64,
    looks: usize,
}

/// How long the sandbox takes for a bank debit, and for its return, in seconds.
const ACH_DELAY: u64 = 5;
/// How long an authorization stands, in seconds.
const AUTHORIZED_FOR: u64 = 7 * 86_400;
/// How long a bank debit is watched, in seconds.
const WATCHED_FOR: u64 = 60 * 86_400;

/// When recovery looks again after so many looks, in seconds.
const SCHEDULE: [u64; 7] = [5, 30, 120, 600, 3_600, 21_600, 86_400];

fn next_look(now: u64, looks: usize) -> u64 {
    now + SCHEDULE[looks.min(6)]
}

impl Payment {
    /// A payment that nothing has happened to.
    pub(crate) fn new(new: New) -> Self {
        Payment {
            method: new.method,
            new,
            stage: Stage::Waiting,
            authorized: 0,
            captured: 0,
            refunded: 0,
            held: Vec::new(),
            description: None,
            error_code: None,
            attempts: 0,
            cancel_wanted: false,
            confirmed_in_vain: false,
            returned: 0,
            watch: None,
            expires: None,
        }
    }

    pub(crate) fn status(&self) -> (&'static str, &'static str) {
        match self.stage {
            Stage::Waiting => ("pending", "PENDING"),
            Stage::Unknown { .. } | Stage::Acting { .. } | Stage::Clearing { .. } => {
                ("pending", "PROCESSING")
            }
            Stage::Authorized => ("pending", "AUTHORIZED"),
            Stage::Paid if self.refunded == 0 => ("succeeded", "SUCCEEDED"),
            Stage::Paid if self.refunded < self.captured => ("refunded", "PARTIALLY_REFUNDED"),
            Stage::Paid => ("refunded", "REFUNDED"),
            Stage::Failed => ("failed", "FAILED"),
            Stage::Canceled => ("canceled", "CANCELED"),
        }
    }

    pub(crate) fn refundable(&self) -> i64 {
        let held: i64 = self.held.iter().map(|(amount, _)| amount).sum();
        if self.stage == Stage::Paid { self.captured - self.refunded - held } else { 0 }
    }

    pub(crate) fn waits_for_payer(&self) -> bool {
        matches!(self.stage, Stage::Acting { .. })
    }

    /// Whether it succeeded late, after its cancellation, and was undone.
    pub(crate) fn is_undone(&self) -> bool {
        self.cancel_wanted && self.stage == Stage::Canceled
    }

    /// What it has brought towards its invoice, and what it holds of it.
    pub(crate) fn share(&self) -> (i64, i64) {
        match self.stage {
            _ if !self.new.invoice => (0, 0),
            Stage::Unknown { .. } | Stage::Acting { .. } | Stage::Clearing { .. } | Stage::Authorized => {
                (0, self.new.amount)
            }
            Stage::Paid => (self.captured, 0),
            Stage::Waiting | Stage::Failed | Stage::Canceled => (0, 0),
        }
    }

    /// What the processor has taken.
    pub(crate) fn really_captured(&self) -> i64 {
        if self.new.money != Money::Processor {
            return 0;
        }
        let unseen = match self.stage {
            Stage::Unknown { happened: true, .. } | Stage::Acting { acted: Some(true), .. } => {
                !self.new.manual
            }
            _ => self.confirmed_in_vain && !self.new.manual,
        };
        if unseen { self.new.amount } else { self.captured }
    }

    /// What the processor has given back.
    pub(crate) fn really_refunded(&self) -> i64 {
        if self.new.money == Money::Processor { self.refunded } else { 0 }
    }

    fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Unknown { .. } | Stage::Acting { .. } | Stage::Clearing { .. })
    }

    /// Sends a charge; gives back the answer, given what success is answered with.
    pub(crate) fn charge(&mut self, method: Method, now: u64, success: u16) -> Told {
        self.method = Some(method);
        self.attempts += 1;
        self.error_code = None;
        let due = next_look(now, 0);
        let answer = match method {
            Method::Decline => self.fail("payment_declined"),
            Method::InsufficientFunds => self.fail("insufficient_funds"),
            Method::Ach | Method::AchReturn => {
                self.stage = Stage::Clearing { since: now, due, looks: 0 };
                (success, None)
            }
            Method::RequiresAction if self.new.off_session => self.fail("action_not_completed"),
            Method::RequiresAction => {
                self.stage = Stage::Acting { acted: None, due, looks: 0 };
                (success, None)
            }
            Method::Timeout => {
                self.stage = Stage::Unknown { happened: true, due };
                (202, None)
            }
            Method::TimeoutLost | Method::ProcessorError => {
                self.stage = Stage::Unknown { happened: false, due };
                (202, None)
            }
            _ => {
                self.succeed();
                (success, None)
            }
        };
        self.note_authorization(now);
        answer
    }

    fn note_authorization(&mut self, now: u64) {
        let expires = (self.stage == Stage::Authorized).then_some(now + AUTHORIZED_FOR);
        self.expires = self.expires.or(expires);
    }

    fn fail(&mut self, code: &'static str) -> Told {
        self.error_code = Some(code);
        self.stage = if self.cancel_wanted { Stage::Canceled } else { Stage::Failed };
        (402, Some(code))
    }

    fn succeed(&mut self) {
        self.authorized = self.new.amount;
        self.captured = if self.new.manual { 0 } else { self.new.amount };
        self.stage = match (self.cancel_wanted, self.new.manual) {
            (true, _) => Stage::Canceled,
            (false, true) => Stage::Authorized,
            (false, false) => Stage::Paid,
        };
        if self.cancel_wanted {
            self.refunded = self.captured;
        }
    }

    /// Books a charge that no processor is asked for.
    fn book(&mut self, around: &mut Around, success: u16) -> Told {
        self.attempts += 1;
        self.error_code = None;
        if self.new.money == Money::Credits {
            if around.credits < self.new.amount {
                return self.fail("insufficient_credits");
            }
            around.credits -= self.new.amount;
        }
        self.succeed();
        (success, None)
    }

    /// Why its terms are refused before there is a payment.
    pub(crate) fn refused(&self, around: &Around) -> Option<Told> {
        let by_invoice = || around.refused(self.new.amount).filter(|_| self.new.invoice);
        by_invoice().or_else(|| self.method_refused(self.new.method?))
    }

    fn method_refused(&self, method: Method) -> Option<Told> {
        let reserves =
            (method.is_bank_debit() && self.new.manual).then_some((400, Some("parameters_conflict")));
        method.refused().or(reserves)
    }

    /// Charges it for the first time, as part of its creation.
    pub(crate) fn begin(&mut self, now: u64, around: &mut Around) -> Told {
        match (self.new.money, self.method) {
            (Money::Processor, None) => (400, Some("parameter_missing")),
            (Money::Processor, Some(method)) => self.charge(method, now, 201),
            (Money::Offline | Money::Credits, _) => self.book(around, 201),
        }
    }

    pub(crate) fn process(&mut self, method: Option<Method>, now: u64, around: &mut Around) -> Told {
        if self.is_busy() {
            return (409, Some("operation_in_progress"));
        }
        if !matches!(self.stage, Stage::Waiting | Stage::Failed) || self.returned > 0 {
            return (409, Some("payment_not_processable"));
        }
        let by_invoice = || around.refused(self.new.amount).filter(|_| self.new.invoice);
        if self.new.money != Money::Processor {
            if method.is_some() {
                return (400, Some("parameters_conflict"));
            }
            return by_invoice().unwrap_or_else(|| self.book(around, 200));
        }
        let Some(method) = method.or(self.method) else { return (400, Some("parameter_missing")) };
        match self.method_refused(method).or_else(by_invoice) {
            Some(refused) => refused,
            None => self.charge(method, now, 200),
        }
    }

    pub(crate) fn capture(&mut self, amount: Option<i64>) -> Told {
        if self.is_busy() {
            return (409, Some("operation_in_progress"));
        }
        if self.stage != Stage::Authorized {
            return (409, Some("payment_not_capturable"));
        }
        let amount = amount.unwrap_or(self.authorized);
        if amount > self.authorized {
            return (422, Some("amount_exceeds_authorized"));
        }
        self.captured = amount;
        self.stage = Stage::Paid;
        (200, None)
    }

    pub(crate) fn cancel(&mut self) -> Told {
        match self.stage {
            Stage::Canceled => (409, Some("payment_already_canceled")),
            Stage::Paid | Stage::Failed => (400, Some("payment_not_cancelable")),
            Stage::Unknown { .. } | Stage::Clearing { .. } => {
                self.cancel_wanted = true;
                (202, None)
            }
            Stage::Waiting | Stage::Acting { .. } | Stage::Authorized => {
                self.confirmed_in_vain = matches!(self.stage, Stage::Acting { acted: Some(true), .. });
                self.stage = Stage::Canceled;
                (200, None)
            }
        }
    }

    pub(crate) fn refund(&mut self, amount: Option<i64>, now: u64, around: &mut Around) -> Told {
        if self.stage != Stage::Paid {
            return (400, Some("payment_not_refundable"));
        }
        if self.refunded == self.captured {
            return (409, Some("payment_already_refunded"));
        }
        let available = self.refundable();
        let amount = amount.unwrap_or(available.max(1));
        if amount > available {
            return (422, Some("refund_exceeds_available"));
        }
        match self.method {
            _ if self.new.money == Money::Credits => {
                self.refunded += amount;
                around.credits += amount;
            }
            Some(Method::RefundFails) => {}
            Some(Method::RefundPending) => self.held.push((amount, next_look(now, 0))),
            _ => self.refunded += amount,
        }
        (200, None)
    }

    /// Recovery looks; gives back whether anything has changed.
    pub(crate) fn look(&mut self, now: u64) -> bool {
        let mut changed = self.look_for_return(now);
        match &mut self.stage {
            Stage::Authorized if self.expires.is_some_and(|expires| expires <= now) => {
                (changed, self.stage) = (true, Stage::Canceled)
            }
            Stage::Clearing { since, due, .. } if *due <= now && now - *since >= ACH_DELAY => {
                changed = true;
                self.succeed();
                self.watch = Some(Watch { cleared: now, due: next_look(now, 0), looks: 0 });
            }
            Stage::Clearing { due, looks, .. } if *due <= now => {
                changed = true;
                *looks += 1;
                *due = next_look(now, *looks);
            }
            Stage::Unknown { happened, due } if *due <= now => {
                changed = true;
                if *happened {
                    self.succeed();
                } else {
                    self.fail("not_processed");
                }
            }
            Stage::Acting { acted, due, looks } if *due <= now => match *acted {
                Some(true) => {
                    changed = true;
                    self.succeed();
                }
                Some(false) => {
                    changed = true;
                    self.fail("action_not_completed");
                }
                None => {
                    *looks += 1;
                    *due = next_look(now, *looks);
                    // The attempt tells when it was looked at.
                    changed = true;
                }
            },
            _ => {}
        }
        let done: i64 = self.held.iter().filter(|(_, due)| *due <= now).map(|(amount, _)| amount).sum();
        self.held.retain(|(_, due)| *due > now);
        self.refunded += done;
        self.note_authorization(now);
        changed || done > 0
    }

    /// Looks whether a bank debit that has cleared was returned; the attempt tells when it was looked at.
    fn look_for_return(&mut self, now: u64) -> bool {
        let Some(watch) = self.watch.as_mut().filter(|watch| watch.due <= now) else { return false };
        watch.looks += 1;
        watch.due = next_look(now, watch.looks);
        if now - watch.cleared > WATCHED_FOR {
            self.watch = None;
        } else if self.method == Some(Method::AchReturn) && now - watch.cleared >= ACH_DELAY {
            self.watch = None;
            self.returned = self.captured;
            self.error_code = Some("bank_debit_returned");
            self.stage = if self.stage == Stage::Paid { Stage::Failed } else { self.stage };
        }
        true
    }
}
