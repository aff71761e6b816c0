//! API keys as texts: what can be told of one without asking a database.
//!
//! `sk_`, the mode, `_`, the 26 digits of the key's id, 32 random characters, and 6 of a checksum over all before. So a
//! key that was mistyped or cut off is recognized as such, and one that is found in a log or a repository names itself.
//! Making the random part needs randomness, and therefore happens outside this crate.

use crate::{KeyId, Mode};

/// What a text is, as far as API keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyText {
    /// A key of that mode and id, whose checksum is right. Whether it opens anything is for the database to say.
    Sound {
        /// Test or live.
        mode: Mode,
        /// The key's id.
        id: KeyId,
    },
    /// It has the form of a key and the checksum is wrong: it was mistyped, or made up.
    Mistyped,
    /// Something else: maybe a key from before keys had checksums.
    Other,
}

/// How many random characters a key has: of 62 kinds, that is 190 bits.
pub const KEY_RANDOM_CHARS: usize = 32;

pub(crate) const ID_CHARS: usize = 26;
pub(crate) const CHECKSUM_CHARS: usize = 6;
const BODY_CHARS: usize = ID_CHARS + KEY_RANDOM_CHARS + CHECKSUM_CHARS;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl KeyText {
    /// The key of that mode, id and random part, as its holder gets to see it.
    ///
    /// ```
    /// use florin_domain::{KeyId, KeyText, Mode};
    /// let id: KeyId = "key_01h2xcejqtf2nbrexx3vqjhp41".parse()?;
    /// let key = KeyText::compose(Mode::Test, id, "0123456789abcdefghijABCDEFGHIJxy");
    /// assert_eq!(KeyText::recognize(&key), KeyText::Sound { mode: Mode::Test, id });
    /// assert_eq!(KeyText::recognize(&key.replace("xy", "yx")), KeyText::Mistyped);
    /// assert_eq!(KeyText::recognize("sk_test_1234567890abcdefghijklmnop"), KeyText::Other);
    /// # Ok::<(), florin_domain::ParseIdError>(())
    /// ```
    #[must_use]
    pub fn compose(mode: Mode, id: KeyId, random: &str) -> String {
        let id = id.to_string();
        let digits = id.strip_prefix("key_").unwrap_or_default();
        let mut text = format!("sk_{mode}_{digits}{random}");
        text.push_str(&checksum(&text));
        text
    }

    /// What a text is.
    #[must_use]
    pub fn recognize(text: &str) -> KeyText {
        let of_mode = |mode: Mode| {
            let body = text.strip_prefix("sk_")?.strip_prefix(mode.as_str())?.strip_prefix('_')?;
            Some((mode, body))
        };
        let Some((mode, body)) = of_mode(Mode::Test).or_else(|| of_mode(Mode::Live)) else {
            return KeyText::Other;
        };
        if body.len() != BODY_CHARS || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return KeyText::Other;
        }
        let parts = text.len().checked_sub(CHECKSUM_CHARS).and_then(|at| text.split_at_checked(at));
        let id = body.get(..ID_CHARS).and_then(|digits| format!("key_{digits}").parse().ok());
        match (parts, id) {
            (Some((before, found)), Some(id)) if checksum(before) == found => KeyText::Sound { mode, id },
            _ => KeyText::Mistyped,
        }
    }
}

/// The CRC-32 of a text in six digits of base 62, the last of which counts ones.
pub(crate) fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        let value = usize::try_from(rest.checked_rem(62).unwrap_or_default()).unwrap_or_default();
        *digit = DIGITS.get(value).copied().unwrap_or(b'0');
        rest = rest.checked_div(62).unwrap_or_default();
    }
    digits.iter().copied().map(char::from).collect()
}

/// The CRC-32 of zip and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    let by_bit = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| by_bit(crc)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const RANDOM: &str = "0123456789abcdefghijABCDEFGHIJxy";

    fn id() -> KeyId {
        "key_01h2xcejqtf2nbrexx3vqjhp41".parse().unwrap()
    }

    #[test]
    fn the_checksum_is_the_well_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(checksum("123456789"), "3jZRME");
    }

    #[test]
    fn every_mistyped_character_and_every_two_that_changed_places_are_noticed() {
        let key = KeyText::compose(Mode::Live, id(), RANDOM);
        assert_eq!(key.len(), 72);
        for at in 8..key.len() {
            for other in ['0', 'z'] {
                let mut typed: Vec<char> = key.chars().collect();
                if typed.get(at) != Some(&other) {
                    typed.splice(at..=at, [other]);
                    let typed: String = typed.into_iter().collect();
                    assert_eq!(KeyText::recognize(&typed), KeyText::Mistyped, "{typed}");
                }
            }
            let mut swapped: Vec<char> = key.chars().collect();
            if at > 8 && swapped.get(at) != swapped.get(at.saturating_sub(1)) {
                swapped.swap(at, at.saturating_sub(1));
                let swapped: String = swapped.into_iter().collect();
                assert_eq!(KeyText::recognize(&swapped), KeyText::Mistyped, "{swapped}");
            }
        }
    }

    #[test]
    fn a_key_of_one_mode_is_none_of_the_other() {
        let live = KeyText::compose(Mode::Live, id(), RANDOM);
        assert_eq!(KeyText::recognize(&live), KeyText::Sound { mode: Mode::Live, id: id() });
        assert_eq!(KeyText::recognize(&live.replace("live", "test")), KeyText::Mistyped);
    }

    #[test]
    fn what_is_no_such_key_is_left_to_the_database() {
        for text in
            ["", "sk_", "sk_prod_1", "sk_test_1234567890abcdefghijklmnop", "pay_01h2xcejqtf2nbrexx3vqjhp41"]
        {
            assert_eq!(KeyText::recognize(text), KeyText::Other, "{text}");
        }
        let dashed = KeyText::compose(Mode::Test, id(), "0123456789abcdefghij-BCDEFGHIJxy");
        assert_eq!(KeyText::recognize(&dashed), KeyText::Other);
    }
}
