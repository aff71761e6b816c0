//! Money: a signed number of minor units of a currency.
//!
//! Two currencies never add, nothing overflows silently, nothing is rounded without being told how, and
//! splitting loses no minor unit. Floating point numbers have no place here.

use std::fmt;

use thiserror::Error;

use crate::amount::Amount;
use crate::currency::Currency;
use crate::percent::{Percent, Rounding};

/// A sum of money, which may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units of a currency.
    ///
    /// ```
    /// use florin_domain::{Currency, Money};
    /// assert_eq!(Money::new(-1234, Currency::USD).to_string(), "-12.34 USD");
    /// ```
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// An amount in its currency.
    ///
    /// ```
    /// use florin_domain::{Amount, AmountRefused, Currency, Money};
    /// assert_eq!(Money::of(Amount::new(500)?, Currency::JPY).to_string(), "500 JPY");
    /// # Ok::<(), AmountRefused>(())
    /// ```
    #[must_use]
    pub const fn of(amount: Amount, currency: Currency) -> Self {
        Self::new(amount.minor(), currency)
    }

    /// Reads a decimal number of major units: `12.34` is 1234 cents.
    ///
    /// A minus sign, no superfluous zero in front, and at most as many decimals as the currency has. No plus
    /// sign, no blank, no thousands separator, no exponent.
    ///
    /// # Errors
    /// [`ParseMoneyError`], which says what to send.
    ///
    /// ```
    /// use florin_domain::{Currency, Money, ParseMoneyError};
    /// assert_eq!(Money::parse_major("12.5", Currency::USD)?.minor(), 1250);
    /// assert!(Money::parse_major("12.5", Currency::JPY).is_err());
    /// # Ok::<(), ParseMoneyError>(())
    /// ```
    pub fn parse_major(text: &str, currency: Currency) -> Result<Self, ParseMoneyError> {
        let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |unsigned| ("-", unsigned));
        let (whole, decimals) = match unsigned.split_once('.') {
            Some((_, "")) => return Err(ParseMoneyError::NotADecimal { currency }),
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let has_extra_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || has_extra_zero || !is_digits(whole) || !is_digits(decimals) {
            return Err(ParseMoneyError::NotADecimal { currency });
        }
        let exponent = usize::from(currency.exponent());
        if decimals.len() > exponent {
            return Err(ParseMoneyError::TooManyDecimals { currency, actual: decimals.len() });
        }
        // Digits are all that is left, so that parsing can fail for the size of the number only.
        let minor = format!("{sign}{whole}{decimals:0<exponent$}");
        minor.parse().map(|minor| Self { minor, currency }).map_err(|_| ParseMoneyError::OutOfRange)
    }

    /// The number of minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The decimal number of major units, with exactly as many decimals as the currency has.
    #[must_use]
    pub fn to_major_string(self) -> String {
        let sign = if self.minor < 0 { "-" } else { "" };
        let per_major = self.currency.minor_units_per_major();
        let whole = self.minor.unsigned_abs() / per_major;
        let decimals = self.minor.unsigned_abs() % per_major;
        match usize::from(self.currency.exponent()) {
            0 => format!("{sign}{whole}"),
            exponent => format!("{sign}{whole}.{decimals:0exponent$}"),
        }
    }

    /// Both together.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.require_currency_of(other)?;
        self.with_minor(self.minor.checked_add(other.minor))
    }

    /// What is left after `other` is taken away, maybe less than nothing.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.require_currency_of(other)?;
        self.with_minor(self.minor.checked_sub(other.minor))
    }

    /// The same sum with the other sign.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`], for the smallest number only.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        self.with_minor(self.minor.checked_neg())
    }

    /// A share of this sum, rounded to whole minor units as told.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    ///
    /// ```
    /// use florin_domain::{Currency, Money, MoneyError, Percent, Rounding};
    /// let fee = Money::new(1050, Currency::USD).percent(Percent::from_basis_points(290), Rounding::HalfEven)?;
    /// assert_eq!(fee.minor(), 30);
    /// # Ok::<(), MoneyError>(())
    /// ```
    pub fn percent(self, percent: Percent, rounding: Rounding) -> Result<Self, MoneyError> {
        self.with_minor(percent.of_minor(self.minor, rounding))
    }

    /// Divides the sum in proportion to the weights, without losing a minor unit.
    ///
    /// Each part is rounded towards zero, and what is then left over goes, a unit each, to the parts that
    /// lost most by it, the first ones first (the method of largest remainders).
    ///
    /// # Errors
    /// [`MoneyError::NoWeight`] when there is no weight above zero.
    ///
    /// ```
    /// use florin_domain::{Currency, Money, MoneyError};
    /// let parts = Money::new(100, Currency::USD).allocate(&[1, 1, 1])?;
    /// assert_eq!(parts.iter().map(|part| part.minor()).collect::<Vec<_>>(), [34, 33, 33]);
    /// # Ok::<(), MoneyError>(())
    /// ```
    pub fn allocate(self, weights: &[u32]) -> Result<Vec<Self>, MoneyError> {
        let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        if total == 0 {
            return Err(MoneyError::NoWeight);
        }
        let mut parts = Vec::with_capacity(weights.len());
        let mut left = self.minor;
        for (position, weight) in weights.iter().enumerate() {
            let part = Part::of(self.minor, *weight, total, position).ok_or(MoneyError::Overflow)?;
            left = left.checked_sub(part.minor).ok_or(MoneyError::Overflow)?;
            parts.push(part);
        }
        // There is less left than there are parts with a remainder, so a unit each is enough.
        let receivers = usize::try_from(left.unsigned_abs()).map_err(|_| MoneyError::Overflow)?;
        parts.sort_unstable_by_key(|part| (std::cmp::Reverse(part.remainder), part.position));
        for part in parts.iter_mut().take(receivers) {
            part.minor = part.minor.saturating_add(left.signum());
        }
        parts.sort_unstable_by_key(|part| part.position);
        Ok(parts.into_iter().map(|part| Self::new(part.minor, self.currency)).collect())
    }

    /// Divides the sum into equal parts, of which the first ones get what can't be divided.
    ///
    /// # Errors
    /// [`MoneyError::NoWeight`] when `parts` is zero.
    ///
    /// ```
    /// use florin_domain::{Currency, Money, MoneyError};
    /// let parts = Money::new(5, Currency::JPY).split(2)?;
    /// assert_eq!(parts.iter().map(|part| part.minor()).collect::<Vec<_>>(), [3, 2]);
    /// # Ok::<(), MoneyError>(())
    /// ```
    pub fn split(self, parts: u16) -> Result<Vec<Self>, MoneyError> {
        self.allocate(&vec![1; usize::from(parts)])
    }

    fn require_currency_of(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency })
    }

    fn with_minor(self, minor: Option<i64>) -> Result<Self, MoneyError> {
        minor.map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }
}

