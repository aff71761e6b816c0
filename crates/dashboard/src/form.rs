//! What was typed: fields of forms and of addresses, as the types that the engine wants.

use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use florin_domain::{Amount, Currency, IdempotencyKey, Metadata, Money, TextRefused};
use florin_engine::requests::{Idempotency, Page, Position};
use florin_engine::views::{ErrorCode, Refused};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::forgery;

/// How many objects are on a page.
pub(crate) const PAGE_SIZE: u32 = 25;

/// The field that makes a form do what it does once, however often it is sent.
pub(crate) const ONCE: &str = "once";

/// The field of the caller's own data.
pub(crate) const METADATA: &str = "metadata";

/// Names and values. What is blank was not typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// The fields of a body or of an address, as browsers encode them.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(encoded);
        // Browsers end lines by two characters.
        Form(pairs.map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n"))).collect())
    }

    /// What was typed, without blanks around it.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.exact(name).map(str::trim).filter(|text| !text.is_empty())
    }

    /// What was typed, as it was, blanks and all: for passwords.
    pub(crate) fn exact(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The same as a text for a field that is shown again.
    pub(crate) fn shown(&self, name: &str) -> String {
        self.exact(name).unwrap_or_default().to_owned()
    }

    /// All values of the name, of boxes that were ticked.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A text as its type wants it.
    pub(crate) fn text<T>(
        &self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, TextRefused>,
    ) -> Result<Option<T>, Refused> {
        let text = self.get(name).map(|text| parse(text.to_owned())).transpose();
        text.map_err(|refused| Refused::from(refused).param(name))
    }

    /// A text that has to be there.
    pub(crate) fn needed_text<T>(
        &self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, TextRefused>,
    ) -> Result<T, Refused> {
        self.text(name, parse)?.ok_or_else(|| missing(name))
    }

    /// Keys and values, a pair on each line.
    pub(crate) fn pairs(&self, name: &str) -> Result<BTreeMap<String, String>, Refused> {
        let mut pairs = BTreeMap::new();
        let lines = self.get(name).unwrap_or_default().lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty()) {
            let pair = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            let Some((key, value)) = pair.filter(|(key, _)| !key.is_empty()) else {
                return Err(invalid(name, "Write a pair on each line, such as order=1001."));
            };
            if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(invalid(name, "Write each key once."));
            }
        }
        Ok(pairs)
    }

    /// The field `metadata`.
    pub(crate) fn metadata(&self) -> Result<Metadata, Refused> {
        let metadata = Metadata::new(self.pairs(METADATA)?);
        metadata.map_err(|refused| Refused::from(refused).param(METADATA))
    }

    /// What was typed into rows of fields, whose names come once for each row; rows without anything are left out, and
    /// each of the others comes with its number.
    pub(crate) fn rows(&self, names: &[&str]) -> Vec<(usize, Form)> {
        let columns: Vec<Vec<&str>> = names.iter().map(|name| self.all(name).collect()).collect();
        let longest = columns.iter().map(Vec::len).max().unwrap_or(0);
        let row = |at: usize| {
            let values = columns.iter().map(|column| column.get(at).copied().unwrap_or_default());
            Form(
                names
                    .iter()
                    .zip(values)
                    .map(|(name, value)| ((*name).to_owned(), value.to_owned()))
                    .collect(),
            )
        };
        let rows = (0..longest).map(|at| (at + 1, row(at)));
        rows.filter(|(_, row)| row.0.iter().any(|(_, value)| !value.trim().is_empty())).collect()
    }

    /// One of some words.
    pub(crate) fn word<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refused> {
        let word = self.get(name).map(str::parse).transpose();
        word.map_err(|_unknown| invalid(name, "Choose one of the values that are offered."))
    }

    /// An id. One that is none belongs to nothing, and `not_found` says so.
    pub(crate) fn id<T: FromStr>(
        &self,
        name: &str,
        not_found: impl FnOnce() -> Refused,
    ) -> Result<Option<T>, Refused> {
        let id = self.get(name).map(str::parse).transpose();
        id.map_err(|_malformed| not_found().param(name))
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| invalid(name, &format!("Send a whole number from {least} to {most}.")))
    }

    /// A currency.
    pub(crate) fn currency(&self, name: &str) -> Result<Option<Currency>, Refused> {
        let found = self.get(name).map(Currency::parse).transpose();
        found.map_err(|unknown| Refused::from(unknown).param(name))
    }

    /// An amount in major units, with as many decimals as the currency has.
    pub(crate) fn amount(&self, name: &str, currency: Currency) -> Result<Option<Amount>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let money =
            Money::parse_major(text, currency).map_err(|_malformed| invalid(name, &form_of(currency)))?;
        Amount::new(money.minor()).map(Some).map_err(|refused| Refused::from(refused).param(name))
    }

    /// The beginning of a day, in UTC.
    pub(crate) fn day(&self, name: &str) -> Result<Option<DateTime<Utc>>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let day: Result<NaiveDate, _> = text.parse();
        let day = day.map_err(|_malformed| invalid(name, "Send a day, such as 2026-11-22."))?;
        Ok(Some(day.and_time(NaiveTime::MIN).and_utc()))
    }

    /// Which page of a list is wanted.
    pub(crate) fn page<T: FromStr>(&self, uuid: impl Fn(T) -> Uuid) -> Result<Page, Refused> {
        let not_found = || Refused::new(ErrorCode::ParameterInvalid, "There is no such page.");
        // Where reading stopped is told without a prefix.
        let place = |name: &str| match self.get(name).and_then(|text| text.parse::<Uuid>().ok()) {
            Some(place) => Ok::<_, Refused>(Some(place)),
            None => Ok(self.id(name, not_found)?.map(&uuid)),
        };
        let position = match (place("after")?, place("before")?) {
            (Some(id), _) => Position::StartingAfter(id),
            (None, Some(id)) => Position::EndingBefore(id),
            (None, None) => Position::Offset(0),
        };
        Ok(Page::new(PAGE_SIZE, position).bounded())
    }

    /// What makes this form's request happen once: its own key, good for that request and these values.
    pub(crate) fn idempotency(&self, scope: &str) -> Result<Idempotency, Refused> {
        let key = self.needed_text(ONCE, IdempotencyKey::parse)?;
        let mut digest = Sha256::new();
        for (name, value) in self.0.iter().filter(|(name, _)| name != ONCE && name != forgery::FIELD) {
            for text in [name, value] {
                digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                digest.update(text);
            }
        }
        Ok(Idempotency {
            key,
            scope: format!("dashboard: {scope}"),
            request_digest: digest.finalize().into(),
        })
    }
}

