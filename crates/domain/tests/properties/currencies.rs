use florin_domain::Currency;
use florin_domain::strategies::currency;
use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::cases())]

    #[test]
    fn a_code_is_read_in_any_case(currency in currency(), upper: [bool; 3]) {
        let mixed: String = currency
            .code()
            .chars()
            .zip(upper)
            .map(|(letter, upper)| if upper { letter } else { letter.to_ascii_lowercase() })
            .collect();
        prop_assert_eq!(Currency::parse(&mixed), Ok(currency));
    }

    #[test]
    fn a_currency_survives_json(currency in currency()) {
        let json = serde_json::to_string(&currency).unwrap();
        prop_assert_eq!(serde_json::from_str::<Currency>(&json).unwrap(), currency);
    }

    #[test]
    fn what_is_no_code_is_refused_without_a_panic(text in ".{0,6}") {
        if let Ok(currency) = Currency::parse(&text) {
            prop_assert_eq!(currency.code(), text.to_ascii_uppercase());
        }
    }
}

#[test]
fn the_named_currencies_are_those_of_the_standard() {
    let named =
        [(Currency::USD, 2), (Currency::EUR, 2), (Currency::JPY, 0), (Currency::KWD, 3), (Currency::CLF, 4)];
    for (currency, exponent) in named {
        assert_eq!(Currency::parse(currency.code()), Ok(currency));
        assert_eq!(currency.exponent(), exponent);
        assert_eq!(currency.minor_units_per_major().get(), 10_u64.pow(exponent.into()));
    }
}

#[test]
fn all_currencies_have_a_minor_unit_and_come_once() {
    let all: Vec<Currency> = Currency::all().collect();
    let distinct: std::collections::BTreeSet<Currency> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len());
    assert!(all.len() > 150, "{}", all.len());
    for exponent in [0, 2, 3, 4] {
        assert!(all.iter().any(|currency| currency.exponent() == exponent), "{exponent}");
    }
    for code in ["XAU", "XTS", "XXX", "XDR"] {
        assert!(all.iter().all(|currency| currency.code() != code), "{code}");
        assert!(Currency::parse(code).is_err(), "{code}");
    }
}
