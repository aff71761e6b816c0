//! Databases that live as long as a test, and what other clients do to them.

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use florin_storage::{AnyConnection, DatabaseUrl};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// Whether tests can run on it: always on SQLite, and on PostgreSQL when there is one.
    pub(crate) fn is_there(self) -> bool {
        self == Kind::Sqlite || std::env::var_os("FLORIN_TEST_POSTGRES_URL").is_some()
    }
}

/// A database of its own for one test.
pub(crate) struct TestDatabase {
    pub url: DatabaseUrl,
    pub folder: tempfile::TempDir,
    postgres: Option<(String, String)>,
}

impl TestDatabase {
    pub(crate) fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        match kind {
            Kind::Sqlite => {
                let path = folder.path().join("florin.db");
                TestDatabase { url: DatabaseUrl::Sqlite(path), folder, postgres: None }
            }
            Kind::Postgres => {
                let admin = std::env::var("FLORIN_TEST_POSTGRES_URL").expect("there is one, as run() checks");
                let name = format!("engine_{}", uuid::Uuid::now_v7().simple());
                execute(&admin.parse().expect("a URL"), &format!("CREATE DATABASE {name}"));
                let (server, _) = admin.rsplit_once('/').expect("a URL with a database");
                let url = format!("{server}/{name}").parse().expect("a URL");
                TestDatabase { url, folder, postgres: Some((admin, name)) }
            }
        }
    }

    /// Runs statements as another client.
    pub(crate) fn execute(&self, sql: &str) {
        execute(&self.url, sql);
    }

    /// The column `number` of the one row that a query gives.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            number: i64,
        }
        let row: Row = match &mut self.url.connect().expect("the database") {
            AnyConnection::Postgres(connection) => {
                diesel::sql_query(sql).get_result(connection).expect("a row")
            }
            AnyConnection::Sqlite(connection) => {
                diesel::sql_query(sql).get_result(connection).expect("a row")
            }
        };
        row.number
    }

    /// Keeps every other client from writing payments, until the lock is released.
    pub(crate) fn lock(&self) -> WriteLock {
        let mut connection = self.url.connect().expect("the database");
        let lock = match &connection {
            AnyConnection::Postgres(_) => {
                "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE payments IN EXCLUSIVE MODE"
            }
            AnyConnection::Sqlite(_) => "BEGIN IMMEDIATE",
        };
        connection.batch_execute(lock).expect("the lock");
        WriteLock(connection)
    }
}

/// Keeps every other client from writing payments.
pub(crate) struct WriteLock(AnyConnection);

impl WriteLock {
    pub(crate) fn release(mut self) {
        self.0.batch_execute("ROLLBACK").expect("the end of the lock");
    }
}

impl TestDatabase {
    /// Removes the database from its server. On SQLite it goes with its folder.
    pub(crate) fn remove(&self) {
        if let Some((admin, name)) = &self.postgres {
            let admin = admin.parse().expect("a URL");
            execute(&admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.remove();
    }
}

fn execute(url: &DatabaseUrl, sql: &str) {
    url.connect().and_then(|mut connection| Ok(connection.batch_execute(sql)?)).expect("the statements");
}
