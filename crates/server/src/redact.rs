//! Taking secrets out of what is logged, wherever in a line they stand.
//!
//! Nothing here logs a secret on purpose. What a caller sends may turn up in a message all the same: a path, an error of
//! a library, a panic. So every line is looked through before it leaves the process.

use std::borrow::Cow;
use std::ops::Range;

use florin_domain::contains_card_number;

/// What stands where a secret stood.
const GONE: &str = "[redacted]";

/// By what secrets begin: ours, and those of processors. A secret has so many characters more at least.
const PREFIXES: [(&str, usize); 11] = [
    ("sk_test_", 6),
    ("sk_live_", 6),
    ("rk_test_", 6),
    ("rk_live_", 6),
    ("pk_live_", 6),
    ("whsec_", 6),
    ("at_", 20),
    ("rt_", 20),
    ("bearer ", 6),
    ("basic ", 6),
    ("bearer: ", 6),
];

/// The text without keys, tokens, passwords in addresses, and card numbers.
pub(crate) fn secrets(text: &str) -> Cow<'_, str> {
    let mut found = [tokens(text), passwords(text), card_numbers(text)].concat();
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_by_key(|range| range.start);
    let (mut clean, mut end) = (String::with_capacity(text.len()), 0);
    for range in found {
        if range.start >= end {
            clean.push_str(&text[end..range.start]);
            clean.push_str(GONE);
        }
        end = end.max(range.end);
    }
    clean.push_str(&text[end..]);
    Cow::Owned(clean)
}

/// Where tokens are, without the prefix that tells what they were.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (prefix, shortest) in PREFIXES {
        for (at, _) in lower.match_indices(prefix) {
            let begins_a_word =
                !text[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_');
            let start = at + prefix.len();
            let length = text[start..].bytes().take_while(|byte| is_of_a_token(*byte)).count();
            if begins_a_word && length >= shortest {
                found.push(start..start + length);
            }
        }
    }
    found
}

fn is_of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+/=.~%".contains(&byte)
}

/// Where addresses have passwords: `postgres://florin:secret@db`.
fn passwords(text: &str) -> Vec<Range<usize>> {
    let is_of_an_address = |character: char| !character.is_whitespace() && !"/?#\"'<>\\".contains(character);
    let in_address = |(at, _): (usize, &str)| {
        let rest = &text[at + "://".len()..];
        let authority = &rest[..rest.find(|character| !is_of_an_address(character)).unwrap_or(rest.len())];
        let credentials = &authority[..authority.rfind('@')?];
        let password = credentials.find(':')? + 1;
        let start = at + "://".len();
        Some(start + password..start + credentials.len())
    };
    text.match_indices("://").filter_map(in_address).collect()
}

/// Where digits are that have a card number among them.
fn card_numbers(text: &str) -> Vec<Range<usize>> {
    if text.bytes().filter(|byte| byte.is_ascii_digit() || !byte.is_ascii()).take(13).count() < 13 {
        return Vec::new();
    }
    let plain = without_escapes(text);
    let may_be_within = |character: char| !character.is_ascii() || "0123456789-. \t\r\n".contains(character);
    let (mut found, mut start) = (Vec::new(), None);
    for (at, character) in plain.char_indices().chain([(plain.len(), 'x')]) {
        match (may_be_within(character), start) {
            (true, None) => start = Some(at),
            (false, Some(began)) => {
                if contains_card_number(&plain[began..at]) {
                    found.push(began..at);
                }
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    found
}

/// Blanks instead of `\n`, `\t` and `\u{a0}`, as logs write what stands between the digits; every byte keeps its place.
fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let length = match rest.as_bytes().get(at + 1) {
            Some(b'n' | b'r' | b't') => 2,
            Some(b'u') if rest[at..].starts_with("\\u{") => rest[at..].find('}').map_or(1, |end| end + 1),
            _ => 1,
        };
        plain.push_str(&rest[..at]);
        plain.push_str(&" ".repeat(length));
        rest = &rest[at + length..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_and_all_else_stays() {
        for (line, expected) in [
            ("key sk_test_1234567890abcdefghijklmnop is wrong", "key sk_test_[redacted] is wrong"),
            (r#"{"path":"/v1/SK_LIVE_abcdef123456"}"#, r#"{"path":"/v1/SK_LIVE_[redacted]"}"#),
            ("signed by whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "signed by whsec_[redacted]"),
            ("rt_0123456789abcdefghijkl, at_0123456789abcdefghijkl", "rt_[redacted], at_[redacted]"),
            ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer [redacted]"),
            ("postgres://florin:ge@heim@db/florin", "postgres://florin:[redacted]@db/florin"),
            ("to rediss://:geheim@redis:6380", "to rediss://:[redacted]@redis:6380"),
            ("write postgres://USER@HOST/NAME", "write postgres://USER@HOST/NAME"),
            ("pan=4242424242424242;", "pan=[redacted];"),
            ("pan 4242-4242 4242.4242!", "pan[redacted]!"),
            ("\"4242\\n4242\\n4242\\n4242\"", "\"[redacted]\""),
            ("\"4242\\u{a0}4242\\u{a0}4242\\u{a0}4242\"", "\"[redacted]\""),
            ("pan=４２４２４２４２４２４２４２４２;", "pan=[redacted];"),
            ("at_once, start_0123456789abcdefghijklmnop", "at_once, start_0123456789abcdefghijklmnop"),
            (
                "2026-11-21T22:10:09.123456Z took 1234567 micros",
                "2026-11-21T22:10:09.123456Z took 1234567 micros",
            ),
            (
                "pay_01jgfjjz00e008000000000001 4242424242424241",
                "pay_01jgfjjz00e008000000000001 4242424242424241",
            ),
            ("http://127.0.0.1:8080/a@b", "http://127.0.0.1:8080/a@b"),
        ] {
            assert_eq!(secrets(line), expected);
        }
    }
}
