//! Sums of minor units within the limits of the API.
//!
//! An amount knows no currency: [`Money`](crate::Money) joins the two.

use thiserror::Error;

const MAX_MINOR: i64 = 999_999_999_999;

/// What somebody pays, captures or refunds: 1 to 999 999 999 999 minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "i64", into = "i64")
)]
pub struct Amount(i64);

impl Amount {
    /// The largest amount, in minor units.
    pub const MAX_MINOR: i64 = MAX_MINOR;

    /// An amount of `minor` minor units.
    ///
    /// # Errors
    /// [`AmountRefused::NotPositive`] or [`AmountRefused::TooLarge`].
    ///
    /// ```
    /// use florin_domain::{Amount, AmountRefused};
    /// assert_eq!(Amount::new(1999)?.minor(), 1999);
    /// assert_eq!(Amount::new(0), Err(AmountRefused::NotPositive { minor: 0 }));
    /// # Ok::<(), AmountRefused>(())
    /// ```
    pub const fn new(minor: i64) -> Result<Self, AmountRefused> {
        if minor < 1 {
            return Err(AmountRefused::NotPositive { minor });
        }
        if minor > MAX_MINOR {
            return Err(AmountRefused::TooLarge { minor, max: MAX_MINOR });
        }
        Ok(Self(minor))
    }

    /// The amount in minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }
}

/// A sum of amounts, which may be nothing: 0 to 999 999 999 999 minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "i64", into = "i64")
)]
pub struct Total(i64);

impl Total {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// As much as the largest amount.
    pub const MAX: Self = Self(MAX_MINOR);

    /// A total of `minor` minor units.
    ///
    /// # Errors
    /// [`AmountRefused::Negative`] or [`AmountRefused::TooLarge`].
    ///
    /// ```
    /// use florin_domain::{AmountRefused, Total};
    /// assert_eq!(Total::new(0)?, Total::ZERO);
    /// assert_eq!(Total::new(-1), Err(AmountRefused::Negative { minor: -1 }));
    /// # Ok::<(), AmountRefused>(())
    /// ```
    pub const fn new(minor: i64) -> Result<Self, AmountRefused> {
        if minor < 0 {
            return Err(AmountRefused::Negative { minor });
        }
        if minor > MAX_MINOR {
            return Err(AmountRefused::TooLarge { minor, max: MAX_MINOR });
        }
        Ok(Self(minor))
    }

    /// The total in minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Both together, unless that is above [`Amount::MAX_MINOR`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(|minor| Self::new(minor).ok())
    }

    /// What is left after `other` is taken away, unless that is more than there is.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).and_then(|minor| Self::new(minor).ok())
    }
}

/// Why a number of minor units is not an amount or a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AmountRefused {
    /// An amount is at least one minor unit.
    #[error("the amount is {minor}; send an integer from 1 to {MAX_MINOR} in the currency's minor unit")]
    NotPositive {
        /// What was given, in minor units.
        minor: i64,
    },
    /// A total is zero or more.
    #[error("the total is {minor}, and a total is never below zero")]
    Negative {
        /// What was given, in minor units.
        minor: i64,
    },
    /// The limit of the API is exceeded.
    #[error("the amount is {minor}; send at most {max} in the currency's minor unit")]
    TooLarge {
        /// What was given, in minor units.
        minor: i64,
        /// The most that is allowed, in minor units.
        max: i64,
    },
}

impl From<Amount> for Total {
    fn from(amount: Amount) -> Self {
        Self(amount.0)
    }
}

impl TryFrom<Total> for Amount {
    type Error = AmountRefused;

    fn try_from(total: Total) -> Result<Self, Self::Error> {
        Self::new(total.0)
    }
}

impl TryFrom<i64> for Amount {
    type Error = AmountRefused;

    fn try_from(minor: i64) -> Result<Self, Self::Error> {
        Self::new(minor)
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

impl TryFrom<i64> for Total {
    type Error = AmountRefused;

    fn try_from(minor: i64) -> Result<Self, Self::Error> {
        Self::new(minor)
    }
}

impl From<Total> for i64 {
    fn from(total: Total) -> Self {
        total.0
    }
}
