//! The rules that every connector keeps to, checked on a processor that moves no money (feature `conformance`).
//!
//! The engine relies on each of them, so a connector is finished when [`check`] finds none broken. A rule that the other
//! side can't show (an imitation without idempotency keys) is exempted by name and with the reason; an exemption that is
//! not needed is reported too, so that none outlives its reason.
//!
//! ```no_run
//! # async fn example(connector: florin_processors::Sandbox, next_id: fn() -> [u8; 16]) {
//! use florin_processors::conformance::{Bench, TestMethods, check};
//! let bench = Bench::new(&connector, &next_id, TestMethods::named("pm_test_success", "pm_test_decline"));
//! let report = check(&bench).await;
//! assert!(report.is_kept(), "{report}");
//! # }
//! ```

mod charges;
mod follow_ups;
mod records;
mod refusals;

use std::fmt;
use std::time::Duration;

use florin_domain::{Amount, AttemptId, AttemptKind, Currency, MethodRef, MethodType, PaymentId, RefundId};

use crate::{
    CaptureRequest, ChargeRequest, Found, LookUp, Movement, Outcome, Processor, RefundRequest, Request,
    VoidRequest, Window,
};

/// What the rules are checked with.
pub struct Bench<'a> {
    /// The connector.
    pub processor: &'a dyn Processor,
    /// Gives the bytes of a new UUID of version 7 each time, by the time that it is now.
    pub next_id: &'a (dyn Fn() -> [u8; 16] + Sync),
    /// What is charged.
    pub methods: TestMethods,
    /// How much, at least 4 minor units and even.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Where a payer who has to act comes back to.
    pub return_url: Option<String>,
    /// Rules that the other side can't show, each with the reason.
    pub exempt: Vec<(Rule, &'static str)>,
}

/// Payment methods of the processor's test environment.
pub struct TestMethods {
    /// A card that is accepted, captured and refunded.
    pub accepted: MethodRef,
    /// A card that is declined.
    pub declined: MethodRef,
    /// A card whose holder has to act, where there is one.
    pub needs_action: Option<MethodRef>,
    /// One that the processor has never heard of, in the right form.
    pub unheard_of: MethodRef,
}

