use std::collections::BTreeSet;

use florin_domain::strategies::{
    History, Refused, action, facts, history, new_payment, refund_history, sums,
};
use florin_domain::{
    Actor, AttemptKind, AttemptStatus, Facts, IllegalChange, Payment, RefundStatus, Settlement, State, Total,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn sum_of_refunds(history: &History, status: RefundStatus) -> i64 {
    let refunds = history.refunds.iter().filter(|refund| refund.status == status);
    refunds.map(|refund| refund.amount.minor()).sum()
}

fn check_money_rules(payment: &Payment) -> Result<(), TestCaseError> {
    let facts = payment.facts;
    prop_assert!(facts.refunded().minor() + facts.held().minor() <= facts.captured().minor());
    prop_assert!(facts.captured() <= facts.authorized());
    prop_assert!(facts.authorized() <= Total::from(facts.amount()));
    prop_assert_eq!(facts.amount(), payment.amount);
    prop_assert!(payment.refundable() <= facts.refundable());
    Ok(())
}

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn no_sequence_of_operations_breaks_a_money_rule(terms in new_payment(), actions in vec(action(), 1..30)) {
        let mut history = History::of(terms, &[]);
        for action in &actions {
            let before = history.clone();
            match history.apply(action) {
                Ok(()) => check_money_rules(&history.payment)?,
                Err(refused) => {
                    prop_assert!(!matches!(refused, Refused::Illegal(_)), "{refused:?} after {action:?}");
                    prop_assert_eq!(&history.payment, &before.payment);
                    prop_assert_eq!(&history.attempts, &before.attempts);
                    prop_assert_eq!(&history.refunds, &before.refunds);
                }
            }
        }
    }

    #[test]
    fn the_sums_of_a_payment_are_those_of_its_refunds(history in refund_history()) {
        let facts = history.payment.facts;
        prop_assert_eq!(facts.refunded().minor(), sum_of_refunds(&history, RefundStatus::Succeeded));
        prop_assert_eq!(facts.held().minor(), sum_of_refunds(&history, RefundStatus::Pending));
    }

    #[test]
    fn attempts_and_refunds_of_a_payment_have_ids_of_their_own(history in refund_history()) {
        let attempts: BTreeSet<_> = history.attempts.iter().map(|attempt| attempt.id).collect();
        let refunds: BTreeSet<_> = history.refunds.iter().map(|refund| refund.id).collect();
        prop_assert_eq!(attempts.len(), history.attempts.len());
        prop_assert_eq!(refunds.len(), history.refunds.len());
    }

    #[test]
    fn no_void_is_under_way_for_a_charge_that_needs_review(history in history()) {
        let open = |kind| {
            history.attempts.iter().find(move |attempt| attempt.kind == kind && attempt.status.is_open())
        };
        if let (Some(_), Some(charge)) = (open(AttemptKind::Void), open(AttemptKind::Charge)) {
            prop_assert_ne!(charge.status, AttemptStatus::NeedsReview);
            // Nor does it become one that needs review before the void is over.
            let (at, by) = (history.payment.updated_at, Actor::System);
            let reviewed = history.payment.settle_charge(charge, &Settlement::NeedsReview, None, at, by);
            prop_assert!(matches!(reviewed, Err(IllegalChange::NotUnderWay { .. })), "{reviewed:?}");
        }
    }

    #[test]
    fn a_stored_payment_is_restored_with_its_own_state_and_no_other(history in history()) {
        let payment = history.payment;
        for state in State::ALL {
            let restored = Payment::restore(payment.clone().into_record(), state);
            prop_assert_eq!(restored.is_ok(), state == payment.state());
        }
    }

    #[test]
    fn sums_that_break_a_rule_are_no_facts(good in facts(), sums in sums()) {
        prop_assert_eq!(Facts::new(good.amount(), good.sums()), Ok(good));
        let holds = sums.refunded.minor() + sums.held.minor() <= sums.captured.minor()
            && sums.captured <= sums.authorized
            && sums.authorized <= Total::from(good.amount())
            && sums.returned <= sums.captured;
        prop_assert_eq!(Facts::new(good.amount(), sums).is_ok(), holds);
    }
}

#[test]
fn random_histories_reach_every_state() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..500 {
        let history = prop_oneof![history(), refund_history()].new_tree(&mut runner).unwrap().current();
        reached.insert(history.payment.state());
    }
    assert_eq!(reached, BTreeSet::from(State::ALL));
}
