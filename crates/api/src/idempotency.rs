//! The idempotency key of a request, from its header or its body.

use actix_web::HttpRequest;
use florin_domain::IdempotencyKey;
use florin_engine::requests::Idempotency;
use florin_engine::views::{ErrorCode, Refused};

use crate::json::{Object, canonical_digest};

/// The header that carries a key.
pub(crate) const HEADER: &str = "Idempotency-Key";

/// The field of `POST /v1/payments` that carries a key.
pub(crate) const FIELD: &str = "idempotency_key";

/// The idempotency of a request whose key, if any, comes by header.
///
/// The body is looked at only when there is a key: its digest tells whether a later request is the same.
pub(crate) fn by_header(
    request: &HttpRequest,
    scope: String,
    body: &Object,
) -> Result<Option<Idempotency>, Refused> {
    let Some(key) = header_key(request)? else { return Ok(None) };
    Ok(Some(Idempotency { key, scope, request_digest: canonical_digest(body) }))
}

/// The same for a request that may carry its key in the body instead. The key is no part of what is compared, so that
/// a client may send it either way.
pub(crate) fn by_header_or_field(
    request: &HttpRequest,
    scope: String,
    body: &mut Object,
) -> Result<Option<Idempotency>, Refused> {
    let from_header = header_key(request)?;
    let from_body = body_key(body)?;
    let key = match (from_header, from_body) {
        (Some(one), Some(other)) if one != other => {
            let message =
                "The header Idempotency-Key and the field idempotency_key differ; send one of them.";
            return Err(Refused::new(ErrorCode::IdempotencyKeysDiffer, message).param(FIELD));
        }
        (Some(key), _) | (None, Some(key)) => key,
        (None, None) => return Ok(None),
    };
    Ok(Some(Idempotency { key, scope, request_digest: canonical_digest(body) }))
}

fn header_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Refused> {
    let mut found: Option<&[u8]> = None;
    for value in request.headers().get_all(HEADER) {
        match found {
            Some(other) if other != value.as_bytes() => {
                let message = "There are two different headers Idempotency-Key; send one of them.";
                return Err(Refused::new(ErrorCode::IdempotencyKeysDiffer, message).param(HEADER));
            }
            _ => found = Some(value.as_bytes()),
        }
    }
    let Some(bytes) = found else { return Ok(None) };
    // What is not UTF-8 is not visible ASCII either; the replacement character says so to the parser.
    parse(String::from_utf8_lossy(bytes).into_owned(), HEADER).map(Some)
}

fn body_key(body: &mut Object) -> Result<Option<IdempotencyKey>, Refused> {
    match body.remove(FIELD) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => parse(text, FIELD).map(Some),
        Some(_) => {
            let message = "idempotency_key must be a string of 1 to 255 visible ASCII characters.";
            Err(Refused::new(ErrorCode::ParameterInvalid, message).param(FIELD))
        }
    }
}

fn parse(text: String, param: &str) -> Result<IdempotencyKey, Refused> {
    IdempotencyKey::parse(text).map_err(|refused| Refused::from(refused).param(param))
}
