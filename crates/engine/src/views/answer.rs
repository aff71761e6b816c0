//! What the engine answers to a call: a status and a body that is ready to be sent, and to be stored.

use std::sync::Arc;

use serde::Serialize;

/// An answer, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, which is JSON.
    pub body: Arc<str>,
    /// Whether it is the stored answer of an earlier request.
    pub replayed: bool,
    /// When it makes sense to try again.
    pub retry_after_seconds: Option<u32>,
}

impl Answer {
    /// A view with a status.
    pub fn new<T: Serialize>(status: u16, view: &T) -> Self {
        Answer { status, body: Arc::from(to_json(view, 2048)), replayed: false, retry_after_seconds: None }
    }

    /// The stored answer of an earlier request, byte for byte.
    pub fn replay(status: u16, body: impl Into<Arc<str>>) -> Self {
        Answer { status, body: body.into(), replayed: true, retry_after_seconds: None }
    }

    /// What an answer that is an error says to people.
    pub fn error_message(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        body["error"]["message"].as_str().map(str::to_owned)
    }
}

/// A view as JSON, in a string that begins with room for `capacity` bytes.
///
/// # Panics
/// Never for the views: their keys are texts, and writing to memory does not fail.
pub fn to_json<T: Serialize>(view: &T, capacity: usize) -> String {
    let mut bytes = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut bytes, view).expect("a view has text keys only, and a Vec takes every write");
    String::from_utf8(bytes).expect("serde_json writes UTF-8")
}
