//! The answers that actix gives of itself, in the form that every error has.
//!
//! A head that is malformed, too large or late never reaches a service: actix answers with a status and no body, and
//! no setting changes that. It passes through the stream, though, where it is told apart from our own answers: they
//! all have a body.

use florin_api::{ApiState, Unread};

const NO_BODY: &str = "\r\ncontent-length: 0\r\n";

/// Where in what is about to be sent such an answer begins. It is the last one on its connection.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    // Nearly every answer ends in a body, and is not looked at any further.
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let start = bytes.windows(7).rposition(|part| part == b"HTTP/1.")?;
    let has_no_body = bytes[start..].windows(NO_BODY.len()).any(|part| part == NO_BODY.as_bytes());
    has_no_body.then_some(start)
}

/// The answer with a body.
pub(super) fn complete(answer: &[u8], state: &ApiState) -> String {
    let head = String::from_utf8_lossy(answer);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(400);
    let Unread { request_id, body } = state.refuse_unread(status);
    let fields = format!(
        "\r\ncontent-type: application/json\r\ncache-control: no-store\r\nx-request-id: {request_id}\r\n\
         content-length: {}\r\n",
        body.len()
    );
    head.replacen(NO_BODY, &fields, 1) + &body
}
