//! Access and refresh tokens: whatever is recognized as one is exactly what its parts compose, what is composed is
//! recognized, and one changed character is noticed.
#![no_main]

mod made;

use florin_domain::{Mode, SessionId, TokenKind, TokenText};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let TokenText::Sound { kind, mode, id } = TokenText::recognize(text)
    {
        assert_eq!(TokenText::compose(kind, mode, id, made::random_of(text)), text);
    }
    let Some(([choice, at, id @ ..], rest)) = data.split_first_chunk::<18>() else { return };
    let random = made::random(rest);
    let kind = if choice & 1 == 0 { TokenKind::Access } else { TokenKind::Refresh };
    let mode = if choice & 2 == 0 { Mode::Test } else { Mode::Live };
    let id = SessionId::from_bytes(made::id(id));
    let text = TokenText::compose(kind, mode, id, &random);
    assert_eq!(TokenText::recognize(&text), TokenText::Sound { kind, mode, id });
    let changed = made::with_one_changed(&text, *at);
    assert_eq!(TokenText::recognize(&changed), TokenText::Mistyped, "{changed}");
});
