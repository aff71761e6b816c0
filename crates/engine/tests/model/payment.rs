//! One payment of the model, in plain words, without the domain's types or rules.

/// The sandbox's payment methods, by what becomes of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Success,
    Decline,
    InsufficientFunds,
    Expired,
    Ach,
    Timeout,
    TimeoutLost,
    RequiresAction,
    ProcessorError,
    RefundFails,
    RefundPending,
    NoSuch,
}

impl Method {
    pub(crate) const ALL: [Method; 12] = [
        Method::Success,
        Method::Decline,
        Method::InsufficientFunds,
        Method::Expired,
        Method::Ach,
        Method::Timeout,
        Method::TimeoutLost,
        Method::RequiresAction,
        Method::ProcessorError,
        Method::RefundFails,
        Method::RefundPending,
        Method::NoSuch,
    ];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Method::Success => "pm_test_success",
            Method::Decline => "pm_test_decline",
            Method::InsufficientFunds => "pm_test_insufficient_funds",
            Method::Expired => "pm_test_expired",
            Method::Ach => "pm_test_ach",
            Method::Timeout => "pm_test_timeout",
            Method::TimeoutLost => "pm_test_timeout_lost",
            Method::RequiresAction => "pm_test_requires_action",
            Method::ProcessorError => "pm_test_processor_error",
            Method::RefundFails => "pm_test_refund_fails",
            Method::RefundPending => "pm_test_refund_pending",
            Method::NoSuch => "pm_test_no_such_method",
        }
    }

    /// Why it can't be charged at all.
    pub(crate) fn refused(self) -> Option<Told> {
        match self {
            Method::Expired => Some((422, Some("payment_method_invalid"))),
            Method::Ach => Some((422, Some("not_supported_yet"))),
            Method::NoSuch => Some((404, Some("payment_method_not_found"))),
            _ => None,
        }
    }
}

/// An answer's status and, of an error, its code.
pub(crate) type Told = (u16, Option<&'static str>);

/// What a payment is made of.
#[derive(Clone, Debug)]
pub(crate) struct New {
    pub amount: i64,
    pub method: Option<Method>,
    pub manual: bool,
    pub process: bool,
    pub off_session: bool,
}

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
}

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
        }
    }

    pub(crate) fn status(&self) -> (&'static str, &'static str) {
        match self.stage {
            Stage::Waiting => ("pending", "PENDING"),
            Stage::Unknown { .. } | Stage::Acting { .. } => ("pending", "PROCESSING"),
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

    /// What the processor has taken.
    pub(crate) fn really_captured(&self) -> i64 {
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
        self.refunded
    }

    fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Unknown { .. } | Stage::Acting { .. })
    }

    /// Sends a charge; gives back the answer, given what success is answered with.
    pub(crate) fn charge(&mut self, method: Method, now: u64, success: u16) -> Told {
        self.method = Some(method);
        self.attempts += 1;
        self.error_code = None;
        let due = next_look(now, 0);
        match method {
            Method::Decline => self.fail("payment_declined"),
            Method::InsufficientFunds => self.fail("insufficient_funds"),
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
        }
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

    pub(crate) fn process(&mut self, method: Option<Method>, now: u64) -> Told {
        if self.is_busy() {
            return (409, Some("operation_in_progress"));
        }
        if !matches!(self.stage, Stage::Waiting | Stage::Failed) {
            return (409, Some("payment_not_processable"));
        }
        let Some(method) = method.or(self.method) else { return (400, Some("parameter_missing")) };
        match method.refused() {
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
            Stage::Unknown { .. } => {
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

    pub(crate) fn refund(&mut self, amount: Option<i64>, now: u64) -> Told {
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
            Some(Method::RefundFails) => {}
            Some(Method::RefundPending) => self.held.push((amount, next_look(now, 0))),
            _ => self.refunded += amount,
        }
        (200, None)
    }

    /// Recovery looks; gives back whether anything has changed.
    pub(crate) fn look(&mut self, now: u64) -> bool {
        let mut changed = false;
        match &mut self.stage {
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
        changed || done > 0
    }
}
