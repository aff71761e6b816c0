//! Whatever happens to payments, they are loaded as they were saved, and everything adds up.

use std::collections::BTreeSet;

use florin_domain::strategies::{Action, History, action, new_payment};
use florin_domain::{
    Attempt, AttemptStatus, CustomerId, Destination, MethodRef, MethodType, NewPayment, OpenItem, OpenItemId,
    Refund, RefundId, RefundStatus, Settlement, State, Total,
};
use florin_storage::read::{PaymentQuery, RefundQuery, count_payments, count_refunds};
use florin_storage::verify::verify;
use florin_storage::{AnyConnection, Needs, Realm, WorkingSet, load_payments};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::booking::{grant, invoice, store_customer, store_invoice, store_tenant};
use crate::harness::on_each_database;
use crate::samples::{put_payment, put_payment_for, put_refund, write};

/// Enough to come by every state of payments, attempts and refunds.
const HISTORIES: i64 = 120;

/// A new payment and what is tried with it: a charge first, in most cases.
pub(crate) fn story() -> impl Strategy<Value = (NewPayment, Vec<Action>)> {
    let charged = Just(vec![
        Action::Charge(MethodRef::parse("pm_test_success").ok()),
        Action::Settle { choice: 0, settlement: Settlement::Succeeded },
    ]);
    let begun = prop_oneof![1 => Just(Vec::new()), 3 => charged];
    (new_payment(), begun, vec(action(), 0..12)).prop_map(|(terms, mut actions, rest)| {
        actions.extend(rest);
        (terms, actions)
    })
}

fn realm_of(history: &History) -> Realm {
    Realm { tenant_id: history.payment.tenant_id, mode: history.payment.mode }
}

/// Everything that belongs to a history.
fn needs(history: &History) -> Needs {
    let realm = realm_of(history);
    Needs {
        payments: BTreeSet::from([(realm, history.payment.id)]),
        refunds: history.refunds.iter().map(|refund| (realm, refund.id)).collect(),
        ..Needs::default()
    }
}

/// Holds what was loaded against the history.
fn assert_loaded(set: &WorkingSet, history: &History) {
    let (realm, id) = (realm_of(history), history.payment.id);
    assert_eq!(set.payment(realm, id), Some(&history.payment));
    let attempts: Vec<_> = set.attempts(realm, id).cloned().collect();
    assert_eq!(attempts, history.attempts);
    for refund in &history.refunds {
        assert_eq!(set.refund(realm, refund.id), Some(refund));
    }
}

/// Tries an action on a history, and saves what it changed in a transaction of its own.
fn step(connection: &mut AnyConnection, history: &mut History, action: &Action) {
    let before = history.clone();
    // A refusal changes nothing, and then nothing is saved.
    let refused = history.apply(action).is_err();
    write(connection, &needs(&before), |set| {
        assert_loaded(set, &before);
        if refused {
            return;
        }
        history.payment = put_payment_for(set, history.payment.clone(), settled_refund(&before, history));
        for attempt in history.attempts.iter().filter(|attempt| !before.attempts.contains(attempt)) {
            set.put_attempt(attempt.clone());
        }
        for refund in history.refunds.iter_mut().filter(|refund| !before.refunds.contains(refund)) {
            *refund = put_refund(set, refund.clone());
        }
    })
    .unwrap();
}

/// The refund that has just been settled, if one was.
fn settled_refund(before: &History, after: &History) -> Option<RefundId> {
    let status =
        |refund: &Refund| before.refunds.iter().find(|known| known.id == refund.id).map(|it| it.status);
    let is_settled = |refund: &&Refund| status(refund).is_some_and(|status| status != refund.status);
    after.refunds.iter().find(is_settled).map(|refund| refund.id)
}

/// Stores what a payment of these terms refers to: its customer, with credits where it spends some, and its invoice.
fn store_around(connection: &mut AnyConnection, terms: &mut NewPayment) {
    let realm = Realm { tenant_id: terms.tenant_id, mode: terms.mode };
    let bytes = terms.id.bytes();
    store_tenant(connection, realm);
    // A history may return what was refunded already, as happens to bank debits alone: both would come to one account.
    if terms.method_type == MethodType::Credits && terms.amount.minor() > Total::MAX.minor() / 3 {
        terms.method_type = MethodType::Offline;
    }
    if terms.method_type == MethodType::Credits {
        terms.customer_id = Some(CustomerId::from_bytes(bytes));
    }
    if let Some(id) = terms.customer_id {
        store_customer(connection, realm, id);
        if terms.method_type == MethodType::Credits {
            grant(connection, (realm, id), terms.amount, terms.currency);
        }
    }
    terms.destination = terms.destination.take().map(|destination| {
        let invoice = invoice(realm, destination.invoice_id, "counted", (terms.amount, terms.currency));
        let invoice = store_invoice(connection, invoice, true);
        Destination { invoice_id: invoice.id, invoice_number: invoice.number }
    });
}

