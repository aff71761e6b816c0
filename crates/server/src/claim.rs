//! Claiming a SQLite file: one server at a time, and only where its locks hold.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use florin_storage::DatabaseUrl;

use crate::filesystem::network_filesystem;

/// The right to serve a database, as long as this lives. The system takes it back when the process ends, however it
/// ends, so the file that stays behind means nothing.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: Option<File>,
}

/// Refused because this database can't be served here and now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimRefused {
    /// The locks of SQLite can't be relied upon there.
    #[error(
        "{} is on a network filesystem ({kind}), where SQLite loses data: \
         put it on a local disk, or use PostgreSQL for several machines", path.display()
    )]
    NetworkFilesystem {
        /// The file.
        path: PathBuf,
        /// The filesystem.
        kind: String,
    },
    /// Another server has it.
    #[error(
        "another server is serving {}: stop it, or name another file by --database-url; \
         PostgreSQL is for several servers", path.display()
    )]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// There is no lock to be had.
    #[error("can't lock {}: {error}", path.display())]
    NoLock {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl Claim {
    /// Claims the database; a PostgreSQL one needs no claim.
    pub(crate) fn lay(url: &DatabaseUrl) -> Result<Claim, ClaimRefused> {
        let Some(path) = url.sqlite_path() else { return Ok(Claim { _lock: None }) };
        check_filesystem(path)?;
        let lock_path = path.with_added_extension("lock");
        let no_lock = |error| ClaimRefused::NoLock { path: lock_path.clone(), error };
        let lock = File::create(&lock_path).map_err(no_lock)?;
        match lock.try_lock() {
            Ok(()) => Ok(Claim { _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(ClaimRefused::Taken { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(no_lock(error)),
        }
    }
}

/// Refuses a SQLite file on a network filesystem, whatever it is wanted for.
pub(crate) fn check_filesystem(path: &Path) -> Result<(), ClaimRefused> {
    match network_filesystem(path) {
        Some(kind) => Err(ClaimRefused::NetworkFilesystem { path: path.to_owned(), kind }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_served_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("florin.db"));
        let first = Claim::lay(&url).unwrap();
        assert!(matches!(Claim::lay(&url), Err(ClaimRefused::Taken { .. })));
        drop(first);
        assert!(Claim::lay(&url).is_ok());
    }

    #[test]
    fn postgres_may_be_served_by_many() {
        let url: DatabaseUrl = "postgres://florin@localhost/florin".parse().unwrap();
        let claims = [Claim::lay(&url), Claim::lay(&url)];
        assert!(claims.iter().all(Result::is_ok));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let url: DatabaseUrl = "sqlite:///no/such/folder/florin.db".parse().unwrap();
        let refused = Claim::lay(&url).unwrap_err().to_string();
        assert!(refused.starts_with("can't lock /no/such/folder/florin.db.lock: No such file"), "{refused}");
    }
}
