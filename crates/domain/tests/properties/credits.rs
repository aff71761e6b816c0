use florin_domain::strategies::{amount, currency, customer_id, mode, tenant_id};
use florin_domain::{Amount, CreditAccount, CreditsRefused, Total};
use proptest::collection::vec;
use proptest::prelude::*;

fn account() -> impl Strategy<Value = CreditAccount> {
    (tenant_id(), mode(), customer_id(), currency()).prop_map(|(tenant_id, mode, customer_id, currency)| {
        CreditAccount { tenant_id, mode, customer_id, currency, balance: Total::ZERO, revision: 1 }
    })
}

#[derive(Clone, Debug)]
enum Deed {
    Add(Amount),
    Spend(Amount),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![amount().prop_map(Deed::Add), amount().prop_map(Deed::Spend)]
}

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn a_balance_is_what_was_added_less_what_was_spent_and_never_below_zero(
        account in account(),
        deeds in vec(deed(), 1..40),
    ) {
        let mut account = account;
        let mut expected = 0_i64;
        for deed in deeds {
            let (result, change) = match deed {
                Deed::Add(amount) => (account.add(amount), amount.minor()),
                Deed::Spend(amount) => (account.spend(amount), -amount.minor()),
            };
            let allowed = (0..=Total::MAX.minor()).contains(&(expected + change));
            match result {
                Ok(next) => {
                    prop_assert!(allowed);
                    prop_assert_eq!(next.revision, account.revision + 1);
                    expected += change;
                    account = next;
                }
                Err(CreditsRefused::Insufficient { available, .. }) => {
                    prop_assert!(!allowed && change < 0);
                    prop_assert_eq!(available, account.balance);
                }
                Err(CreditsRefused::TooMany { .. }) => prop_assert!(!allowed && change > 0),
            }
            prop_assert_eq!(account.balance.minor(), expected);
        }
    }
}
