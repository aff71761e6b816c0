//! Opening databases: which one an address names, and how each connection is set up.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use diesel::connection::{CacheSize, Connection as _, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::StorageError;

/// A connection to either database. Reads that both understand go through this type; the hot path matches on it.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// PostgreSQL.
    Postgres(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}

/// Where a database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `postgres://…`, as libpq reads it.
    Postgres(String),
    /// `sqlite://path`, relative to the working directory unless the path starts with `/`.
    Sqlite(PathBuf),
}

/// Refused because a database address has no known form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a database URL starts with sqlite:// or postgres://, as in sqlite://florin.db or postgres://user@host/florin"
)]
pub struct UnknownDatabaseUrl;

impl FromStr for DatabaseUrl {
    type Err = UnknownDatabaseUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(DatabaseUrl::Postgres(url.to_owned()));
        }
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => Ok(DatabaseUrl::Sqlite(PathBuf::from(path))),
            _ => Err(UnknownDatabaseUrl),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    /// Without a password, so that it can be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => {
                let after_scheme = url.find("://").map_or(0, |at| at.saturating_add(3));
                let (scheme, rest) = url.split_at(after_scheme);
                match rest.rsplit_once('@') {
                    Some((credentials, host)) => {
                        let user = credentials.split(':').next().unwrap_or_default();
                        let host = host.split('?').next().unwrap_or_default();
                        write!(f, "{scheme}{user}@{host}")
                    }
                    None => write!(f, "{scheme}{}", rest.split('?').next().unwrap_or_default()),
                }
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl DatabaseUrl {
    /// The SQLite file, if it is one.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match self {
            DatabaseUrl::Sqlite(path) => Some(path),
            DatabaseUrl::Postgres(_) => None,
        }
    }

    /// Whether a pooler stands between, which lends a connection for one transaction only: `?pgbouncer=true`.
    pub fn is_pooled(&self) -> bool {
        match self {
            DatabaseUrl::Postgres(url) => url.split(['?', '&']).skip(1).any(|pair| pair == POOLED),
            DatabaseUrl::Sqlite(_) => false,
        }
    }

    /// Opens a connection and sets it up. Behind a pooler nothing is set up or kept prepared, because the next
    /// transaction is another connection's.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the database can't be reached or opened.
    pub fn connect(&self) -> Result<AnyConnection, StorageError> {
        match self {
            DatabaseUrl::Postgres(url) => {
                let mut connection = PgConnection::establish(&with_deadlines(url))
                    .map_err(|error| self.cannot_open(&error))?;
                if self.is_pooled() {
                    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
                } else {
                    connection.batch_execute(POSTGRES_SETTINGS)?;
                }
                Ok(AnyConnection::Postgres(connection))
            }
            DatabaseUrl::Sqlite(path) => {
                let path =
                    path.to_str().ok_or_else(|| StorageError::Unavailable("the path is not UTF-8".into()))?;
                let mut connection =
                    SqliteConnection::establish(path).map_err(|error| self.cannot_open(&error))?;
                connection.batch_execute(SQLITE_SETTINGS)?;
                Ok(AnyConnection::Sqlite(connection))
            }
        }
    }

    /// Opens a connection for statements that go by key, as those of working sets do.
    ///
    /// PostgreSQL plans a prepared statement once. Planned while its table is still empty it would scan the whole table
    /// for ever after, so these connections don't scan. Behind a pooler nothing is prepared, and each statement is planned
    /// by what its table holds by then.
    ///
    /// # Errors
    /// As [`DatabaseUrl::connect`].
    pub fn connect_by_key(&self) -> Result<AnyConnection, StorageError> {
        let mut connection = self.connect()?;
        if let AnyConnection::Postgres(connection) = &mut connection
            && !self.is_pooled()
        {
            connection.batch_execute(BY_KEY_SETTINGS)?;
        }
        Ok(connection)
    }

    fn cannot_open(&self, error: &ConnectionError) -> StorageError {
        StorageError::Unavailable(format!("can't open {self}: {error}"))
    }
}

/// The address with deadlines of ours where it gives none: a server that does not answer must not hang a writer.
fn with_deadlines(url: &str) -> String {
    let mut url = libpq_url(url);
    for (name, value) in DEADLINES {
        if !url.contains(name) {
            let separator = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{separator}{name}={value}");
        }
    }
    url
}

/// Half a minute after the other side has fallen silent its connection counts as broken.
const DEADLINES: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("tcp_user_timeout", "20000"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "4"),
];

