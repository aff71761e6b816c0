//! Bodies: what is read is the same when it is written and read again, a member that is a card number is not let through,
//! and both readers of a payment take whatever comes.
#![no_main]

use florin_api::fuzzing::Body;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(body) = Body::read(bytes) else { return };
    let again = Body::read(body.to_json().as_bytes()).expect("JSON that was written can be read");
    assert_eq!(body.digest(), again.digest());
    if body.has_text_with_card_number() {
        assert!(!body.is_without_card_numbers());
    }
    if body.is_without_card_numbers() {
        if let Some(request) = body.create_payment() {
            assert!((1..=999_999_999_999).contains(&request.amount.minor()));
        }
        if let Some(request) = again.create_payment_of_flexprice() {
            assert!((1..=999_999_999_999).contains(&request.amount.minor()));
        }
    }
});
