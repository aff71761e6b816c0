//! A customer's credits in one currency: granted, spent by payments, given back by refunds.

use crate::{Amount, Currency, CustomerId, Mode, TenantId, Total};

/// What a customer has left in one currency. Never below zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditAccount {
    /// Whose customer.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// The customer.
    pub customer_id: CustomerId,
    /// Of what.
    pub currency: Currency,
    /// How much is left, in minor units.
    pub balance: Total,
    /// Counts the changes from 1.
    pub revision: i64,
}

/// Refused because credits can't move in that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreditsRefused {
    /// There is less than is to be spent.
    #[error("{} was to be spent, {} is left", requested.minor(), available.minor())]
    Insufficient {
        /// What was to be spent.
        requested: Amount,
        /// What is left.
        available: Total,
    },
    /// There would be more than a balance can hold.
    #[error("{} more would exceed the greatest balance of {}", added.minor(), Total::MAX.minor())]
    TooMany {
        /// What was to be added.
        added: Amount,
    },
}

impl CreditAccount {
    /// The account with more in it, granted or given back.
    ///
    /// # Errors
    /// [`CreditsRefused::TooMany`] beyond [`Total::MAX`].
    pub fn add(&self, amount: Amount) -> Result<CreditAccount, CreditsRefused> {
        let balance = self.balance.checked_add(Total::from(amount));
        self.with(balance.ok_or(CreditsRefused::TooMany { added: amount }))
    }

    /// The account after `amount` was spent.
    ///
    /// # Errors
    /// [`CreditsRefused::Insufficient`] when there is less.
    ///
    /// ```
    /// # use florin_domain::*;
    /// # let uuid = "pay_01jcy1p2bqfz0bkmjj3c4nx7g5".parse::<PaymentId>().unwrap().uuid();
    /// let account = CreditAccount {
    ///     tenant_id: TenantId::from_uuid(uuid),
    ///     mode: Mode::Test,
    ///     customer_id: CustomerId::from_uuid(uuid),
    ///     currency: Currency::parse("USD").unwrap(),
    ///     balance: Total::new(300).unwrap(),
    ///     revision: 1,
    /// };
    /// assert_eq!(account.spend(Amount::new(200).unwrap()).unwrap().balance, Total::new(100).unwrap());
    /// assert!(account.spend(Amount::new(301).unwrap()).is_err());
    /// ```
    pub fn spend(&self, amount: Amount) -> Result<CreditAccount, CreditsRefused> {
        let left = self.balance.checked_sub(Total::from(amount));
        self.with(left.ok_or(CreditsRefused::Insufficient { requested: amount, available: self.balance }))
    }

    fn with(&self, balance: Result<Total, CreditsRefused>) -> Result<CreditAccount, CreditsRefused> {
        Ok(CreditAccount { balance: balance?, revision: self.revision.saturating_add(1), ..self.clone() })
    }
}
