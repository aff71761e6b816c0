//! The engine: its threads, its queue, and what it lets in.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use florin_domain::TenantId;
use florin_processors::Processor;
use florin_storage::webhooks::load_listeners;
use florin_storage::{AnyConnection, Pool, Realm, StorageError, open_pool};
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::answering::Answering;
use crate::authentication::KeyCache;
use crate::checkpointer::{Checkpointer, LongLog};
use crate::clock::{Clock, IdSource};
use crate::commands::Sender;
use crate::delivery::Listening;
use crate::event_stream::stream_slots;
use crate::export::export_slots;
use crate::figures::FiguresBook;
use crate::generations::Generations;
use crate::known_accounts::KnownAccount;
use crate::outliving::Outliving;
use crate::passwords::Passwords;
use crate::point_reads::PointReads;
use crate::routing::{Directory, Opener, REFRESHED_EVERY};
use crate::settings::EngineSettings;
use crate::slots::Slots;
use crate::time::Time;
use crate::views::Refused;
use crate::writer::{Command, Job, Queue, Ticket, WriteFailed, WriterSettings, spawn_writer};

/// Why an engine can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartFailed {
    /// The database is not there, or not of this program's schema.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A thread can't be started.
    #[error("can't start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// Without a processor nothing can be charged.
    #[error("no payment processor is configured")]
    NoProcessor,
}

/// Florin's use cases. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: EngineSettings,
    pub(crate) time: Arc<Time>,
    pub(crate) ids: Arc<IdSource>,
    pub(crate) directory: Directory,
    pub(crate) added_accounts: RwLock<Vec<KnownAccount>>,
    queue: Arc<Queue<Box<dyn Job>>>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) pool: Pool,
    pub(crate) point_reads: PointReads,
    pub(crate) keys: KeyCache,
    pub(crate) passwords: Passwords,
    pub(crate) generations: Generations,
    pub(crate) exports: Slots<TenantId>,
    pub(crate) figures: FiguresBook,
    pub(crate) answering: Answering,
    pub(crate) listening: Arc<Listening>,
    pub(crate) streams: Slots<[u8; 16]>,
    _checkpointer: Option<Checkpointer>,
    tasks: TaskTracker,
    runtime: Mutex<Option<Runtime>>,
    handle: tokio::runtime::Handle,
    closed: AtomicBool,
}

/// Whether the engine can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The database answers.
    pub database: bool,
    /// Its schema is this program's.
    pub schema: bool,
    /// The writers are there and not overrun.
    pub workers: bool,
}

impl Engine {
    /// Starts an engine on a database that has been migrated.
    ///
    /// # Errors
    /// [`StartFailed`] when the database can't be used or a thread can't be started.
    pub fn start(
        settings: EngineSettings,
        processors: Vec<Arc<dyn Processor>>,
    ) -> Result<Engine, StartFailed> {
        if processors.is_empty() {
            return Err(StartFailed::NoProcessor);
        }
        let mut connection = settings.database_url.connect()?;
        florin_storage::check_schema(&mut connection)?;
        let time = Arc::new(Time::start(
            Arc::clone(&settings.clock),
            settings.time_by,
            settings.recovery_interval,
            &mut connection,
        )?);
        let is_sqlite = matches!(connection, AnyConnection::Sqlite(_));
        if is_sqlite {
            // One process serves an SQLite file, so whatever is left open in it was left by a process that has died.
            florin_storage::recovery::release_leases(&mut connection, time.now())?;
        }
        let opener = Opener {
            connectors: settings.connectors.clone(),
            vault: settings.vault.clone(),
            timeout: settings.processor_timeout,
        };
        let directory = Directory::read(&mut connection, opener, &processors)?;
        let listening = Arc::new(Listening::new(load_listeners(&mut connection)?, settings.delivery.timeout));
        drop(connection);
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("engine").enable_all().build()?;
        let ids = Arc::new(IdSource::new());
        let queue = Arc::new(Queue::new(settings.queue_limit));
        let long_log = LongLog::default();
        let writer_settings = WriterSettings {
            url: settings.database_url.clone(),
            batch_limit: settings.batch_limit.max(1),
            clock: Arc::clone(&time) as Arc<dyn Clock>,
            ids: Arc::clone(&ids),
            long_log: long_log.clone(),
            listening: Arc::clone(&listening),
            public_url: Arc::clone(&settings.public_url),
        };
        let writers = spawn_writers(&writer_settings, &queue, if is_sqlite { 1 } else { settings.writers })?;
        let point_reads = PointReads::start(&settings.database_url, settings.read_connections)?;
        let generations = Generations::start(&settings.database_url)?;
        let url = &settings.database_url;
        let checkpointer = url.sqlite_path().map(|path| Checkpointer::start(url, path, long_log)).transpose();
        let inner = Arc::new(Inner {
            pool: open_pool(&settings.database_url, settings.read_connections),
            point_reads,
            keys: KeyCache::default(),
            passwords: Passwords::new(settings.passwords),
            generations,
            exports: export_slots(),
            figures: FiguresBook::default(),
            answering: Answering::default(),
            listening,
            streams: stream_slots(),
            _checkpointer: checkpointer?,
            time,
            settings,
            ids,
            directory,
            added_accounts: RwLock::default(),
            queue,
            writers: Mutex::new(writers),
            tasks: TaskTracker::new(),
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            closed: AtomicBool::new(false),
        });
        inner.spawn_tasks();
        Ok(Engine { inner })
    }

