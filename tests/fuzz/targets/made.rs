//! What the targets for keys and tokens make of bytes: the parts of a text, and a text with one character changed.

use florin_domain::KEY_RANDOM_CHARS;

const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The random part of a text that was recognized.
pub fn random_of(text: &str) -> &str {
    let at = text.len() - KEY_RANDOM_CHARS - 6;
    &text[at..at + KEY_RANDOM_CHARS]
}

/// A random part of these bytes.
pub fn random(bytes: &[u8]) -> String {
    (0..KEY_RANDOM_CHARS)
        .map(|place| char::from(CHARACTERS[usize::from(bytes.get(place).copied().unwrap_or(0)) % 62]))
        .collect()
}

/// An id of these bytes: a UUID of version 7, as ids are.
pub fn id(bytes: &[u8; 16]) -> [u8; 16] {
    let mut id = *bytes;
    (id[6], id[8]) = (id[6] & 0x0f | 0x70, id[8] & 0x3f | 0x80);
    id
}

/// The text with another character behind its prefix, where it makes no other kind of text of it.
pub fn with_one_changed(text: &str, at: u8) -> String {
    let at = 8 + usize::from(at) % (text.len() - 8);
    let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}
