//! API keys: whatever is recognized as one is exactly what its parts compose, what is composed is recognized, and one
//! changed character is noticed.
#![no_main]

mod made;

use florin_domain::{KeyId, KeyText, Mode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let KeyText::Sound { mode, id } = KeyText::recognize(text)
    {
        assert_eq!(KeyText::compose(mode, id, made::random_of(text)), text);
    }
    let Some(([choice, at, id @ ..], rest)) = data.split_first_chunk::<18>() else { return };
    let random = made::random(rest);
    let mode = if choice & 1 == 0 { Mode::Test } else { Mode::Live };
    let id = KeyId::from_bytes(made::id(id));
    let text = KeyText::compose(mode, id, &random);
    assert_eq!(KeyText::recognize(&text), KeyText::Sound { mode, id });
    let changed = made::with_one_changed(&text, *at);
    assert_eq!(KeyText::recognize(&changed), KeyText::Mistyped, "{changed}");
});
