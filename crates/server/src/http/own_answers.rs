//! The answers that actix gives of itself, in the form that every error has.
//!
//! A head that is malformed, too large or late never reaches a service: actix answers with a status and no body, and
//! no setting changes that. It passes through the stream, though, where it is told apart from our own answers: they
//! all have a body. What somebody has written into an export may look like such an answer, but for the quotation mark
//! that ends it: a text with a line break stands between two in either format, and no part of an export cuts a row.

use florin_api::{ApiState, Unread};

use super::security::SecurityHeaders;

const NO_BODY: &str = "\r\ncontent-length: 0\r\n";

/// Where in what is about to be sent such an answer begins. It is the last one on its connection.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    // Nearly every answer ends in a body, and is not looked at any further.
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let start = bytes.windows(7).rposition(|part| part == b"HTTP/1.")?;
    if bytes[start..].contains(&b'"') {
        return None;
    }
    let has_no_body = bytes[start..].windows(NO_BODY.len()).any(|part| part == NO_BODY.as_bytes());
    has_no_body.then_some(start)
}

/// The answer with a body.
pub(super) fn complete(answer: &[u8], state: &ApiState, security: SecurityHeaders) -> String {
    let head = String::from_utf8_lossy(answer);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(400);
    let Unread { request_id, body } = state.refuse_unread(status);
    let fields = format!(
        "\r\ncontent-type: application/json\r\ncache-control: no-store\r\nx-request-id: {request_id}\r\n\
         {}content-length: {}\r\n",
        security.lines(),
        body.len()
    );
    head.replacen(NO_BODY, &fields, 1) + &body
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\
                       date: Sat, 01 Aug 2026 12:00:00 GMT\r\n\r\n";

    #[test]
    fn an_answer_of_actix_is_found_behind_what_was_sent_before() {
        assert_eq!(find(OWN.as_bytes()), Some(0));
        let answered = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(find(format!("{answered}{OWN}").as_bytes()), Some(answered.len()));
        assert_eq!(find(answered.as_bytes()), None);
    }

    #[test]
    fn a_text_in_an_export_is_no_answer() {
        let row = format!("pay_1,\"{}\",1\r\n", OWN.trim_end());
        for sent in [
            format!("40\r\n{row}\r\n"),
            format!("40\r\n{row}\r\n0\r\n\r\n"),
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{row}\r\n"),
        ] {
            assert!(sent.ends_with("\r\n\r\n"));
            assert_eq!(find(sent.as_bytes()), None, "{sent}");
        }
    }
}
