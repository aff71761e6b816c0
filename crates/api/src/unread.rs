//! Requests whose head could not be read: no handler ever hears of them.

use std::sync::Arc;
use std::time::Duration;

use florin_engine::views::{ErrorCode, Refused};

use crate::ApiState;
use crate::observe::Observer;

/// The answer to a request that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The request's id, for the header `x-request-id`.
    pub request_id: String,
    /// The body, which is JSON.
    pub body: Arc<str>,
}

impl ApiState {
    /// What to answer to a request that could not be read, for the reason that the HTTP status gives.
    pub fn refuse_unread(&self, status: u16) -> Unread {
        let refused = match status {
            408 => Refused::new(
                ErrorCode::RequestTimeout,
                "The head of the request did not arrive in time; send it again.",
            ),
            431 => Refused::new(
                ErrorCode::HeadTooLarge,
                "The head of the request is too large or has too many headers; send fewer and shorter ones.",
            ),
            500.. => Refused::internal(),
            _ => Refused::new(
                ErrorCode::RequestMalformed,
                "The request is not well-formed HTTP/1.1; send a valid head with one Host, and a body as it announces.",
            ),
        };
        let request_id = self.0.request_ids.next();
        Observer::new("other", "unknown").observe(status, &request_id, Duration::ZERO);
        Unread { body: refused.to_answer(&request_id).body, request_id }
    }
}
