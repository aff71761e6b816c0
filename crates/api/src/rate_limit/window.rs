//! A sliding window: how much was admitted in the last so many seconds.
//!
//! What was admitted is counted in slots, 500 to the window, and counts until its whole slot is older than the window.
//! So what is admitted within any window, wherever it begins, is never more than the quota; and whoever always asks gets
//! at least 99.8 % of it, because a slot is 0.2 % of the window. A quota of a few needs no more slots than that: only
//! those are kept in which something was admitted.

use std::collections::VecDeque;

/// Slots to a window. `sliding_window.lua` is told of them.
pub(super) const SLOTS: u64 = 500;

/// How many quotas one question may have.
pub(super) const MAX_QUOTAS: usize = 4;

/// How much is admitted in any window of so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    /// What callers are told that it is called.
    pub(crate) name: &'static str,
    /// How much.
    pub(crate) limit: u32,
    /// In how many seconds. No subject has two quotas of the same length.
    pub(crate) seconds: u32,
}

impl Quota {
    /// The length of the window in microseconds.
    pub(super) fn micros(self) -> u64 {
        u64::from(self.seconds) * 1_000_000
    }

    /// The length of one slot in microseconds.
    fn slot_micros(self) -> u64 {
        self.micros() / SLOTS
    }
}

/// Where a quota stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Level {
    /// How much is left.
    pub(crate) remaining: u32,
    /// In how many microseconds there will be more, if nobody asks until then.
    pub(super) wait_micros: u64,
}

impl Level {
    /// In how many whole seconds there will be more.
    pub(crate) fn wait_seconds(self) -> u32 {
        u32::try_from(self.wait_micros.div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1)
    }
}

/// The answer to whether there is room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    is_admitted: bool,
    levels: [Level; MAX_QUOTAS],
    count: usize,
}

impl Admission {
    /// From where each quota stands, after the one was counted or refused.
    pub(super) fn new(is_admitted: bool, stands: impl Iterator<Item = Level>) -> Admission {
        let mut admission = Admission { is_admitted, levels: [Level::default(); MAX_QUOTAS], count: 0 };
        for (place, level) in admission.levels.iter_mut().zip(stands) {
            *place = level;
            admission.count += 1;
        }
        admission
    }

    /// Whether there was room.
    pub(crate) fn is_admitted(&self) -> bool {
        self.is_admitted
    }

    /// Where each quota stands, in the order in which they were asked for.
    pub(crate) fn levels(&self) -> &[Level] {
        &self.levels[..self.count]
    }

    /// The quota that refused, and in how many seconds there will be room again; of several the one that takes longest.
    pub(crate) fn refused_by(&self, quotas: &[Quota]) -> Option<(Quota, u32)> {
        if self.is_admitted {
            return None;
        }
        let full = quotas.iter().zip(self.levels()).filter(|(_, level)| level.remaining == 0);
        full.max_by_key(|(_, level)| level.wait_micros).map(|(quota, level)| (*quota, level.wait_seconds()))
    }
}

/// What was admitted in the last window.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The slots in which something was admitted, and how much, oldest first.
    slots: VecDeque<(u64, u32)>,
    sum: u32,
}

impl Window {
    /// Where the quota stands at that time, in microseconds of a clock that never goes back.
    pub(super) fn level(&mut self, quota: Quota, now: u64) -> Level {
        self.forget_old(quota, now);
        let remaining = quota.limit.saturating_sub(self.sum);
        // When the limit was lowered meanwhile, more than one has to leave.
        let too_many = self.sum.saturating_sub(quota.limit) + 1;
        let mut left = 0;
        let next = self.slots.iter().find(|(_, count)| {
            left += count;
            left >= too_many || remaining > 0
        });
        let wait_micros =
            next.map_or(0, |(slot, _)| ((slot + SLOTS + 1) * quota.slot_micros()).saturating_sub(now));
        Level { remaining, wait_micros }
    }

    /// Counts one.
    pub(super) fn count(&mut self, quota: Quota, now: u64) {
        let slot = now / quota.slot_micros();
        match self.slots.back_mut() {
            Some((newest, count)) if *newest == slot => *count += 1,
            _ => self.slots.push_back((slot, 1)),
        }
        self.sum += 1;
    }

    /// Whether nothing in it counts any more.
    pub(super) fn is_over(&mut self, quota_seconds: u32, now: u64) -> bool {
        self.forget_old(Quota { name: "", limit: 0, seconds: quota_seconds }, now);
        self.slots.is_empty()
    }

    fn forget_old(&mut self, quota: Quota, now: u64) {
        let slot = now / quota.slot_micros();
        while let Some((_, count)) = self.slots.pop_front_if(|(oldest, _)| *oldest + SLOTS < slot) {
            self.sum -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUOTA: Quota = Quota { name: "burst", limit: 7, seconds: 1 };

    fn admit(window: &mut Window, now: u64) -> bool {
        let has_room = window.level(QUOTA, now).remaining > 0;
        if has_room {
            window.count(QUOTA, now);
        }
        has_room
    }

    proptest! {
        #[test]
        fn no_window_wherever_it_begins_has_more_than_the_quota(
            pauses in prop::collection::vec(prop_oneof![0_u64..50, 0_u64..400_000, Just(1_000_000)], 1..200),
        ) {
            let (mut window, mut now, mut admitted) = (Window::default(), 5_000_000, Vec::new());
            for pause in pauses {
                now += pause;
                if admit(&mut window, now) {
                    admitted.push(now);
                }
                let within = admitted.iter().filter(|time| **time + 1_000_000 > now).count();
                prop_assert!(within <= 7, "{within} of 7");
            }
        }

        #[test]
        fn who_comes_back_when_told_is_admitted(
            pauses in prop::collection::vec(0_u64..200_000, 1..100),
        ) {
            let (mut window, mut now) = (Window::default(), 5_000_000);
            for pause in pauses {
                now += pause;
                if !admit(&mut window, now) {
                    let wait = window.level(QUOTA, now).wait_micros;
                    prop_assert!(wait > 0 && !admit(&mut window, now + wait - 1));
                    now += wait;
                    prop_assert!(admit(&mut window, now));
                }
            }
        }
    }

    #[test]
    fn who_always_asks_gets_the_quota_within_one_percent() {
        let quota = Quota { name: "burst", limit: 100, seconds: 1 };
        let mut window = Window::default();
        let admitted = (0..60_000_000).step_by(100).filter(|now| {
            let has_room = window.level(quota, *now).remaining > 0;
            if has_room {
                window.count(quota, *now);
            }
            has_room
        });
        let admitted = admitted.count();
        assert!((5_940..=6_000).contains(&admitted), "{admitted} of 6000");
    }

    #[test]
    fn a_limit_that_was_lowered_is_waited_for() {
        let mut window = Window::default();
        for now in [0, 500_000, 600_000] {
            window.count(QUOTA, now);
        }
        let lowered = Quota { limit: 2, ..QUOTA };
        let level = window.level(lowered, 700_000);
        assert_eq!((level.remaining, level.wait_micros / 1000), (0, 802));
    }
}
