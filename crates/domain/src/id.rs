//! Typed ids after the TypeID specification: a prefix, an underscore, and a UUIDv7 in base32.
//!
//! Ids sort by creation, as text and as bytes. Making new ones needs a clock and randomness, and therefore
//! happens outside this crate.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use thiserror::Error;
use type_safe_id::{StaticType, TypeSafeId};
use uuid::{Uuid, Variant};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {
        /// What the `TypeID` library needs to know the prefixes by.
        mod tag {
            $(#[derive(Default)] pub(super) struct $name;)+
        }
        $(
            impl StaticType for tag::$name {
                const TYPE: &'static str = $prefix;
            }

            $(#[$doc])*
            ///
            /// ```
            #[doc = concat!("use florin_domain::{", stringify!($name), ", ParseIdError};")]
            #[doc = concat!("let id: ", stringify!($name), " = \"", $prefix, "_01h2xcejqtf2nbrexx3vqjhp41\".parse()?;")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::from_bytes(id.bytes()), id);")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::from_uuid(id.uuid()), id);")]
            #[doc = concat!("assert!(", stringify!($name), "::first_at(id.created_at()) <= id);")]
            /// # Ok::<(), ParseIdError>(())
            /// ```
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(Uuid);

            impl $name {
                /// What the text form begins with, before the underscore.
                pub const PREFIX: &'static str = $prefix;

                /// The id of a UUID, which the caller knows to be of version 7.
                #[must_use]
                pub const fn from_uuid(uuid: Uuid) -> Self {
                    Self(uuid)
                }

                /// The UUID within the id.
                #[must_use]
                pub const fn uuid(self) -> Uuid {
                    self.0
                }

                /// The id of the sixteen bytes of a UUID, which the caller knows to be of version 7.
                #[must_use]
                pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                    Self(Uuid::from_bytes(bytes))
                }

                /// The sixteen bytes of the UUID. They sort as the text does.
                #[must_use]
                pub const fn bytes(self) -> [u8; 16] {
                    self.0.into_bytes()
                }

                /// When the object was created, to the millisecond.
                #[must_use]
                pub fn created_at(self) -> DateTime<Utc> {
                    created_at(self.0)
                }

                /// The smallest id of the millisecond of `time`, for filters by time. Not an object's id.
                #[must_use]
                pub fn first_at(time: DateTime<Utc>) -> Self {
                    Self(first_at(time))
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(&TypeSafeId::<tag::$name>::from_uuid(self.0), f)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl FromStr for $name {
                type Err = ParseIdError;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    parse::<tag::$name>(text).map(Self)
                }
            }

            #[cfg(feature = "serde")]
            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    TypeSafeId::<tag::$name>::from_uuid(self.0).serialize(serializer)
                }
            }

            #[cfg(feature = "serde")]
            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    crate::serde_text::parse(deserializer)
                }
            }
        )+
    };
}

ids! {
    /// The id of a payment.
    PaymentId = "pay";
    /// The id of a refund.
    RefundId = "ref";
    /// The id of an attempt: one request to a processor, and its idempotency key there.
    AttemptId = "att";
    /// The id of a transaction in the journal.
    TransactionId = "txn";
    /// The id of a stored payment method.
    StoredMethodId = "pm";
    /// The id of a customer.
    CustomerId = "cus";
    /// The id of an invoice.
    InvoiceId = "inv";
    /// The id of a payment request.
    PaymentRequestId = "preq";
    /// The id of an event.
    EventId = "evt";
    /// The id of an open item: a finding that a person has to decide about.
    OpenItemId = "item";
    /// The id of a webhook endpoint.
    WebhookEndpointId = "we";
    /// The id of a delivery to a webhook endpoint.
    DeliveryId = "dlv";
    /// The id of a session.
    SessionId = "sess";
    /// The id of an API key. Not the secret.
    KeyId = "key";
    /// The id of an entry in the audit log.
    AuditEntryId = "aud";
    /// The id of a tenant.
    TenantId = "ten";
    /// The id of a processor account.
    ProcessorAccountId = "pacc";
    /// The id of a user.
    UserId = "usr";
}

/// Why a text is not an id of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseIdError {
    /// It begins otherwise, maybe because it is the id of something else.
    #[error("the id does not begin with {expected}_")]
    WrongPrefix {
        /// The prefix of the type that was asked for.
        expected: &'static str,
    },
    /// After the prefix there are not 26 lower-case base32 digits of a number of 128 bits.
    #[error("the id does not end in 26 lower-case base32 digits after {prefix}_")]
    Malformed {
        /// The prefix of the type that was asked for.
        prefix: &'static str,
    },
    /// The number is not a UUID of version 7, so it is no id that was ever given out.
    #[error("the id after {prefix}_ is not a UUID of version 7")]
    NotVersion7 {
        /// The prefix of the type that was asked for.
        prefix: &'static str,
    },
}

fn parse<T: StaticType>(text: &str) -> Result<Uuid, ParseIdError> {
    let prefix = T::TYPE;
    // The library reports a wrong prefix in a String of its own; foreign ids are common enough to spare that.
    text.strip_prefix(prefix)
        .filter(|rest| rest.starts_with('_'))
        .ok_or(ParseIdError::WrongPrefix { expected: prefix })?;
    let uuid = text.parse::<TypeSafeId<T>>().map_err(|_| ParseIdError::Malformed { prefix })?.uuid();
    if uuid.get_version_num() == 7 && uuid.get_variant() == Variant::RFC4122 {
        Ok(uuid)
    } else {
        Err(ParseIdError::NotVersion7 { prefix })
    }
}

fn created_at(uuid: Uuid) -> DateTime<Utc> {
    let [a, b, c, d, e, f, ..] = uuid.into_bytes();
    DateTime::from_timestamp_millis(i64::from_be_bytes([0, 0, a, b, c, d, e, f])).unwrap_or_default()
}

fn first_at(time: DateTime<Utc>) -> Uuid {
    const LAST_MILLISECOND: i64 = 0xFFFF_FFFF_FFFF;
    let milliseconds = time.timestamp_millis().clamp(0, LAST_MILLISECOND);
    let [_, _, a, b, c, d, e, f] = milliseconds.to_be_bytes();
    // Version 7 and the variant of RFC 9562, and otherwise zeros.
    Uuid::from_bytes([a, b, c, d, e, f, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0])
}
