//! Reading a request's body: at most 64 KiB, of JSON, in time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut};
use florin_engine::views::{ErrorCode, Refused};
use futures_util::StreamExt;

/// The most bytes a body may have.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// The whole body, which is JSON or empty.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    deadline: Duration,
) -> Result<Bytes, Refused> {
    let body = read_bytes(request, payload, MAX_BODY_BYTES, deadline).await?;
    if !body.is_empty() {
        check_type(request)?;
    }
    Ok(body)
}

/// The whole body, whatever it is.
pub(crate) async fn read_bytes(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
    deadline: Duration,
) -> Result<Bytes, Refused> {
    if declared_length(request).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    tokio::time::timeout(deadline, collect(payload, limit)).await.map_err(|_| too_slow())?
}

async fn collect(payload: &mut Payload, limit: usize) -> Result<Bytes, Refused> {
    let mut first = match payload.next().await {
        None => return Ok(Bytes::new()),
        Some(chunk) => chunk.map_err(|_| broken())?,
    };
    if first.len() > limit {
        return Err(too_large(limit));
    }
    // Nearly every body is one chunk, which needs no copy.
    let Some(second) = payload.next().await else { return Ok(std::mem::take(&mut first)) };
    let mut body = BytesMut::from(first.as_ref());
    let mut next = Some(second);
    while let Some(chunk) = next {
        let chunk = chunk.map_err(|_| broken())?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
        next = payload.next().await;
    }
    Ok(body.freeze())
}

fn declared_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn check_type(request: &HttpRequest) -> Result<(), Refused> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let content_type = header(CONTENT_TYPE).unwrap_or_default();
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !essence.trim().eq_ignore_ascii_case("application/json") || !is_utf8(parameters) {
        let message = "The body must be JSON in UTF-8; send it with content-type: application/json.";
        return Err(Refused::new(ErrorCode::ContentTypeNotSupported, message));
    }
    match request.headers().get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            let message = "The body must not be compressed; send it without content-encoding.";
            Err(Refused::new(ErrorCode::ContentTypeNotSupported, message))
        }
        _ => Ok(()),
    }
}

fn is_utf8(parameters: &str) -> bool {
    parameters.split(';').all(|parameter| match parameter.trim().split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

fn too_large(limit: usize) -> Refused {
    let message = format!("The body is larger than {} KiB; send a smaller one.", limit / 1024);
    Refused::new(ErrorCode::BodyTooLarge, message)
}

fn too_slow() -> Refused {
    Refused::new(
        ErrorCode::RequestTimeout,
        "The body did not arrive in time and nothing was done; send it again.",
    )
}

fn broken() -> Refused {
    Refused::new(ErrorCode::JsonInvalid, "The body did not arrive as announced; send one JSON object.")
}
