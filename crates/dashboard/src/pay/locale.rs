//! Money and times as the payer's language writes them.
//!
//! The forms are those of the Unicode CLDR 44 for `en`, `de`, `fr`, `es` and `ja`: where the symbol stands, what separates
//! groups and fractions, and which currencies have a symbol that nobody takes for another one. All others are written by
//! their ISO code. How many digits a currency has is the domain's to say.

use chrono::{DateTime, Datelike, Timelike, Utc};
use florin_domain::{Amount, Currency};

use super::language::Language;

const NO_BREAK: char = '\u{a0}';
const NARROW_NO_BREAK: &str = "\u{202f}";

/// How a language writes amounts.
struct Form {
    decimal: char,
    group: &'static str,
    /// With fewer digits than this before the point, there are no groups.
    least_grouped: usize,
    symbol_is_first: bool,
    symbols: &'static [(&'static str, &'static str)],
}

const fn form(language: Language) -> Form {
    match language {
        Language::English => {
            Form { decimal: '.', group: ",", least_grouped: 4, symbol_is_first: true, symbols: ENGLISH }
        }
        Language::German => {
            Form { decimal: ',', group: ".", least_grouped: 4, symbol_is_first: false, symbols: GERMAN }
        }
        Language::French => Form {
            decimal: ',',
            group: NARROW_NO_BREAK,
            least_grouped: 4,
            symbol_is_first: false,
            symbols: FRENCH,
        },
        Language::Spanish => {
            Form { decimal: ',', group: ".", least_grouped: 5, symbol_is_first: false, symbols: SPANISH }
        }
        Language::Japanese => {
            Form { decimal: '.', group: ",", least_grouped: 4, symbol_is_first: true, symbols: JAPANESE }
        }
    }
}

/// An amount with its currency, as in `€1,234.50`.
pub(crate) fn money(language: Language, amount: Amount, currency: Currency) -> String {
    let form = form(language);
    let number = number(&form, amount.minor().unsigned_abs(), currency);
    let code = currency.code();
    let known = form.symbols.iter().find(|(known, _)| *known == code);
    let symbol = known.map_or(code, |(_, symbol)| *symbol);
    if !form.symbol_is_first {
        return format!("{number}{NO_BREAK}{symbol}");
    }
    // Letters need room before digits, signs do not.
    match symbol.ends_with(|last: char| last.is_alphabetic() || last == '.') {
        true => format!("{symbol}{NO_BREAK}{number}"),
        false => format!("{symbol}{number}"),
    }
}

fn number(form: &Form, minor: u64, currency: Currency) -> String {
    let per_major = currency.minor_units_per_major();
    let whole = (minor / per_major).to_string();
    let mut text = String::with_capacity(24);
    for (place, digit) in whole.char_indices() {
        let follow = whole.len() - place;
        if place > 0 && follow.is_multiple_of(3) && whole.len() >= form.least_grouped {
            text.push_str(form.group);
        }
        text.push(digit);
    }
    let digits = usize::from(currency.exponent());
    if digits > 0 {
        text.push(form.decimal);
        text.push_str(&format!("{:0digits$}", minor % per_major));
    }
    text
}

