//! An export to a caller who is far away: read on a thread of its own, and handed over through a short queue.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use florin_domain::TenantId;
use florin_storage::Realm;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::{ExportFailed, ExportRequest, ExportSink, export};
use crate::access::Context;
use crate::engine::{Engine, Inner};
use crate::reading::unavailable;
use crate::slots::{Slot, Slots};
use crate::views::Refused;

/// How many parts may wait for the caller.
const PARTS: usize = 2;
/// How long a caller may take nothing: a snapshot that is kept open costs the database.
const LONGEST_STALL: Duration = Duration::from_secs(30);
/// How long an export may take in all.
const LONGEST: Duration = Duration::from_secs(3600);

/// What is handed over.
enum Part {
    /// Some rows.
    Rows(Vec<u8>),
    /// Nothing is missing.
    End,
    /// It can't be gone on with.
    Failed(Refused),
}

/// An export that was broken off: what came before is not the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the export was interrupted and is not complete")]
pub struct ExportInterrupted;

/// The parts of an export, as they are read. Who drops it ends the export.
pub struct ExportStream {
    /// What has come already.
    first: Option<Part>,
    parts: Receiver<Part>,
}

impl ExportStream {
    /// The next rows, none of them cut; none at the end of a complete export.
    ///
    /// # Errors
    /// [`ExportInterrupted`] when there is no knowing what is missing.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ExportInterrupted> {
        let part = match self.first.take() {
            Some(part) => Some(part),
            None => self.parts.recv().await,
        };
        match part {
            Some(Part::Rows(rows)) => Ok(Some(rows)),
            Some(Part::End) => {
                self.first = Some(Part::End);
                Ok(None)
            }
            // Without a word: the thread has panicked.
            Some(Part::Failed(_)) | None => Err(ExportInterrupted),
        }
    }
}

/// How many exports may run, in all and of one tenant, so that nobody takes them all: each has a connection and keeps a
/// snapshot open.
pub(crate) fn export_slots() -> Slots<TenantId> {
    Slots::new(4, 2)
}

impl Engine {
    /// Begins an export, and gives it back once its first rows are there.
    ///
    /// # Errors
    /// When too many exports run, or when the database could not be read.
    pub async fn export(&self, context: Context, request: ExportRequest) -> Result<ExportStream, Refused> {
        let caller = &context.caller;
        let realm = caller.realm();
        let slot = self.inner.exports.take(realm.tenant_id).filter(|_| !self.inner.is_closed());
        let slot = slot.ok_or_else(busy)?;
        let (sender, mut parts) = channel(PARTS);
        let inner = Arc::clone(&self.inner);
        let job = Job { inner, slot, realm, request, sender, request_id: context.request_id };
        let handle = self.inner.handle().clone();
        // Tracked, so that draining waits for it.
        drop(self.inner.track(async move { handle.spawn_blocking(move || job.run()).await }));
        match parts.recv().await {
            Some(Part::Failed(refused)) => Err(refused),
            None => Err(Refused::internal()),
            first => Ok(ExportStream { first, parts }),
        }
    }
}

fn busy() -> Refused {
    let message = "Too many exports are under way and nothing was done. Send the request again when one of yours has \
                   ended, or after Retry-After.";
    Refused { message: message.to_owned(), ..Refused::overloaded() }.retry_after(10)
}

/// An export on its thread. It has a connection of its own: those that others wait for are none of its business.
struct Job {
    inner: Arc<Inner>,
    slot: Slot<TenantId>,
    realm: Realm,
    request: ExportRequest,
    sender: Sender<Part>,
    request_id: String,
}

impl Job {
    fn run(self) {
        let Job { inner, slot, realm, request, sender, request_id } = self;
        let mut queue = Queue { inner: &inner, sender: &sender, began: Instant::now() };
        let url = &inner.settings.database_url;
        let connected = url.connect().map_err(ExportFailed::from);
        let outcome = connected.and_then(|mut open| export(&mut open, realm, &request, &mut queue));
        // The connection is closed by now.
        drop(slot);
        let kind = request.kind.as_str();
        let last = match outcome {
            Ok(objects) => {
                tracing::info!(request_id, kind, objects, "exported");
                Part::End
            }
            Err(ExportFailed::Storage(error)) => {
                tracing::warn!(request_id, kind, %error, "an export was broken off");
                Part::Failed(unavailable(&error))
            }
            Err(ExportFailed::Output(error)) => {
                tracing::info!(request_id, kind, %error, "an export was broken off");
                Part::Failed(Refused::overloaded())
            }
        };
        // Who has gone need not hear it, and who does not listen will find the end missing.
        let _gone = queue.send(last);
    }
}

/// The way to the caller.
struct Queue<'a> {
    inner: &'a Inner,
    sender: &'a Sender<Part>,
    began: Instant,
}

impl ExportSink for Queue<'_> {
    fn take(&mut self, rows: Vec<u8>, _objects: u64) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        if self.inner.is_closed() {
            return Err(io::Error::other("the server is ending"));
        }
        if self.began.elapsed() > LONGEST {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it took longer than an hour"));
        }
        self.send(Part::Rows(rows))
    }
}

impl Queue<'_> {
    fn send(&self, part: Part) -> io::Result<()> {
        let sending = async { timeout(LONGEST_STALL, self.sender.send(part)).await };
        match self.inner.handle().block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_gone)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the caller has gone")),
            Err(_late) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the caller took nothing for too long"))
            }
        }
    }
}
