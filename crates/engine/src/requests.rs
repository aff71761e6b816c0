//! What callers ask for, in terms that are valid by construction: parsing has happened at the door.

mod access;
mod payment_requests;
mod payment_rules;
mod processors;
mod recovery;
mod resources;
mod sessions;
mod webhooks;

use std::collections::BTreeMap;

pub use access::*;
use chrono::{DateTime, Utc};
use florin_domain::{
    Amount, CaptureMethod, Currency, CustomerId, Description, DestinationType, IdempotencyKey, InvoiceId,
    Metadata, MethodRef, MethodType, PaymentId, PaymentStatus, Reason, Status,
};
pub use payment_requests::*;
pub use processors::{CreateProcessorAccount, Credentials, MalformedCredentials};
pub use recovery::*;
pub use resources::*;
pub use sessions::*;
use uuid::Uuid;
pub use webhooks::*;

/// A payment to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePayment {
    /// How much, in minor units.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// What is charged.
    pub payment_method: Option<MethodRef>,
    /// What kind of money moves; taken from the payment method when absent.
    pub payment_method_type: Option<MethodType>,
    /// Who pays.
    pub customer_id: Option<CustomerId>,
    /// The invoice that it is for.
    pub invoice_id: Option<InvoiceId>,
    /// Whether it is charged at once.
    pub process_payment: bool,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// Where a payer comes back to after a redirect.
    pub return_url: Option<String>,
    /// Whether nobody is there to act.
    pub off_session: bool,
    /// What for, in the merchant's words.
    pub description: Option<Description>,
    /// The merchant's own data.
    pub metadata: Metadata,
    /// The idempotency key, whether it came by header or in the body.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// A refund to make.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CreateRefund {
    /// How much, in minor units; all that is left when absent.
    pub amount: Option<Amount>,
    /// Why, in the merchant's words.
    pub reason: Option<Reason>,
    /// The merchant's own data.
    pub metadata: Metadata,
}

/// Changes of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UpdatePayment {
    /// The new description; `Some(None)` takes it away.
    pub description: Option<Option<Description>>,
    /// New values by key; `None` takes a key away.
    pub metadata: BTreeMap<String, Option<String>>,
    /// Whether the keys that are not named go, too.
    pub replaces_metadata: bool,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many objects at most: 1 to 100.
    pub limit: u32,
    /// Where they begin.
    pub position: Position,
    /// Whether no more is read than is quick, however long the list is; then the answer's `cut` says what that left open.
    /// Else all of it is counted.
    pub is_bounded: bool,
}

impl Page {
    /// A page of a list that is counted as a whole.
    pub const fn new(limit: u32, position: Position) -> Self {
        Page { limit, position, is_bounded: false }
    }

    /// The same, with no more read for it than is quick.
    #[must_use]
    pub const fn bounded(self) -> Self {
        Page { is_bounded: true, ..self }
    }

    /// How many objects of a list are counted for a bounded page, at most.
    pub const COUNTED: u32 = 1000;
    /// How many objects are looked at for a bounded page, at most, where no index leads to those that are wanted.
    pub const LOOKED_AT: u32 = 10_000;
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// After so many objects.
    Offset(u64),
    /// After so many objects, counted from the oldest one: newer objects.
    FromOldest(u64),
    /// After this one: older objects.
    StartingAfter(Uuid),
    /// Before this one: newer objects.
    EndingBefore(Uuid),
}

/// Which payments are wanted: those that meet each condition given.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PaymentFilter {
    /// By id: any of these.
    pub ids: Option<Vec<PaymentId>>,
    /// By `status`.
    pub status: Option<Status>,
    /// By `payment_status`: any of these.
    pub payment_statuses: Option<Vec<PaymentStatus>>,
    /// By customer.
    pub customer_id: Option<CustomerId>,
    /// By currency.
    pub currency: Option<Currency>,
    /// By the kind of money.
    pub payment_method_type: Option<MethodType>,
    /// By what kind of thing is paid.
    pub destination_type: Option<DestinationType>,
    /// By what is paid.
    pub destination_id: Option<InvoiceId>,
    /// By the idempotency key of the creation.
    pub idempotency_key: Option<IdempotencyKey>,
    /// By values of metadata.
    pub metadata: Vec<(String, String)>,
    /// By a part of id, description or reference.
    pub q: Option<String>,
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which refunds are wanted: those that meet each condition given.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RefundFilter {
    /// Of this payment.
    pub payment_id: Option<PaymentId>,
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which attempts are wanted: those that meet each condition given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AttemptFilter {
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}

impl AttemptFilter {
    /// Whether an attempt that was created then is wanted.
    pub(crate) fn wants(&self, created_at: DateTime<Utc>) -> bool {
        self.created_after.is_none_or(|after| created_at > after)
            && self.created_before.is_none_or(|before| created_at < before)
    }
}

/// How a request is made to happen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key.
    pub key: IdempotencyKey,
    /// What the key is good for: method and concrete path, such as `POST /v1/payments`.
    pub scope: String,
    /// SHA-256 of the body as canonical JSON.
    pub request_digest: [u8; 32],
}
