use florin_domain::strategies::{currency, money, percent, rounding};
use florin_domain::{Currency, Money, MoneyError, ParseMoneyError, Percent, Rounding};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn money_survives_its_text_in_every_currency(minor: i64, small in -10_000..10_000_i64) {
        for currency in Currency::all() {
            for money in [Money::new(minor, currency), Money::new(small, currency)] {
                prop_assert_eq!(Money::parse_major(&money.to_major_string(), currency), Ok(money));
            }
        }
    }

    #[test]
    fn a_text_has_exactly_the_decimals_of_its_currency(money in money()) {
        let text = money.to_major_string();
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        prop_assert_eq!(decimals, usize::from(money.currency().exponent()));
        let digits: String = text.replace(['.', '-'], "");
        prop_assert_eq!(digits.parse::<u64>().unwrap(), money.minor().unsigned_abs());
        prop_assert_eq!(text.starts_with('-'), money.minor() < 0);
        prop_assert_eq!(money.to_string(), format!("{text} {}", money.currency().code()));
    }

    #[test]
    fn fewer_decimals_mean_zeros_and_more_are_refused(whole in 0..1_000_000_i64, given in 1..8_usize, currency in currency()) {
        let exponent = u32::from(currency.exponent());
        let text = format!("{whole}.{}", "1".repeat(given));
        let parsed = Money::parse_major(&text, currency);
        if given > usize::from(currency.exponent()) {
            prop_assert_eq!(parsed, Err(ParseMoneyError::TooManyDecimals { currency, actual: given }));
        } else {
            let decimals: i64 = "1".repeat(given).parse().unwrap();
            let missing = exponent - u32::try_from(given).unwrap();
            let minor = whole * 10_i64.pow(exponent) + decimals * 10_i64.pow(missing);
            prop_assert_eq!(parsed, Ok(Money::new(minor, currency)));
        }
    }

    #[test]
    fn any_text_is_parsed_without_a_panic(text in "[-+0-9.,eE _]{0,24}|\\PC{0,12}", currency in currency()) {
        if let Ok(money) = Money::parse_major(&text, currency) {
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte)));
            prop_assert_eq!(Money::parse_major(&money.to_major_string(), currency), Ok(money));
        }
    }

    #[test]
    fn sums_are_exact_or_refused(left in money(), right: i64) {
        let right = Money::new(right, left.currency());
        let exact = |minor: i128| i64::try_from(minor).map_err(|_| MoneyError::Overflow);
        let (a, b) = (i128::from(left.minor()), i128::from(right.minor()));
        prop_assert_eq!(left.checked_add(right).map(Money::minor), exact(a + b));
        prop_assert_eq!(left.checked_sub(right).map(Money::minor), exact(a - b));
        prop_assert_eq!(left.checked_neg().map(Money::minor), exact(-a));
    }

    #[test]
    fn two_currencies_never_add(left in money(), right in money()) {
        prop_assume!(left.currency() != right.currency());
        let mismatch = Err(MoneyError::CurrencyMismatch { left: left.currency(), right: right.currency() });
        prop_assert_eq!(left.checked_add(right), mismatch);
        prop_assert_eq!(left.checked_sub(right), mismatch);
    }

    #[test]
    fn an_allocation_conserves_and_is_fair(money in money(), weights in vec(prop_oneof![0..5_u32, any::<u32>()], 0..12)) {
        let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        let parts = money.allocate(&weights);
        if total == 0 {
            prop_assert_eq!(parts, Err(MoneyError::NoWeight));
            return Ok(());
        }
        let parts = parts.unwrap();
        prop_assert_eq!(parts.len(), weights.len());
        let sum: i128 = parts.iter().map(|part| i128::from(part.minor())).sum();
        prop_assert_eq!(sum, i128::from(money.minor()));
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert_eq!(part.currency(), money.currency());
            // Less than one unit away from the exact share.
            let exact = i128::from(money.minor()) * i128::from(*weight);
            let distance = (i128::from(part.minor()) * total - exact).abs();
            prop_assert!(distance < total, "{part} of {money} by {weight} of {total}");
            if *weight == 0 {
                prop_assert_eq!(part.minor(), 0);
            }
        }
    }

    #[test]
    fn a_split_conserves_and_its_parts_differ_by_at_most_one_unit(money in money(), count in 1..200_u16) {
        let parts = money.split(count).unwrap();
        prop_assert_eq!(parts.len(), usize::from(count));
        let sum: i128 = parts.iter().map(|part| i128::from(part.minor())).sum();
        prop_assert_eq!(sum, i128::from(money.minor()));
        let minor = || parts.iter().map(|part| part.minor());
        prop_assert!(minor().max().unwrap() - minor().min().unwrap() <= 1);
    }

    #[test]
    fn a_percentage_is_rounded_by_less_than_one_unit_in_the_direction_asked_for(
        money in money(), percent in percent(), rounding in rounding(),
    ) {
        let exact = i128::from(money.minor()) * i128::from(percent.millionths());
        let Ok(rounded) = money.percent(percent, rounding) else {
            prop_assert!((exact / 1_000_000).unsigned_abs() >= u128::from(i64::MAX.unsigned_abs()));
            return Ok(());
        };
        let error = i128::from(rounded.minor()) * 1_000_000 - exact;
        prop_assert!(error.abs() < 1_000_000);
        match rounding {
            Rounding::Floor => prop_assert!(error <= 0),
            Rounding::Ceiling => prop_assert!(error >= 0),
            Rounding::Down => prop_assert!(error * exact.signum() <= 0),
            Rounding::Up => prop_assert!(error * exact.signum() >= 0),
            Rounding::HalfUp => {
                prop_assert!(error.abs() <= 500_000);
                prop_assert!(error.abs() < 500_000 || error.signum() == exact.signum());
            }
            Rounding::HalfEven => {
                prop_assert!(error.abs() <= 500_000);
                prop_assert!(error.abs() < 500_000 || rounded.minor() % 2 == 0);
            }
        }
    }
}

