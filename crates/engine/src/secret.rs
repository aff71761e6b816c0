//! Making API keys.

use std::fmt;

use florin_domain::{KEY_RANDOM_CHARS, KeyId, KeyText, Mode};

use crate::authentication::secret_digest;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key in the clear. It is shown once and then forgotten.
#[derive(Clone)]
pub struct FreshKey {
    /// The key's id.
    pub id: KeyId,
    secret: String,
}

/// The operating system has no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system has no random bytes to give: {0}")]
pub struct NoRandomness(#[from] getrandom::Error);

impl FreshKey {
    /// A new key, random by the operating system.
    ///
    /// # Errors
    /// [`NoRandomness`], in which case there is nothing to be done but to try again.
    pub fn generate(mode: Mode, id: KeyId) -> Result<FreshKey, NoRandomness> {
        Ok(FreshKey { id, secret: KeyText::compose(mode, id, &random_characters()?) })
    }

    /// The key, to be shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.secret
    }

    /// What is stored of it.
    pub(crate) fn digest(&self) -> [u8; 32] {
        secret_digest(&self.secret)
    }

    /// What people recognize it by.
    #[must_use]
    pub fn hint(&self) -> String {
        secret_hint(&self.secret)
    }
}

impl fmt::Debug for FreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FreshKey({}, hidden)", self.id)
    }
}

/// What people recognize a key by: its kind and its last four characters.
#[must_use]
pub fn secret_hint(secret: &str) -> String {
    let last_four = secret.get(secret.len().saturating_sub(4)..).unwrap_or_default();
    let kind = secret.get(..8).unwrap_or_default();
    format!("{kind}…{last_four}")
}

/// As many random characters as keys and tokens have.
pub(crate) fn random_characters() -> Result<String, NoRandomness> {
    let mut random = String::with_capacity(KEY_RANDOM_CHARS);
    let mut bytes = [0; 64];
    while random.len() < KEY_RANDOM_CHARS {
        getrandom::fill(&mut bytes)?;
        let wanted = KEY_RANDOM_CHARS - random.len();
        random.extend(bytes.iter().filter_map(|byte| character(*byte)).take(wanted));
    }
    Ok(random)
}

/// The character that a random byte stands for, if it stands for one.
///
/// Bytes from 248 on are left out: 256 is no multiple of 62, and the first characters would be more frequent.
pub(crate) fn character(byte: u8) -> Option<char> {
    (byte < 248).then(|| char::from(ALPHABET[usize::from(byte % 62)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> KeyId {
        "key_01h2xcejqtf2nbrexx3vqjhp41".parse().unwrap()
    }

    #[test]
    fn keys_tell_their_mode_and_id_and_are_all_different() {
        for mode in [Mode::Test, Mode::Live] {
            let key = FreshKey::generate(mode, id()).unwrap();
            assert_eq!(KeyText::recognize(key.reveal()), KeyText::Sound { mode, id: id() });
            assert_ne!(FreshKey::generate(mode, id()).unwrap().reveal(), key.reveal());
        }
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
        let key = FreshKey::generate(Mode::Live, id()).unwrap();
        assert!(!format!("{key:?}").contains(&key.reveal()[34..]));
        assert_eq!(secret_hint("sk_test_1234567890abcdefghijklmnop"), "sk_test_…mnop");
    }
}
