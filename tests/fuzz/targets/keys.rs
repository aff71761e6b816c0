//! API keys: whatever is recognized as one is exactly what its parts compose, and one changed character is noticed.
#![no_main]

use florin_domain::{KEY_RANDOM_CHARS, KeyText};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let KeyText::Sound { mode, id } = KeyText::recognize(text) {
        let random_at = text.len() - KEY_RANDOM_CHARS - 6;
        let random = &text[random_at..random_at + KEY_RANDOM_CHARS];
        assert_eq!(KeyText::compose(mode, id, random), text);
        let last = text.chars().next_back().expect("a key has characters");
        let other = if last == '0' { '1' } else { '0' };
        assert_eq!(KeyText::recognize(&format!("{}{other}", &text[..text.len() - 1])), KeyText::Mistyped);
    }
});
