//! What a processor can do, and what can be relied on at it.

use std::time::Duration;

use florin_domain::{Amount, Currency, MethodType};

/// What a processor can do, and what can be relied on when an answer is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The kinds of payment methods that it charges.
    pub methods: Vec<MethodType>,
    /// The currencies that it takes.
    pub currencies: Currencies,
    /// The currencies that it counts in other units than ISO 4217 does.
    pub units: Vec<(Currency, Units)>,
    /// Whether less than what was authorized can be captured; the rest is given up.
    pub partial_capture: bool,
    /// Whether one authorization can be captured in several parts.
    pub multiple_capture: bool,
    /// Whether [`Processor::list`](crate::Processor::list) works, so that it can be reconciled.
    pub lists: bool,
    /// How long a request that was sent may take to appear in a look-up, at most.
    pub max_delay: Duration,
    /// How long after the first sending the same attempt id still has one effect only; [`Duration::MAX`] is for ever.
    pub keeps_keys_for: Duration,
}

/// The currencies that a processor takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Currencies {
    /// All that Florin knows.
    All,
    /// Only these, sorted.
    Only(Vec<Currency>),
}

/// How a processor counts an amount of a currency, where that differs from ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// How many decimals its amounts have.
    pub exponent: u8,
    /// What its amounts have to be multiples of, in its own units; at least 1.
    pub step: i64,
}

/// An amount that a processor can't express in its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{amount} minor units of {currency} can't be expressed in the processor's units")]
pub struct Inexpressible {
    /// In minor units of the currency.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
}

impl Capabilities {
    /// Whether [`Found::NotFound`](crate::Found::NotFound) proves that nothing happened, `age` after the attempt was
    /// last sent.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use florin_processors::Capabilities;
    /// let known = Capabilities { max_delay: Duration::from_secs(2), ..Capabilities::default() };
    /// assert!(!known.not_found_is_proof_after(Duration::from_secs(2)));
    /// assert!(known.not_found_is_proof_after(Duration::from_secs(3)));
    /// ```
    pub fn not_found_is_proof_after(&self, age: Duration) -> bool {
        age > self.max_delay
    }

    /// Whether sending again is safe, `age` after the attempt was first sent.
    pub fn may_send_again_after(&self, age: Duration) -> bool {
        age < self.keeps_keys_for
    }

    /// Whether the same attempt id may have a second effect some day.
    pub fn forgets_keys(&self) -> bool {
        self.keeps_keys_for < Duration::MAX
    }

    /// Whether it charges this kind of payment method in this currency.
    pub fn takes(&self, method_type: MethodType, currency: Currency) -> bool {
        let takes_currency = match &self.currencies {
            Currencies::All => true,
            Currencies::Only(some) => some.binary_search(&currency).is_ok(),
        };
        takes_currency && self.methods.contains(&method_type)
    }

    /// An amount in the processor's units. Nothing is ever rounded.
    ///
    /// # Errors
    /// [`Inexpressible`] when it has decimals that the processor doesn't.
    pub fn to_units(&self, amount: Amount, currency: Currency) -> Result<i64, Inexpressible> {
        let refused = Inexpressible { amount: amount.minor(), currency };
        let units = self.units_of(currency);
        let (theirs, ours) = (power_of_ten(units.exponent), power_of_ten(currency.exponent()));
        let scaled = amount.minor().checked_mul(theirs).ok_or(refused)?;
        let is_whole = scaled % ours == 0 && (scaled / ours) % units.step == 0;
        is_whole.then_some(scaled / ours).ok_or(refused)
    }

    /// An amount of the processor in minor units of the currency.
    ///
    /// # Errors
    /// [`Inexpressible`] when the currency has fewer decimals than the amount.
    pub fn from_units(&self, units: i64, currency: Currency) -> Result<i64, Inexpressible> {
        let refused = Inexpressible { amount: units, currency };
        let (theirs, ours) =
            (power_of_ten(self.units_of(currency).exponent), power_of_ten(currency.exponent()));
        let scaled = units.checked_mul(ours).ok_or(refused)?;
        (scaled % theirs == 0).then_some(scaled / theirs).ok_or(refused)
    }

    fn units_of(&self, currency: Currency) -> Units {
        let own = self.units.iter().find(|(known, _)| *known == currency).map(|(_, units)| *units);
        own.unwrap_or(Units { exponent: currency.exponent(), step: 1 })
    }
}

/// What holds of a processor that says nothing else: cards of all currencies, full captures, and nothing to be relied on
/// for a day.
impl Default for Capabilities {
    fn default() -> Self {
        Capabilities {
            methods: vec![MethodType::Card],
            currencies: Currencies::All,
            units: Vec::new(),
            partial_capture: false,
            multiple_capture: false,
            lists: false,
            max_delay: Duration::from_secs(24 * 3600),
            keeps_keys_for: Duration::ZERO,
        }
    }
}

fn power_of_ten(exponent: u8) -> i64 {
    10_i64.pow(u32::from(exponent.min(6)))
}
