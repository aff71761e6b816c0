//! The fields of a body, taken one by one with the type each must have.
//!
//! Errors name the field and say what to send. A field that nobody knows is refused before anything else is looked at:
//! a misspelt optional field must not silently lose its meaning.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Utc};
use florin_domain::{Amount, Currency, Metadata, TextRefused, UnknownWord, contains_card_number};
use florin_engine::views::{ErrorCode, Refused};
use serde_json::Value;

use crate::json::{Object, kind_of};

/// The fields of a body that have not been taken yet.
pub(crate) struct Fields {
    object: Object,
}

impl Fields {
    /// The fields of an object that has no others than the known ones.
    pub(crate) fn new(object: Object, known: &[&str]) -> Result<Self, Refused> {
        match object.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(unknown_parameter("field", unknown, known)),
            None => Ok(Fields { object }),
        }
    }

    /// Whether there is a value of that name.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    /// The amount of that name.
    pub(crate) fn amount(&mut self, name: &'static str) -> Result<Option<Amount>, Refused> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let found = match value.as_i64() {
            Some(minor) => match Amount::new(minor) {
                Ok(amount) => return Ok(Some(amount)),
                Err(_) if minor == 0 => "0 was sent",
                Err(_) if minor < 0 => "a negative number was sent",
                Err(_) => "a larger number was sent",
            },
            None if value.is_u64() => "a larger number was sent",
            None => {
                return Err(
                    Refused::new(ErrorCode::ParameterInvalid, amount_rule(name, kind_of(&value))).param(name)
                );
            }
        };
        let message = format!("{AMOUNT_RULE} as {name}; {found}.");
        Err(Refused::new(ErrorCode::ParameterInvalid, message).param(name))
    }

    /// The amount of that name, which must be there.
    pub(crate) fn required_amount(&mut self, name: &'static str) -> Result<Amount, Refused> {
        self.amount(name)?.ok_or_else(|| missing(name, &format!("{AMOUNT_RULE} as {name}.")))
    }

    /// The currency of that name, which must be there.
    pub(crate) fn required_currency(&mut self, name: &'static str) -> Result<Currency, Refused> {
        let expected = "a three-letter code of ISO 4217, such as USD";
        match self.string(name, expected)? {
            Some(code) => Currency::parse(&code).map_err(|unknown| Refused::from(unknown).param(name)),
            None => Err(missing(name, &format!("Send {name}: {expected}."))),
        }
    }

    /// The text of that name, as its type wants it.
    pub(crate) fn text<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(String) -> Result<T, TextRefused>,
    ) -> Result<Option<T>, Refused> {
        let Some(text) = self.string(name, "a string")? else { return Ok(None) };
        parse(text).map(Some).map_err(|refused| Refused::from(refused).param(name))
    }

    /// The text of that name; `Some(None)` where null was sent to take it away.
    pub(crate) fn erasable_text<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(String) -> Result<T, TextRefused>,
    ) -> Result<Option<Option<T>>, Refused> {
        match self.object.contains_key(name) {
            true => self.text(name, parse).map(Some),
            false => Ok(None),
        }
    }

    /// The id of that name. One that is malformed names nothing that there is.
    pub(crate) fn id<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
        not_found: impl FnOnce() -> Refused,
    ) -> Result<Option<T>, Refused> {
        let Some(text) = self.string(name, "an id")? else { return Ok(None) };
        text.parse().map(Some).map_err(|_malformed| not_found().param(name))
    }

    /// The word of that name.
    pub(crate) fn word<T>(
        &mut self,
        name: &'static str,
        words: &'static [&'static str],
    ) -> Result<Option<T>, Refused>
    where
        T: std::str::FromStr<Err = UnknownWord>,
    {
        let Some(value) = self.take(name) else { return Ok(None) };
        let parsed = value.as_str().and_then(|word| word.parse().ok());
        parsed.map(Some).ok_or_else(|| not_a_word(name, words))
    }

    /// The boolean of that name.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, Refused> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_kind(name, "true or false", &other)),
        }
    }

    /// The integer of that name.
    pub(crate) fn integer(&mut self, name: &'static str, expected: &str) -> Result<Option<i64>, Refused> {
        let Some(value) = self.take(name) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| wrong_kind(name, expected, &value))
    }

    /// The time of that name, to the millisecond, with any offset from UTC.
    pub(crate) fn time(&mut self, name: &'static str) -> Result<Option<DateTime<Utc>>, Refused> {
        const EXPECTED: &str = "a time of RFC 3339, such as 2025-11-06T19:54:00Z";
        let Some(text) = self.string(name, EXPECTED)? else { return Ok(None) };
        let parsed = DateTime::parse_from_rfc3339(&text).ok();
        let time = parsed.and_then(|time| DateTime::from_timestamp_millis(time.timestamp_millis()));
        match time.filter(|time| (0..=9999).contains(&time.year())) {
            Some(time) => Ok(Some(time)),
            None => {
                let message = format!("{name} must be {EXPECTED}.");
                Err(Refused::new(ErrorCode::ParameterInvalid, message).param(name))
            }
        }
    }

    /// The objects in the array of that name; none when nothing was sent.
    pub(crate) fn objects(&mut self, name: &'static str) -> Result<Vec<Object>, Refused> {
        let items = match self.take(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(wrong_kind(name, "an array of objects", &other)),
        };
        let object = |item| match item {
            Value::Object(object) => Ok(object),
            other => Err(wrong_kind(name, "an array of objects", &other)),
        };
        items.into_iter().map(object).collect()
    }

    /// The object of strings of that name. What it holds is not repeated.
    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Option<BTreeMap<String, String>>, Refused> {
        const EXPECTED: &str = "an object with string values";
        let object = match self.take(name) {
            None => return Ok(None),
            Some(Value::Object(object)) => object,
            Some(other) => return Err(wrong_kind(name, EXPECTED, &other)),
        };
        let text = |(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            other => Err(wrong_kind(name, EXPECTED, &other)),
        };
        object.into_iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// The ids in the array of that name, at most so many. One that is malformed names nothing that there is.
    pub(crate) fn ids<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
        at_most: usize,
        not_found: impl Fn() -> Refused,
    ) -> Result<Option<Vec<T>>, Refused> {
        let items = match self.take(name) {
            None => return Ok(None),
            Some(Value::Array(items)) if items.len() <= at_most => items,
            Some(Value::Array(_)) => {
                let message = format!("{name} has too many ids; send at most {at_most}.");
                return Err(Refused::new(ErrorCode::ParameterInvalid, message).param(name));
            }
            Some(other) => return Err(wrong_kind(name, "an array of ids", &other)),
        };
        let id = |item| match item {
            Value::String(text) => text.parse().map_err(|_malformed| not_found().param(name)),
            other => Err(wrong_kind(name, "an array of ids", &other)),
        };
        items.into_iter().map(id).collect::<Result<_, _>>().map(Some)
    }

    /// The string of that name, whatever it says.
    pub(crate) fn string(&mut self, name: &'static str, expected: &str) -> Result<Option<String>, Refused> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_kind(name, expected, &other)),
        }
    }

    /// The metadata, which is empty when nothing was sent.
    pub(crate) fn metadata(&mut self) -> Result<Metadata, Refused> {
        let mut entries = BTreeMap::new();
        for (key, value) in self.metadata_object()? {
            match value {
                Value::String(text) => entries.insert(key, text),
                other => return Err(wrong_metadata_value(&key, "a string", &other)),
            };
        }
        Ok(Metadata::new(entries)?)
    }

    /// Changes of metadata: a null takes its key away.
    pub(crate) fn metadata_changes(&mut self) -> Result<BTreeMap<String, Option<String>>, Refused> {
        let mut changes = BTreeMap::new();
        for (key, value) in self.metadata_object()? {
            match value {
                Value::String(text) => changes.insert(key, Some(text)),
                Value::Null => changes.insert(key, None),
                other => {
                    return Err(wrong_metadata_value(&key, "a string, or null to remove the key", &other));
                }
            };
        }
        // What is set must be allowed by itself; whether the sum is, depends on what is there already.
        let set = changes.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
        Metadata::new(set)?;
        Ok(changes)
    }

    fn metadata_object(&mut self) -> Result<Object, Refused> {
        match self.take("metadata") {
            None => Ok(Object::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(other) => Err(wrong_kind("metadata", "an object with string values", &other)),
        }
    }

    /// A null stands for no value.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }
}

