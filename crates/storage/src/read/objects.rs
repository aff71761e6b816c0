//! Lists of objects that are found by their ids alone, and single ones.

use crate::batch::Lock;
use crate::counters::sum;
use crate::rows::{Realm, Stored, object_key};
use crate::{AnyConnection, StorageError};

use super::filter::Filter;
use super::slice::page;
use super::{Listed, Slice};

/// A part of a list. `counters` give its length when it is confined by no more than they are.
pub(super) fn list<T: Stored>(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    counters: Option<&[&str]>,
    slice: Slice,
) -> Result<Listed<T>, StorageError> {
    list_by_ids(connection, filter, counters, slice, |connection, ids| {
        let keys: Vec<_> = ids.iter().map(|id| object_key(filter.realm(), *id)).collect();
        T::load(connection, Lock::None, &keys)
    })
}

/// A part of a list, whose length counters may tell. `load` gets sorted ids, and gives back what they are the ids of, in
/// their order.
pub(crate) fn list_by_ids<T>(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    counters: Option<&[&str]>,
    slice: Slice,
    load: impl FnOnce(&mut AnyConnection, &[[u8; 16]]) -> Result<Vec<T>, StorageError>,
) -> Result<Listed<T>, StorageError> {
    let page = page(connection, filter, slice, counters)?;
    let mut ids = page.ids.clone();
    ids.sort_unstable();
    let mut items = load(connection, &ids)?;
    items.reverse();
    Ok(page.listed(items))
}

/// How many objects a list has.
pub(super) fn count(
    connection: &mut AnyConnection,
    filter: &Filter<'_>,
    counters: Option<&[&str]>,
) -> Result<i64, StorageError> {
    match counters {
        Some(names) => sum(connection, filter.realm(), names),
        None => filter.count(connection, None),
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
