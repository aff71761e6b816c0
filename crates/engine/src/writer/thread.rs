//! A writer: a thread with a connection of its own, which it replaces when it breaks.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use florin_storage::faults::{Point, pass};
use florin_storage::{AnyConnection, Checkpoint, Committer, DatabaseUrl, StorageError, WorkingSet};

use super::batch::{BatchFailed, Batched, Trust, run};
use super::{Deciding, Job, Queue, WriteFailed};
use crate::checkpointer::LongLog;
use crate::clock::{Clock, IdSource};
use crate::delivery::Listening;

/// What a writer needs.
#[derive(Clone)]
pub(crate) struct WriterSettings {
    pub(crate) url: DatabaseUrl,
    /// How many commands one transaction takes at most.
    pub(crate) batch_limit: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<IdSource>,
    pub(crate) long_log: LongLog,
    pub(crate) listening: Arc<Listening>,
    /// What the links of payment requests begin with.
    pub(crate) public_url: Arc<str>,
}

/// How long the writer leaves a log alone that a reader kept in use. It has waited for the reader for 20 ms.
const REST: Duration = Duration::from_secs(2);

/// How often a batch is decided anew because others listen by now or its events' ids came too late.
const LISTENED_AGAIN: usize = 20;

/// How long a writer tries to learn what became of a commit.
const SETTLE_COMMIT_WITHIN: Duration = Duration::from_secs(20);

/// Starts a writer that works until the queue is closed and empty.
pub(crate) fn spawn_writer(
    settings: WriterSettings,
    queue: Arc<Queue<Box<dyn Job>>>,
    number: usize,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(format!("writer-{number}")).spawn(move || {
        let _guard = EndProcessOnPanic("writer");
        let mut writer = Writer { settings, connection: None, rests_until: None };
        while let Some((jobs, at_work)) = queue.take_share(writer.settings.batch_limit) {
            writer.write(jobs);
            writer.shorten_log();
            drop(at_work);
        }
    })
}

/// A thread that panics leaves its waiters waiting for ever; recovery after a restart does not.
pub(crate) struct EndProcessOnPanic(pub(crate) &'static str);

impl Drop for EndProcessOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(
                thread = self.0,
                "a thread panicked; the process ends, and recovery begins when it starts again"
            );
            std::process::abort();
        }
    }
}

struct Connected {
    connection: AnyConnection,
    /// Which slot of the counters it adds to.
    slot: i64,
    backend: Option<i32>,
}

struct Writer {
    settings: WriterSettings,
    connection: Option<Connected>,
    /// Until when the log is left as it is.
    rests_until: Option<Instant>,
}

