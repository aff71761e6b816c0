//! Who listens, as this process knows it, and telling its own tasks that there is something to deliver or to read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::EventId;
use florin_storage::webhooks::{Listeners, NewDelivery, listeners_generation};
use florin_storage::{AnyConnection, StorageError};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::EndpointKey;
use crate::clock::IdSource;

/// Who listens, and who is told.
pub(crate) struct Listening {
    known: ArcSwap<Listeners>,
    /// Events have ids of their own source, which may run ahead of the clock for a moment.
    ids: IdSource,
    due: Mutex<BTreeSet<EndpointKey>>,
    woken: Notify,
    committed: watch::Sender<()>,
    /// Whether whoever reads as it happens has to come to an end.
    ending: AtomicBool,
}

impl Listening {
    pub(crate) fn new(listeners: Listeners) -> Self {
        Listening {
            known: ArcSwap::from_pointee(listeners),
            ids: IdSource::new(),
            due: Mutex::default(),
            woken: Notify::new(),
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

    /// Tells of a commit that added events, and these deliveries.
    pub(crate) fn tell(&self, deliveries: &[NewDelivery]) {
        self.committed.send_replace(());
        if !deliveries.is_empty() {
            self.tell_deliveries(deliveries.iter().map(|delivery| (delivery.realm, delivery.endpoint_id)));
        }
    }

    /// Tells that there may be something to deliver to these endpoints.
    pub(crate) fn tell_deliveries(&self, endpoints: impl IntoIterator<Item = EndpointKey>) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).extend(endpoints);
        self.woken.notify_one();
    }

    /// Waits until there may be something to deliver, and where.
    pub(crate) async fn told_of_deliveries(&self) -> BTreeSet<EndpointKey> {
        loop {
            let told = std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner));
            if !told.is_empty() {
                return told;
            }
            self.woken.notified().await;
        }
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
