//! How many files, and so connections, the system lets this process have.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files beside connections of callers: the database's, the processors', the log's.
const OTHERS: u64 = 700;

/// Raises the soft limit of open files as far as so many connections need it and the hard one allows it. Gives back how
/// many connections there can be.
pub(crate) fn make_room_for(connections: usize) -> usize {
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = Some(limit.maximum.map_or(needed, |maximum| maximum.min(needed)));
        // When it is refused, the limit is what it was.
        let _refused = setrlimit(Resource::Nofile, limit);
    }
    let Some(files) = getrlimit(Resource::Nofile).current.filter(|files| *files < needed) else {
        return connections;
    };
    let room = usize::try_from(files.saturating_sub(OTHERS).max(files / 4)).unwrap_or(connections).max(1);
    tracing::warn!(
        "the system allows {files} open files, so {room} connections are served at once instead of {connections}"
    );
    room.min(connections)
}
