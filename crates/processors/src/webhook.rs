//! What a processor tells of its own accord.

use chrono::{DateTime, Utc};
use florin_domain::{AttemptId, PaymentId};

/// A webhook as it arrived.
#[derive(Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// Gives a header by its name in any case; None also where it is no text.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The body, byte for byte: signatures are of bytes.
    pub body: &'a [u8],
    /// What time it is.
    pub now: DateTime<Utc>,
}

/// Something that happened at a processor, according to a webhook that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessorEvent {
    /// The processor's own id of the event. Events with the same id are the same event.
    pub id: String,
    /// What kind of event it is, in the processor's words.
    pub kind: String,
    /// What has to be looked up because of it.
    pub subject: Subject,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An attempt.
    Attempt(AttemptId),
    /// A payment: any of its attempts that are open.
    Payment(PaymentId),
    /// What the processor calls so: a charge or a refund, as attempts carry it.
    Reference(String),
    /// Nothing that concerns payments.
    Nothing,
}

/// A webhook that is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefused {
    /// This processor sends none.
    #[error("the processor sends no webhooks")]
    NotSupported,
    /// No secret is configured to verify webhooks with.
    #[error("no secret is configured for webhooks")]
    NoSecret,
    /// It has no signature, or one that is not readable.
    #[error("the signature is missing or not readable")]
    Unsigned,
    /// The signature is not of this body and any of the configured secrets.
    #[error("the signature is wrong")]
    WrongSignature,
    /// It was signed too long ago, or too far in the future.
    #[error("the signature is of another time: {at}")]
    OutOfTime {
        /// When it was signed.
        at: DateTime<Utc>,
    },
    /// The signature is right and the body is no event.
    #[error("the body is no event: {0}")]
    Unreadable(String),
}
