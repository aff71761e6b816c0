//! The way from one page of a list to its neighbours, which keeps the filters.

use florin_engine::requests::Page;

use crate::show;
use crate::views::Listed;
use crate::visit::Visit;

/// The neighbours of a page.
#[derive(Debug)]
pub(crate) struct Pager {
    pub(crate) newer: Option<Link>,
    pub(crate) older: Option<Link>,
    /// How many objects there are, in words; nothing where nobody has counted.
    pub(crate) total: String,
    /// Whether there are objects at which nobody has looked.
    pub(crate) is_cut: bool,
}

/// A way to a neighbour.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) label: &'static str,
    pub(crate) path: String,
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
        let looked_until = listed.cut.as_ref().and_then(|cut| cut.looked_until.as_deref());
        let link = |name: &str, label, id: Option<&str>| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for filter in filters {
                if let Some(value) = visit.query.get(filter) {
                    query.append_pair(filter, value);
                }
            }
            id.map(|id| {
                let path = format!("{}?{}", visit.path(path), query.append_pair(name, id).finish());
                Link { label, path }
            })
        };
        let newer =
            listed.data.first().map(&id_of).filter(|_| if is_before { listed.has_more } else { is_after });
        let older = listed.data.last().map(&id_of).filter(|_| is_before || listed.has_more);
        let (further_up, further_down) = if is_before { (looked_until, None) } else { (None, looked_until) };
        Pager {
            newer: link("before", "Newer", newer)
                .or_else(|| link("before", "Look at newer ones", further_up)),
            older: link("after", "Older", older)
                .or_else(|| link("after", "Look at older ones", further_down)),
            total: total(listed, is_after || is_before),
            is_cut: looked_until.is_some(),
        }
    }
}

/// How many there are, as far as anybody has counted.
fn total<T>(listed: &Listed<T>, is_further: bool) -> String {
    let count = show::count(&listed.total_count);
    match listed.cut {
        None if listed.total_count == 0 => String::new(),
        None => format!("{count} in all"),
        Some(_) if listed.total_count >= u64::from(Page::COUNTED) => format!("More than {count}"),
        Some(_) if is_further => String::new(),
        Some(_) => {
            format!("{count} among the newest {} that were looked at", show::count(&Page::LOOKED_AT.into()))
        }
    }
}
