//! What this process has taken to deliver: a lane for each endpoint, so that none waits for another's.
//!
//! A lane has as many under way as its endpoint may get at once, until it is written down what came of them: so few come
//! twice when the process dies. Beyond these it takes ahead what the endpoint would get within [`AHEAD_FOR`] at its pace, so
//! that many are claimed at once, or by the very commit that makes them. An endpoint that is slow, fails, or is not known
//! yet has none taken ahead. What could not be answered within its lease is not begun: it becomes anybody's when the lease
//! ends.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::WebhookEndpoint;
use florin_storage::webhooks::{Claimed, Wanted};

use super::{EndpointKey, key_of};

/// For how long a lane may be busy with what it has taken ahead.
const AHEAD_FOR: Duration = Duration::from_secs(2);
/// The most that a lane takes ahead.
const MOST_AHEAD: u32 = 1000;
/// The most that all lanes have taken and not begun.
const MOST_WAITING: usize = 10_000;
/// With no more than these waiting a lane has others claimed.
const MOST_LEFT: usize = 5;
/// How long a lease goes beyond the time an endpoint has to answer.
const BEYOND_THE_ENDPOINT: Duration = Duration::from_secs(10);

/// A delivery that this process has taken.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) claimed: Claimed,
    /// The event, as it is sent.
    pub(crate) body: Arc<str>,
    /// When the lease ends.
    pub(crate) until: DateTime<Utc>,
}

impl Parcel {
    /// To which endpoint it goes.
    pub(crate) fn key(&self) -> EndpointKey {
        self.claimed.key()
    }
}

#[derive(Debug, Default)]
struct Lane {
    /// How many are on their way, or would be sent again if this process died now.
    under_way: u32,
    waiting: VecDeque<Parcel>,
    /// How many a commit may be about to add.
    promised: u32,
    /// How long the endpoint takes to answer, as of late; none when it did not succeed.
    pace: Option<Duration>,
    /// Whether there was something that the lane had no room for.
    has_left_some: bool,
}

impl Lane {
    fn capacity(&self, at_once: u32) -> u32 {
        let ahead = self.pace.map_or(0, |pace| {
            let each = pace.as_micros().max(1000);
            AHEAD_FOR.as_micros().saturating_mul(at_once.into()) / each
        });
        at_once.saturating_add(u32::try_from(ahead).unwrap_or(u32::MAX).min(MOST_AHEAD))
    }

    fn room(&self, at_once: u32) -> u32 {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let taken = self.under_way.saturating_add(waiting).saturating_add(self.promised);
        self.capacity(at_once).saturating_sub(taken)
    }
}

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<EndpointKey, Lane>,
    /// How many wait, and are promised, in all lanes.
    waiting: usize,
    /// Whether anything is sent at all.
    is_open: bool,
}

impl State {
    fn room(&self, key: EndpointKey, at_once: u32) -> u32 {
        let room = self.lanes.get(&key).map_or(at_once, |lane| lane.room(at_once));
        room.min(u32::try_from(MOST_WAITING.saturating_sub(self.waiting)).unwrap_or(u32::MAX))
    }
}

/// The lanes of one process.
#[derive(Debug)]
pub(crate) struct Lanes {
    state: Mutex<State>,
    timeout: TimeDelta,
    lease: TimeDelta,
}

