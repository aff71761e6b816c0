//! Access and refresh tokens: random ones, and the successor that follows from its predecessor.
//!
//! A successor is made by HMAC from the predecessor's text and a random nonce that the session's row keeps while the
//! successor is unused. So whoever presents the predecessor can be given the same successor again, and whoever reads the
//! database can make neither.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use florin_domain::{KEY_RANDOM_CHARS, Mode, SessionId, TokenKind, TokenText};

use crate::authentication::secret_digest;
use crate::secret::{NoRandomness, character, random_characters};

/// What the HMAC is for, so that nothing else is ever made from the same bytes.
const PURPOSE: &[u8] = b"florin/token-successor/v1";

/// A token in the clear. It is shown to its holder and then forgotten.
#[derive(Clone)]
pub(crate) struct Token(SecretString);

/// Which token of which session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenOf {
    pub(crate) kind: TokenKind,
    pub(crate) mode: Mode,
    pub(crate) session_id: SessionId,
}

impl Token {
    /// A new token, random by the operating system.
    pub(crate) fn random(of: TokenOf) -> Result<Token, NoRandomness> {
        Ok(Token::compose(of, &random_characters()?))
    }

    /// A token that somebody presented.
    pub(crate) fn presented(text: &str) -> Token {
        Token(text.into())
    }

    /// The token that takes this one's place, or comes with the one that does.
    pub(crate) fn successor(&self, of: TokenOf, nonce: &[u8; 32]) -> Token {
        let mut random = String::with_capacity(KEY_RANDOM_CHARS);
        let mut block: u8 = 0;
        while random.len() < KEY_RANDOM_CHARS {
            let mut mac = Hmac::<Sha256>::new_from_slice(self.reveal().as_bytes())
                .expect("HMAC takes a key of any length");
            for part in [PURPOSE, of.kind.prefix().as_bytes(), &of.session_id.bytes(), nonce, &[block]] {
                mac.update(part);
            }
            let bytes = mac.finalize().into_bytes();
            let wanted = KEY_RANDOM_CHARS - random.len();
            random.extend(bytes.iter().filter_map(|byte| character(*byte)).take(wanted));
            block = block.wrapping_add(1);
        }
        Token::compose(of, &random)
    }

    fn compose(of: TokenOf, random: &str) -> Token {
        Token(TokenText::compose(of.kind, of.mode, of.session_id, random).into())
    }

    /// The token, for its holder.
    pub(crate) fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is stored of it.
    pub(crate) fn digest(&self) -> [u8; 32] {
        secret_digest(self.reveal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: TokenKind, session: u8) -> TokenOf {
        let text = format!("sess_01h2xcejqtf2nbrexx3vqjhp4{session}");
        TokenOf { kind, mode: Mode::Test, session_id: text.parse().unwrap() }
    }

    #[test]
    fn a_successor_follows_from_predecessor_nonce_session_and_kind_and_from_all_of_them() {
        let first = Token::random(of(TokenKind::Refresh, 1)).unwrap();
        let other = Token::random(of(TokenKind::Refresh, 1)).unwrap();
        let same = first.successor(of(TokenKind::Refresh, 1), &[1; 32]);
        assert_eq!(same.reveal(), first.successor(of(TokenKind::Refresh, 1), &[1; 32]).reveal());
        let mut random: Vec<String> = [
            same,
            first.clone(),
            other.clone(),
            first.successor(of(TokenKind::Refresh, 1), &[2; 32]),
            first.successor(of(TokenKind::Refresh, 2), &[1; 32]),
            first.successor(of(TokenKind::Access, 1), &[1; 32]),
            other.successor(of(TokenKind::Refresh, 1), &[1; 32]),
        ]
        .iter()
        .map(|token| token.reveal()[34..66].to_owned())
        .collect();
        random.sort_unstable();
        random.dedup();
        assert_eq!(random.len(), 7);
    }

    #[test]
    fn a_successor_is_a_sound_token() {
        let first = Token::random(of(TokenKind::Refresh, 1)).unwrap();
        for kind in [TokenKind::Access, TokenKind::Refresh] {
            let next = first.successor(of(kind, 1), &[9; 32]);
            let sound = TokenText::Sound { kind, mode: Mode::Test, id: of(kind, 1).session_id };
            assert_eq!(TokenText::recognize(next.reveal()), sound);
            assert_ne!(next.digest(), first.digest());
        }
    }
}
