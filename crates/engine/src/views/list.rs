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
    /// What was left open because the page was asked for with bounds, which no call of the API does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<ListCut>,
}

/// Where reading a list stopped, so that `total_count` is of a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListCut {
    /// The id, without its prefix, of the last object that was looked at, when there are more: it goes on after it.
    pub looked_until: Option<String>,
}
