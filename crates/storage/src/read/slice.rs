//! Which part of a list is read, and how much is read for it.
//!
//! A whole list is counted to the last object, as callers of the API are told. That takes as long as the list is: a page
//! that people look at is **bounded** instead. No more objects are counted than anybody would; and where no index leads to
//! those that are wanted, no more are looked at than is quick, and whoever wants to goes on from there.

use super::filter::{Filter, Walk};
use crate::counters::sum;
use crate::{AnyConnection, StorageError};

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many objects at most.
    pub limit: u32,
    /// Where they begin.
    pub position: Position,
    /// How much may be read for them.
    pub reach: Reach,
}

impl Slice {
    /// A part of a list that is counted as a whole.
    pub const fn new(limit: u32, position: Position) -> Self {
        Slice { limit, position, reach: Reach::Whole }
    }
}

/// Where a part of a list begins. Lists begin with the newest object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// After so many objects.
    Offset(u64),
    /// After so many objects, counted from the oldest one: newer ones.
    FromOldest(u64),
    /// After the object of this id: older ones.
    After([u8; 16]),
    /// Before the object of this id: the page that ends right before it.
    Before([u8; 16]),
}

/// How much is read for a part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that it takes to count the list.
    Whole,
    /// As much as is quick, however long the list is. Offsets other than 0 are read as for [`Reach::Whole`].
    Bounded {
        /// How many objects are counted at most.
        counted: u32,
        /// How many are looked at, at most, where no index leads to those that are wanted.
        looked_at: u32,
    },
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The objects, newest first.
    pub items: Vec<T>,
    /// Whether there are more in the direction of reading: newer ones for [`Position::Before`] and
    /// [`Position::FromOldest`], else older ones.
    pub has_more: bool,
    /// How many the whole list has; of a bounded reading that was cut, how many were counted.
    pub total_count: i64,
    /// What a bounded reading left open; none when it was as good as a whole one.
    pub cut: Option<Cut>,
}

/// Where a bounded reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The last object that was looked at, when there are more in the direction of reading: it goes on after it.
    pub looked_until: Option<[u8; 16]>,
}

impl<T> Listed<T> {
    pub(crate) fn nothing() -> Self {
        Listed { items: Vec::new(), has_more: false, total_count: 0, cut: None }
    }
}

/// The ids of a part of a list, in no particular order.
pub(crate) struct Ids {
    pub(crate) ids: Vec<[u8; 16]>,
    has_more: bool,
    total_count: i64,
    cut: Option<Cut>,
}

impl Ids {
    /// The part of the list, of its objects.
    pub(crate) fn listed<T>(&self, items: Vec<T>) -> Listed<T> {
        let Ids { has_more, total_count, cut, .. } = *self;
        Listed { items, has_more, total_count, cut }
    }
}

/// The ids of a part of a list. `counters` give its length when it is confined by no more than they are.
pub(crate) fn page(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    slice: Slice,
    counters: Option<&[&str]>,
) -> Result<Ids, StorageError> {
    match (slice.reach, slice.position) {
        (
            Reach::Bounded { counted, looked_at },
            Position::Offset(0) | Position::After(_) | Position::Before(_),
        ) => bounded_page(connection, filter, slice, counters, (counted, looked_at)),
        _ => {
            let total_count = match counters {
                Some(names) => sum(connection, filter.realm(), names)?,
                None => filter.count(connection, None)?,
            };
            let (ids, has_more) = if total_count == 0 {
                (Vec::new(), false)
            } else {
                whole_page(connection, filter, (slice.limit, slice.position), total_count)?
            };
            Ok(Ids { ids, has_more, total_count, cut: None })
        }
    }
}

