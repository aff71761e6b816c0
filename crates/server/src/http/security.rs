//! The headers by which every answer tells browsers what not to do with it.

use std::fmt::Write;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// A page may say more exactly what it needs; nothing else is ever a page.
const DEFAULTS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// With TLS: for a year, nothing but TLS.
const ONLY_TLS: (HeaderName, HeaderValue) =
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));

/// Which of them answers get.
#[derive(Clone, Copy)]
pub(super) struct SecurityHeaders {
    has_tls: bool,
}

impl SecurityHeaders {
    pub(super) fn new(has_tls: bool) -> Self {
        SecurityHeaders { has_tls }
    }

    /// Adds those that are not there.
    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        for (name, value) in self.all() {
            if !headers.contains_key(&name) {
                headers.insert(name, value);
            }
        }
    }

    /// The same as lines of a head.
    pub(super) fn lines(self) -> String {
        self.all().fold(String::new(), |mut lines, (name, value)| {
            let value = value.to_str().unwrap_or_default();
            write!(lines, "{name}: {value}\r\n").expect("a String takes every write");
            lines
        })
    }

    fn all(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        DEFAULTS.into_iter().chain(self.has_tls.then_some(ONLY_TLS))
    }
}
