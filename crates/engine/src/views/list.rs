//! A page of a list.

use serde::Serialize;

/// A page of objects, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct List<T> {
    /// The objects.
    pub data: Vec<T>,
    /// Whether there are more after these.
    pub has_more: bool,
    /// How many there are for the filter, whatever the page.
    pub total_count: u64,
    /// The last id of the page, to go on after; null at the end.
    pub next_cursor: Option<String>,
}
