//! As much of HTTP/1.1 as is needed to answer badly: whoever answers has the connection itself in hand.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a head and a body may have, in bytes.
const LARGEST: usize = 1 << 20;

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    /// The query's or the form's parameters.
    pub(super) parameters: BTreeMap<String, String>,
    /// In lower case.
    pub(super) headers: BTreeMap<String, String>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The idempotency key of the request, which Stripe repeats.
    pub(super) key: Option<String>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Answer { status, key, body } = self;
        let key = key.as_ref().map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
        format!(
            "HTTP/1.1 {status} Told\r\ncontent-type: application/json\r\n{key}content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// A connection, and what has come over it beyond the last request.
pub(super) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Connection {
        let _best_effort = stream.set_nodelay(true);
        Connection { stream, read: Vec::new() }
    }

    /// The next request; none when the connection has ended, or what came is none.
    pub(super) async fn next(&mut self) -> Option<Request> {
        let head = loop {
            if let Some(at) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break self.read.drain(..at + 4).collect::<Vec<u8>>();
            }
            self.more().await?;
        };
        let head = String::from_utf8(head).ok()?;
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?);
        let fields = lines.filter_map(|line| line.split_once(':'));
        let headers: BTreeMap<String, String> =
            fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let length = headers.get("content-length").map_or(Ok(0), |length| length.parse::<usize>()).ok()?;
        while self.read.len() < length {
            self.more().await?;
        }
        let body = String::from_utf8(self.read.drain(..length).collect()).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parameters = parameters(query);
        parameters.extend(self::parameters(&body));
        Some(Request { method, path: path.to_owned(), parameters, headers })
    }

    async fn more(&mut self) -> Option<()> {
        let count = self.stream.read_buf(&mut self.read).await.ok()?;
        (count > 0 && self.read.len() <= LARGEST).then_some(())
    }

    /// Sends bytes as they are.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }

    /// Waits until the other side gives up, and drops what it sends meanwhile.
    pub(super) async fn wait_for_end(&mut self) {
        while self.more().await.is_some() {}
    }
}

/// The parameters of a form or a query.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// `%41+b` is `A b`.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit =
                    || rest.next().and_then(|byte| char::from(*byte).to_digit(16)).unwrap_or_default();
                u8::try_from(digit() * 16 + digit()).unwrap_or(b'?')
            }
            other => *other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let read = parameters("a=1&metadata%5Bflorin_payment_id%5D=pay_1&description=x+y%21");
        let pairs: Vec<(&str, &str)> =
            read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("description", "x y!"), ("metadata[florin_payment_id]", "pay_1")]);
    }
}
