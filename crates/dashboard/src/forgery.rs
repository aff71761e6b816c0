//! Against requests that another site makes in the name of whoever is signed in here.
//!
//! Each form has a token that is made of a secret in a cookie of this host and of the session that the form was shown to,
//! so that neither can be exchanged; and a browser tells where a request comes from.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use florin_engine::views::{ErrorCode, Refused};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The name of the field.
pub(crate) const FIELD: &str = "form_token";

/// What a form of strangers is bound to.
pub(crate) const SIGN_IN: &str = "sign-in";

/// A new secret; none when the system has no randomness.
pub(crate) fn new_secret() -> Option<String> {
    random_text()
}

/// A text that nobody can guess, of 43 letters and digits, `-` and `_`.
pub(crate) fn random_text() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// The token of forms that are shown to a session.
pub(crate) fn token(secret: &str, bound_to: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"florin form\0");
    mac.update(bound_to.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Whether a form was shown by us, to this session, in this browser.
pub(crate) fn check(
    request: &HttpRequest,
    secret: Option<&str>,
    bound_to: &str,
    presented: Option<&str>,
) -> Result<(), Refused> {
    let is_ours = secret.zip(presented).is_some_and(|(secret, presented)| {
        token(secret, bound_to).as_bytes().ct_eq(presented.as_bytes()).into()
    });
    if is_ours && comes_from_here(request) { Ok(()) } else { Err(refused()) }
}

fn refused() -> Refused {
    let message = "The form was not sent from this page, or you signed in anew since it was shown. Nothing was done. \
                   Go back, load the page again, and send the form once more.";
    Refused::new(ErrorCode::PermissionDenied, message)
}

/// Whether the browser says that one of our pages asks. One that says nothing has the token to show.
fn comes_from_here(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
            let (_, told) = origin.split_once("://").unwrap_or(("", ""));
            !told.is_empty() && host == Some(told)
        }
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_token_is_good_for_its_session_and_its_secret_only() {
        let request = TestRequest::post().to_http_request();
        let good = token("secret", "ses_1");
        assert!(check(&request, Some("secret"), "ses_1", Some(&good)).is_ok());
        for (secret, bound_to, presented) in [
            (Some("secret"), "ses_2", Some(good.as_str())),
            (Some("other"), "ses_1", Some(&good)),
            (None, "ses_1", Some(&good)),
            (Some("secret"), "ses_1", None),
            (Some("secret"), "ses_1", Some("")),
        ] {
            assert!(check(&request, secret, bound_to, presented).is_err());
        }
    }

    #[test]
    fn a_browser_that_names_another_site_is_refused() {
        let good = token("secret", "ses_1");
        for (name, value, is_let_in) in [
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "none", true),
            ("sec-fetch-site", "same-site", false),
            ("sec-fetch-site", "cross-site", false),
            ("origin", "https://pay.example", true),
            ("origin", "https://evil.example", false),
            ("origin", "https://pay.example.evil.example", false),
            ("origin", "null", false),
        ] {
            let request = TestRequest::post()
                .insert_header(("host", "pay.example"))
                .insert_header((name, value))
                .to_http_request();
            let outcome = check(&request, Some("secret"), "ses_1", Some(&good));
            assert_eq!(outcome.is_ok(), is_let_in, "{name}: {value}");
        }
    }
}
