//! Currencies of ISO 4217.
//!
//! Codes without a minor unit (gold, the testing code, drawing rights) are left out: no payment can be made
//! in them.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use thiserror::Error;

/// A currency of ISO 4217 with 0, 2, 3 or 4 decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    iso: iso_currency::Currency,
    exponent: u8,
}

impl Currency {
    /// The United States dollar, with two decimals.
    pub const USD: Self = Self { iso: iso_currency::Currency::USD, exponent: 2 };
    /// The euro, with two decimals.
    pub const EUR: Self = Self { iso: iso_currency::Currency::EUR, exponent: 2 };
    /// The Japanese yen, which has no decimals.
    pub const JPY: Self = Self { iso: iso_currency::Currency::JPY, exponent: 0 };
    /// The Kuwaiti dinar, with three decimals.
    pub const KWD: Self = Self { iso: iso_currency::Currency::KWD, exponent: 3 };
    /// The Chilean unit of account, with four decimals.
    pub const CLF: Self = Self { iso: iso_currency::Currency::CLF, exponent: 4 };

    /// The currency of a three-letter code in any case.
    ///
    /// # Errors
    /// [`UnknownCurrency`] when ISO 4217 has no such code, or gives it no minor unit.
    ///
    /// ```
    /// use florin_domain::{Currency, UnknownCurrency};
    /// assert_eq!(Currency::parse("usd")?, Currency::USD);
    /// assert_eq!(Currency::parse("JPY")?.exponent(), 0);
    /// assert!(Currency::parse("XAU").is_err());
    /// # Ok::<(), UnknownCurrency>(())
    /// ```
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        let mut upper = <[u8; 3]>::try_from(code.as_bytes()).map_err(|_| UnknownCurrency)?;
        upper.make_ascii_uppercase();
        std::str::from_utf8(&upper)
            .ok()
            .and_then(iso_currency::Currency::from_code)
            .and_then(Self::with_minor_unit)
            .ok_or(UnknownCurrency)
    }

    /// Every currency, in the order of its numeric code.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=999).filter_map(iso_currency::Currency::from_numeric).filter_map(Self::with_minor_unit)
    }

    /// The code in upper case.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// How many decimals the currency has: 2 for the dollar, 0 for the yen.
    #[must_use]
    pub const fn exponent(self) -> u8 {
        self.exponent
    }

    /// How many minor units make one major unit: 100 for the dollar, 1 for the yen.
    #[must_use]
    pub fn minor_units_per_major(self) -> NonZeroU64 {
        NonZeroU64::MIN.saturating_add(9).saturating_pow(self.exponent.into())
    }

    fn with_minor_unit(iso: iso_currency::Currency) -> Option<Self> {
        let exponent = u8::try_from(iso.exponent()?).ok()?;
        matches!(exponent, 0 | 2..=4).then_some(Self { iso, exponent })
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::parse(code)
    }
}

/// ISO 4217 has no such currency, or it has no minor unit to pay in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the currency is not known; send a three-letter code of ISO 4217, such as USD")]
pub struct UnknownCurrency;

#[cfg(feature = "serde")]
impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::serde_text::parse(deserializer)
    }
}
