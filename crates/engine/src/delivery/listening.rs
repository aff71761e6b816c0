//! Who listens, as this process knows it, and telling its own tasks that there is something to deliver or to read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::EventId;
use florin_storage::webhooks::{Listeners, NewDelivery, listeners_generation};
use florin_storage::{AnyConnection, StorageError, WorkingSet};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::lanes::Lanes;
use super::{EndpointKey, Parcel, Promises};
use crate::clock::IdSource;
use crate::views::event_json_of;

/// Who listens, and who is told.
pub(crate) struct Listening {
    known: ArcSwap<Listeners>,
    /// Events have ids of their own source, which may run ahead of the clock for a moment.
    ids: IdSource,
    /// What this process has taken to deliver.
    pub(crate) lanes: Lanes,
    /// To whom there may be something to deliver that nobody has taken.
    pub(crate) due: Told,
    /// To whom there is something to send that this process has taken.
    pub(crate) taken: Told,
    committed: watch::Sender<()>,
    /// Whether whoever reads as it happens has to come to an end.
    ending: AtomicBool,
}

impl Listening {
    pub(crate) fn new(listeners: Listeners, delivery_timeout: Duration) -> Self {
        Listening {
            known: ArcSwap::from_pointee(listeners),
            ids: IdSource::new(),
            lanes: Lanes::new(delivery_timeout),
            due: Told::default(),
            taken: Told::default(),
            committed: watch::Sender::new(()),
            ending: AtomicBool::new(false),
        }
    }

    /// Who listens, as far as is known.
    pub(crate) fn now(&self) -> Arc<Listeners> {
        self.known.load_full()
    }

    /// Whether that still stands.
    pub(crate) fn is_current(&self, connection: &mut AnyConnection) -> Result<bool, StorageError> {
        Ok(listeners_generation(connection)? == self.known.load().generation())
    }

    /// Takes what was read.
    pub(crate) fn learn(&self, listeners: Listeners) {
        self.known.store(Arc::new(listeners));
    }

    /// An id for an event: of that time, or of the first at which the order of events is not settled yet.
    pub(crate) fn event_id(&self, at: DateTime<Utc>) -> Uuid {
        let sealed = EventId::from_bytes(self.known.load().sealed()).created_at();
        let open = sealed.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(sealed);
        self.ids.next(at.max(open))
    }

    /// Tells of a commit that added events and these deliveries, of which some were promised to be sent at once.
    pub(crate) fn tell(&self, set: &WorkingSet, deliveries: &[NewDelivery], promises: Promises<'_>) {
        self.committed.send_replace(());
        let (taken, left): (Vec<_>, Vec<_>) =
            deliveries.iter().partition(|delivery| delivery.leased_until.is_some());
        let parcels = parcels(set, taken);
        let keys: Vec<EndpointKey> = parcels.iter().map(Parcel::key).collect();
        promises.keep(parcels);
        self.taken.tell(keys);
        self.due.tell(left.into_iter().map(NewDelivery::key));
    }

    /// Tells whoever reads as it happens to come to an end.
    pub(crate) fn end_streams(&self) {
        self.ending.store(true, Ordering::SeqCst);
        self.committed.send_replace(());
    }

    /// Whether they have been told so.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Is told of each commit that adds events, on this process.
    pub(crate) fn commits(&self) -> watch::Receiver<()> {
        self.committed.subscribe()
    }
}

/// What was promised, as it is sent. Deliveries of one event stand together.
fn parcels(set: &WorkingSet, taken: Vec<&NewDelivery>) -> Vec<Parcel> {
    let mut last: Option<(EventId, Arc<str>)> = None;
    let parcel = |delivery: &NewDelivery| {
        let body = match last.take().filter(|(id, _)| *id == delivery.event_id) {
            Some((_, body)) => body,
            None => Arc::from(event_json_of(set.event(delivery.realm, delivery.event_id)?)),
        };
        last = Some((delivery.event_id, Arc::clone(&body)));
        Some(Parcel { claimed: delivery.claimed()?, body, until: delivery.leased_until? })
    };
    taken.into_iter().filter_map(parcel).collect()
}

/// Endpoints of which someone is told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    of: Mutex<BTreeSet<EndpointKey>>,
    woken: Notify,
}

impl Told {
    /// Tells of these.
    pub(crate) fn tell(&self, endpoints: impl IntoIterator<Item = EndpointKey>) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.extend(endpoints);
        if !of.is_empty() {
            self.woken.notify_one();
        }
    }

    /// Waits until there are any.
    pub(crate) async fn told(&self) -> BTreeSet<EndpointKey> {
        loop {
            let told = std::mem::take(&mut *self.of.lock().unwrap_or_else(PoisonError::into_inner));
            if !told.is_empty() {
                return told;
            }
            self.woken.notified().await;
        }
    }
}
