//! Where the newest attempts stand in the books, in bounded memory.

use std::collections::VecDeque;

use florin_domain::AttemptId;

/// The positions of the last entries of the newest attempts.
///
/// Ids are UUIDv7: their order is the order of their creation, and a new attempt nearly always has the greatest id. A
/// sorted ring therefore serves better than a tree or a hash table: a new id is appended, the oldest drops out in front,
/// and an entry costs 24 bytes.
#[derive(Debug)]
pub(super) struct Index {
    newest: VecDeque<(AttemptId, u64)>,
    capacity: usize,
    /// The greatest id that dropped out. A greater one that is not in the index is nowhere.
    watermark: Option<AttemptId>,
}

/// What the index knows of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indexed {
    /// Its last entry begins there.
    At(u64),
    /// It has no entry.
    Nowhere,
    /// It is too old to tell; the file has to be searched.
    TooOld,
}

impl Index {
    /// An index of at most `capacity` attempts, and at least one.
    pub(super) fn new(capacity: usize) -> Index {
        let capacity = capacity.max(1);
        Index { newest: VecDeque::new(), capacity, watermark: None }
    }

    /// Where the last entry of the attempt is.
    pub(super) fn find(&self, id: AttemptId) -> Indexed {
        if let Ok(place) = self.place_of(id)
            && let Some(&(_, position)) = self.newest.get(place)
        {
            return Indexed::At(position);
        }
        if self.watermark.is_some_and(|watermark| id <= watermark) {
            Indexed::TooOld
        } else {
            Indexed::Nowhere
        }
    }

    /// Notes that an entry of the attempt begins at `position`, after all that were noted before.
    pub(super) fn note(&mut self, id: AttemptId, position: u64) {
        match self.place_of(id) {
            Ok(place) => {
                if let Some(noted) = self.newest.get_mut(place) {
                    noted.1 = position;
                }
            }
            // Older than all the others in a full index: it would be the next to drop out.
            Err(0) if self.newest.len() >= self.capacity => self.raise_watermark(id),
            Err(place) => {
                let mut place = place;
                if self.newest.len() >= self.capacity
                    && let Some((dropped, _)) = self.newest.pop_front()
                {
                    self.raise_watermark(dropped);
                    place -= 1;
                }
                self.newest.insert(place, (id, position));
            }
        }
    }

    fn raise_watermark(&mut self, id: AttemptId) {
        self.watermark = self.watermark.max(Some(id));
    }

    fn place_of(&self, id: AttemptId) -> Result<usize, usize> {
        if self.newest.back().is_none_or(|(newest, _)| *newest < id) {
            return Err(self.newest.len());
        }
        self.newest.binary_search_by(|(other, _)| other.cmp(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(milliseconds: u8) -> AttemptId {
        AttemptId::from_bytes([0, 0, 0, 0, 0, milliseconds, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0])
    }

    #[test]
    fn an_attempt_is_found_where_it_was_last_noted() {
        let mut index = Index::new(4);
        index.note(id(1), 100);
        index.note(id(2), 200);
        index.note(id(1), 300);
        assert_eq!(index.find(id(1)), Indexed::At(300));
        assert_eq!(index.find(id(2)), Indexed::At(200));
        assert_eq!(index.find(id(3)), Indexed::Nowhere);
    }

    #[test]
    fn the_oldest_drop_out_and_are_too_old_to_tell() {
        let mut index = Index::new(2);
        for n in [5, 3, 9, 7] {
            index.note(id(n), u64::from(n));
        }
        let found: Vec<_> = [2, 3, 4, 5, 6, 7, 9, 10].map(|n| index.find(id(n))).into();
        use Indexed::{At, Nowhere, TooOld};
        assert_eq!(found, [TooOld, TooOld, TooOld, TooOld, Nowhere, At(7), At(9), Nowhere]);
    }

    #[test]
    fn an_attempt_older_than_a_full_index_is_too_old_at_once() {
        let mut index = Index::new(2);
        for n in [8, 9, 6] {
            index.note(id(n), 0);
        }
        assert_eq!(index.find(id(6)), Indexed::TooOld);
        assert_eq!(index.find(id(7)), Indexed::Nowhere);
        assert_eq!(index.find(id(8)), Indexed::At(0));
    }

    #[test]
    fn memory_stays_bounded() {
        let mut index = Index::new(64);
        for n in 0..10_000_u32 {
            let bytes = n.to_be_bytes();
            let id = [0, 0, bytes[0], bytes[1], bytes[2], bytes[3], 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0];
            index.note(AttemptId::from_bytes(id), u64::from(n));
        }
        assert_eq!(index.newest.len(), 64);
        assert!(index.newest.capacity() <= 64);
    }
}