#[test]
fn each_rounding_takes_its_side() {
    // Halves of 1, 3, -1 and -3; then a quarter and three quarters.
    let table = [
        (Rounding::HalfEven, [0, 2, 0, -2], [0, 1]),
        (Rounding::HalfUp, [1, 2, -1, -2], [0, 1]),
        (Rounding::Up, [1, 2, -1, -2], [1, 1]),
        (Rounding::Down, [0, 1, 0, -1], [0, 0]),
        (Rounding::Ceiling, [1, 2, 0, -1], [1, 1]),
        (Rounding::Floor, [0, 1, -1, -2], [0, 0]),
    ];
    for (rounding, halves, quarters) in table {
        let take = |minor, basis_points| {
            let percent = Percent::from_basis_points(basis_points);
            Money::new(minor, Currency::USD).percent(percent, rounding).map(Money::minor)
        };
        assert_eq!([1, 3, -1, -3].map(|minor| take(minor, 5_000)), halves.map(Ok), "{rounding:?}");
        assert_eq!([2_500, 7_500].map(|points| take(1, points)), quarters.map(Ok), "{rounding:?}");
    }
}

#[test]
fn only_plain_decimals_are_money() {
    let bad = [
        "", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1,5", "1e3", "0x1", "01", "00", "--1", "1.2.3", "1_0",
        "١", "NaN",
    ];
    for text in bad {
        let refused = Err(ParseMoneyError::NotADecimal { currency: Currency::USD });
        assert_eq!(Money::parse_major(text, Currency::USD), refused, "{text}");
    }
    let good = [("0", 0), ("0.5", 50), ("12.34", 1234), ("-12.34", -1234), ("10", 1000)];
    for (text, minor) in good {
        assert_eq!(Money::parse_major(text, Currency::USD), Ok(Money::new(minor, Currency::USD)), "{text}");
    }
    let beyond = "92233720368547758.08";
    assert_eq!(Money::parse_major(beyond, Currency::USD), Err(ParseMoneyError::OutOfRange));
}

#[test]
fn a_refused_text_is_told_what_to_send() {
    let refused = Money::parse_major("1.5", Currency::JPY).unwrap_err();
    assert_eq!(refused.to_string(), "JPY has 0 decimals and the amount has 1; send one such as 12");
    let refused = Money::parse_major("ten", Currency::KWD).unwrap_err();
    assert_eq!(refused.to_string(), "send a plain decimal number of KWD, such as 12.345");
}