/// The address without what only Florin reads.
fn libpq_url(url: &str) -> String {
    let Some((address, parameters)) = url.split_once('?') else { return url.to_owned() };
    let known: Vec<&str> = parameters.split('&').filter(|pair| !pair.starts_with("pgbouncer=")).collect();
    if known.is_empty() { address.to_owned() } else { format!("{address}?{}", known.join("&")) }
}

/// The parameter that tells of a pooler.
const POOLED: &str = "pgbouncer=true";

/// A lock is waited for, and a transaction left open, for seconds rather than for ever: the writer then rolls back.
/// Statements are short, so that compiling one takes many times as long as running it.
const POSTGRES_SETTINGS: &str = "SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '30s'; \
     SET statement_timeout = '30s'; SET client_min_messages = 'warning'; SET jit = off;";

/// Nested loops over index scans, planned once. What can't be had that way gets an estimate beyond all measure, for which
/// PostgreSQL would compile the statement each time.
const BY_KEY_SETTINGS: &str = "SET plan_cache_mode = 'force_generic_plan'; SET enable_seqscan = off; \
     SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;";

/// `synchronous = FULL`: with WAL, NORMAL loses acknowledged commits when the power fails.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; \
     PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;";

/// Makes and checks pooled connections to one database.
#[derive(Debug)]
pub struct ConnectionManager {
    url: DatabaseUrl,
}

impl ConnectionManager {
    /// Connections to `url`.
    pub fn new(url: DatabaseUrl) -> Self {
        ConnectionManager { url }
    }
}

impl r2d2::ManageConnection for ConnectionManager {
    type Connection = AnyConnection;
    type Error = StorageError;

    fn connect(&self) -> Result<AnyConnection, StorageError> {
        self.url.connect()
    }

    /// Asked before each use: a connection that PostgreSQL has closed is replaced, not handed out. A file does not hang
    /// up, and reads of SQLite are too quick to ask.
    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), StorageError> {
        match connection {
            AnyConnection::Postgres(connection) => Ok(connection.batch_execute("SELECT 1")?),
            AnyConnection::Sqlite(_) => Ok(()),
        }
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        use diesel::connection::{Connection, TransactionManager};
        type Manager = <AnyConnection as Connection>::TransactionManager;
        std::thread::panicking() || Manager::is_broken_transaction_manager(connection)
    }
}

/// A pool of connections for reading.
pub type Pool = r2d2::Pool<ConnectionManager>;

/// Opens a pool of at most `size` connections, none of them yet.
///
/// # Errors
/// Never for a valid size; connections are made when they are first needed.
pub fn open_pool(url: &DatabaseUrl, size: u32) -> Pool {
    r2d2::Pool::builder()
        .max_size(size.max(1))
        .min_idle(Some(0))
        .test_on_check_out(true)
        .connection_timeout(Duration::from_secs(5))
        .build_unchecked(ConnectionManager::new(url.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooler_is_told_of_in_the_address_and_libpq_does_not_hear_of_it() {
        for (url, is_pooled, libpq) in [
            ("postgres://a@h/d", false, "postgres://a@h/d"),
            ("postgres://a@h/d?pgbouncer=true", true, "postgres://a@h/d"),
            ("postgres://a@h/d?pgbouncer=false", false, "postgres://a@h/d"),
            ("postgres://a@h/d?sslmode=require&pgbouncer=true", true, "postgres://a@h/d?sslmode=require"),
            (
                "postgres://a@h,i/d?pgbouncer=true&target_session_attrs=read-write",
                true,
                "postgres://a@h,i/d?target_session_attrs=read-write",
            ),
        ] {
            assert_eq!(url.parse::<DatabaseUrl>().unwrap().is_pooled(), is_pooled, "{url}");
            assert_eq!(libpq_url(url), libpq, "{url}");
        }
    }

    #[test]
    fn postgresql_runs_statements_without_compiling_them_whatever_it_expects_them_to_cost() {
        let Ok(url) = std::env::var("FLORIN_TEST_POSTGRES_URL") else { return };
        let mut connection = url.parse::<DatabaseUrl>().unwrap().connect_by_key().unwrap();
        // It has no index, so the estimate is that of a scan that is not wanted.
        let explain = "EXPLAIN ANALYZE SELECT count(*) FROM pg_largeobject_metadata WHERE lomowner > 0";
        let lines: Vec<String> =
            crate::batch::Statement::<diesel::sql_types::Text>::new(explain).load(&mut connection).unwrap();
        assert!(!lines.iter().any(|line| line.starts_with("JIT")), "{}", lines.join("\n"));
    }
}
