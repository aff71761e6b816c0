//! What undoes a charge: late refunds that meet a return, and authorizations whose time is over.

use florin_domain::strategies::{Action, History, new_payment};
use florin_domain::{
    AUTHORIZATION_EXPIRED, AUTHORIZATION_LIFETIME, CaptureMethod, EXPIRED_AGAIN_AFTER, Failure, FailureCode,
    MethodRef, MethodType, NewPayment, Settlement, State,
};
use proptest::prelude::*;

fn failed() -> Settlement {
    let message = "The processor refused.".to_owned();
    Settlement::Failed(Failure { code: FailureCode::OperationDeclined, message })
}

fn settle(settlement: Settlement) -> Action {
    Action::Settle { choice: 0, settlement }
}

fn charge() -> Action {
    Action::Charge(MethodRef::parse("pm_1").ok())
}

fn by(terms: NewPayment, method_type: MethodType, capture_method: CaptureMethod) -> NewPayment {
    NewPayment { method_type, capture_method, destination: None, ..terms }
}

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn a_debit_that_is_returned_while_its_late_refund_is_under_way_waits_for_nothing(
        terms in new_payment(), refunded: bool,
    ) {
        let terms = by(terms, MethodType::Ach, CaptureMethod::Automatic);
        let late = [charge(), Action::Cancel(None), settle(Settlement::Succeeded), Action::Return];
        let mut history = History::of(terms, &late);
        let facts = history.payment.facts;
        prop_assert_eq!((facts.returned(), facts.held()), (facts.captured(), facts.captured()));
        prop_assert!(!facts.returned().is_zero());
        prop_assert_eq!(history.payment.state(), State::Processing);
        let outcome = if refunded { Settlement::Succeeded } else { failed() };
        prop_assert_eq!(history.apply(&settle(outcome)), Ok(()));
        let expected = if refunded { State::Canceled } else { State::Failed };
        prop_assert_eq!(history.payment.state(), expected);
        prop_assert_eq!(history.payment.failed_at.is_some(), !refunded);
    }

    #[test]
    fn an_authorization_expires_by_a_void_and_ends_canceled(terms in new_payment()) {
        let terms = by(terms, MethodType::Card, CaptureMethod::Manual);
        let mut history = History::of(terms, &[charge(), settle(Settlement::Succeeded), Action::Expire]);
        prop_assert_eq!(history.payment.state(), State::Processing);
        // A capture at the same instant comes too late.
        prop_assert!(history.apply(&Action::Capture(None)).is_err());
        prop_assert_eq!(history.apply(&settle(Settlement::Succeeded)), Ok(()));
        prop_assert_eq!(history.payment.state(), State::Canceled);
        let reason = history.payment.cancellation_reason.as_ref().map(|reason| reason.as_str());
        prop_assert_eq!(reason, Some(AUTHORIZATION_EXPIRED));
    }

    #[test]
    fn an_expired_authorization_that_can_not_be_given_up_stands_and_is_tried_again(terms in new_payment()) {
        let terms = by(terms, MethodType::Card, CaptureMethod::Manual);
        let tried = [charge(), settle(Settlement::Succeeded), Action::Expire, settle(failed())];
        let mut history = History::of(terms, &tried);
        let payment = &history.payment;
        prop_assert_eq!(payment.state(), State::Authorized);
        prop_assert!(payment.cancellation_reason.is_none() && payment.cancel_requested_at.is_none());
        let again = payment.authorization_expires_at.map(|at| at - payment.updated_at);
        prop_assert_eq!(again, Some(EXPIRED_AGAIN_AFTER));
        prop_assert_eq!(history.apply(&Action::Expire), Ok(()));
    }

    #[test]
    fn what_is_captured_or_being_captured_does_not_expire(terms in new_payment(), done: bool) {
        let terms = by(terms, MethodType::Card, CaptureMethod::Manual);
        let mut history = History::of(terms, &[charge(), settle(Settlement::Succeeded), Action::Capture(None)]);
        if done {
            prop_assert_eq!(history.apply(&settle(Settlement::Succeeded)), Ok(()));
        }
        prop_assert!(history.apply(&Action::Expire).is_err());
        prop_assert!(AUTHORIZATION_LIFETIME > EXPIRED_AGAIN_AFTER);
    }
}
