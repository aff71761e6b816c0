//! The way from one page of a list to its neighbours, which keeps the filters.

use crate::views::Listed;
use crate::visit::Visit;

/// The neighbours of a page.
#[derive(Debug)]
pub(crate) struct Pager {
    pub(crate) newer: Option<String>,
    pub(crate) older: Option<String>,
    pub(crate) total: u64,
}

impl Pager {
    /// The neighbours of the page at `path`, whose address has these `filters`.
    pub(crate) fn new<T>(
        visit: &Visit,
        path: &str,
        filters: &[&str],
        listed: &Listed<T>,
        id_of: impl Fn(&T) -> &str,
    ) -> Self {
        let (is_after, is_before) = (visit.query.get("after").is_some(), visit.query.get("before").is_some());
        let has_newer = if is_before { listed.has_more } else { is_after };
        let has_older = is_before || listed.has_more;
        let to = |name: &str, item: Option<&T>| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for filter in filters {
                if let Some(value) = visit.query.get(filter) {
                    query.append_pair(filter, value);
                }
            }
            item.map(|item| format!("{}?{}", visit.path(path), query.append_pair(name, id_of(item)).finish()))
        };
        Pager {
            newer: to("before", listed.data.first()).filter(|_| has_newer),
            older: to("after", listed.data.last()).filter(|_| has_older),
            total: listed.total_count,
        }
    }
}
