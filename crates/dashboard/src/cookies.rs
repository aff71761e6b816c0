//! The cookies of a browser that signed in: the tokens of a session of each mode, and a secret that forms are bound to.
//!
//! They are for this host, HttpOnly, and not sent with what other sites ask for, but for plain links. Where browsers come
//! by TLS they are for TLS only, and their names begin with `__Host-`, so that no neighbouring host can set them.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use chrono::{DateTime, Utc};
use florin_domain::Mode;

/// What a cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jar {
    /// The access token of the session of a mode.
    Access(Mode),
    /// The refresh token of the session of a mode.
    Refresh(Mode),
    /// The secret that forms are bound to.
    Forms,
}

impl Jar {
    /// The cookie's name.
    pub(crate) fn name(self, is_secure: bool) -> String {
        let prefix = if is_secure { "__Host-" } else { "" };
        match self {
            Jar::Access(mode) => format!("{prefix}florin-{mode}-access"),
            Jar::Refresh(mode) => format!("{prefix}florin-{mode}-refresh"),
            Jar::Forms => format!("{prefix}florin-forms"),
        }
    }

    /// What the browser has sent.
    pub(crate) fn read(self, request: &HttpRequest, is_secure: bool) -> Option<String> {
        let cookie = request.cookie(&self.name(is_secure))?;
        Some(cookie.value().to_owned()).filter(|value| !value.is_empty())
    }

    /// The cookie with a value, until then or until the browser ends.
    pub(crate) fn filled(self, value: String, until: Option<Duration>, is_secure: bool) -> Cookie<'static> {
        let cookie = Cookie::build(self.name(is_secure), value)
            .path("/")
            .http_only(true)
            .secure(is_secure)
            .same_site(SameSite::Lax);
        match until {
            Some(until) => cookie.max_age(until).finish(),
            None => cookie.finish(),
        }
    }

    /// The cookie by which the browser forgets it.
    pub(crate) fn emptied(self, is_secure: bool) -> Cookie<'static> {
        self.filled(String::new(), Some(Duration::ZERO), is_secure)
    }
}

/// How long it is until then.
pub(crate) fn seconds_until(then: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    Duration::seconds((then - now).num_seconds().max(0))
}
