//! The query string of a list: decoded strictly, each parameter once, none unknown.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use florin_domain::{Currency, TextRefused, UnknownWord, check_text};
use florin_engine::requests::{Page, Position};
use florin_engine::views::{ErrorCode, Refused};
use uuid::Uuid;

use crate::fields::{is_harmless, not_a_word, unknown_parameter};

/// The parameters that every list takes.
pub(crate) const PAGE_PARAMETERS: [&str; 6] =
    ["limit", "offset", "starting_after", "ending_before", "created_after", "created_before"];

const DEFAULT_LIMIT: u32 = 10;
/// The most objects that a page can have.
pub(crate) const MAX_LIMIT: u32 = 100;

/// The largest number of objects that a list can skip: what a database's 64-bit integer holds.
pub(crate) const MAX_OFFSET: u64 = i64::MAX as u64;

/// The parameters of a query string that have not been taken yet.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Decodes a query string that has no other parameters than the known ones, each at most once.
    ///
    /// A known `metadata` stands for `metadata[key]`.
    pub(crate) fn parse(raw: &str, known: &[&str]) -> Result<Self, Refused> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name)?;
            if !is_known(&name, known) {
                return Err(unknown_parameter("query parameter", &name, known));
            }
            let value = decode(value).map_err(|refused| refused.param(name.clone()))?;
            if pairs.iter().any(|(other, _)| *other == name) {
                let message = "The query parameter is given twice; send it once.";
                return Err(harmless_param(Refused::new(ErrorCode::ParameterInvalid, message), &name));
            }
            pairs.push((name, value));
        }
        Ok(Query { pairs })
    }

    /// The word of that name.
    pub(crate) fn word<T>(&mut self, name: &str, words: &'static [&'static str]) -> Result<Option<T>, Refused>
    where
        T: FromStr<Err = UnknownWord>,
    {
        let Some(word) = self.take(name) else { return Ok(None) };
        word.parse().map(Some).map_err(|_| not_a_word(name, words))
    }

    /// The ids of that name, joined by commas.
    pub(crate) fn ids<T: FromStr>(&mut self, name: &str, prefix: &str) -> Result<Option<Vec<T>>, Refused> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let ids: Result<Vec<T>, _> = text.split(',').map(str::parse).collect();
        ids.map(Some).map_err(|_| {
            let message =
                format!("{name} must be ids joined by commas, each of which begins with {prefix}_ and was given out by this API.");
            Refused::new(ErrorCode::ParameterInvalid, message).param(name)
        })
    }

    /// The id of that name.
    pub(crate) fn id<T: FromStr>(&mut self, name: &str, prefix: &str) -> Result<Option<T>, Refused> {
        let Some(text) = self.take(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let message =
                format!("{name} must be an id that begins with {prefix}_ and was given out by this API.");
            Refused::new(ErrorCode::ParameterInvalid, message).param(name)
        })
    }

    /// The currency of that name.
    pub(crate) fn currency(&mut self, name: &str) -> Result<Option<Currency>, Refused> {
        let Some(code) = self.take(name) else { return Ok(None) };
        Currency::parse(&code).map(Some).map_err(|unknown| Refused::from(unknown).param(name))
    }

    /// The text of that name, as its type wants it.
    pub(crate) fn text<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, TextRefused>,
    ) -> Result<Option<T>, Refused> {
        let Some(text) = self.take(name) else { return Ok(None) };
        parse(text).map(Some).map_err(|refused| Refused::from(refused).param(name))
    }

    /// The time of that name, with any offset from UTC.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, Refused> {
        let Some(text) = self.take(name) else { return Ok(None) };
        match parse_time(&text) {
            Some(time) => Ok(Some(time)),
            None => {
                let message = format!("{name} must be a time of RFC 3339, such as 2025-11-06T19:54:00Z.");
                Err(Refused::new(ErrorCode::ParameterInvalid, message).param(name))
            }
        }
    }

    /// The values asked for as `metadata[key]`.
    pub(crate) fn metadata(&mut self) -> Result<Vec<(String, String)>, Refused> {
        let (wanted, rest) =
            std::mem::take(&mut self.pairs).into_iter().partition(|(name, _)| metadata_key(name).is_some());
        self.pairs = rest;
        let wanted: Vec<(String, String)> = wanted;
        let mut entries = Vec::with_capacity(wanted.len());
        for (name, value) in wanted {
            let key = metadata_key(&name).unwrap_or_default().to_owned();
            entries.push((key, value));
        }
        // The same rules as for stored metadata, so that no filter asks for what can't exist.
        florin_domain::Metadata::new(entries.iter().cloned().collect())?;
        Ok(entries)
    }

    /// Which part of the list is wanted; the ids that point into it begin with `prefix`.
    pub(crate) fn page<T: FromStr>(
        &mut self,
        prefix: &str,
        uuid: impl Fn(T) -> Uuid,
    ) -> Result<Page, Refused> {
        let limit = match self.number("limit", 1, u64::from(MAX_LIMIT))? {
            Some(limit) => u32::try_from(limit).unwrap_or(MAX_LIMIT),
            None => DEFAULT_LIMIT,
        };
        let offset = self.number("offset", 0, MAX_OFFSET)?;
        let after = self.id::<T>("starting_after", prefix)?;
        let before = self.id::<T>("ending_before", prefix)?;
        let position = match (offset, after, before) {
            (None, None, None) => Position::Offset(0),
            (Some(offset), None, None) => Position::Offset(offset),
            (None, Some(id), None) => Position::StartingAfter(uuid(id)),
            (None, None, Some(id)) => Position::EndingBefore(uuid(id)),
            (_, Some(_), Some(_)) => return Err(exclusive("starting_after", "ending_before")),
            (Some(_), Some(_), None) => return Err(exclusive("offset", "starting_after")),
            (Some(_), None, Some(_)) => return Err(exclusive("offset", "ending_before")),
        };
        Ok(Page::new(limit, position))
    }

    /// The integer of that name, from `minimum` to `maximum`.
    pub(crate) fn number(&mut self, name: &str, minimum: u64, maximum: u64) -> Result<Option<u64>, Refused> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits && (minimum..=maximum).contains(&number) => Ok(Some(number)),
            _ => {
                let message = format!("{name} must be an integer from {minimum} to {maximum}.");
                Err(Refused::new(ErrorCode::ParameterInvalid, message).param(name))
            }
        }
    }

    /// The text of that name as it was sent.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.pairs.iter().position(|(other, _)| other == name)?;
        Some(self.pairs.swap_remove(index).1)
    }
}

