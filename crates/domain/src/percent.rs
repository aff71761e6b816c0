//! Percentages, and what becomes of the fraction that is left when one is taken.

use std::fmt;

/// The units of a whole: a percentage has up to four decimals, so that 100 % are a million units.
const WHOLE: i128 = 1_000_000;

/// A percentage with up to four decimals: a fee of 2.9 %, a tax of 8.875 %. It may be negative or above 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent {
    millionths: i64,
}

impl Percent {
    /// Hundredths of a percent: 290 are 2.9 %.
    ///
    /// ```
    /// use florin_domain::Percent;
    /// assert_eq!(Percent::from_basis_points(290).to_string(), "2.9000%");
    /// ```
    #[must_use]
    pub fn from_basis_points(basis_points: i32) -> Self {
        Self::from_millionths(i64::from(basis_points).saturating_mul(100))
    }

    /// Millionths of the whole: 88 750 are 8.875 %.
    ///
    /// ```
    /// use florin_domain::Percent;
    /// assert_eq!(Percent::from_millionths(88_750).to_string(), "8.8750%");
    /// ```
    #[must_use]
    pub const fn from_millionths(millionths: i64) -> Self {
        Self { millionths }
    }

    /// The percentage in millionths of the whole.
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.millionths
    }

    /// The share of a number of minor units, unless it is beyond 64 bits.
    pub(crate) fn of_minor(self, minor: i64, rounding: Rounding) -> Option<i64> {
        let product = i128::from(minor).checked_mul(i128::from(self.millionths))?;
        let below = product.checked_div_euclid(WHOLE)?;
        let rest = product.checked_rem_euclid(WHOLE)?;
        let rounded = if rounding.takes_upper(below, rest) { below.checked_add(1)? } else { below };
        i64::try_from(rounded).ok()
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS_PER_PERCENT: u64 = 10_000;
        let sign = if self.millionths < 0 { "-" } else { "" };
        let units = self.millionths.unsigned_abs();
        write!(f, "{sign}{}.{:04}%", units / UNITS_PER_PERCENT, units % UNITS_PER_PERCENT)
    }
}

/// To which of its two neighbours a number with a fraction is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rounding {
    /// To the nearer one; from the middle to the even one. Adds up no bias.
    HalfEven,
    /// To the nearer one; from the middle away from zero.
    HalfUp,
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
    /// To the greater one.
    Ceiling,
    /// To the smaller one.
    Floor,
}

impl Rounding {
    /// Every way of rounding.
    pub const ALL: [Self; 6] =
        [Self::HalfEven, Self::HalfUp, Self::Up, Self::Down, Self::Ceiling, Self::Floor];

    /// Whether the upper neighbour is taken of a number that lies `rest` above `below`.
    fn takes_upper(self, below: i128, rest: i128) -> bool {
        const HALF: i128 = 500_000;
        // With a rest, a number whose lower neighbour is negative is negative itself.
        let is_negative = below < 0;
        match self {
            _ if rest == 0 => false,
            Self::HalfEven => rest > HALF || (rest == HALF && below % 2 != 0),
            Self::HalfUp => rest > HALF || (rest == HALF && !is_negative),
            Self::Up => !is_negative,
            Self::Down => is_negative,
            Self::Ceiling => true,
            Self::Floor => false,
        }
    }
}