fn whole_page(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    (limit, position): (u32, Position),
    total_count: i64,
) -> Result<(Vec<[u8; 16]>, bool), StorageError> {
    let most = i64::from(limit);
    match position {
        Position::After(_) | Position::Before(_) => beside(connection, filter, limit, position),
        Position::FromOldest(offset) => {
            // Counted from the newest object it is a page that ends where this one begins.
            let left = i64::try_from(offset).map_or(0, |offset| total_count.saturating_sub(offset).max(0));
            let take = left.min(most);
            let mirrored = Position::Offset(u64::try_from(left - take).unwrap_or_default());
            let take_at_most = u32::try_from(take).unwrap_or(limit);
            let (ids, _) = whole_page(connection, filter, (take_at_most, mirrored), total_count)?;
            Ok((ids, left > take))
        }
        Position::Offset(offset) => {
            let left = i64::try_from(offset).map_or(0, |offset| total_count.saturating_sub(offset).max(0));
            if left == 0 {
                return Ok((Vec::new(), false));
            }
            let (skip, take) = (total_count - left, left.min(most));
            let behind = left - take;
            // The nearer end is the quicker one to count from.
            if behind < skip {
                let walk = Walk { after: None, newest_first: false, skip: behind, take };
                return Ok((filter.ids(connection, &walk)?, behind > 0));
            }
            first(connection, filter, limit, Walk { after: None, newest_first: true, skip, take: 0 })
        }
    }
}

/// A part of a list for which no more is read than is quick.
fn bounded_page(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    slice: Slice,
    counters: Option<&[&str]>,
    (counted, looked_at): (u32, u32),
) -> Result<Ids, StorageError> {
    let Slice { limit, position, .. } = slice;
    let is_first = matches!(position, Position::Offset(_));
    let horizon =
        if filter.looks_at_many() { horizon(connection, filter, position, looked_at)? } else { None };
    let near = horizon.map(|last| filter.up_to(last, is_newest_first(position)));
    let near = near.as_ref().unwrap_or(filter);
    let (ids, has_more) = beside(connection, near, limit, position)?;
    let (total_count, is_counted) = match counters {
        Some(names) => (sum(connection, filter.realm(), names)?, true),
        None if is_first && !has_more => (i64::try_from(ids.len()).unwrap_or(i64::MAX), true),
        // The part would be counted, not the list.
        None if filter.looks_at_many() && !is_first => (0, false),
        None => {
            let found = near.count(connection, Some(i64::from(counted) + 1))?;
            (found.min(i64::from(counted)), found <= i64::from(counted))
        }
    };
    let looked_until = horizon.filter(|_| !has_more);
    let cut = (horizon.is_some() || !is_counted).then_some(Cut { looked_until });
    Ok(Ids { ids, has_more, total_count, cut })
}

/// The last of as many objects as may be looked at; none when there are no more than that.
fn horizon(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    position: Position,
    looked_at: u32,
) -> Result<Option<[u8; 16]>, StorageError> {
    let skip = i64::from(looked_at.max(1)) - 1;
    let walk = Walk { after: id_of(position), newest_first: is_newest_first(position), skip, take: 2 };
    let ids = filter.of_all().ids(connection, &walk)?;
    Ok(ids.first().copied().filter(|_| ids.len() == 2))
}

/// The objects next to a place, and whether there are more.
fn beside(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    limit: u32,
    position: Position,
) -> Result<(Vec<[u8; 16]>, bool), StorageError> {
    let (after, newest_first) = (id_of(position), is_newest_first(position));
    first(connection, filter, limit, Walk { after, newest_first, skip: 0, take: 0 })
}

/// The first objects of a walk, and whether there are more.
fn first(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    limit: u32,
    walk: Walk,
) -> Result<(Vec<[u8; 16]>, bool), StorageError> {
    let limit = i64::from(limit);
    let mut ids = filter.ids(connection, &Walk { take: limit + 1, ..walk })?;
    let has_more = i64::try_from(ids.len()).is_ok_and(|found| found > limit);
    if has_more {
        ids.pop();
    }
    Ok((ids, has_more))
}

fn id_of(position: Position) -> Option<[u8; 16]> {
    match position {
        Position::After(id) | Position::Before(id) => Some(id),
        Position::Offset(_) | Position::FromOldest(_) => None,
    }
}

fn is_newest_first(position: Position) -> bool {
    !matches!(position, Position::Before(_))
}
