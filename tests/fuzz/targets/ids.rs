//! Ids: a text that is one is the only text of it, and no id is of two kinds.
#![no_main]

use florin_domain::{KeyId, PaymentId, RefundId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let payment = text.parse::<PaymentId>();
    if let Ok(id) = &payment {
        assert_eq!(id.to_string(), text);
        assert_eq!(PaymentId::from_bytes(id.bytes()), *id);
    }
    let kinds = [payment.is_ok(), text.parse::<RefundId>().is_ok(), text.parse::<KeyId>().is_ok()];
    assert!(kinds.iter().filter(|is_one| **is_one).count() <= 1);
});