    /// Whether the engine can serve.
    pub async fn readiness(&self) -> Readiness {
        let inner = &self.inner;
        let schema = inner.read(|connection| Ok(florin_storage::check_schema(connection).is_ok())).await;
        Readiness {
            database: schema.is_ok(),
            schema: matches!(schema, Ok(true)),
            workers: !inner.is_closed() && inner.queue.len() < inner.settings.queue_limit,
        }
    }

    /// Whether so much waits to be saved that what can wait should.
    pub fn is_behind(&self) -> bool {
        let inner = &self.inner;
        inner.queue.len() > inner.settings.queue_limit / 8
    }

    /// Lets no more commands in, waits for what has begun, and stops the threads.
    pub async fn drain(&self) {
        let inner = &self.inner;
        inner.closed.store(true, Ordering::SeqCst);
        inner.tasks.close();
        let longest = inner.settings.processor_timeout + Duration::from_secs(10);
        if tokio::time::timeout(longest, inner.tasks.wait()).await.is_err() {
            tracing::warn!("some attempts did not end in time; recovery settles them after the next start");
        }
        inner.note_uses().await;
        inner.queue.close();
        let writers = std::mem::take(&mut *inner.writers.lock().unwrap_or_else(PoisonError::into_inner));
        let runtime = inner.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        let join = move || {
            writers.into_iter().for_each(|writer| drop(writer.join()));
            if let Some(runtime) = runtime {
                runtime.shutdown_timeout(Duration::from_secs(1));
            }
        };
        // On another thread, since joining blocks.
        let _panicked = tokio::task::spawn_blocking(join).await;
    }

    /// Looks once for open attempts that are due, and settles those whose outcome is known. Recovery does so
    /// periodically by itself; this is for operators and tests that can't wait.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn recover_now(&self) -> Result<usize, StorageError> {
        self.inner.recover_once().await
    }
}

/// Starts so many writers, at least one.
fn spawn_writers(
    settings: &WriterSettings,
    queue: &Arc<Queue<Box<dyn Job>>>,
    count: usize,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    (0..count.max(1)).map(|number| spawn_writer(settings.clone(), Arc::clone(queue), number)).collect()
}

impl Inner {
    /// Starts what is done beside the requests.
    fn spawn_tasks(self: &Arc<Self>) {
        if !self.settings.is_idle {
            drop(self.handle.spawn(Arc::clone(self).recover_periodically()));
            drop(self.handle.spawn(Arc::clone(self).forget_periodically()));
            drop(self.handle.spawn(Arc::clone(self).reconcile_periodically()));
            drop(self.handle.spawn(Arc::clone(self).deliver_periodically()));
        }
        drop(self.handle.spawn(Arc::clone(self).keep_directory()));
        drop(self.handle.spawn(Arc::clone(self).note_uses_periodically()));
    }

