//! Customers, and the payment methods that processors keep for them.

use chrono::{DateTime, Datelike, Utc};

use crate::{
    Actor, BankName, CardBrand, CustomerId, CustomerName, Email, ExternalId, Metadata, MethodRef, MethodType,
    Mode, ProcessorName, StoredMethodId, TenantId,
};

/// Somebody who pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The customer; its creation time is the id's own.
    pub id: CustomerId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// What they are called.
    pub name: Option<CustomerName>,
    /// Where they are reached.
    pub email: Option<Email>,
    /// The merchant's own name for them: no two customers have the same.
    pub external_id: Option<ExternalId>,
    /// The merchant's own data.
    pub metadata: Metadata,
    /// Counts the changes from 1.
    pub revision: i64,
    /// Who created it.
    pub created_by: Actor,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// What a change of a customer sets; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerChange {
    /// Another name, or none.
    pub name: Option<Option<CustomerName>>,
    /// Another address, or none.
    pub email: Option<Option<Email>>,
    /// Another external id, or none.
    pub external_id: Option<Option<ExternalId>>,
    /// Other metadata.
    pub metadata: Option<Metadata>,
}

/// A processor's token for a way to pay, with what may be shown of it. Never a card number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMethod {
    /// The payment method; its creation time is the id's own.
    pub id: StoredMethodId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// Whose way to pay it is.
    pub customer_id: Option<CustomerId>,
    /// [`MethodType::Card`] or [`MethodType::Ach`].
    pub method_type: MethodType,
    /// The processor's name for it.
    pub token: MethodRef,
    /// The processor account that the token belongs to; none when it belongs to none in particular.
    pub processor: Option<ProcessorName>,
    /// A card's brand.
    pub brand: Option<CardBrand>,
    /// The last four digits, of a card or an account.
    pub last4: Option<Last4>,
    /// Until when a card is good.
    pub expiry: Option<Expiry>,
    /// A bank account's bank.
    pub bank_name: Option<BankName>,
    /// The merchant's own data.
    pub metadata: Metadata,
    /// When it was detached, which is for ever.
    pub detached_at: Option<DateTime<Utc>>,
    /// Counts the changes from 1.
    pub revision: i64,
    /// How many events told of it.
    pub event_count: i64,
    /// Who created it.
    pub created_by: Actor,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// The last four digits of a card or an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Last4([u8; 4]);

/// The last month in which a card is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expiry {
    year: u16,
    month: u8,
}

/// Refused because something that may be shown of a payment method has another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisplayFactRefused {
    /// Not four digits.
    #[error("last4 has to be four digits, such as \"4242\"")]
    Last4,
    /// Not a month.
    #[error("exp_month has to be from 1 to 12, and exp_year from 2000 to 2199")]
    Expiry,
}

/// Why a stored payment method can't be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MethodUnusable {
    /// It was detached.
    #[error("the payment method was detached")]
    Detached,
    /// Its card has expired.
    #[error("the payment method has expired")]
    Expired,
}

impl Customer {
    /// The customer with other facts.
    #[must_use]
    pub fn change(&self, change: CustomerChange, at: DateTime<Utc>, by: Actor) -> Customer {
        let mut next = self.clone();
        if let Some(name) = change.name {
            next.name = name;
        }
        if let Some(email) = change.email {
            next.email = email;
        }
        if let Some(external_id) = change.external_id {
            next.external_id = external_id;
        }
        if let Some(metadata) = change.metadata {
            next.metadata = metadata;
        }
        next.revision = self.revision.saturating_add(1);
        next.updated_at = at;
        next.updated_by = by;
        next
    }
}

impl Last4 {
    /// Takes four digits.
    ///
    /// # Errors
    /// [`DisplayFactRefused::Last4`] for anything else.
    pub fn parse(text: &str) -> Result<Self, DisplayFactRefused> {
        let digits: [u8; 4] = text.as_bytes().try_into().map_err(|_| DisplayFactRefused::Last4)?;
        if digits.iter().all(u8::is_ascii_digit) { Ok(Last4(digits)) } else { Err(DisplayFactRefused::Last4) }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Expiry {
    /// The end of a month: `year` 2000 to 2199, `month` 1 to 12.
    ///
    /// # Errors
    /// [`DisplayFactRefused::Expiry`] for anything else.
    pub fn new(year: i64, month: i64) -> Result<Self, DisplayFactRefused> {
        match (u16::try_from(year), u8::try_from(month)) {
            (Ok(year @ 2000..=2199), Ok(month @ 1..=12)) => Ok(Expiry { year, month }),
            _ => Err(DisplayFactRefused::Expiry),
        }
    }

    /// The year, 2000 to 2199.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// Whether the month is over, by UTC.
    pub fn is_over(self, at: DateTime<Utc>) -> bool {
        (i32::from(self.year), u32::from(self.month)) < (at.year(), at.month())
    }
}

impl StoredMethod {
    /// Whether it can be charged at `at`.
    ///
    /// # Errors
    /// [`MethodUnusable`], which says why not.
    pub fn check_usable(&self, at: DateTime<Utc>) -> Result<(), MethodUnusable> {
        if self.detached_at.is_some() {
            return Err(MethodUnusable::Detached);
        }
        match self.expiry {
            Some(expiry) if expiry.is_over(at) => Err(MethodUnusable::Expired),
            Some(_) | None => Ok(()),
        }
    }

    /// The payment method, detached: no longer to be charged. Detaching it again changes nothing.
    #[must_use]
    pub fn detach(&self, at: DateTime<Utc>, by: Actor) -> StoredMethod {
        let mut next = self.clone();
        if next.detached_at.is_none() {
            next.detached_at = Some(at);
            next.revision = self.revision.saturating_add(1);
            next.updated_at = at;
            next.updated_by = by;
        }
        next
    }
}
