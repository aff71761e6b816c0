//! The headers by which every answer tells browsers what not to do with it.

use std::fmt::Write;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// A page may say more exactly what it needs; nothing else is ever a page.
const DEFAULTS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// With TLS: for a year, nothing but TLS.
const ONLY_TLS: (HeaderName, &str) = (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");

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
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }

    /// The same as lines of a head.
    pub(super) fn lines(self) -> String {
        self.all().fold(String::new(), |mut lines, (name, value)| {
            write!(lines, "{name}: {value}\r\n").expect("a String takes every write");
            lines
        })
    }

    fn all(self) -> impl Iterator<Item = (HeaderName, &'static str)> {
        DEFAULTS.into_iter().chain(self.has_tls.then_some(ONLY_TLS))
    }
}
