//! The thread that keeps SQLite's write-ahead log short, so that no commit has to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use florin_storage::{AnyConnection, Checkpoint, DatabaseUrl, StorageError, checkpoint};

/// How often the log is looked at. Often and little: the writer stops for what was committed since the last look.
const INTERVAL: Duration = Duration::from_millis(60);
/// From this length of the file on it is moved into the database beside the writer.
const MOVE_FROM_BYTES: u64 = 8 << 20;
/// From this many pages on, 8 MiB, the writer is asked to begin it anew.
const BEGIN_ANEW_FROM_PAGES: u64 = 2048;

/// Tells the writer that the log has grown long, and that nearly all of it has been moved.
#[derive(Clone, Debug, Default)]
pub(crate) struct LongLog(Arc<AtomicBool>);

impl LongLog {
    /// Whether the log shall begin anew; says so once.
    pub(crate) fn take(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed)
    }

    fn tell(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A running checkpointer; dropping it ends the thread, whose connection is the last to close and so empties the log.
pub(crate) struct Checkpointer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread for an SQLite file.
    pub(crate) fn start(url: &DatabaseUrl, path: &Path, long_log: LongLog) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let (url, log) = (url.clone(), log_of(path));
        let thread = std::thread::Builder::new()
            .name("checkpointer".to_owned())
            .spawn(move || keep_short(&url, &log, &long_log, &stopped))?;
        Ok(Checkpointer { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

fn keep_short(url: &DatabaseUrl, log: &Path, long_log: &LongLog, stopped: &Receiver<()>) {
    let mut connection = None;
    while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        if std::fs::metadata(log).map_or(0, |file| file.len()) < MOVE_FROM_BYTES {
            continue;
        }
        match shorten(url, &mut connection) {
            Ok(pages) if pages > BEGIN_ANEW_FROM_PAGES => long_log.tell(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log could not be moved into the database");
                connection = None;
            }
        }
    }
}

/// Moves what the log has, and gives back how many pages that is.
fn shorten(url: &DatabaseUrl, connection: &mut Option<AnyConnection>) -> Result<u64, StorageError> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(url.connect()?),
    };
    // The second one moves what was committed during the first, so that little is left for the writer.
    checkpoint(connection, Checkpoint::Passive)?;
    Ok(checkpoint(connection, Checkpoint::Passive)?.pages)
}
