//! Access and refresh tokens as texts: what can be told of one without asking a database.
//!
//! `at_` or `rt_`, the mode, `_`, the 26 digits of the session's id, 32 random characters, and 6 of a checksum over all
//! before, like API keys.

use crate::key_text::{CHECKSUM_CHARS, ID_CHARS, KEY_RANDOM_CHARS, checksum};
use crate::{Mode, SessionId};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// It opens the API, for minutes.
    Access,
    /// It gets new tokens, and opens nothing else.
    Refresh,
}

impl TokenKind {
    const ALL: [TokenKind; 2] = [TokenKind::Access, TokenKind::Refresh];

    /// What its texts begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            TokenKind::Access => "at_",
            TokenKind::Refresh => "rt_",
        }
    }

    /// The word that stands for it in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            TokenKind::Access => "access",
            TokenKind::Refresh => "refresh",
        }
    }

    /// What [`TokenKind::as_str`] writes.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        TokenKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a text is, as far as tokens go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenText {
    /// A token whose checksum is right. Whether it opens anything is for the database to say.
    Sound {
        /// For what.
        kind: TokenKind,
        /// Test or live.
        mode: Mode,
        /// The session.
        id: SessionId,
    },
    /// It begins like a token, and is none: it was mistyped, cut off or made up.
    Mistyped,
    /// Something else.
    Other,
}

impl TokenText {
    /// The token of that kind, mode, session and random part, as its holder gets to see it.
    ///
    /// ```
    /// use florin_domain::{Mode, SessionId, TokenKind, TokenText};
    /// let id: SessionId = "sess_01h2xcejqtf2nbrexx3vqjhp41".parse()?;
    /// let token = TokenText::compose(TokenKind::Refresh, Mode::Test, id, "0123456789abcdefghijABCDEFGHIJxy");
    /// let sound = TokenText::Sound { kind: TokenKind::Refresh, mode: Mode::Test, id };
    /// assert_eq!(TokenText::recognize(&token), sound);
    /// assert_eq!(TokenText::recognize(&token.replace("xy", "yx")), TokenText::Mistyped);
    /// assert_eq!(TokenText::recognize("sk_test_1234567890abcdefghijklmnop"), TokenText::Other);
    /// # Ok::<(), florin_domain::ParseIdError>(())
    /// ```
    #[must_use]
    pub fn compose(kind: TokenKind, mode: Mode, id: SessionId, random: &str) -> String {
        let id = id.to_string();
        let digits = id.strip_prefix("sess_").unwrap_or_default();
        let mut text = format!("{}{mode}_{digits}{random}", kind.prefix());
        text.push_str(&checksum(&text));
        text
    }

    /// What a text is.
    #[must_use]
    pub fn recognize(text: &str) -> TokenText {
        let of_kind = |kind: TokenKind| Some((kind, text.strip_prefix(kind.prefix())?));
        let Some((kind, rest)) = TokenKind::ALL.into_iter().find_map(of_kind) else {
            return TokenText::Other;
        };
        match sound(text, rest) {
            Some((mode, id)) => TokenText::Sound { kind, mode, id },
            None => TokenText::Mistyped,
        }
    }
}

/// Mode and session of a whole token, whose part after the kind is `rest`.
fn sound(text: &str, rest: &str) -> Option<(Mode, SessionId)> {
    let of_mode = |mode: Mode| Some((mode, rest.strip_prefix(mode.as_str())?.strip_prefix('_')?));
    let (mode, body) = of_mode(Mode::Test).or_else(|| of_mode(Mode::Live))?;
    let length = ID_CHARS.checked_add(KEY_RANDOM_CHARS)?.checked_add(CHECKSUM_CHARS)?;
    if body.len() != length || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (before, found) = text.split_at_checked(text.len().checked_sub(CHECKSUM_CHARS)?)?;
    let id = format!("sess_{}", body.get(..ID_CHARS)?).parse().ok()?;
    (checksum(before) == found).then_some((mode, id))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const RANDOM: &str = "0123456789abcdefghijABCDEFGHIJxy";

    fn id() -> SessionId {
        "sess_01h2xcejqtf2nbrexx3vqjhp41".parse().unwrap()
    }

    #[test]
    fn every_mistyped_character_is_noticed() {
        for kind in TokenKind::ALL {
            assert_eq!(TokenKind::from_word(kind.as_str()), Some(kind));
            let token = TokenText::compose(kind, Mode::Live, id(), RANDOM);
            assert_eq!(TokenText::recognize(&token), TokenText::Sound { kind, mode: Mode::Live, id: id() });
            for at in 3..token.len() {
                for other in ['0', 'z', '_', 'é'] {
                    let mut typed: Vec<char> = token.chars().collect();
                    if typed.get(at) != Some(&other) {
                        typed.splice(at..=at, [other]);
                        let typed: String = typed.into_iter().collect();
                        assert_eq!(TokenText::recognize(&typed), TokenText::Mistyped, "{typed}");
                    }
                }
                assert_eq!(TokenText::recognize(token.get(..at).unwrap()), TokenText::Mistyped);
            }
        }
    }

    #[test]
    fn an_access_token_is_no_refresh_token() {
        let token = TokenText::compose(TokenKind::Access, Mode::Test, id(), RANDOM);
        assert_eq!(TokenText::recognize(&token.replacen("at_", "rt_", 1)), TokenText::Mistyped);
        assert_eq!(TokenText::recognize(&token.replacen("at_", "sk_", 1)), TokenText::Other);
    }
}
