//! Objects of one table, as they were loaded and as they are now.

use std::collections::{BTreeMap, btree_map};

use crate::batch::{Change, OnConflict};
use crate::rows::Stored;

/// An object, and how it was when it was loaded.
#[derive(Debug)]
struct Tracked<T> {
    now: T,
    /// None for a new object.
    loaded: Option<Loaded>,
    changed: bool,
}

#[derive(Debug)]
struct Loaded {
    revision: i64,
    counter: Option<&'static str>,
}

/// The objects of one table that a batch has loaded or made.
#[derive(Debug)]
pub(super) struct Objects<T: Stored>(BTreeMap<T::Key, Tracked<T>>);

impl<T: Stored> Default for Objects<T> {
    fn default() -> Self {
        Objects(BTreeMap::new())
    }
}

fn as_loaded<T: Stored>(object: T) -> Tracked<T> {
    let loaded = Some(Loaded { revision: object.revision(), counter: object.counter() });
    Tracked { now: object, loaded, changed: false }
}

impl<T: Stored> Objects<T> {
    /// Takes an object as loaded, unless it is there.
    pub(super) fn assume(&mut self, object: T) {
        self.0.entry(object.key()).or_insert_with(|| as_loaded(object));
    }

    /// Puts a new or changed object.
    pub(super) fn put(&mut self, object: T) {
        match self.0.entry(object.key()) {
            btree_map::Entry::Occupied(mut entry) => {
                let tracked = entry.get_mut();
                tracked.now = object;
                tracked.changed = true;
            }
            btree_map::Entry::Vacant(entry) => {
                entry.insert(Tracked { now: object, loaded: None, changed: true });
            }
        }
    }

    /// An object.
    pub(super) fn get(&self, key: &T::Key) -> Option<&T> {
        self.0.get(key).map(|tracked| &tracked.now)
    }

    /// All objects, by key.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.values().map(|tracked| &tracked.now)
    }

    /// The objects whose keys lie between two, both included.
    pub(super) fn range(&self, first: T::Key, last: T::Key) -> impl Iterator<Item = &T> {
        self.0.range(first..=last).map(|(_, tracked)| &tracked.now)
    }

    /// One that has changed, if any has.
    pub(super) fn first_changed(&self) -> Option<&T> {
        self.0.values().find(|tracked| tracked.changed).map(|tracked| &tracked.now)
    }

    /// What saving the changed ones comes to.
    pub(super) fn updates(&self) -> Change<'_> {
        let changed = self.0.values().filter(|tracked| tracked.changed);
        let rows = changed.filter_map(|tracked| {
            tracked.loaded.as_ref().map(|loaded| tracked.now.update_row(loaded.revision))
        });
        Change::Update(T::TABLE, rows.collect())
    }

    /// What saving the new ones comes to.
    pub(super) fn inserts(&self) -> Change<'_> {
        let rows = self.new_ones().map(|tracked| tracked.now.insert_row());
        Change::Insert(T::TABLE, OnConflict::Fail, rows.collect())
    }

    fn new_ones(&self) -> impl Iterator<Item = &Tracked<T>> {
        self.0.values().filter(|tracked| tracked.loaded.is_none())
    }

    /// Tells of each object by which counter it was counted, and by which it is now, where that changes.
    pub(super) fn count(&self, mut tell: impl FnMut(&T, &'static str, i64)) {
        for tracked in self.0.values().filter(|tracked| tracked.changed) {
            let before = tracked.loaded.as_ref().and_then(|loaded| loaded.counter);
            let now = tracked.now.counter();
            if before != now {
                before.into_iter().for_each(|counter| tell(&tracked.now, counter, -1));
                now.into_iter().for_each(|counter| tell(&tracked.now, counter, 1));
            }
        }
    }

    /// The new objects.
    pub(super) fn new_objects(&self) -> impl Iterator<Item = &T> {
        self.new_ones().map(|tracked| &tracked.now)
    }
}