/// A time in UTC, as in `March 5, 2026 at 14:07 UTC`.
pub(crate) fn time(language: Language, at: DateTime<Utc>) -> String {
    let (year, day, clock) = (at.year(), at.day(), format!("{:02}:{:02}", at.hour(), at.minute()));
    let month = |names: [&'static str; 12]| names[at.month0() as usize];
    match language {
        Language::English => format!("{} {day}, {year} at {clock} UTC", month(ENGLISH_MONTHS)),
        Language::German => format!("{day}. {} {year} um {clock} UTC", month(GERMAN_MONTHS)),
        Language::French => format!("{day} {} {year} à {clock} UTC", month(FRENCH_MONTHS)),
        Language::Spanish => format!("{day} de {} de {year} a las {clock} UTC", month(SPANISH_MONTHS)),
        Language::Japanese => format!("{year}年{}月{day}日 {clock} UTC", at.month()),
    }
}

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const GERMAN_MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const FRENCH_MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const SPANISH_MONTHS: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

/// The symbols of `en`.
const ENGLISH: &[(&str, &str)] = &[
    ("AUD", "A$"),
    ("BRL", "R$"),
    ("CAD", "CA$"),
    ("CNY", "CN¥"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("HKD", "HK$"),
    ("ILS", "₪"),
    ("INR", "₹"),
    ("JPY", "¥"),
    ("KRW", "₩"),
    ("MXN", "MX$"),
    ("NZD", "NZ$"),
    ("PHP", "₱"),
    ("TWD", "NT$"),
    ("USD", "$"),
    ("VND", "₫"),
    ("XAF", "FCFA"),
    ("XCD", "EC$"),
    ("XCG", "Cg."),
    ("XOF", "F\u{202f}CFA"),
    ("XPF", "CFPF"),
];

/// The symbols of `de`.
const GERMAN: &[(&str, &str)] = &[
    ("AUD", "AU$"),
    ("BRL", "R$"),
    ("CAD", "CA$"),
    ("CNY", "CN¥"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("HKD", "HK$"),
    ("ILS", "₪"),
    ("INR", "₹"),
    ("JPY", "¥"),
    ("KRW", "₩"),
    ("MXN", "MX$"),
    ("NZD", "NZ$"),
    ("THB", "฿"),
    ("TWD", "NT$"),
    ("USD", "$"),
    ("VND", "₫"),
    ("XAF", "FCFA"),
    ("XCD", "EC$"),
    ("XCG", "Cg."),
    ("XOF", "F\u{202f}CFA"),
    ("XPF", "CFPF"),
];

/// The symbols of `fr`.
const FRENCH: &[(&str, &str)] = &[
    ("ARS", "$AR"),
    ("AUD", "$AU"),
    ("BMD", "$BM"),
    ("BND", "$BN"),
    ("BRL", "R$"),
    ("BZD", "$BZ"),
    ("CAD", "$CA"),
    ("CLP", "$CL"),
    ("COP", "$CO"),
    ("EUR", "€"),
    ("FJD", "$FJ"),
    ("FKP", "£FK"),
    ("GBP", "£GB"),
    ("GIP", "£GI"),
    ("ILS", "₪"),
    ("INR", "₹"),
    ("KRW", "₩"),
    ("LBP", "£LB"),
    ("MXN", "$MX"),
    ("NAD", "$NA"),
    ("NZD", "$NZ"),
    ("SBD", "$SB"),
    ("SGD", "$SG"),
    ("SRD", "$SR"),
    ("TTD", "$TT"),
    ("USD", "$US"),
    ("UYU", "$UY"),
    ("VND", "₫"),
    ("WST", "$WS"),
    ("XAF", "FCFA"),
    ("XCG", "Cg."),
    ("XOF", "F\u{202f}CFA"),
    ("XPF", "FCFP"),
];

/// The symbols of `es`.
const SPANISH: &[(&str, &str)] =
    &[("EUR", "€"), ("THB", "฿"), ("USD", "US$"), ("VND", "₫"), ("XCG", "Cg."), ("XPF", "CFPF")];

/// The symbols of `ja`.
const JAPANESE: &[(&str, &str)] = &[
    ("AUD", "A$"),
    ("BRL", "R$"),
    ("CAD", "CA$"),
    ("CNY", "元"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("HKD", "HK$"),
    ("ILS", "₪"),
    ("INR", "₹"),
    ("JPY", "￥"),
    ("KRW", "₩"),
    ("MXN", "MX$"),
    ("NZD", "NZ$"),
    ("TWD", "NT$"),
    ("USD", "$"),
    ("VND", "₫"),
    ("XAF", "FCFA"),
    ("XCD", "EC$"),
    ("XCG", "Cg"),
    ("XOF", "F\u{202f}CFA"),
    ("XPF", "CFPF"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(language: Language, minor: i64, code: &str) -> String {
        money(language, Amount::new(minor).unwrap(), Currency::parse(code).unwrap())
    }

    /// What `Intl.NumberFormat` of a browser shows, with `_` for a blank that does not break and `~` for a narrow one.
    #[test]
    fn amounts_are_written_as_the_payer_s_language_does() {
        let table = [
            (
                123_456_750,
                "EUR",
                ["€1,234,567.50", "1.234.567,50_€", "1~234~567,50_€", "1.234.567,50_€", "€1,234,567.50"],
            ),
            (123_450, "EUR", ["€1,234.50", "1.234,50_€", "1~234,50_€", "1234,50_€", "€1,234.50"]),
            (1234, "JPY", ["¥1,234", "1.234_¥", "1~234_JPY", "1234_JPY", "￥1,234"]),
            (1250, "CHF", ["CHF_12.50", "12,50_CHF", "12,50_CHF", "12,50_CHF", "CHF_12.50"]),
            (5, "USD", ["$0.05", "0,05_$", "0,05_$US", "0,05_US$", "$0.05"]),
            (1234, "KWD", ["KWD_1.234", "1,234_KWD", "1,234_KWD", "1,234_KWD", "KWD_1.234"]),
            (100, "GBP", ["£1.00", "1,00_£", "1,00_£GB", "1,00_GBP", "£1.00"]),
            (100, "CNY", ["CN¥1.00", "1,00_CN¥", "1,00_CNY", "1,00_CNY", "元_1.00"]),
        ];
        for (minor, code, expected) in table {
            for (language, expected) in Language::ALL.into_iter().zip(expected) {
                let expected = expected.replace('_', "\u{a0}").replace('~', NARROW_NO_BREAK);
                assert_eq!(shown(language, minor, code), expected, "{minor} {code} in {language:?}");
            }
        }
    }

    #[test]
    fn every_currency_can_be_shown_in_every_language() {
        for currency in Currency::all() {
            for language in Language::ALL {
                assert!(money(language, Amount::new(1).unwrap(), currency).ends_with(|_| true));
            }
        }
    }

    #[test]
    fn every_symbol_is_of_a_currency_that_there_is() {
        for language in Language::ALL {
            for (code, _) in form(language).symbols {
                assert!(Currency::parse(code).is_ok(), "{code}");
            }
        }
    }

    #[test]
    fn times_are_written_as_the_payer_s_language_does() {
        let at: DateTime<Utc> = "2026-03-05T14:07:59Z".parse().unwrap();
        let expected = [
            "March 5, 2026 at 14:07 UTC",
            "5. März 2026 um 14:07 UTC",
            "5 mars 2026 à 14:07 UTC",
            "5 de marzo de 2026 a las 14:07 UTC",
            "2026年3月5日 14:07 UTC",
        ];
        assert_eq!(Language::ALL.map(|language| time(language, at)), expected);
    }
}