macro_rules! rules {
    ($($(#[$doc:meta])+ $name:ident = $check:path;)+) => {
        /// A rule; its documentation is what it says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Rule {
            $($(#[$doc])+ $name,)+
        }

        impl Rule {
            /// All rules, in the order in which they are checked.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)+];

            async fn check(self, bench: &Bench<'_>) -> Checked {
                match self {
                    $(Rule::$name => $check(bench).await,)+
                }
            }
        }
    };
}

rules! {
    /// A charge of an accepted card succeeds and has a reference.
    ChargeSucceeds = charges::charge_succeeds;
    /// What succeeded is found by its reference, as it was answered.
    FoundByReference = charges::found_by_reference;
    /// What succeeded is found by the attempt's id alone: the answer may have been lost.
    FoundWithoutReference = charges::found_without_reference;
    /// An attempt that was never sent is not found, of whatever kind.
    UnsentIsNotFound = charges::unsent_is_not_found;
    /// The same charge sent again has no second effect, and the first answer.
    SameChargeOnce = charges::same_charge_once;
    /// The same charge sent twice at once has one effect.
    SameChargeAtOnce = charges::same_charge_at_once;
    /// Another charge under the same attempt's id is not carried out.
    OtherChargeNever = charges::other_charge_never;
    /// A decline has a code and a message, and a look-up never makes a success of it.
    DeclineIsTold = refusals::decline_is_told;
    /// A payment method that nobody has heard of is declined.
    UnheardOfIsDeclined = refusals::unheard_of_is_declined;
    /// An amount that the processor can't express is declined, without an effect.
    InexpressibleIsDeclined = refusals::inexpressible_is_declined;
    /// A currency that the processor doesn't take is declined, without an effect.
    UntakenIsDeclined = refusals::untaken_is_declined;
    /// A payer who has to act is told where, and a look-up tells it again.
    ActionHasAddress = refusals::action_has_address;
    /// A charge that needs its absent payer is declined.
    AbsentPayerIsDeclined = refusals::absent_payer_is_declined;
    /// What was authorized can be captured in full, and the capture is found.
    CaptureInFull = follow_ups::capture_in_full;
    /// What was authorized can be captured in part, where the capabilities say so.
    CaptureInPart = follow_ups::capture_in_part;
    /// The same capture sent again has the first answer.
    SameCaptureOnce = follow_ups::same_capture_once;
    /// What was authorized can be voided, and the void is found.
    VoidReleases = follow_ups::void_releases;
    /// What was voided is not captured.
    VoidedIsNotCaptured = follow_ups::voided_is_not_captured;
    /// What was captured is not voided.
    CapturedIsNotVoided = follow_ups::captured_is_not_voided;
    /// Refunds in parts succeed, each with a reference of its own, by which and without which it is found.
    RefundInParts = follow_ups::refund_in_parts;
    /// The same refund sent again has no second effect.
    SameRefundOnce = follow_ups::same_refund_once;
    /// Not more is refunded than was captured.
    NoRefundBeyond = follow_ups::no_refund_beyond;
    /// A webhook that nobody signed is refused.
    UnsignedIsRefused = records::unsigned_is_refused;
    /// The list has each charge and refund once, with its attempt, sum and state, where the capabilities say so.
    ListTellsAll = records::list_tells_all;
    /// The list of another time has none of them.
    ListKeepsToWindow = records::list_keeps_to_window;
}

/// What a check found. `Ok(false)` where the rule does not apply.
type Checked = Result<bool, String>;

/// How a rule fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept.
    Kept,
    /// It is not, and how that showed.
    Broken(String),
    /// It is exempt, for this reason, and would indeed be broken.
    Exempt(&'static str),
    /// It does not apply: the capabilities or the bench leave it out.
    NotApplicable,
}

/// How all rules fared.
#[derive(Clone, Debug)]
pub struct Report {
    /// Each rule once.
    pub verdicts: Vec<(Rule, Verdict)>,
}

impl Report {
    /// Whether no rule is broken.
    pub fn is_kept(&self) -> bool {
        self.broken().is_empty()
    }

    /// The rules that are broken.
    pub fn broken(&self) -> Vec<Rule> {
        let broken =
            |(rule, verdict): &(Rule, Verdict)| matches!(verdict, Verdict::Broken(_)).then_some(*rule);
        self.verdicts.iter().filter_map(broken).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (rule, verdict) in &self.verdicts {
            let name = format!("{rule:?}");
            match verdict {
                Verdict::Kept => writeln!(f, "{name:24} kept")?,
                Verdict::Broken(how) => writeln!(f, "{name:24} BROKEN: {how}")?,
                Verdict::Exempt(reason) => writeln!(f, "{name:24} exempt: {reason}")?,
                Verdict::NotApplicable => writeln!(f, "{name:24} does not apply")?,
            }
        }
        Ok(())
    }
}

/// Checks every rule, one after the other.
pub async fn check(bench: &Bench<'_>) -> Report {
    let mut verdicts = Vec::new();
    for rule in Rule::ALL {
        let exemption = bench.exempt.iter().find(|(exempt, _)| exempt == rule).map(|(_, reason)| *reason);
        let verdict = match (rule.check(bench).await, exemption) {
            (Ok(true), None) => Verdict::Kept,
            (Ok(true), Some(_)) => Verdict::Broken("it is kept, and its exemption is not needed".to_owned()),
            (Ok(false), _) => Verdict::NotApplicable,
            (Err(_), Some(reason)) => Verdict::Exempt(reason),
            (Err(how), None) => Verdict::Broken(how),
        };
        verdicts.push((*rule, verdict));
    }
    Report { verdicts }
}

impl TestMethods {
    /// Two cards by their names; nobody has to act, and `pm_unheardOf` has never been heard of.
    ///
    /// # Panics
    /// When a name is no payment method at all.
    pub fn named(accepted: &str, declined: &str) -> TestMethods {
        let method = |name: &str| MethodRef::parse(name).expect("the bench names a payment method");
        TestMethods {
            accepted: method(accepted),
            declined: method(declined),
            needs_action: None,
            unheard_of: method("pm_unheardOf"),
        }
    }
}

impl<'a> Bench<'a> {
    /// A bench of 10 dollars without exemptions.
    ///
    /// # Panics
    /// Never: 10 dollars are an amount.
    pub fn new(
        processor: &'a dyn Processor,
        next_id: &'a (dyn Fn() -> [u8; 16] + Sync),
        methods: TestMethods,
    ) -> Bench<'a> {
        Bench {
            processor,
            next_id,
            methods,
            amount: Amount::new(1000).expect("within the bounds"),
            currency: Currency::USD,
            return_url: None,
            exempt: Vec::new(),
        }
    }

    fn charge_of(&self, method: &MethodRef) -> ChargeRequest {
        ChargeRequest {
            attempt_id: AttemptId::from_bytes((self.next_id)()),
            payment_id: PaymentId::from_bytes((self.next_id)()),
            amount: self.amount,
            currency: self.currency,
            payment_method: method.clone(),
            method_type: MethodType::Card,
            description: None,
            return_url: None,
            off_session: false,
        }
    }

    /// A charge that the processor accepts.
    fn charge(&self) -> ChargeRequest {
        self.charge_of(&self.methods.accepted)
    }

    fn capture(&self, charge: &ChargeRequest, reference: &str, amount: Amount) -> CaptureRequest {
        CaptureRequest {
            attempt_id: AttemptId::from_bytes((self.next_id)()),
            payment_id: charge.payment_id,
            reference: reference.to_owned(),
            amount,
            currency: charge.currency,
            payment_method: charge.payment_method.clone(),
        }
    }

    fn void(&self, charge: &ChargeRequest, reference: &str) -> VoidRequest {
        VoidRequest {
            attempt_id: AttemptId::from_bytes((self.next_id)()),
            payment_id: charge.payment_id,
            reference: reference.to_owned(),
            payment_method: charge.payment_method.clone(),
        }
    }

    fn refund(&self, charge: &ChargeRequest, reference: &str, amount: Amount) -> RefundRequest {
        RefundRequest {
            attempt_id: AttemptId::from_bytes((self.next_id)()),
            refund_id: RefundId::from_bytes((self.next_id)()),
            payment_id: charge.payment_id,
            reference: reference.to_owned(),
            amount,
            currency: charge.currency,
            payment_method: charge.payment_method.clone(),
        }
    }

    /// The amount less `minor`, or more by `-minor`.
    fn less(&self, minor: i64) -> Result<Amount, String> {
        Amount::new(self.amount.minor() - minor).map_err(|refused| format!("the bench's amount: {refused}"))
    }

    async fn send(&self, request: &Request) -> Outcome {
        self.processor.send(request.clone()).await
    }

    /// What a look-up tells of a request, with or without the reference that its answer gave.
    async fn look_up(&self, request: &Request, reference: Option<&str>) -> Result<Found, String> {
        let attempt = about(request, self.amount, self.currency, reference);
        self.processor.look_up(&attempt).await.map_err(|failed| failed.to_string())
    }

    /// All movements of an hour around an attempt.
    async fn list_around(&self, attempt: AttemptId) -> Result<Vec<Movement>, String> {
        let (at, hour) = (attempt.created_at(), Duration::from_secs(3600));
        self.list(Window { from: at - hour, until: at + hour }).await
    }

    async fn list(&self, window: Window) -> Result<Vec<Movement>, String> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.processor.list(window, cursor).await.map_err(|failed| failed.to_string())?;
            all.extend(page.movements);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }
}

fn about(request: &Request, amount: Amount, currency: Currency, reference: Option<&str>) -> LookUp {
    let (refund_id, charge_reference, amount) = match request {
        Request::Authorize(charge) | Request::Charge(charge) => (None, None, charge.amount),
        Request::Capture(capture) => (None, Some(capture.reference.clone()), capture.amount),
        Request::Void(void) => (None, Some(void.reference.clone()), amount),
        Request::Refund(refund) => (Some(refund.refund_id), Some(refund.reference.clone()), refund.amount),
    };
    LookUp {
        attempt_id: request.attempt_id(),
        kind: request.kind(),
        payment_id: request.payment_id(),
        refund_id,
        amount,
        currency,
        reference: reference.map(str::to_owned),
        charge_reference,
    }
}

/// The reference of what succeeded.
fn succeeded(outcome: Outcome) -> Result<String, String> {
    match outcome {
        Outcome::Succeeded { reference } if !reference.is_empty() => Ok(reference),
        other => Err(format!("no success: {other:?}")),
    }
}

fn declined(outcome: &Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Declined { message, .. } if !message.is_empty() => Ok(()),
        other => Err(format!("no decline with a message: {other:?}")),
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// What a look-up found has to be a success with this reference.
fn found_success(found: Found, reference: &str) -> Result<(), String> {
    let expected = Found::Outcome(Outcome::Succeeded { reference: reference.to_owned() });
    ensure(found == expected, || format!("a look-up finds {found:?} instead of the success {reference}"))
}

/// The kind of a follow-up's attempt, for messages.
fn named(kind: AttemptKind) -> &'static str {
    kind.as_str()
}
