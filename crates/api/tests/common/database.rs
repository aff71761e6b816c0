//! A database of its own for each test: on SQLite always, on PostgreSQL when the environment names one.

use diesel::connection::SimpleConnection;
use florin_storage::DatabaseUrl;
use tempfile::TempDir;

/// Names the PostgreSQL to test on, whose user may make databases.
const POSTGRES: &str = "FLORIN_TEST_POSTGRES_URL";

/// A database that is gone when the test ends, and a folder for what else the test writes.
pub(crate) struct TestDatabase {
    pub url: DatabaseUrl,
    pub folder: TempDir,
    postgres: Option<(String, String)>,
}

impl TestDatabase {
    /// An empty database of each kind there is.
    pub(crate) fn all() -> Vec<TestDatabase> {
        let postgres = std::env::var(POSTGRES).ok().map(TestDatabase::postgres);
        std::iter::once(TestDatabase::sqlite()).chain(postgres).collect()
    }

    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = DatabaseUrl::Sqlite(folder.path().join("florin.db"));
        TestDatabase { url, folder, postgres: None }
    }

    fn postgres(server: String) -> Self {
        let name = format!("api_{}", uuid::Uuid::now_v7().simple());
        execute(&server, &format!("CREATE DATABASE {name}"));
        let (host, _) = server.rsplit_once('/').expect("a URL with a database");
        let url = format!("{host}/{name}").parse().expect("a URL");
        let folder = tempfile::tempdir().expect("a temporary folder");
        TestDatabase { url, folder, postgres: Some((server, name)) }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.postgres {
            execute(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

fn execute(server: &str, sql: &str) {
    let url: DatabaseUrl = server.parse().expect("a URL");
    url.connect().and_then(|mut connection| Ok(connection.batch_execute(sql)?)).expect("the statement");
}
