//! What can go wrong between Florin and its database.

/// Why a storage call failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database can't be reached or opened.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database refused a statement.
    #[error(transparent)]
    Refused(#[from] diesel::result::Error),
    /// Another writer changed a row since it was loaded: reload and decide again.
    #[error("{expected} rows of {table} should have changed, {changed} did")]
    Conflict {
        /// The table.
        table: &'static str,
        /// How many rows the statement named.
        expected: usize,
        /// How many were still as they had been loaded.
        changed: usize,
    },
    /// A stored row breaks the domain's rules.
    #[error("a row of {table} is corrupt: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The schema is newer than this program, or migrations are missing.
    #[error("{0}")]
    Schema(String),
}

impl StorageError {
    /// A row that the domain does not accept.
    pub(crate) fn corrupt(table: &'static str, reason: impl std::fmt::Display) -> Self {
        StorageError::Corrupt { table, reason: reason.to_string() }
    }
}

impl From<r2d2::Error> for StorageError {
    fn from(error: r2d2::Error) -> Self {
        StorageError::Unavailable(error.to_string())
    }
}
