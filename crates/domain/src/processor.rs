//! Processor accounts, and the routes that charges take to them.
//!
//! Not here: credentials in the clear, and what a processor is sent.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::{
    Actor, Currency, Metadata, MethodType, Mode, ProcessorAccountId, ProcessorName, TenantId, TextRefused,
};

/// A tenant's account with a payment processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessorAccount {
    /// The account; its creation time is the id's own.
    pub id: ProcessorAccountId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// What payments and attempts call it. No other account of the tenant and mode has it, and it never changes.
    pub name: ProcessorName,
    /// Which connector speaks to the processor.
    pub connector: ProcessorName,
    /// What the connector has to know beside the credentials.
    pub settings: Metadata,
    /// The credentials, encrypted.
    pub credentials: SealedCredentials,
    /// When the credentials were given.
    pub credentials_changed_at: DateTime<Utc>,
    /// Whether it takes new charges.
    pub enabled: bool,
    /// Its place where no rule of a route says otherwise: lower ones first, older ones first among equals.
    pub position: AccountPosition,
    /// Counts the changes from 1.
    pub revision: i64,
    /// Who created it.
    pub created_by: Actor,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// Credentials as they are stored: encrypted, together with the id of the key that they are encrypted with.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedCredentials {
    /// Which key opens them.
    pub key_id: String,
    /// The nonce and what the cipher made of the credentials.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for SealedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedCredentials").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// An account's place among the others: 0 to 1,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountPosition(u32);

/// Refused because a position is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the position has to be from 0 to {max}", max = AccountPosition::MAX)]
pub struct PositionRefused;

impl AccountPosition {
    /// The last place.
    pub const MAX: i64 = 1_000_000;

    /// The place of that number.
    ///
    /// # Errors
    /// [`PositionRefused`] when it is out of range.
    ///
    /// ```
    /// use florin_domain::{AccountPosition, PositionRefused};
    /// assert_eq!(AccountPosition::new(7).map(AccountPosition::number), Ok(7));
    /// assert_eq!(AccountPosition::new(-1), Err(PositionRefused));
    /// ```
    pub fn new(number: i64) -> Result<Self, PositionRefused> {
        match u32::try_from(number) {
            Ok(place) if number <= Self::MAX => Ok(AccountPosition(place)),
            _ => Err(PositionRefused),
        }
    }

    /// Its number.
    pub fn number(self) -> i64 {
        i64::from(self.0)
    }
}

/// What may change of an account.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AccountChange {
    /// Whether it takes new charges.
    pub enabled: Option<bool>,
    /// Its new place.
    pub position: Option<AccountPosition>,
    /// Its new settings.
    pub settings: Option<Metadata>,
}

impl ProcessorAccount {
    /// The account after a change.
    #[must_use]
    pub fn change(&self, change: AccountChange, at: DateTime<Utc>, by: Actor) -> ProcessorAccount {
        let mut next = self.changed(at, by);
        next.enabled = change.enabled.unwrap_or(self.enabled);
        next.position = change.position.unwrap_or(self.position);
        if let Some(settings) = change.settings {
            next.settings = settings;
        }
        next
    }

    /// The account with other credentials.
    #[must_use]
    pub fn rotate(&self, credentials: SealedCredentials, at: DateTime<Utc>, by: Actor) -> ProcessorAccount {
        let mut next = self.changed(at, by);
        next.credentials = credentials;
        next.credentials_changed_at = at;
        next
    }

    /// The account with the same credentials, encrypted anew.
    #[must_use]
    pub fn reseal(&self, credentials: SealedCredentials, at: DateTime<Utc>) -> ProcessorAccount {
        let mut next = self.changed(at, Actor::System);
        next.credentials = credentials;
        next
    }

    fn changed(&self, at: DateTime<Utc>, by: Actor) -> ProcessorAccount {
        let mut next = self.clone();
        next.revision = self.revision.saturating_add(1);
        next.updated_at = at;
        next.updated_by = by;
        next
    }
}

/// The names that payments carry whose money no account moves. No account may be called like that.
pub const RESERVED_PROCESSOR_NAMES: [&str; 4] = ["sandbox", "offline", "credits", "none"];

/// A rule of the routes: which accounts take a charge, and in what order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct RouteRule {
    /// For this kind of money; none for any.
    pub payment_method_type: Option<MethodType>,
    /// For this currency; none for any.
    pub currency: Option<Currency>,
    /// The accounts, the first of which is tried first.
    pub accounts: Vec<ProcessorAccountId>,
}

impl RouteRule {
    /// Whether the rule is about such a charge.
    pub fn is_about(&self, method_type: MethodType, currency: Currency) -> bool {
        self.payment_method_type.is_none_or(|own| own == method_type)
            && self.currency.is_none_or(|own| own == currency)
    }
}

/// The routes of a tenant and mode: the first rule that is about a charge decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessorRoutes {
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// The rules, in the order in which they are asked.
    pub rules: Vec<RouteRule>,
    /// Counts the changes from 1.
    pub revision: i64,
    /// Who changed them last.
    pub updated_by: Actor,
    /// When they changed last.
    pub updated_at: DateTime<Utc>,
}

impl ProcessorRoutes {
    /// How many rules there may be.
    pub const MAX_RULES: usize = 100;
    /// How many accounts a rule may name.
    pub const MAX_ACCOUNTS: usize = 20;
}

/// A name for programs: lower-case letters, digits, `-` and `_`, after a letter.
pub(crate) fn check_processor_name(text: &str, max_chars: usize) -> Result<(), TextRefused> {
    if text.is_empty() {
        return Err(TextRefused::Empty);
    }
    crate::check_text(text, max_chars)?;
    let is_name = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if is_name { Ok(()) } else { Err(TextRefused::NotProcessorName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_processors_are_plain_words() {
        for name in ["a", "stripe", "stripe-eu_2"] {
            assert!(ProcessorName::parse(name).is_ok(), "{name}");
        }
        for name in ["", "Stripe", "1st", "-a", "a b", "ä", "a:b", &"a".repeat(41)] {
            assert!(ProcessorName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn debug_output_does_not_show_what_is_sealed() {
        let sealed = SealedCredentials { key_id: "0123456789abcdef".to_owned(), bytes: vec![77; 40] };
        assert!(!format!("{sealed:?}").contains("77"));
    }
}
