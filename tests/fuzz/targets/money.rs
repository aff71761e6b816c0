//! Decimal numbers in every currency: what is read is written and read again as the same money.
#![no_main]

use florin_domain::{Currency, Money};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (which, text) = input;
    let count = Currency::all().count();
    let currency = Currency::all().nth(usize::from(which) % count).expect("it is one of them");
    if let Ok(money) = Money::parse_major(text, currency) {
        let written = money.to_major_string();
        assert_eq!(Money::parse_major(&written, currency), Ok(money), "{text:?} became {written:?}");
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        assert!(decimals.len() <= usize::from(currency.exponent()));
        assert!(written.starts_with(whole) || money.minor() == 0, "{text:?} became {written:?}");
    }
});