impl Lanes {
    /// Lanes to endpoints that have so long to answer. Nothing is taken before they are opened.
    pub(crate) fn new(timeout: Duration) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        Lanes {
            state: Mutex::default(),
            timeout: delta(timeout),
            lease: delta(timeout + BEYOND_THE_ENDPOINT),
        }
    }

    /// Lets deliveries be taken, or no more.
    pub(crate) fn open(&self, is_open: bool) {
        self.lock().is_open = is_open;
    }

    /// When the lease ends of what is taken now.
    pub(crate) fn lease_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now.checked_add_signed(self.lease).unwrap_or(now)
    }

    /// How many may be claimed for each of these endpoints.
    pub(crate) fn wanted<'a>(&self, endpoints: impl Iterator<Item = &'a WebhookEndpoint>) -> Vec<Wanted> {
        let mut state = self.lock();
        let mut wanted = Vec::new();
        for endpoint in endpoints {
            let key = key_of(endpoint);
            let at_most = state.room(key, endpoint.max_concurrency);
            let lane = state.lanes.entry(key).or_default();
            lane.has_left_some = at_most == 0;
            if at_most > 0 {
                wanted.push(Wanted { realm: key.0, endpoint_id: key.1, at_most });
            }
        }
        wanted
    }

    /// Takes what was claimed, having been wanted.
    pub(crate) fn take(&self, wanted: &[Wanted], parcels: Vec<Parcel>) {
        let mut state = self.lock();
        let mut taken: HashMap<EndpointKey, u32> = HashMap::new();
        for parcel in parcels {
            *taken.entry(parcel.key()).or_default() += 1;
            state.waiting += 1;
            state.lanes.entry(parcel.key()).or_default().waiting.push_back(parcel);
        }
        for wanted in wanted {
            let key = wanted.key();
            if taken.get(&key).is_some_and(|taken| *taken >= wanted.at_most) {
                state.lanes.entry(key).or_default().has_left_some = true;
            }
        }
    }

    /// The next to be sent to an endpoint, if it may get one more now. What waits for one that is gone is let go.
    pub(crate) fn next(
        &self,
        key: EndpointKey,
        endpoint: Option<&WebhookEndpoint>,
        now: DateTime<Utc>,
    ) -> Option<Parcel> {
        let mut state = self.lock();
        let State { lanes, waiting, is_open } = &mut *state;
        let lane = lanes.get_mut(&key)?;
        let Some(endpoint) = endpoint else {
            *waiting = waiting.saturating_sub(lane.waiting.len());
            lane.waiting.clear();
            return None;
        };
        // At the end nobody waits for an endpoint that does not answer.
        let may_get_one = *is_open || lane.pace.is_some();
        if lane.under_way >= endpoint.max_concurrency || !may_get_one {
            return None;
        }
        let latest_answer = now.checked_add_signed(self.timeout).unwrap_or(now);
        while let Some(parcel) = lane.waiting.pop_front() {
            *waiting = waiting.saturating_sub(1);
            if latest_answer <= parcel.until {
                lane.under_way += 1;
                return Some(parcel);
            }
        }
        None
    }

    /// Notes how long an endpoint took to take one, if it did.
    pub(crate) fn sent(&self, key: EndpointKey, took: Option<Duration>) {
        if let Some(lane) = self.lock().lanes.get_mut(&key) {
            lane.pace = took.map(|took| lane.pace.map_or(took, |pace| (pace * 7 + took) / 8));
        }
    }

    /// Notes that it is written down what came of these. Says to whom more should be claimed.
    pub(crate) fn written(&self, keys: &[EndpointKey]) -> BTreeSet<EndpointKey> {
        let mut state = self.lock();
        let mut want_more = BTreeSet::new();
        for key in keys {
            let Some(lane) = state.lanes.get_mut(key) else { continue };
            lane.under_way = lane.under_way.saturating_sub(1);
            if lane.has_left_some && lane.waiting.len() <= MOST_LEFT {
                want_more.insert(*key);
            }
        }
        want_more
    }

    /// Forgets the lanes of endpoints that are gone.
    pub(crate) fn keep_only(&self, is_there: impl Fn(EndpointKey) -> bool) {
        let mut state = self.lock();
        let State { lanes, waiting, .. } = &mut *state;
        lanes.retain(|key, lane| {
            let stays = lane.under_way > 0 || lane.promised > 0 || is_there(*key);
            if !stays {
                *waiting = waiting.saturating_sub(lane.waiting.len());
            }
            stays
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a commit takes to deliver by itself, should it stand.
#[derive(Debug)]
pub(crate) struct Promises<'a> {
    lanes: &'a Lanes,
    until: DateTime<Utc>,
    made: Vec<EndpointKey>,
}

impl<'a> Promises<'a> {
    /// None yet, for a commit of that time.
    pub(crate) fn new(lanes: &'a Lanes, at: DateTime<Utc>) -> Self {
        Promises { lanes, until: lanes.lease_from(at), made: Vec::new() }
    }

    /// Promises to send one to an endpoint, if its lane has room: says until when it is taken.
    pub(crate) fn make(&mut self, endpoint: &WebhookEndpoint) -> Option<DateTime<Utc>> {
        let key = key_of(endpoint);
        let mut state = self.lanes.lock();
        if !state.is_open {
            return None;
        }
        let has_room = state.room(key, endpoint.max_concurrency) > 0;
        let lane = state.lanes.entry(key).or_default();
        if !has_room {
            lane.has_left_some = true;
            return None;
        }
        lane.promised += 1;
        state.waiting += 1;
        self.made.push(key);
        Some(self.until)
    }

    /// The commit stands.
    pub(crate) fn keep(self, parcels: Vec<Parcel>) {
        let lanes = self.lanes;
        drop(self);
        lanes.take(&[], parcels);
    }
}

impl Drop for Promises<'_> {
    fn drop(&mut self) {
        if self.made.is_empty() {
            return;
        }
        let mut state = self.lanes.lock();
        state.waiting = state.waiting.saturating_sub(self.made.len());
        for key in &self.made {
            if let Some(lane) = state.lanes.get_mut(key) {
                lane.promised = lane.promised.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests;
