//! Card numbers: one that stands by itself is found in whatever stands around it, and what is added to a text with one
//! does not hide it.
#![no_main]

use florin_domain::contains_card_number;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (before, after) = input;
    for number in ["4242424242424242", "3782 822463 10005", "5555-5555-5555-4444"] {
        assert!(contains_card_number(&format!("{before}|{number}|{after}")));
    }
    if contains_card_number(before) {
        assert!(contains_card_number(&format!("{before}|{after}")));
        assert!(contains_card_number(&format!("{after}|{before}")));
    }
});
