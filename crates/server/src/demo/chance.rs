//! Chance that repeats itself: the same seed gives the same numbers on every machine and in every version.

/// A source of numbers (SplitMix64). Good enough for made-up shoppers, and for nothing secret.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Chance(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`.
    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = most.abs_diff(least).saturating_add(1);
        least.saturating_add_unsigned(self.next() % span)
    }

    /// Whether something happens that happens so often in a thousand.
    pub(super) fn happens(&mut self, per_thousand: i64) -> bool {
        self.between(1, 1000) <= per_thousand
    }

    /// One of these. There has to be one.
    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.index(all.len())]
    }

    /// A place in something of that length, which is not zero.
    pub(super) fn index(&mut self, length: usize) -> usize {
        let last = i64::try_from(length).unwrap_or(i64::MAX) - 1;
        usize::try_from(self.between(0, last)).unwrap_or_default()
    }

    /// One of these, each as often as its weight says. There has to be one with a weight.
    pub(super) fn weighted<T: Copy>(&mut self, all: &[(i64, T)]) -> T {
        let sum = all.iter().map(|(weight, _)| weight).sum();
        let mut left = self.between(1, sum);
        for (weight, one) in all {
            left -= weight;
            if left <= 0 {
                return *one;
            }
        }
        all[0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_numbers_and_another_one_gives_others() {
        let numbers = |seed| {
            let mut chance = Chance::new(seed);
            [0; 8].map(|_: i32| chance.between(0, 999))
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }

    #[test]
    fn numbers_keep_to_their_bounds_and_reach_them() {
        let mut chance = Chance::new(1);
        let drawn: Vec<_> = (0..1000).map(|_| chance.between(-2, 2)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&-2), Some(&2)));
    }

    #[test]
    fn weights_are_kept_to() {
        let mut chance = Chance::new(1);
        let often = (0..1000).filter(|_| chance.weighted(&[(9, true), (1, false), (0, false)])).count();
        assert!((850..950).contains(&often), "{often}");
    }
}
