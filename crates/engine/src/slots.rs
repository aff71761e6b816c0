//! How many of something may be under way at the same time, in all and for each key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is under way, by key. Its clones count together.
#[derive(Clone)]
pub(crate) struct Slots<K: Ord> {
    taken: Arc<Mutex<BTreeMap<K, usize>>>,
    limit: usize,
    limit_per_key: usize,
}

/// The right to do one, until this goes.
pub(crate) struct Slot<K: Ord> {
    slots: Slots<K>,
    key: K,
}

impl<K: Ord + Clone> Slots<K> {
    /// None is taken yet.
    pub(crate) fn new(limit: usize, limit_per_key: usize) -> Self {
        Slots { taken: Arc::default(), limit, limit_per_key }
    }

    /// A slot, unless too many are taken.
    pub(crate) fn take(&self, key: K) -> Option<Slot<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&key).copied().unwrap_or(0);
        if own >= self.limit_per_key || taken.values().sum::<usize>() >= self.limit {
            return None;
        }
        taken.insert(key.clone(), own + 1);
        Some(Slot { slots: self.clone(), key })
    }
}

impl<K: Ord> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.key) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_some_of_the_slots_all_have_more_and_each_comes_back() {
        let slots = Slots::new(4, 2);
        let take = |key| slots.take(key);
        let (first, _second) = (take(1).unwrap(), take(1).unwrap());
        assert!(take(1).is_none());
        let (_third, fourth) = (take(2).unwrap(), take(3).unwrap());
        assert!(take(4).is_none());
        drop(fourth);
        assert!(take(1).is_none());
        drop(first);
        let _again = take(1).unwrap();
        assert!(take(4).is_some());
    }
}
