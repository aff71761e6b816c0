//! Reading payments by id, the quickest way that each database offers.
//!
//! On PostgreSQL the reads that wait are done together, one round trip for all: the writer's idea, for reads. On SQLite
//! a point read takes microseconds, less than handing it to another thread, so it is done on the caller's, with
//! connections that no long read can take away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use florin_domain::{Attempt, Payment, PaymentId};
use florin_storage::{
    AnyConnection, DatabaseUrl, InRealm, Pool, Realm, StorageError, load_payments, open_pool,
};
use tokio::sync::oneshot;

use crate::writer::{EndProcessOnPanic, Queue};

/// What a read finds: the payment with its attempts.
pub(crate) type Found = Option<Arc<(Payment, Vec<Attempt>)>>;

type Reply = oneshot::Sender<Result<Found, StorageError>>;

pub(crate) struct Waiting {
    key: (Realm, PaymentId),
    reply: Reply,
}

/// Where payments are read by id.
pub(crate) enum PointReads {
    /// On the caller's thread.
    Here(Pool),
    /// Together with others, on a thread with a connection of its own.
    Together(Arc<Queue<Waiting>>),
}

/// How many reads may wait, and how many are done together.
const QUEUE_LIMIT: usize = 20_000;
const BATCH_LIMIT: usize = 128;

impl PointReads {
    /// Prepares reads from a database, on SQLite with at most `connections`.
    pub(crate) fn start(url: &DatabaseUrl, connections: u32) -> std::io::Result<Self> {
        if url.sqlite_path().is_some() {
            return Ok(PointReads::Here(open_pool(url, connections)));
        }
        let queue = Arc::new(Queue::new(QUEUE_LIMIT));
        let (url, taken) = (url.clone(), Arc::clone(&queue));
        std::thread::Builder::new().name("reader".to_owned()).spawn(move || serve(&url, &taken))?;
        Ok(PointReads::Together(queue))
    }

    /// Reads a payment.
    pub(crate) async fn read(&self, realm: Realm, id: PaymentId) -> Result<Found, StorageError> {
        match self {
            PointReads::Here(pool) => {
                let found = load_payments(&mut *pool.get()?, &BTreeSet::from([(realm, id)]))?;
                Ok(found.into_iter().next().map(Arc::new))
            }
            PointReads::Together(queue) => {
                let (reply, waiting) = oneshot::channel();
                queue
                    .push(Waiting { key: (realm, id), reply })
                    .map_err(|_full| away("too many reads wait"))?;
                waiting.await.unwrap_or_else(|_gone| Err(away("the reader has ended")))
            }
        }
    }
}

impl Drop for PointReads {
    fn drop(&mut self) {
        if let PointReads::Together(queue) = self {
            queue.close();
        }
    }
}

fn away(reason: &str) -> StorageError {
    StorageError::Unavailable(reason.to_owned())
}

fn serve(url: &DatabaseUrl, queue: &Queue<Waiting>) {
    let _guard = EndProcessOnPanic("reader");
    let mut connection: Option<AnyConnection> = None;
    let mut failed_at: Option<Instant> = None;
    while let Some(reads) = queue.take(BATCH_LIMIT) {
        // While the database is away, it is not asked again for every batch.
        if failed_at.is_some_and(|at| at.elapsed() < Duration::from_millis(100)) {
            reads.into_iter().for_each(|read| answer(read, Err(away("it was not, a moment ago"))));
            continue;
        }
        let keys: BTreeSet<_> = reads.iter().map(|read| read.key).collect();
        failed_at = None;
        match load(&mut connection, url, &keys) {
            Ok(found) => reads.into_iter().for_each(|read| {
                let found = found.get(&read.key).cloned();
                answer(read, Ok(found));
            }),
            // One bad row must not hide its neighbours.
            Err(StorageError::Corrupt { .. }) => reads.into_iter().for_each(|read| {
                let found = load(&mut connection, url, &BTreeSet::from([read.key]));
                let found = found.map(|found| found.get(&read.key).cloned());
                answer(read, found);
            }),
            Err(error) => {
                failed_at = Some(Instant::now());
                let reason = error.to_string();
                reads.into_iter().for_each(|read| answer(read, Err(away(&reason))));
            }
        }
    }
}

fn answer(read: Waiting, found: Result<Found, StorageError>) {
    // A caller that has gone does not matter.
    let _gone = read.reply.send(found);
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
            Err(error @ StorageError::Corrupt { .. }) => return Err(error),
            Err(_) => *connection = None,
        }
    }
    let mut open = url.connect_by_key()?;
    let found = load_payments(&mut open, keys)?;
    *connection = Some(open);
    Ok(by_key(found))
}

fn by_key(found: Vec<(Payment, Vec<Attempt>)>) -> Loaded {
    let key = |payment: &Payment| (payment.realm(), payment.id);
    found.into_iter().map(|found| (key(&found.0), Arc::new(found))).collect()
}