/// Lives through a story, and gives back what came of it.
pub(crate) fn live(connection: &mut AnyConnection, mut terms: NewPayment, actions: &[Action]) -> History {
    store_around(connection, &mut terms);
    let mut history = History::of(terms, &[]);
    let realm = realm_of(&history);
    let invoices = history.payment.destination.iter().map(|to| (realm, to.invoice_id)).collect();
    let created = |set: &mut WorkingSet| history.payment = put_payment(set, history.payment.clone());
    write(connection, &Needs { invoices, ..Needs::default() }, created).unwrap();
    for action in actions {
        step(connection, &mut history, action);
    }
    raise_reviews(connection, &history);
    history
}

/// Raises the items of what waits for a person, as the engine does when that begins.
fn raise_reviews(connection: &mut AnyConnection, history: &History) {
    let in_review = history.attempts.iter().filter(|attempt| attempt.status == AttemptStatus::NeedsReview);
    let item = |attempt: &Attempt| {
        OpenItem::needs_review(OpenItemId::from_bytes(attempt.id.bytes()), &history.payment, attempt)
    };
    let items: Vec<OpenItem> = in_review.map(item).collect();
    write(connection, &Needs::default(), |set| items.iter().cloned().for_each(|item| set.raise(item)))
        .unwrap();
}

#[test]
fn each_step_of_any_history_is_loaded_as_it_was_saved_and_verify_finds_nothing() {
    on_each_database(|database| {
        let connection = std::cell::RefCell::new(database.connect());
        let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
        let run = TestRunner::new(config).run(&story(), |(terms, actions)| {
            let connection = &mut *connection.borrow_mut();
            let history = live(connection, terms, &actions);
            let keys = BTreeSet::from([(realm_of(&history), history.payment.id)]);
            prop_assert_eq!(load_payments(connection, &keys).unwrap(), [(history.payment, history.attempts)]);
            Ok(())
        });
        run.unwrap();
        let mut violations = Vec::new();
        let summary =
            verify(&mut connection.borrow_mut(), &mut |violation| violations.push(violation)).unwrap();
        assert_eq!(violations, []);
        assert!(summary.payments >= 40 && summary.transactions >= 10 && summary.invoices >= 5, "{summary}");
    });
}

#[test]
fn counters_are_exact_for_each_state_after_any_histories_of_one_realm() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let realm = crate::samples::realm(1);
        let mut runner = TestRunner::deterministic();
        let (mut states, mut refunds) = (Vec::new(), 0);
        let (mut attempts_seen, mut refunds_seen) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..HISTORIES {
            let (terms, actions) = story().new_tree(&mut runner).unwrap().current();
            let terms = NewPayment { tenant_id: realm.tenant_id, mode: realm.mode, ..terms };
            let history = live(&mut connection, terms, &actions);
            states.push(history.payment.state());
            refunds += i64::try_from(history.refunds.len()).unwrap();
            attempts_seen.extend(history.attempts.iter().map(|attempt| attempt.status));
            refunds_seen.extend(history.refunds.iter().map(|refund| refund.status));
        }
        for state in State::ALL {
            let query = PaymentQuery { states: Some(vec![state]), ..PaymentQuery::all(realm) };
            let expected = states.iter().filter(|other| **other == state).count();
            assert!(expected > 0, "no history ended {state}");
            assert_eq!(count_payments(&mut connection, &query).unwrap(), i64::try_from(expected).unwrap());
        }
        assert_eq!(count_payments(&mut connection, &PaymentQuery::all(realm)).unwrap(), HISTORIES);
        assert_eq!(attempts_seen.len(), AttemptStatus::ALL.len());
        assert_eq!(refunds_seen.len(), RefundStatus::ALL.len());
        assert_eq!(count_refunds(&mut connection, &RefundQuery::all(realm)).unwrap(), refunds);
        assert_eq!(count_refunds(&mut connection, &RefundQuery::all(crate::samples::realm(2))).unwrap(), 0);
    });
}