/// How amounts of a currency are typed.
pub(crate) fn form_of(currency: Currency) -> String {
    let sample = Money::new(123_456, currency).to_major_string();
    match currency.exponent() {
        0 => format!(
            "Write the amount in {currency} as {sample}: digits only, since {currency} has no decimals."
        ),
        decimals => format!(
            "Write the amount in {currency} as {sample}: a point before at most {decimals} decimals, and nothing \
             between the thousands."
        ),
    }
}

pub(crate) fn missing(name: &str) -> Refused {
    Refused::new(ErrorCode::ParameterMissing, "This is needed.").param(name)
}

pub(crate) fn invalid(name: &str, message: &str) -> Refused {
    Refused::new(ErrorCode::ParameterInvalid, message).param(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(amount: &str) -> Form {
        Form(vec![("amount".to_owned(), amount.to_owned())])
    }

    #[test]
    fn amounts_are_typed_in_the_currency_s_own_form() {
        for (text, currency, minor) in [
            ("12.34", Currency::EUR, Some(1234)),
            (" 12 ", Currency::EUR, Some(1200)),
            ("12.5", Currency::EUR, Some(1250)),
            ("1.005", Currency::EUR, None),
            ("12,34", Currency::EUR, None),
            ("1,000.00", Currency::EUR, None),
            ("-1.00", Currency::EUR, None),
            ("0", Currency::EUR, None),
            ("1e3", Currency::EUR, None),
            ("500", Currency::JPY, Some(500)),
            ("500.0", Currency::JPY, None),
            ("1.005", Currency::KWD, Some(1005)),
        ] {
            let amount = typed(text).amount("amount", currency);
            assert_eq!(amount.ok().flatten().map(Amount::minor), minor, "{text} {currency}");
        }
    }

    #[test]
    fn pairs_stand_on_lines_of_their_own() {
        let pairs = |text: &str| Form(vec![("metadata".to_owned(), text.to_owned())]).pairs("metadata");
        let expected = [("a".to_owned(), "1 = one".to_owned()), ("b c".to_owned(), String::new())];
        assert_eq!(pairs(" a = 1 = one\n\nb c=\n").unwrap(), expected.into());
        assert_eq!(pairs("").unwrap().len(), 0);
        for wrong in ["a", "=1", "a=1\na=2"] {
            assert!(pairs(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rows_are_told_apart_by_their_order_and_empty_ones_left_out() {
        let form = Form::parse(b"what=Tea&price=1&what=&price=+&what=Cup&price=");
        let rows = form.rows(&["what", "price"]);
        let shown: Vec<_> = rows.iter().map(|(at, row)| (*at, row.get("what"), row.get("price"))).collect();
        assert_eq!(shown, [(1, Some("Tea"), Some("1")), (3, Some("Cup"), None)]);
    }

    #[test]
    fn what_is_typed_otherwise_is_another_request_and_the_token_of_the_form_is_not() {
        let digest = |body: &str| Form::parse(body.as_bytes()).idempotency("x").unwrap().request_digest;
        assert_eq!(digest("once=k&a=1"), digest("once=k&a=1&form_token=t"));
        assert_ne!(digest("once=k&a=1"), digest("once=k&a=2"));
        assert_ne!(digest("once=k&a=1&b="), digest("once=k&a=&b=1"));
    }
}
