//! Lists of objects that are found by their ids alone, and single ones.

use crate::batch::Lock;
use crate::counters::sum;
use crate::rows::{Realm, Stored, object_key};
use crate::{AnyConnection, StorageError};

use super::filter::Filter;
use super::{Listed, Slice, page};

/// A part of a list. `counters` give its length when it is confined by no more than they are.
pub(super) fn list<T: Stored>(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    counters: Option<&[&str]>,
    slice: Slice,
) -> Result<Listed<T>, StorageError> {
    let total_count = count(connection, filter, counters)?;
    list_by_ids(connection, filter, total_count, slice, |connection, ids| {
        let keys: Vec<_> = ids.iter().map(|id| object_key(filter.realm(), *id)).collect();
        T::load(connection, Lock::None, &keys)
    })
}

/// A part of a list of that length. `load` gets sorted ids, and gives back what they are the ids of, in their order.
pub(crate) fn list_by_ids<T>(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    total_count: i64,
    slice: Slice,
    load: impl FnOnce(&mut AnyConnection, &[[u8; 16]]) -> Result<Vec<T>, StorageError>,
) -> Result<Listed<T>, StorageError> {
    if total_count == 0 {
        return Ok(Listed::nothing());
    }
    let (mut ids, has_more) = page(connection, filter, slice, total_count)?;
    ids.sort_unstable();
    let mut items = load(connection, &ids)?;
    items.reverse();
    Ok(Listed { items, has_more, total_count })
}

/// How many objects a list has.
pub(super) fn count(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    counters: Option<&[&str]>,
) -> Result<i64, StorageError> {
    match counters {
        Some(names) => sum(connection, filter.realm(), names),
        None => filter.count(connection),
    }
}

/// An object.
pub(super) fn find<T: Stored>(
    connection: &mut AnyConnection,
    realm: Realm,
    id: [u8; 16],
) -> Result<Option<T>, StorageError> {
    Ok(T::load(connection, Lock::None, &[object_key(realm, id)])?.pop())
}
