//! How values look: amounts, times, words, and the tone of states.

use chrono::{DateTime, Utc};
use florin_domain::{Currency, Money};

/// An amount in major units, with a blank that does not break between thousands' commas and none elsewhere:
/// `1,234.50`. A currency that nobody knows any more shows minor units.
pub(crate) fn amount(minor: &i64, currency: &str) -> String {
    let Ok(currency) = Currency::parse(currency) else { return minor.to_string() };
    grouped(&Money::new(*minor, currency).to_major_string())
}

/// The same without commas, as it is typed.
pub(crate) fn typed(minor: i64, currency: Currency) -> String {
    Money::new(minor, currency).to_major_string()
}

/// A whole number with commas between the thousands.
pub(crate) fn count(number: &u64) -> String {
    grouped(&number.to_string())
}

fn grouped(number: &str) -> String {
    let (whole, decimals) =
        number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("\u{2212}", digits));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(decimals) = decimals {
        text.push('.');
        text.push_str(decimals);
    }
    text
}

/// An instant as pages without scripts show it.
pub(crate) fn time(text: &str) -> String {
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => instant(&time.to_utc()),
        Err(_) => text.to_owned(),
    }
}

/// The same of an instant.
pub(crate) fn instant(time: &DateTime<Utc>) -> String {
    time.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// An instant for programs.
pub(crate) fn rfc3339(time: &DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A word of the API as people read it: `PARTIALLY_REFUNDED` is "Partially refunded", and `ACH` stays what it is.
pub(crate) fn label(word: &str) -> String {
    if word == "ACH" {
        return word.to_owned();
    }
    let words = word.to_lowercase().replace(['_', '.'], " ");
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => words,
    }
}

/// How a state looks: good, bad, to be watched, or neither.
pub(crate) fn tone(word: &str) -> &'static str {
    match word.to_ascii_lowercase().as_str() {
        "succeeded" | "paid" | "delivered" | "active" | "enabled" | "on" | "captured" => "good",
        "failed" | "needs_review" | "revoked" | "expired" | "given_up" | "disabled" => "bad",
        "processing" | "sending" | "unknown" | "requires_action" | "open" | "being_paid" => "warn",
        "authorized" | "partially_refunded" | "refunded" | "pending" => "info",
        _ => "",
    }
}

/// JSON with line breaks, for people; what is none stays.
pub(crate) fn pretty(json: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(json);
    value.ok().and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (minor, currency, expected) in [
            (123_456_789, "EUR", "1,234,567.89"),
            (500, "JPY", "500"),
            (1_234_567, "JPY", "1,234,567"),
            (1_005, "KWD", "1.005"),
            (-5, "USD", "\u{2212}0.05"),
            (99_999, "USD", "999.99"),
        ] {
            assert_eq!(amount(&minor, currency), expected);
        }
    }

    #[test]
    fn words_are_for_people() {
        assert_eq!(label("PARTIALLY_REFUNDED"), "Partially refunded");
        assert_eq!(label("webhook_endpoint.created"), "Webhook endpoint created");
        assert_eq!(label("ACH"), "ACH");
    }
}
