//! API keys: whatever is recognized as one is exactly what its parts compose, what is composed is recognized, and one
//! changed character is noticed.
#![no_main]

use florin_domain::{KEY_RANDOM_CHARS, KeyId, KeyText, Mode};
use libfuzzer_sys::fuzz_target;

const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let KeyText::Sound { mode, id } = KeyText::recognize(text)
    {
        let random_at = text.len() - KEY_RANDOM_CHARS - 6;
        let random = &text[random_at..random_at + KEY_RANDOM_CHARS];
        assert_eq!(KeyText::compose(mode, id, random), text);
    }
    let Some(([choice, at, id @ ..], rest)) = data.split_first_chunk::<18>() else { return };
    let id: [u8; 16] = id.try_into().expect("16 bytes are left of 18");
    let random: String = (0..KEY_RANDOM_CHARS)
        .map(|place| char::from(CHARACTERS[usize::from(rest.get(place).copied().unwrap_or(0)) % 62]))
        .collect();
    let mode = if choice & 1 == 0 { Mode::Test } else { Mode::Live };
    let id = KeyId::from_bytes(id);
    let text = KeyText::compose(mode, id, &random);
    assert_eq!(KeyText::recognize(&text), KeyText::Sound { mode, id });
    // Behind its prefix, where another character makes another kind of text of it.
    let at = 8 + usize::from(*at) % (text.len() - 8);
    let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
    let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
    assert_eq!(KeyText::recognize(&changed), KeyText::Mistyped, "{changed}");
});
