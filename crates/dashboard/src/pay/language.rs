//! The languages of the payment page, and which of them a payer reads.

use actix_web::HttpRequest;
use actix_web::http::header;

/// A language of the payment page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    French,
    Spanish,
    Japanese,
}

/// More of a header is not read.
const MOST_PREFERENCES: usize = 32;

impl Language {
    /// All of them, in the order in which the page offers them.
    pub(crate) const ALL: [Language; 5] =
        [Language::English, Language::German, Language::French, Language::Spanish, Language::Japanese];

    /// As HTML and HTTP name it.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
            Language::French => "fr",
            Language::Spanish => "es",
            Language::Japanese => "ja",
        }
    }

    /// As those call it who speak it.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::German => "Deutsch",
            Language::French => "Français",
            Language::Spanish => "Español",
            Language::Japanese => "日本語",
        }
    }

    fn find(tag: &str) -> Option<Language> {
        let primary = tag.split('-').next().unwrap_or_default();
        Language::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// What the payer chose on the page, if anything.
    pub(crate) fn chosen(request: &HttpRequest) -> Option<Language> {
        let mut pairs = form_urlencoded::parse(request.query_string().as_bytes());
        pairs.find(|(name, _)| name == "lang").and_then(|(_, tag)| Language::find(&tag))
    }

    /// What the payer chose, or else what their browser asks for, or else English.
    pub(crate) fn of(request: &HttpRequest) -> Language {
        let asked = || {
            let header = request.headers().get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
            preferred(header)
        };
        Language::chosen(request).or_else(asked).unwrap_or(Language::English)
    }
}

/// The language that a browser likes best of those there are: the first of those with the greatest weight.
fn preferred(header: &str) -> Option<Language> {
    let mut best: Option<(u16, Language)> = None;
    for preference in header.split(',').take(MOST_PREFERENCES) {
        let mut parts = preference.split(';').map(str::trim);
        let Some(language) = parts.next().and_then(Language::find) else { continue };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), thousandths);
        let Some(weight) = weight.filter(|weight| *weight > 0) else { continue };
        if best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// A weight as HTTP writes it, `0` to `1` with at most three digits behind the point, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_browser_s_favourite_of_those_there_are_is_taken() {
        for (header, expected) in [
            ("de", Some("de")),
            ("de-CH,de;q=0.9,en;q=0.8", Some("de")),
            ("sv,fr;q=0.3,ja;q=0.7", Some("ja")),
            ("en;q=0.5, es;q=0.5", Some("en")),
            ("FR-ca", Some("fr")),
            ("en;q=0,de;q=0.001", Some("de")),
            ("de;q=2,fr;q=0.1", Some("fr")),
            ("de;q=0.1234", None),
            ("sv,*", None),
            ("", None),
            (",,;q=,de;q", Some("de")),
        ] {
            assert_eq!(preferred(header).map(Language::tag), expected, "{header}");
        }
    }

    #[test]
    fn a_choice_counts_more_than_the_browser() {
        for (uri, expected) in [
            ("/pay/x?lang=es", "es"),
            ("/pay/x?lang=xx", "fr"),
            ("/pay/x", "fr"),
            ("/pay/x?a=1&lang=ja", "ja"),
        ] {
            let request =
                TestRequest::with_uri(uri).insert_header(("accept-language", "fr")).to_http_request();
            assert_eq!(Language::of(&request).tag(), expected, "{uri}");
        }
        assert_eq!(Language::of(&TestRequest::default().to_http_request()), Language::English);
    }
}
