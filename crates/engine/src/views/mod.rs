//! What callers get to see: payments, refunds, attempts and errors as JSON.
//!
//! The views live here and not in the API crate, because stored idempotent answers and event snapshots are written in
//! the commit that they tell of. Routes, headers and parsing are not here.

mod answer;
mod attempt;
mod error_code;
mod list;
mod payment;
mod refund;
mod refusals;
mod refused;
pub mod schema;
mod timestamp;

pub use answer::{Answer, to_json};
pub use attempt::AttemptResponse;
pub use error_code::{ErrorCode, ErrorKind};
pub use list::List;
pub use payment::{NextAction, NextActionKind, PaymentResponse};
pub use refund::RefundResponse;
pub use refused::{ErrorBody, ErrorResponse, Refused};
pub use timestamp::Timestamp;
