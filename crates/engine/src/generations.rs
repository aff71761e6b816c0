//! Whether what is remembered of API keys still stands.
//!
//! The database counts whatever changes what a key may do: its generation. A process asks for it about twenty times a
//! second while requests come in, and trusts an answer for a tenth of a second from the moment of its question. Whoever
//! takes access away answers only when that time has passed since the commit. So each request that begins after such an
//! answer is measured against a generation that was asked for after the commit, on any process, and no two clocks are
//! ever compared. docs/security.md tells more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use florin_storage::access::access_generation;
use florin_storage::{AnyConnection, DatabaseUrl, StorageError};
use tokio::sync::oneshot;

use crate::writer::{EndProcessOnPanic, Queue};

/// How long an answer is trusted, from the moment it was asked for.
const TRUSTED_FOR: Duration = Duration::from_millis(100);

/// How old an answer is when it is asked for again, while it is still trusted.
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// How long after a commit every process has heard of it: the clocks of machines may tick a little differently.
pub(crate) const HEARD_AFTER: Duration = TRUSTED_FOR.saturating_add(Duration::from_millis(10));

/// How many may wait.
const QUEUE_LIMIT: usize = 20_000;

/// Somebody who waits for the generation, or nobody: then it is asked for beforehand.
type Question = Option<oneshot::Sender<Result<i64, StorageError>>>;

/// Where the generation is asked for: by a thread with a connection of its own, once for all who wait.
pub(crate) struct Generations(Arc<Shared>);

struct Shared {
    questions: Queue<Question>,
    began: Instant,
    /// What the last answer was, and when it was asked for, in microseconds since `began`.
    last: AtomicI64,
    last_asked_at: AtomicU64,
    is_asking_again: AtomicBool,
}

impl Generations {
    /// Prepares to ask a database.
    pub(crate) fn start(url: &DatabaseUrl) -> std::io::Result<Self> {
        // Nothing was asked yet, so the last answer counts as too old.
        let began = Instant::now().checked_sub(TRUSTED_FOR).unwrap_or_else(Instant::now);
        let shared = Arc::new(Shared {
            questions: Queue::new(QUEUE_LIMIT),
            began,
            last: AtomicI64::new(0),
            last_asked_at: AtomicU64::new(0),
            is_asking_again: AtomicBool::new(false),
        });
        let (url, asked) = (url.clone(), Arc::clone(&shared));
        std::thread::Builder::new().name("generations".to_owned()).spawn(move || serve(&url, &asked))?;
        Ok(Generations(shared))
    }

    /// The generation as it stood a tenth of a second ago, or later.
    pub(crate) async fn current(&self) -> Result<i64, StorageError> {
        let shared = &*self.0;
        let age = shared.age();
        if age < TRUSTED_FOR {
            if age >= ASKED_AGAIN_AFTER && !shared.is_asking_again.swap(true, Ordering::Relaxed) {
                // When the queue is full it is asked for all the same.
                let _full = shared.questions.push(None);
            }
            return Ok(shared.last.load(Ordering::Relaxed));
        }
        let (reply, waiting) = oneshot::channel();
        shared.questions.push(Some(reply)).map_err(|_full| away("too many requests wait"))?;
        waiting.await.unwrap_or_else(|_gone| Err(away("the thread that asks has ended")))
    }
}

impl Drop for Generations {
    fn drop(&mut self) {
        self.0.questions.close();
    }
}

impl Shared {
    /// For how long the last answer has been known at most.
    fn age(&self) -> Duration {
        // Before the answer itself is read: a newer answer than its age says does no harm.
        let asked_at = Duration::from_micros(self.last_asked_at.load(Ordering::Acquire));
        self.began.elapsed().saturating_sub(asked_at)
    }

    fn remember(&self, generation: i64, asked_at: Instant) {
        let asked_at = asked_at.duration_since(self.began).as_micros();
        self.last.store(generation, Ordering::Relaxed);
        self.last_asked_at.store(u64::try_from(asked_at).unwrap_or(0), Ordering::Release);
    }
}

fn away(reason: &str) -> StorageError {
    StorageError::Unavailable(reason.to_owned())
}

fn serve(url: &DatabaseUrl, shared: &Shared) {
    let _guard = EndProcessOnPanic("generations");
    let mut connection: Option<AnyConnection> = None;
    while let Some(waiting) = shared.questions.take(QUEUE_LIMIT) {
        let asked_at = Instant::now();
        let generation = ask(&mut connection, url);
        if let Ok(generation) = generation {
            shared.remember(generation, asked_at);
        }
        shared.is_asking_again.store(false, Ordering::Relaxed);
        for reply in waiting.into_iter().flatten() {
            let answer = match &generation {
                Ok(generation) => Ok(*generation),
                Err(error) => Err(away(&error.to_string())),
            };
            // A caller that has gone does not matter.
            let _gone = reply.send(answer);
        }
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