/// One part of an allocation while it is being worked out.
struct Part {
    minor: i64,
    remainder: u128,
    position: usize,
}

impl Part {
    fn of(minor: i64, weight: u32, total: i128, position: usize) -> Option<Self> {
        let product = i128::from(minor).checked_mul(i128::from(weight))?;
        let minor = i64::try_from(product.checked_div(total)?).ok()?;
        Some(Self { minor, remainder: product.checked_rem(total)?.unsigned_abs(), position })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_major_string(), self.currency)
    }
}

/// Why a calculation with money has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Two currencies never add.
    #[error("{left} and {right} can't be added or compared")]
    CurrencyMismatch {
        /// The currency of the first sum.
        left: Currency,
        /// The currency of the other.
        right: Currency,
    },
    /// The result is beyond 64 bits.
    #[error("the result is too large")]
    Overflow,
    /// There is nobody to give a part to.
    #[error("there is no part with a weight above zero")]
    NoWeight,
}

/// Why a text is not a sum of money in major units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseMoneyError {
    /// It is not a plain decimal number.
    #[error("send a plain decimal number of {currency}, such as {}", example(*currency))]
    NotADecimal {
        /// The currency that was asked for.
        currency: Currency,
    },
    /// The currency has no such small unit.
    #[error(
        "{currency} has {} decimals and the amount has {actual}; send one such as {}",
        currency.exponent(),
        example(*currency)
    )]
    TooManyDecimals {
        /// The currency that was asked for.
        currency: Currency,
        /// How many decimals there are.
        actual: usize,
    },
    /// It is beyond 64 bits of minor units.
    #[error("the amount is out of range; send a smaller one")]
    OutOfRange,
}

fn example(currency: Currency) -> &'static str {
    match currency.exponent() {
        0 => "12",
        2 => "12.34",
        3 => "12.345",
        _ => "12.3456",
    }
}
