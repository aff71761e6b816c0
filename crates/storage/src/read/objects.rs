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
    let page = page(connection, filter, slice, counters)?;
    let mut ids = page.ids.clone();
    ids.sort_unstable();
    let keys: Vec<_> = ids.iter().map(|id| object_key(filter.realm(), *id)).collect();
    let mut items = T::load(connection, Lock::None, &keys)?;
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
