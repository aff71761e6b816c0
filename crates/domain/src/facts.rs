//! The five sums of a payment, and the one inequality that they never break.

use crate::{Amount, Total};

/// How much of a payment is authorized, captured, refunded, held for refunds under way, and returned.
///
/// The fields are private: a `Facts` value that exists satisfies
/// `refunded + held ≤ captured ≤ authorized ≤ amount` and `returned ≤ captured`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    amount: Amount,
    authorized: Total,
    captured: Total,
    refunded: Total,
    held: Total,
    returned: Total,
}

/// The sums of a payment as they stand in a database, not yet checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Reserved with the payer's bank.
    pub authorized: Total,
    /// Taken.
    pub captured: Total,
    /// Given back by refunds that succeeded.
    pub refunded: Total,
    /// Reserved for refunds under way.
    pub held: Total,
    /// Taken back by the payer's bank after a bank debit had cleared.
    pub returned: Total,
}

/// Refused because the sums of a payment would break its money rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sums of a payment of {amount:?} break the money rules: {sums:?}")]
pub struct FactsRefused {
    /// What the payment is for.
    pub amount: Amount,
    /// The sums that break a rule.
    pub sums: Sums,
}

impl Facts {
    /// The facts of a payment that nothing has happened to.
    ///
    /// ```
    /// use florin_domain::{Amount, Facts};
    /// let facts = Facts::untouched(Amount::new(1000).unwrap());
    /// assert!(facts.captured().is_zero());
    /// ```
    pub const fn untouched(amount: Amount) -> Self {
        let zero = Total::ZERO;
        Facts { amount, authorized: zero, captured: zero, refunded: zero, held: zero, returned: zero }
    }

    /// Checks sums against the money rules.
    ///
    /// # Errors
    /// Where `refunded + held ≤ captured ≤ authorized ≤ amount` or `returned ≤ captured` does not hold.
    ///
    /// ```
    /// use florin_domain::{Amount, Facts, Sums, Total};
    /// let amount = Amount::new(10).unwrap();
    /// let captured_alone = Sums { captured: Total::new(5).unwrap(), ..Sums::default() };
    /// assert!(Facts::new(amount, captured_alone).is_err());
    /// ```
    pub fn new(amount: Amount, sums: Sums) -> Result<Self, FactsRefused> {
        let Sums { authorized, captured, refunded, held, returned } = sums;
        let reserved = refunded.checked_add(held);
        let holds = reserved.is_some_and(|reserved| reserved <= captured)
            && captured <= authorized
            && authorized <= Total::from(amount)
            && returned <= captured;
        if holds {
            Ok(Facts { amount, authorized, captured, refunded, held, returned })
        } else {
            Err(FactsRefused { amount, sums })
        }
    }

    /// What the payment is for.
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// Reserved with the payer's bank, in minor units.
    pub const fn authorized(&self) -> Total {
        self.authorized
    }

    /// Taken, in minor units.
    pub const fn captured(&self) -> Total {
        self.captured
    }

    /// Given back by refunds that succeeded, in minor units.
    pub const fn refunded(&self) -> Total {
        self.refunded
    }

    /// Reserved for refunds under way, in minor units.
    pub const fn held(&self) -> Total {
        self.held
    }

    /// Taken back by the payer's bank, in minor units.
    pub const fn returned(&self) -> Total {
        self.returned
    }

    /// What a new refund may take: captured less refunded, held and, after a return, everything.
    pub fn refundable(&self) -> Total {
        if !self.returned.is_zero() {
            return Total::ZERO;
        }
        let left = self.captured.checked_sub(self.refunded).and_then(|left| left.checked_sub(self.held));
        left.unwrap_or(Total::ZERO)
    }

    /// The sums alone, to change one and check again.
    pub const fn sums(&self) -> Sums {
        Sums {
            authorized: self.authorized,
            captured: self.captured,
            refunded: self.refunded,
            held: self.held,
            returned: self.returned,
        }
    }

    /// The same payment with other sums.
    ///
    /// # Errors
    /// As [`Facts::new`].
    pub(crate) fn with(&self, change: impl FnOnce(&mut Sums)) -> Result<Self, FactsRefused> {
        let mut sums = self.sums();
        change(&mut sums);
        Facts::new(self.amount, sums)
    }
}