const AMOUNT_RULE: &str =
    "Send an integer from 1 to 999999999999 in the currency's minor unit, such as 1000 for 10.00 USD,";

fn amount_rule(name: &str, found: &str) -> String {
    format!("{AMOUNT_RULE} as {name}; {found} was sent.")
}

/// Refuses to change what can't be changed.
pub(crate) fn refuse_immutable(body: &Object, immutable: &[&str], changing: &[&str]) -> Result<(), Refused> {
    match immutable.iter().find(|name| body.contains_key(**name)) {
        Some(name) => {
            let message = format!("{name} can't be changed; send {} only.", changing.join(", "));
            Err(Refused::new(ErrorCode::FieldImmutable, message).param(*name))
        }
        None => Ok(()),
    }
}

/// A required parameter is missing.
pub(crate) fn missing(name: &str, message: &str) -> Refused {
    Refused::new(ErrorCode::ParameterMissing, message).param(name)
}

/// A parameter is none of the words that it may be.
pub(crate) fn not_a_word(name: &str, words: &[&str]) -> Refused {
    let message = format!("{name} must be one of: {}.", words.join(", "));
    Refused::new(ErrorCode::ParameterInvalid, message).param(name)
}

/// A parameter is not known. Its name is repeated only where that is harmless.
pub(crate) fn unknown_parameter(what: &str, name: &str, known: &[&str]) -> Refused {
    let expected = match known {
        [] => "none is taken here".to_owned(),
        known => format!("known here: {}", known.join(", ")),
    };
    match is_harmless(name) {
        true => {
            let message = format!("The {what} {name:?} is not known; {expected}.");
            Refused::new(ErrorCode::ParameterUnknown, message).param(name)
        }
        false => Refused::new(ErrorCode::ParameterUnknown, format!("A {what} is not known; {expected}.")),
    }
}

/// Whether a name that somebody sent may be repeated in an answer and in logs.
pub(crate) fn is_harmless(name: &str) -> bool {
    name.len() <= 100 && !name.chars().any(char::is_control) && !contains_card_number(name)
}

fn wrong_kind(name: &str, expected: &str, found: &Value) -> Refused {
    let message = format!("{name} must be {expected}; {} was sent.", kind_of(found));
    Refused::new(ErrorCode::ParameterInvalid, message).param(name)
}

fn wrong_metadata_value(key: &str, expected: &str, found: &Value) -> Refused {
    let whose = if is_harmless(key) { format!("the value of {key:?}") } else { "a value".to_owned() };
    let message = format!("In metadata, {whose} must be {expected}; {} was sent.", kind_of(found));
    Refused::new(ErrorCode::ParameterInvalid, message).param("metadata")
}
