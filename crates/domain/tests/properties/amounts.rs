use florin_domain::strategies::{amount, total};
use florin_domain::{Amount, AmountRefused, Total};
use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn an_amount_is_any_integer_from_one_to_the_maximum_and_no_other(minor: i64) {
        let expected = if minor < 1 {
            Err(AmountRefused::NotPositive { minor })
        } else if minor > 999_999_999_999 {
            Err(AmountRefused::TooLarge { minor, max: 999_999_999_999 })
        } else {
            Ok(minor)
        };
        prop_assert_eq!(Amount::new(minor).map(Amount::minor), expected);
    }

    #[test]
    fn a_sum_of_totals_is_exact_or_refused(left in total(), right in total()) {
        let sum = left.minor() + right.minor();
        let expected = (sum <= Amount::MAX_MINOR).then_some(sum);
        prop_assert_eq!(left.checked_add(right).map(Total::minor), expected);
    }

    #[test]
    fn a_difference_of_totals_is_exact_or_refused(left in total(), right in total()) {
        let difference = left.minor() - right.minor();
        let expected = (difference >= 0).then_some(difference);
        prop_assert_eq!(left.checked_sub(right).map(Total::minor), expected);
    }

    #[test]
    fn an_amount_survives_being_a_total_and_being_json(amount in amount()) {
        prop_assert_eq!(Amount::try_from(Total::from(amount)), Ok(amount));
        let json = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(&json, &amount.minor().to_string());
        prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
    }
}

#[test]
fn the_limits_are_where_the_api_puts_them() {
    assert!(Amount::new(0).is_err());
    assert!(Amount::new(1).is_ok());
    assert!(Amount::new(999_999_999_999).is_ok());
    assert!(Amount::new(1_000_000_000_000).is_err());
    assert!(Total::new(-1).is_err());
    assert_eq!(Total::new(0), Ok(Total::ZERO));
    assert_eq!(Total::new(999_999_999_999), Ok(Total::MAX));
    assert!(Total::new(1_000_000_000_000).is_err());
    assert!(Amount::try_from(Total::ZERO).is_err());
}

#[test]
fn json_that_is_no_integer_within_the_limits_is_no_amount() {
    for json in ["0", "-1", "1000000000000", "1.0", "1e3", "\"100\"", "null", "true", "99999999999999999999"]
    {
        assert!(serde_json::from_str::<Amount>(json).is_err(), "{json}");
    }
}
