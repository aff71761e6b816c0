//! Refusing card numbers at the door, wherever in a request they stand.
//!
//! The types of the domain refuse them too, in whatever is stored. This looks at everything else that came along, so that
//! nothing of it gets into a log, a proxy's cache or somebody's debugger by way of us, and no answer repeats it.

use std::borrow::Cow;

use actix_web::HttpRequest;
use florin_domain::{TextRefused, contains_card_number};
use florin_engine::views::Refused;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::fields::is_harmless;
use crate::idempotency;
use crate::json::Object;

/// Headers with numbers that machines make up: one in a hundred long ones looks like a card's. Nobody types a card number
/// into them, nothing here reads or keeps them, and a payment must not fail by such a chance.
const MADE_BY_MACHINES: [&str; 18] = [
    "b3",
    "baggage",
    "content-length",
    "cookie",
    "date",
    "etag",
    "forwarded",
    "if-match",
    "if-none-match",
    "traceparent",
    "tracestate",
    "via",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-real-ip",
    "x-request-id",
    "x-request-start",
];

/// The same for whole families of headers.
const FAMILIES_MADE_BY_MACHINES: [&str; 6] =
    ["cf-", "newrelic", "x-b3-", "x-datadog-", "x-forwarded-", "x-envoy-"];

/// Refuses a request with a card number in its path, its query string or a header.
pub(crate) fn refuse_in_head(request: &HttpRequest) -> Result<(), Refused> {
    if contains_card_number(&decode(request.uri().path())) {
        return Err(refusal());
    }
    if let Some(query) = request.uri().query() {
        refuse_in_query(query)?;
    }
    for (name, value) in request.headers() {
        let name = name.as_str();
        let is_there =
            contains_card_number(name) || contains_card_number(&String::from_utf8_lossy(value.as_bytes()));
        if is_there && !is_made_by_machines(name) {
            return Err(refusal_of(as_documented(name)));
        }
    }
    Ok(())
}

/// A header's name as the documentation writes it, where it does.
fn as_documented(name: &str) -> &str {
    if name.eq_ignore_ascii_case(idempotency::HEADER) { idempotency::HEADER } else { name }
}

/// Refuses a body with a card number in a name or a value, however deep. The error names the field that holds it.
pub(crate) fn refuse_in_body(body: &Object) -> Result<(), Refused> {
    for (name, value) in body {
        if contains_card_number(name) || is_in_value(value) {
            return Err(refusal_of(name));
        }
    }
    Ok(())
}

/// serde_json limits the depth, so this does too.
fn is_in_value(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => contains_card_number(&number.to_string()),
        Value::String(text) => contains_card_number(text),
        Value::Array(items) => items.iter().any(is_in_value),
        Value::Object(members) => {
            members.iter().any(|(name, value)| contains_card_number(name) || is_in_value(value))
        }
    }
}

fn refuse_in_query(query: &str) -> Result<(), Refused> {
    for pair in query.split('&') {
        let blanks =
            if pair.contains('+') { Cow::Owned(pair.replace('+', " ")) } else { Cow::Borrowed(pair) };
        let pair = decode(&blanks);
        if contains_card_number(&pair) {
            return Err(refusal_of(pair.split('=').next().unwrap_or_default()));
        }
    }
    Ok(())
}

/// What is no UTF-8 when it is decoded can't be a digit, so the replacement character does no harm.
fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

fn is_made_by_machines(header: &str) -> bool {
    MADE_BY_MACHINES.contains(&header)
        || FAMILIES_MADE_BY_MACHINES.iter().any(|family| header.starts_with(family))
}

/// Names what holds the number, where its name is not what does.
fn refusal_of(name: &str) -> Refused {
    if is_harmless(name) { refusal().param(name) } else { refusal() }
}

fn refusal() -> Refused {
    Refused::from(TextRefused::ContainsCardNumber)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_card_number_in_the_head_is_found_in_every_writing() {
        for uri in [
            "/v1/payments/4242424242424242",
            "/v1/payments/4242-4242-4242-4242/refund",
            "/v1/payments/4242%204242%204242%204242",
            "/v1/payments/%34%32%34%32424242424242",
            "/v1/payments/%EF%BC%94%EF%BC%92%EF%BC%94%EF%BC%92424242424242",
            "/v1/payments?nonsense=4242424242424242",
            "/v1/payments?q=4242+4242+4242+4242",
            "/v1/payments?q=a&4242424242424242=1",
        ] {
            let request = TestRequest::with_uri(uri).to_http_request();
            let refused = refuse_in_head(&request).expect_err(uri);
            assert!(!format!("{refused:?}").contains("4242"), "{refused:?}");
        }
        for (header, value, named) in [
            ("idempotency-key", "4242424242424242", Some("Idempotency-Key")),
            ("user-agent", "shop/1.0 (4242 4242 4242 4242)", Some("user-agent")),
            ("x-4242424242424242", "a", None),
        ] {
            let request = TestRequest::default().insert_header((header, value)).to_http_request();
            let refused = refuse_in_head(&request).expect_err(header);
            assert_eq!(refused.param.as_deref(), named);
        }
    }

    #[test]
    fn numbers_that_machines_make_are_left_alone() {
        let request = TestRequest::with_uri(
            "/v1/payments/pay_01k9dcq4w0e7qs9x3v5m8ffh2a?created_after=2025-11-06T19:54:00.000000Z&limit=100",
        )
        .insert_header(("x-datadog-trace-id", "4242424242424242"))
        .insert_header(("traceparent", "00-4242424242424242aaaaaaaaaaaaaaaa-4242424242424242-01"))
        .insert_header(("date", "Thu, 06 Nov 2025 19:54:00 GMT"))
        .to_http_request();
        assert_eq!(refuse_in_head(&request).map_err(|refused| refused.code), Ok(()));
    }

    #[test]
    fn a_card_number_in_the_body_is_found_however_deep() {
        for (body, param) in [
            (json!({"a": "4242424242424242"}), Some("a")),
            (json!({"a": 4_242_424_242_424_242_i64}), Some("a")),
            (json!({"a": [1, {"b": [{"c": "x 4242 4242 4242 4242"}]}]}), Some("a")),
            (json!({"a": {"4242424242424242": 1}}), Some("a")),
            (json!({"4242424242424242": 1}), None),
            (json!({"a\u{7}": "4242424242424242"}), None),
        ] {
            let refused = refuse_in_body(body.as_object().unwrap()).expect_err("a card number");
            assert_eq!(refused.param.as_deref(), param, "{body}");
        }
        let harmless =
            json!({"amount": 999_999_999_999_i64, "text": "4242 4242 4242 4241", "list": [null, true]});
        assert_eq!(refuse_in_body(harmless.as_object().unwrap()).map_err(|refused| refused.code), Ok(()));
    }
}
