//! Reading payments by id on PostgreSQL: those that wait are read together, one round trip for all.
//!
//! The writer's idea, for reads. SQLite does not need it: a point read there takes microseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use florin_domain::{Attempt, Payment, PaymentId};
use florin_storage::{AnyConnection, DatabaseUrl, Realm, StorageError, load_payments};
use tokio::sync::oneshot;

use crate::writer::Queue;

/// What a read finds: the payment with its attempts.
pub(crate) type Found = Option<Arc<(Payment, Vec<Attempt>)>>;

/// A read that could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database is not available")]
pub(crate) struct ReadFailed;

struct Waiting {
    key: (Realm, PaymentId),
    reply: oneshot::Sender<Result<Found, ReadFailed>>,
}

/// The queue of reads, and the thread that serves it.
pub(crate) struct PointReads {
    queue: Arc<Queue<Waiting>>,
}

/// How many reads may wait, and how many are done together.
const QUEUE_LIMIT: usize = 20_000;
const BATCH_LIMIT: usize = 128;

impl PointReads {
    /// Starts the thread.
    pub(crate) fn start(url: &DatabaseUrl) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::new(QUEUE_LIMIT));
        let (url, taken) = (url.clone(), Arc::clone(&queue));
        std::thread::Builder::new().name("reader".to_owned()).spawn(move || serve(&url, &taken))?;
        Ok(PointReads { queue })
    }

    /// Reads a payment.
    pub(crate) async fn read(&self, realm: Realm, id: PaymentId) -> Result<Found, ReadFailed> {
        let (reply, waiting) = oneshot::channel();
        self.queue.push(Waiting { key: (realm, id), reply }).map_err(|_full| ReadFailed)?;
        waiting.await.unwrap_or(Err(ReadFailed))
    }
}

impl Drop for PointReads {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn serve(url: &DatabaseUrl, queue: &Queue<Waiting>) {
    let mut connection: Option<AnyConnection> = None;
    let mut failed_at: Option<Instant> = None;
    while let Some(reads) = queue.take(BATCH_LIMIT) {
        let keys: BTreeSet<_> = reads.iter().map(|read| read.key).collect();
        // A broken connection is replaced once per batch, and while the database is away no faster than it can answer.
        let just_failed = failed_at.is_some_and(|at| at.elapsed() < Duration::from_millis(100));
        let found = if just_failed {
            Err(StorageError::Unavailable(String::new()))
        } else {
            load(&mut connection, url, &keys)
        };
        match found {
            Ok(found) => {
                failed_at = None;
                for read in reads {
                    let _gone = read.reply.send(Ok(found.get(&read.key).cloned()));
                }
            }
            Err(error) => {
                if !just_failed {
                    tracing::warn!(%error, "payments could not be read");
                    failed_at = Some(Instant::now());
                }
                for read in reads {
                    let _gone = read.reply.send(Err(ReadFailed));
                }
            }
        }
    }
}

type Loaded = BTreeMap<(Realm, PaymentId), Arc<(Payment, Vec<Attempt>)>>;

/// Loads on the connection at hand, and once more on a new one when that is broken.
fn load(
    connection: &mut Option<AnyConnection>,
    url: &DatabaseUrl,
    keys: &BTreeSet<(Realm, PaymentId)>,
) -> Result<Loaded, StorageError> {
    if let Some(open) = connection {
        match load_payments(open, keys) {
            Ok(found) => return Ok(by_key(found)),
            Err(_) => *connection = None,
        }
    }
    let mut open = url.connect()?;
    let found = load_payments(&mut open, keys)?;
    *connection = Some(open);
    Ok(by_key(found))
}

fn by_key(found: Vec<(Payment, Vec<Attempt>)>) -> Loaded {
    let key = |payment: &Payment| (Realm { tenant_id: payment.tenant_id, mode: payment.mode }, payment.id);
    found.into_iter().map(|found| (key(&found.0), Arc::new(found))).collect()
}
