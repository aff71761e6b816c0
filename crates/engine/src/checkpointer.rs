//! The thread that keeps SQLite's write-ahead log short, so that no commit has to.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use florin_storage::{AnyConnection, Checkpoint, DatabaseUrl, StorageError, checkpoint};

/// How often the log's length is looked at.
const INTERVAL: Duration = Duration::from_millis(250);
/// From this length on it is moved into the database beside the writer; beyond the greater one the writer waits a
/// moment, and the log begins anew.
const MOVE_FROM_BYTES: u64 = 16 << 20;
const TRUNCATE_FROM_BYTES: u64 = 64 << 20;

/// A running checkpointer; dropping it ends the thread.
pub(crate) struct Checkpointer {
    _stop: Sender<()>,
}

impl Checkpointer {
    /// Starts the thread for an SQLite file.
    pub(crate) fn start(url: &DatabaseUrl, path: &Path) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let (url, log) = (url.clone(), log_of(path));
        std::thread::Builder::new()
            .name("checkpointer".to_owned())
            .spawn(move || keep_short(&url, &log, &stopped))?;
        Ok(Checkpointer { _stop: stop })
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

fn keep_short(url: &DatabaseUrl, log: &Path, stopped: &Receiver<()>) {
    let mut connection = None;
    while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let length = std::fs::metadata(log).map_or(0, |file| file.len());
        if length < MOVE_FROM_BYTES {
            continue;
        }
        if let Err(error) = shorten(url, &mut connection, length) {
            tracing::warn!(%error, "the write-ahead log could not be moved into the database");
            connection = None;
        }
    }
}

fn shorten(
    url: &DatabaseUrl,
    connection: &mut Option<AnyConnection>,
    length: u64,
) -> Result<(), StorageError> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(url.connect()?),
    };
    checkpoint(connection, Checkpoint::Passive)?;
    if length > TRUNCATE_FROM_BYTES {
        checkpoint(connection, Checkpoint::Truncate)?;
    }
    Ok(())
}
