//! Making API keys.

use std::fmt;

use florin_domain::Mode;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 32 characters of 62 are 190 bits.
const RANDOM_CHARACTERS: usize = 32;

/// The key that the documentation shows. It works in the sandbox tenant that `florin dev` makes, and nowhere else.
pub(crate) const DOCUMENTED_KEY: &str = "sk_test_1234567890abcdefghijklmnop";

/// An API key in the clear. It is shown once and then forgotten.
pub(crate) struct Secret(String);

impl Secret {
    /// A new key, random by the operating system.
    pub(crate) fn generate(mode: Mode) -> Result<Secret, getrandom::Error> {
        let mut text = String::from(if mode.is_live() { "sk_live_" } else { "sk_test_" });
        let full_length = text.len() + RANDOM_CHARACTERS;
        let mut bytes = [0; 64];
        while text.len() < full_length {
            getrandom::fill(&mut bytes)?;
            let wanted = full_length - text.len();
            text.extend(bytes.iter().filter_map(|byte| character(*byte)).take(wanted));
        }
        Ok(Secret(text))
    }

    /// The key, to be shown.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// What people recognize a key by: its kind and its last four characters.
pub(crate) fn hint(key: &str) -> String {
    let last_four = key.get(key.len().saturating_sub(4)..).unwrap_or_default();
    let kind = key.get(..8).unwrap_or_default();
    format!("{kind}…{last_four}")
}

/// Bytes from 248 on are left out: 256 is no multiple of 62, and the first characters would be more frequent.
fn character(byte: u8) -> Option<char> {
    (byte < 248).then(|| char::from(ALPHABET[usize::from(byte % 62)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_their_mode_and_are_all_different() {
        let test = Secret::generate(Mode::Test).unwrap();
        let live = Secret::generate(Mode::Live).unwrap();
        for (key, prefix) in [(&test, "sk_test_"), (&live, "sk_live_")] {
            let random = key.reveal().strip_prefix(prefix).unwrap();
            assert_eq!(random.len(), RANDOM_CHARACTERS);
            assert!(random.chars().all(|c| c.is_ascii_alphanumeric()));
        }
        assert_ne!(Secret::generate(Mode::Test).unwrap().reveal(), test.reveal());
    }

    #[test]
    fn every_character_is_as_frequent_as_any_other() {
        let mut counts = [0; 128];
        for character in (0..=u8::MAX).filter_map(character) {
            counts[usize::try_from(u32::from(character)).unwrap()] += 1;
        }
        assert!(ALPHABET.iter().all(|letter| counts[usize::from(*letter)] == 4));
    }

    #[test]
    fn neither_debug_output_nor_the_hint_gives_a_key_away() {
        let key = Secret::generate(Mode::Live).unwrap();
        assert!(!format!("{key:?}").contains(&key.reveal()[8..]));
        assert_eq!(hint(DOCUMENTED_KEY), "sk_test_…mnop");
    }
}
