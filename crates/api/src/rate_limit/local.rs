//! Counting in the memory of one process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Subject;
use super::window::{Admission, Quota, Window};

/// Locks, so that threads hardly ever wait for each other.
const SHARDS: usize = 64;

/// How many subjects a shard has before it looks for those that it can forget.
const SWEEP_AT: usize = 64;

/// The windows of all subjects.
pub(super) struct Local {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    began: Instant,
}

struct Shard {
    /// The windows of each subject, by their lengths in seconds.
    subjects: HashMap<Subject, Vec<(u32, Window)>>,
    sweep_at: usize,
}

impl Local {
    pub(super) fn new() -> Self {
        let shard = |_| Mutex::new(Shard { subjects: HashMap::new(), sweep_at: SWEEP_AT });
        Local { shards: std::array::from_fn(shard), hasher: RandomState::new(), began: Instant::now() }
    }

    /// Counts one by all quotas, unless one of them has no room.
    pub(super) fn admit(&self, subject: Subject, quotas: &[Quota]) -> Admission {
        let now = self.now();
        let mut shard = self.shard(subject);
        let windows = shard.windows(subject, now);
        let has_room = quotas.iter().all(|quota| find(windows, *quota).level(*quota, now).remaining > 0);
        let levels = quotas.iter().map(|quota| {
            let window = find(windows, *quota);
            if has_room {
                window.count(*quota, now);
            }
            window.level(*quota, now)
        });
        Admission::new(has_room, levels)
    }

    /// Counts one, whether there is room or not.
    pub(super) fn count(&self, subject: Subject, quotas: &[Quota]) {
        let now = self.now();
        let mut shard = self.shard(subject);
        let windows = shard.windows(subject, now);
        for quota in quotas {
            let window = find(windows, *quota);
            let _forgets_what_is_old = window.level(*quota, now);
            window.count(*quota, now);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn shard(&self, subject: Subject) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(subject);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn windows(&mut self, subject: Subject, now: u64) -> &mut Vec<(u32, Window)> {
        if self.subjects.len() >= self.sweep_at {
            self.sweep(now);
        }
        self.subjects.entry(subject).or_default()
    }

    /// Keeps the memory in the order of the subjects that count. It is done again when there are twice as many.
    fn sweep(&mut self, now: u64) {
        self.subjects.retain(|_, windows| {
            windows.retain_mut(|(seconds, window)| !window.is_over(*seconds, now));
            !windows.is_empty()
        });
        self.subjects.shrink_to(SWEEP_AT);
        self.sweep_at = (self.subjects.len() * 2).max(SWEEP_AT);
    }
}

fn find(windows: &mut Vec<(u32, Window)>, quota: Quota) -> &mut Window {
    let index = windows.iter().position(|(seconds, _)| *seconds == quota.seconds).unwrap_or_else(|| {
        windows.push((quota.seconds, Window::default()));
        windows.len() - 1
    });
    &mut windows[index].1
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: Quota = Quota { name: "burst", limit: 3, seconds: 1 };
    const STANDARD: Quota = Quota { name: "standard", limit: 5, seconds: 60 };

    #[test]
    fn what_one_quota_refuses_none_counts() {
        let local = Local::new();
        let subject = Subject::of_name("test", "a");
        for _ in 0..3 {
            assert!(local.admit(subject, &[BURST, STANDARD]).is_admitted());
        }
        for _ in 0..10 {
            let refused = local.admit(subject, &[BURST, STANDARD]);
            assert_eq!(refused.refused_by(&[BURST, STANDARD]).unwrap().0, BURST);
            assert_eq!(refused.levels()[1].remaining, 2);
        }
    }

    #[test]
    fn subjects_that_are_idle_are_forgotten() {
        let local = Local::new();
        let quota = [BURST];
        let mut shard = Shard { subjects: HashMap::new(), sweep_at: SWEEP_AT };
        for second in 0..10_u64 {
            for number in 0..200 {
                let now = second * 2_000_000;
                let windows = shard.windows(Subject::of_name("test", &format!("{second} {number}")), now);
                find(windows, BURST).count(BURST, now);
            }
            assert!(shard.subjects.len() <= 600, "{}", shard.subjects.len());
        }
        let subject = Subject::of_name("test", "a");
        assert!((0..3).all(|_| local.admit(subject, &quota).is_admitted()));
        assert!(!local.admit(subject, &quota).is_admitted());
    }
}
