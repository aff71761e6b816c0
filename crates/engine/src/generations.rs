//! Asking whether what is remembered of API keys still stands.
//!
//! The database counts whatever changes what a key may do: its generation. Each request asks for it after it has come
//! in, so that a key which was revoked before opens nothing any more, on any process. On PostgreSQL the requests that
//! wait are told by one answer, asked for after the last of them has come; on SQLite it is a read of one row from memory,
//! which takes less time than handing it to another thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use florin_storage::access::access_generation;
use florin_storage::{AnyConnection, DatabaseUrl, Pool, StorageError, open_pool};
use tokio::sync::oneshot;

use crate::writer::{EndProcessOnPanic, Queue};

type Reply = oneshot::Sender<Result<i64, StorageError>>;

/// Where the generation is asked for.
pub(crate) enum Generations {
    /// On the caller's thread.
    Here(Pool),
    /// For all who wait, on a thread with a connection of its own.
    Together(Arc<Queue<Reply>>),
}

/// How many may wait.
const QUEUE_LIMIT: usize = 20_000;

/// The time from one question to the next at least, so that many requests share one under load.
const PACE: Duration = Duration::from_micros(250);

impl Generations {
    /// Prepares to ask a database, on SQLite with at most `connections`.
    pub(crate) fn start(url: &DatabaseUrl, connections: u32) -> std::io::Result<Self> {
        if url.sqlite_path().is_some() {
            return Ok(Generations::Here(open_pool(url, connections)));
        }
        let queue = Arc::new(Queue::new(QUEUE_LIMIT));
        let (url, taken) = (url.clone(), Arc::clone(&queue));
        std::thread::Builder::new().name("generations".to_owned()).spawn(move || serve(&url, &taken))?;
        Ok(Generations::Together(queue))
    }

    /// The generation as it stands now or later.
    pub(crate) async fn current(&self) -> Result<i64, StorageError> {
        match self {
            Generations::Here(pool) => access_generation(&mut *pool.get()?),
            Generations::Together(queue) => {
                let (reply, waiting) = oneshot::channel();
                queue.push(reply).map_err(|_full| away("too many requests wait"))?;
                waiting.await.unwrap_or_else(|_gone| Err(away("the thread that asks has ended")))
            }
        }
    }
}

impl Drop for Generations {
    fn drop(&mut self) {
        if let Generations::Together(queue) = self {
            queue.close();
        }
    }
}

fn away(reason: &str) -> StorageError {
    StorageError::Unavailable(reason.to_owned())
}

fn serve(url: &DatabaseUrl, queue: &Queue<Reply>) {
    let _guard = EndProcessOnPanic("generations");
    let mut connection: Option<AnyConnection> = None;
    while let Some(waiting) = queue.take(QUEUE_LIMIT) {
        let asked_at = Instant::now();
        let generation = ask(&mut connection, url);
        for reply in waiting {
            let answer = match &generation {
                Ok(generation) => Ok(*generation),
                Err(error) => Err(away(&error.to_string())),
            };
            // A caller that has gone does not matter.
            let _gone = reply.send(answer);
        }
        std::thread::sleep(PACE.saturating_sub(asked_at.elapsed()));
    }
}

/// Asks over the connection at hand, and once more over a new one when that is broken.
fn ask(connection: &mut Option<AnyConnection>, url: &DatabaseUrl) -> Result<i64, StorageError> {
    if let Some(open) = connection {
        match access_generation(open) {
            Ok(generation) => return Ok(generation),
            Err(_) => *connection = None,
        }
    }
    let mut open = url.connect_by_key()?;
    let generation = access_generation(&mut open)?;
    *connection = Some(open);
    Ok(generation)
}
