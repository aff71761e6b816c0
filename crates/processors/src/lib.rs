//! Payment processors: what Florin asks of one ([`Processor`]), and the sandbox that plays one ([`Sandbox`]).
//!
//! A processor does what it is told and reports what became of it. It decides nothing about a payment: whether a
//! charge or refund is allowed is settled in `florin-domain` before a processor hears of it, and when to send again or
//! to look up is settled in the engine. Nothing here reads the wall clock or touches Florin's database.

mod capabilities;
#[cfg(feature = "conformance")]
pub mod conformance;
mod connector;
pub mod http;
pub mod lease;
mod look_up;
mod outcome;
mod processor;
mod request;
pub mod sandbox;
pub mod stripe;
mod webhook;

pub use async_trait::async_trait;

pub use capabilities::{Capabilities, Currencies, Inexpressible, Units};
pub use connector::{Account, AccountRefused, Connector, Credentials, MalformedCredentials};
pub use look_up::{ListFailed, LookUp, Movement, MovementKind, MovementPage, MovementStatus, Window};
pub use outcome::{DeclineCode, Found, LookupFailed, Outcome};
pub use processor::{InvalidMethod, MethodCheck, PayerForm, Processor};
pub use request::{CaptureRequest, ChargeRequest, RefundRequest, Request, VoidRequest};

pub use sandbox::{Sandbox, SandboxConnector, SandboxSettings};
pub use stripe::{Stripe, StripeConnector, StripeOptions, StripeSettings};
pub use webhook::{ProcessorEvent, Subject, WebhookRefused, WebhookRequest};
