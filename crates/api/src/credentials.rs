//! Finding the API key or token in a request's headers.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use florin_engine::views::{ErrorCode, Refused};

const MAX_SECRET_LENGTH: usize = 255;

/// The one secret that a request presents, in `Authorization: Bearer` or `x-api-key`.
pub(crate) fn secret_of(request: &HttpRequest) -> Result<&str, Refused> {
    let headers = request.headers();
    let bearer = headers.get_all(AUTHORIZATION).map(bearer_of);
    let plain = headers.get_all("x-api-key").map(text_of);
    let mut found = None;
    for secret in bearer.chain(plain) {
        let secret = secret.ok_or_else(wrong)?;
        match found {
            Some(other) if other != secret => return Err(disagreeing()),
            _ => found = Some(secret),
        }
    }
    found.ok_or_else(missing)
}

/// Whether a request presents any.
pub(crate) fn are_presented(request: &HttpRequest) -> bool {
    request.headers().contains_key(AUTHORIZATION) || request.headers().contains_key("x-api-key")
}

/// The key is not one of ours, or not any more; or it is an access token, which does not last.
pub(crate) fn wrong() -> Refused {
    let message = "The API key or access token is wrong, has expired or was revoked; send a valid one as Authorization: \
                   Bearer …, or a key as x-api-key: sk_….";
    Refused::new(ErrorCode::Unauthenticated, message)
}

fn missing() -> Refused {
    let message = "There is no API key; send one as Authorization: Bearer sk_… or as x-api-key: sk_….";
    Refused::new(ErrorCode::Unauthenticated, message)
}

fn disagreeing() -> Refused {
    let message = "The request presents two different credentials; send one of them.";
    Refused::new(ErrorCode::Unauthenticated, message)
}

fn bearer_of(value: &HeaderValue) -> Option<&str> {
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    check(secret.trim())
}

fn text_of(value: &HeaderValue) -> Option<&str> {
    check(value.to_str().ok()?.trim())
}

fn check(secret: &str) -> Option<&str> {
    let plausible =
        (1..=MAX_SECRET_LENGTH).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic());
    plausible.then_some(secret)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    type Case = (&'static [(&'static str, &'static str)], Result<&'static str, ErrorCode>);

    #[test]
    fn one_secret_is_found_wherever_it_stands_and_two_must_agree() {
        let cases: [Case; 9] = [
            (&[("authorization", "Bearer sk_1")], Ok("sk_1")),
            (&[("authorization", "bearer  sk_1 ")], Ok("sk_1")),
            (&[("x-api-key", "sk_1")], Ok("sk_1")),
            (&[("authorization", "Bearer sk_1"), ("x-api-key", "sk_1")], Ok("sk_1")),
            (&[("authorization", "Bearer sk_1"), ("x-api-key", "sk_2")], Err(ErrorCode::Unauthenticated)),
            (&[("authorization", "Basic c2tfMTo="), ("x-api-key", "sk_1")], Err(ErrorCode::Unauthenticated)),
            (&[("authorization", "Bearer ")], Err(ErrorCode::Unauthenticated)),
            (&[("x-api-key", "a b")], Err(ErrorCode::Unauthenticated)),
            (&[], Err(ErrorCode::Unauthenticated)),
        ];
        for (headers, expected) in cases {
            let mut request = TestRequest::default();
            for header in headers {
                request = request.append_header(*header);
            }
            let request = request.to_http_request();
            assert_eq!(secret_of(&request).map_err(|refused| refused.code), expected, "{headers:?}");
        }
    }
}
