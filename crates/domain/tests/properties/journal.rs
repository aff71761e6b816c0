use std::collections::BTreeMap;

use florin_domain::strategies::{Action, History, action, new_payment};
use florin_domain::{Account, TransactionType, movements};
use proptest::collection::vec;
use proptest::prelude::*;

/// Sums by type, and balances by account, of what a history has moved.
#[derive(Default)]
struct Books {
    sums: BTreeMap<TransactionType, i64>,
    balances: BTreeMap<Account, i64>,
}

impl Books {
    fn sum(&self, types: &[TransactionType]) -> i64 {
        types.iter().filter_map(|kind| self.sums.get(kind)).sum()
    }
}

/// Applies the actions one by one and books what each has moved, as an engine does.
fn book(history: &mut History, actions: &[Action]) -> Books {
    let mut books = Books::default();
    for action in actions {
        let before = history.payment.clone();
        let _refused = history.apply(action);
        for movement in movements(&before, &history.payment) {
            let minor = movement.amount.minor();
            *books.sums.entry(movement.kind).or_default() += minor;
            *books.balances.entry(movement.debit).or_default() += minor;
            *books.balances.entry(movement.credit).or_default() -= minor;
        }
    }
    books
}

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn the_journal_tells_what_the_payment_tells(terms in new_payment(), actions in vec(action(), 1..40)) {
        use TransactionType as T;
        let mut history = History::of(terms, &[]);
        let books = book(&mut history, &actions);
        let facts = history.payment.facts;
        prop_assert_eq!(books.sum(&[T::Charge, T::CreditSpend]), facts.captured().minor());
        prop_assert_eq!(books.sum(&[T::ChargeReturn]), facts.returned().minor());
        let refunded = books.sum(&[T::Refund, T::CreditReturn]) - books.sum(&[T::RefundReversal]);
        prop_assert_eq!(refunded, facts.refunded().minor());
    }

    #[test]
    fn all_balances_sum_to_zero_and_the_merchant_has_what_the_payment_brought(
        terms in new_payment(),
        actions in vec(action(), 1..40),
    ) {
        let mut history = History::of(terms, &[]);
        let books = book(&mut history, &actions);
        prop_assert_eq!(books.balances.values().sum::<i64>(), 0);
        let merchant = books.balances.get(&Account::Merchant).copied().unwrap_or(0);
        prop_assert_eq!(-merchant, history.payment.net());
    }

    #[test]
    fn what_a_refusal_leaves_alone_moves_nothing(terms in new_payment(), actions in vec(action(), 1..20)) {
        let mut history = History::of(terms, &[]);
        for action in &actions {
            let before = history.payment.clone();
            if history.apply(action).is_err() {
                prop_assert!(movements(&before, &history.payment).is_empty());
            }
        }
    }

    #[test]
    fn an_account_is_read_back_from_its_text(processor in "[a-z]{1,12}") {
        let clearing = Account::ProcessorClearing(processor);
        for account in [clearing, Account::Merchant, Account::OfflineCash, Account::CustomerCredits] {
            prop_assert_eq!(account.to_string().parse::<Account>(), Ok(account));
        }
    }
}