impl Writer {
    /// Writes the jobs, together if possible, else one by one.
    fn write(&mut self, jobs: Vec<Box<dyn Job>>) {
        let now = Instant::now();
        let (late, mut jobs): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.deadline().is_some_and(|deadline| deadline <= now));
        late.into_iter().for_each(|job| job.fail(WriteFailed::NotWritten));
        if jobs.is_empty() {
            return;
        }
        metrics::histogram!("florin_batch_size").record(u32::try_from(jobs.len()).unwrap_or(u32::MAX));
        for trust in [Trust::Known, Trust::Fresh] {
            match self.commit(&mut jobs, trust) {
                // The connection had broken, maybe: the second time it is a new one.
                Err(Failed::NotBegun) if trust == Trust::Known => {}
                Ok(()) => {
                    jobs.into_iter().for_each(|job| job.succeed());
                    return pass(Point::BatchAnswered);
                }
                Err(Failed::Unknown) => {
                    return jobs.into_iter().for_each(|job| job.fail(WriteFailed::Unknown));
                }
                Err(Failed::Unavailable | Failed::NotBegun) => {
                    return jobs.into_iter().for_each(|job| job.fail(WriteFailed::NotWritten));
                }
                Err(Failed::Refused) => {}
            }
        }
        if jobs.len() == 1 {
            return jobs.into_iter().for_each(|job| job.fail(WriteFailed::NotWritten));
        }
        metrics::counter!("florin_batches_split_total").increment(1);
        self.write_one_by_one(jobs);
    }

    /// Begins SQLite's log anew when it has grown long. A long read, such as an export, keeps it in use: then it grows on,
    /// and the writer does not try again at once.
    fn shorten_log(&mut self) {
        let Some(connected) = &mut self.connection else { return };
        if !self.settings.long_log.take() || self.rests_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        match florin_storage::checkpoint(&mut connected.connection, Checkpoint::Restart) {
            Ok(done) => self.rests_until = (!done.is_complete).then(|| Instant::now() + REST),
            Err(error) => tracing::warn!(%error, "the write-ahead log could not begin anew"),
        }
    }

    /// The poisoned command fails alone, its neighbours never notice. What has waited too long by now, because each try
    /// waits for the same lock, is dropped.
    fn write_one_by_one(&mut self, jobs: Vec<Box<dyn Job>>) {
        let mut available = true;
        for job in jobs {
            let is_late = job.deadline().is_some_and(|deadline| deadline <= Instant::now());
            let mut alone = vec![job];
            let result = match available {
                true if is_late => Err(Failed::Refused),
                true => self.commit(&mut alone, Trust::Fresh),
                false => Err(Failed::Unavailable),
            };
            let Some(job) = alone.pop() else { continue };
            match result {
                Ok(()) => job.succeed(),
                Err(Failed::Unknown) => job.fail(WriteFailed::Unknown),
                Err(Failed::Refused) => job.fail(WriteFailed::NotWritten),
                Err(Failed::Unavailable | Failed::NotBegun) => {
                    available = false;
                    job.fail(WriteFailed::NotWritten);
                }
            }
        }
    }

    fn commit(&mut self, jobs: &mut Vec<Box<dyn Job>>, trust: Trust) -> Result<(), Failed> {
        let Writer { settings, connection, .. } = self;
        let connected = match connect(&settings.url, connection) {
            Ok(connected) => connected,
            Err(error) => {
                tracing::warn!(%error, "the database is not available");
                return Err(Failed::Unavailable);
            }
        };
        let mut ended = Err(BatchFailed::NotWritten(StorageError::Unavailable("not tried".to_owned())));
        for _ in 0..LISTENED_AGAIN {
            let listening = &*settings.listening;
            let deciding = Deciding {
                at: settings.clock.now(),
                ids: &settings.ids,
                listening: Some(listening),
                public_url: &settings.public_url,
            };
            let on = Batched {
                connection: &mut connected.connection,
                slot: connected.slot,
                is_pooled: settings.url.is_pooled(),
                listening,
            };
            ended = run(on, jobs, &deciding, trust);
            let Err(BatchFailed::NotWritten(StorageError::Conflict { table: "event_log", .. })) = &ended
            else {
                break;
            };
            // Others listen by now, or a reader has been told that there are no more events with such ids.
            match florin_storage::webhooks::load_listeners(&mut connected.connection) {
                Ok(listeners) => listening.learn(listeners),
                Err(error) => {
                    ended = Err(BatchFailed::NotWritten(error));
                    break;
                }
            }
        }
        match ended {
            Ok(()) => Ok(()),
            Err(BatchFailed::NotBegun(error)) => {
                tracing::warn!(%error, "the database let no transaction begin");
                self.connection = None;
                Err(Failed::NotBegun)
            }
            Err(BatchFailed::NotWritten(StorageError::Conflict { table, .. })) => {
                tracing::debug!(table, "what was known had changed; loading afresh");
                Err(Failed::Refused)
            }
            Err(BatchFailed::NotWritten(error)) => {
                tracing::warn!(%error, commands = jobs.len(), "the database refused a batch");
                // Whether the connection is still good is not worth guessing: a new one costs milliseconds.
                self.connection = None;
                Err(Failed::Refused)
            }
            Err(BatchFailed::CommitFailed(set, committer, error)) => {
                tracing::warn!(%error, commands = jobs.len(), "a commit failed; looking up what became of it");
                self.settle_commit(&set, committer)
            }
        }
    }

    /// Learns over a new connection whether a commit stands, once it is certain that nobody is at it any more. One that
    /// stands counts only when the synchronous standbys have it too: its own wait for them may have been cut short.
    fn settle_commit(&mut self, set: &WorkingSet, committer: Option<Committer>) -> Result<(), Failed> {
        let backend = self.connection.take().and_then(|connected| connected.backend);
        let committer = committer.or(backend.map(Committer::Backend));
        let started = Instant::now();
        while started.elapsed() < SETTLE_COMMIT_WITHIN {
            let stands = connect(&self.settings.url, &mut self.connection).and_then(|connected| {
                let connection = &mut connected.connection;
                if let Some(committer) = &committer
                    && florin_storage::is_at_work(connection, committer)?
                {
                    return Err(StorageError::Unavailable("the old connection is still at work".to_owned()));
                }
                let stands = set.was_saved(connection)?;
                if stands {
                    florin_storage::wait_for_standbys(connection)?;
                }
                Ok(stands)
            });
            match stands {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(Failed::Refused),
                Err(error) => {
                    tracing::warn!(%error, "can't look up a commit yet");
                    self.connection = None;
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        }
        Err(Failed::Unknown)
    }
}

/// The connection at hand, or a new one.
fn connect<'a>(
    url: &DatabaseUrl,
    current: &'a mut Option<Connected>,
) -> Result<&'a mut Connected, StorageError> {
    match current {
        Some(connected) => Ok(connected),
        None => {
            let mut connection = url.connect_by_key()?;
            florin_storage::leave_checkpoints_to_others(&mut connection)?;
            let backend = florin_storage::backend_pid(&mut connection)?;
            let slot = backend.map_or(0, |pid| i64::from(pid.rem_euclid(64)));
            Ok(current.insert(Connected { connection, slot, backend }))
        }
    }
}

enum Failed {
    /// The database refused, and nothing stands.
    Refused,
    /// The database can't be reached, and nothing stands.
    Unavailable,
    /// The database let no transaction begin on this connection, and nothing stands.
    NotBegun,
    /// Nobody knows.
    Unknown,
}