/// A text to search for.
pub(crate) fn search_text(text: String) -> Result<String, TextRefused> {
    match text.is_empty() {
        true => Err(TextRefused::Empty),
        false => check_text(&text, MAX_SEARCH_CHARS).map(|()| text),
    }
}

/// How many characters a text to search for may have.
pub(crate) const MAX_SEARCH_CHARS: usize = 500;

fn is_known(name: &str, known: &[&str]) -> bool {
    let name = if metadata_key(name).is_some() {
        "metadata"
    } else if name == "metadata" {
        return false;
    } else {
        name
    };
    known.contains(&name)
}

fn metadata_key(name: &str) -> Option<&str> {
    name.strip_prefix("metadata[")?.strip_suffix(']')
}

fn harmless_param(refused: Refused, name: &str) -> Refused {
    if is_harmless(name) { refused.param(name) } else { refused }
}

fn exclusive(one: &'static str, other: &str) -> Refused {
    let message = format!("{one} and {other} exclude each other; send one of them.");
    Refused::new(ErrorCode::ParametersConflict, message).param(one)
}

/// A plus sign that was not encoded has become a blank; in a time it can only have been the sign of the offset.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let mended = text.replace(' ', "+");
    Some(DateTime::parse_from_rfc3339(&mended).ok()?.to_utc())
}

/// Percent-decodes a name or a value, which must come out as UTF-8.
fn decode(text: &str) -> Result<String, Refused> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair = rest.next().and_then(hexadecimal).zip(rest.next().and_then(hexadecimal));
                let (high, low) = pair.ok_or_else(bad_encoding)?;
                bytes.push(high << 4 | low);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| bad_encoding())
}

fn hexadecimal(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn bad_encoding() -> Refused {
    Refused::new(ErrorCode::ParameterInvalid, "The query string is not valid; send percent-encoded UTF-8.")
}
