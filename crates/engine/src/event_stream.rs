//! A stream of events as they happen, for clients that hold a connection open.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use florin_storage::Realm;
use florin_storage::webhooks::{EventRecord, events_after, newest_event, settle_events};
use tokio::sync::watch;

use crate::access::{Caller, Context};
use crate::commands::Requester;
use crate::engine::{Engine, Inner};
use crate::reading::unavailable;
use crate::requests::StreamEvents;
use crate::resources::{PATIENCE, place_before};
use crate::slots::{Slot, Slots};
use crate::views::{Refused, event_json};

/// How many streams callers may have open on a server, by what they are limited as.
pub(crate) fn stream_slots() -> Slots<[u8; 16]> {
    Slots::new(usize::MAX, 5)
}

/// How many events are read at once.
const PAGE: u32 = 100;
/// How often is looked for what other processes committed.
const INTERVAL: Duration = Duration::from_secs(1);
/// A line that says nothing, so that nobody takes the connection for dead.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// Events as they happen, as server-sent events.
pub struct EventStream {
    inner: Arc<Inner>,
    caller: Caller,
    realm: Realm,
    wanted: StreamEvents,
    after: [u8; 16],
    read: VecDeque<EventRecord>,
    commits: watch::Receiver<()>,
    is_begun: bool,
    _slot: Slot<[u8; 16]>,
}

impl Engine {
    /// Ends all streams of events, which would never end by themselves: before a server waits for its connections.
    pub fn end_streams(&self) {
        self.inner.listening.end_streams();
    }

    /// Opens a stream of events.
    ///
    /// # Errors
    /// When the key has too many open, or the event to begin after is not there.
    pub async fn stream_events(
        &self,
        context: Context,
        wanted: StreamEvents,
    ) -> Result<EventStream, Refused> {
        let realm = Requester::from(&context).realm;
        let slot =
            self.inner.streams.take(context.caller.limit_key()).ok_or_else(Refused::too_many_streams)?;
        let commits = self.inner.listening.commits();
        let after = match (wanted.after, wanted.since) {
            (Some(id), _) => id.bytes(),
            (None, Some(since)) => place_before(since),
            (None, None) => {
                let newest = self.inner.read(move |connection| {
                    let settled = settle_events(connection, realm, PATIENCE)?;
                    Ok(newest_event(connection, realm)?.map_or([0; 16], |newest| newest.min(settled)))
                });
                newest.await.map_err(|error| unavailable(&error))?
            }
        };
        let inner = Arc::clone(&self.inner);
        let read = VecDeque::new();
        let caller = context.caller;
        Ok(EventStream { inner, caller, realm, wanted, after, read, commits, is_begun: false, _slot: slot })
    }
}

impl EventStream {
    /// The next piece of the stream; none when the server is about to end, or when somebody's access was taken away: then
    /// clients come back, go on where they were, and show whether theirs still stands.
    pub async fn next(&mut self) -> Option<String> {
        if !self.is_begun {
            self.is_begun = true;
            // Clients that lose the connection come back after this many milliseconds.
            return Some("retry: 1000\n\n".to_owned());
        }
        let quiet_until = tokio::time::Instant::now() + HEARTBEAT_EVERY;
        loop {
            if self.inner.is_closed() || self.inner.listening.is_ending() {
                return None;
            }
            if !self.inner.still_admits(&self.caller).await {
                return None;
            }
            while let Some(event) = self.read.pop_front() {
                if self.wanted.types.is_empty() || self.wanted.types.contains(&event.kind) {
                    let kind = event.kind;
                    return Some(format!(
                        "id: {}\nevent: {kind}\ndata: {}\n\n",
                        event.id,
                        event_json(&event)
                    ));
                }
            }
            self.commits.mark_unchanged();
            if self.read_more().await {
                continue;
            }
            if tokio::time::Instant::now() >= quiet_until {
                return Some(": nothing new\n\n".to_owned());
            }
            tokio::select! {
                // The sender is the engine's, which this stream keeps.
                _ = self.commits.changed() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Reads what has happened, and says whether there was anything.
    async fn read_more(&mut self) -> bool {
        let (realm, after) = (self.realm, self.after);
        let read = self.inner.read(move |connection| {
            if newest_event(connection, realm)?.is_none_or(|newest| newest <= after) {
                return Ok(Vec::new());
            }
            let through = settle_events(connection, realm, PATIENCE)?;
            events_after(connection, realm, (after, through), PAGE)
        });
        match read.await {
            Ok(events) => {
                if let Some(last) = events.last() {
                    self.after = last.id.bytes();
                }
                self.read.extend(events);
                !self.read.is_empty()
            }
            Err(error) => {
                tracing::warn!(%error, "events could not be read");
                false
            }
        }
    }
}
