//! The sandbox's test payment methods, and what each does.
//!
//! Two pure tables: what a request meets ([`meet`]), and what time makes of it ([`ripen`]).

use std::time::Duration;

use florin_domain::{AttemptKind, MethodType};

use super::SandboxSettings;
use super::entry::{Entry, EntryOutcome};
use crate::{DeclineCode, InvalidMethod, MethodCheck, Request};

/// A test payment method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TestMethod {
    Success,
    Decline,
    InsufficientFunds,
    Expired,
    Ach,
    AchReturn,
    Timeout,
    TimeoutLost,
    RequiresAction,
    ProcessorError,
    RefundFails,
    RefundPending,
}

/// What a request meets at the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encounter {
    /// It is dealt with and answered.
    Answered(EntryOutcome),
    /// It succeeds, and the answer gets lost.
    DoneButLost,
    /// It never arrives, and no answer comes.
    NeverArrived,
    /// The sandbox answers as a processor does whose server failed. Nothing was done.
    ServerError,
}

/// The ids that a payment page offers, in this order.
pub(super) const OFFERED: &[&str] = &[
    "pm_test_success",
    "pm_test_decline",
    "pm_test_insufficient_funds",
    "pm_test_expired",
    "pm_test_requires_action",
    "pm_test_ach",
    "pm_test_ach_return",
    "pm_test_timeout",
    "pm_test_timeout_lost",
    "pm_test_processor_error",
    "pm_test_refund_fails",
    "pm_test_refund_pending",
];

impl TestMethod {
    /// The method of that id, if there is one.
    pub(super) fn find(id: &str) -> Option<TestMethod> {
        match id {
            // The dokiapp page uses the second id in its examples.
            "pm_test_success" | "pm_1234567890" => Some(TestMethod::Success),
            "pm_test_decline" => Some(TestMethod::Decline),
            "pm_test_insufficient_funds" => Some(TestMethod::InsufficientFunds),
            "pm_test_expired" => Some(TestMethod::Expired),
            "pm_test_ach" => Some(TestMethod::Ach),
            "pm_test_ach_return" => Some(TestMethod::AchReturn),
            "pm_test_timeout" => Some(TestMethod::Timeout),
            "pm_test_timeout_lost" => Some(TestMethod::TimeoutLost),
            "pm_test_requires_action" => Some(TestMethod::RequiresAction),
            "pm_test_processor_error" => Some(TestMethod::ProcessorError),
            "pm_test_refund_fails" => Some(TestMethod::RefundFails),
            "pm_test_refund_pending" => Some(TestMethod::RefundPending),
            _ => None,
        }
    }

    /// Whether it may be charged, and as what.
    pub(super) fn check(self) -> MethodCheck {
        match self {
            TestMethod::Expired => MethodCheck::Invalid(InvalidMethod::Expired),
            TestMethod::Ach | TestMethod::AchReturn => MethodCheck::Usable { method_type: MethodType::Ach },
            TestMethod::Success
            | TestMethod::Decline
            | TestMethod::InsufficientFunds
            | TestMethod::Timeout
            | TestMethod::TimeoutLost
            | TestMethod::RequiresAction
            | TestMethod::ProcessorError
            | TestMethod::RefundFails
            | TestMethod::RefundPending => MethodCheck::Usable { method_type: MethodType::Card },
        }
    }
}

/// What `request` meets.
///
/// Only charges and refunds differ by payment method; captures and voids succeed, and so does a refund of a payment
/// that the sandbox never charged: see the [module](super).
pub(super) fn meet(request: &Request) -> Encounter {
    let method = TestMethod::find(request.payment_method().as_str());
    match request {
        Request::Authorize(charge) | Request::Charge(charge) => meet_charge(method, charge.off_session),
        Request::Refund(_) => meet_refund(method),
        Request::Capture(_) | Request::Void(_) => Encounter::Answered(EntryOutcome::Succeeded),
    }
}

fn meet_charge(method: Option<TestMethod>, off_session: bool) -> Encounter {
    let declined = |code| Encounter::Answered(EntryOutcome::Declined { code });
    match method {
        None | Some(TestMethod::Decline) => declined(DeclineCode::Declined),
        Some(TestMethod::InsufficientFunds) => declined(DeclineCode::InsufficientFunds),
        Some(TestMethod::Expired) => declined(DeclineCode::ExpiredPaymentMethod),
        Some(TestMethod::Ach | TestMethod::AchReturn) => Encounter::Answered(EntryOutcome::Pending),
        Some(TestMethod::Timeout) => Encounter::DoneButLost,
        Some(TestMethod::TimeoutLost) => Encounter::NeverArrived,
        Some(TestMethod::ProcessorError) => Encounter::ServerError,
        Some(TestMethod::RequiresAction) if off_session => declined(DeclineCode::ActionNotCompleted),
        Some(TestMethod::RequiresAction) => Encounter::Answered(EntryOutcome::RequiresAction),
        Some(TestMethod::Success | TestMethod::RefundFails | TestMethod::RefundPending) => {
            Encounter::Answered(EntryOutcome::Succeeded)
        }
    }
}

fn meet_refund(method: Option<TestMethod>) -> Encounter {
    Encounter::Answered(match method {
        Some(TestMethod::RefundFails) => EntryOutcome::Declined { code: DeclineCode::RefundDeclined },
        Some(TestMethod::RefundPending) => EntryOutcome::Pending,
        _ => EntryOutcome::Succeeded,
    })
}

/// What `entry` has turned into, `waited` after it was written; `None` while it stands.
///
/// A debit that is returned clears first: its return counts from the entry that says it has cleared, so that nobody
/// can miss that it had.
pub(super) fn ripen(entry: &Entry, waited: Duration, settings: &SandboxSettings) -> Option<EntryOutcome> {
    let method = TestMethod::find(entry.payment_method.as_str())?;
    let (delay, next) = match (entry.kind, method, entry.outcome) {
        (AttemptKind::Charge, TestMethod::Ach | TestMethod::AchReturn, EntryOutcome::Pending) => {
            (settings.ach_delay, EntryOutcome::Succeeded)
        }
        (AttemptKind::Charge, TestMethod::AchReturn, EntryOutcome::Succeeded) => {
            (settings.ach_return_delay, EntryOutcome::Returned)
        }
        (AttemptKind::Refund, TestMethod::RefundPending, EntryOutcome::Pending) => {
            (settings.refund_delay, EntryOutcome::Succeeded)
        }
        _ => return None,
    };
    (waited >= delay).then_some(next)
}