    /// How attempts of a tenant and mode start, by accounts and routes as they were a moment ago.
    ///
    /// # Errors
    /// 503 when there are accounts, and for too long nobody could be asked whether they have changed.
    pub(crate) async fn sender(self: &Arc<Self>, realm: Realm) -> Result<Sender, Refused> {
        if !self.directory.is_current(realm) {
            self.refresh_directory().await.map_err(|error| {
                tracing::warn!(%error, "the processor accounts could not be read");
                Refused::overloaded()
            })?;
        }
        Ok(self.sender_now(realm))
    }

    /// How attempts of a tenant and mode start, for what has begun already.
    pub(crate) fn sender_now(&self, realm: Realm) -> Sender {
        Sender { routes: self.directory.routes(realm), lease: self.lease() }
    }

    /// Reads what has changed of accounts and routes.
    pub(crate) async fn refresh_directory(self: &Arc<Self>) -> Result<(), StorageError> {
        let inner = Arc::clone(self);
        self.read(move |connection| inner.directory.refresh(connection)).await
    }

    /// Keeps accounts and routes up to date, until the engine closes.
    async fn keep_directory(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(REFRESHED_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.is_closed() {
            ticks.tick().await;
            if let Err(error) = self.refresh_directory().await {
                tracing::warn!(%error, "the processor accounts could not be read");
            }
        }
    }

    /// How long an attempt belongs to its sender: the processor's deadline, and some time to commit.
    pub(crate) fn lease(&self) -> TimeDelta {
        TimeDelta::from_std(self.settings.processor_timeout + Duration::from_secs(5))
            .unwrap_or(TimeDelta::MAX)
    }

    /// The processor that a tenant's payments call so, of an account that may be disabled or built in.
    pub(crate) fn processor_named(&self, realm: Realm, name: &str) -> Option<Arc<dyn Processor>> {
        self.directory.routes(realm).named(name)?.shared()
    }

    /// Writes a command that begins something: refused when the queue is full.
    pub(crate) async fn write<C: Command>(&self, command: C) -> Result<C::Answer, WriteFailed> {
        if self.is_closed() {
            return Err(WriteFailed::NotWritten);
        }
        let deadline = Instant::now() + self.settings.queue_timeout;
        let (ticket, waiting) = Ticket::new(command, Some(deadline));
        self.queue.push(ticket).map_err(|_full| WriteFailed::NotWritten)?;
        waiting.await.unwrap_or(Err(WriteFailed::Unknown))
    }

    /// Writes a command that finishes something.
    pub(crate) async fn write_always<C: Command>(&self, command: C) -> Result<C::Answer, WriteFailed> {
        let (ticket, waiting) = Ticket::new(command, None);
        self.queue.push_always(ticket).map_err(|_closed| WriteFailed::NotWritten)?;
        waiting.await.unwrap_or(Err(WriteFailed::Unknown))
    }

    /// Reads on a pooled connection, on a thread where blocking hurts nobody.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut AnyConnection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let pool = self.pool.clone();
        let task = self.handle.spawn_blocking(move || read(&mut *pool.get()?));
        task.await.unwrap_or_else(|error| Err(StorageError::Unavailable(error.to_string())))
    }

    /// Work that its caller waits for, that goes on when the caller has gone, and that draining waits for.
    pub(crate) fn outlive<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Outliving<T> {
        Outliving::new(work, &self.tasks, &self.handle)
    }

    /// Runs a task that draining waits for.
    pub(crate) fn track<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.tasks.spawn_on(task, &self.handle)
    }

    /// What is held until something has ended that draining waits for.
    pub(crate) fn tracked(&self) -> TaskTrackerToken {
        self.tasks.token()
    }

    /// Where the engine's own tasks run.
    pub(crate) fn handle(&self) -> &tokio::runtime::Handle {
        &self.handle
    }

    /// Whether no more commands are let in.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}
