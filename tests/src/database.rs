//! A database of its own for each test.

use std::path::{Path, PathBuf};

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use florin_storage::{AnyConnection, DatabaseUrl};
use tempfile::TempDir;

use crate::binary::{Output, binary, clean};
use crate::client::Client;
use crate::server::Launch;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A database of the server that `FLORIN_TEST_POSTGRES_URL` names.
    Postgres,
}

/// An empty database, and a folder for what else belongs to it. Both are gone when this is dropped.
#[derive(Debug)]
pub struct Database {
    url: String,
    folder: TempDir,
    /// Where to drop the PostgreSQL database, and its name.
    made: Option<(String, String)>,
}

impl Database {
    /// A new database; none of PostgreSQL when there is no server to make it on.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn make(kind: Kind) -> Option<Database> {
        match kind {
            Kind::Sqlite => Some(Database::sqlite()),
            Kind::Postgres => match std::env::var("FLORIN_TEST_POSTGRES_URL") {
                Ok(server) if !server.is_empty() => Some(Database::on(&server)),
                _ => {
                    eprintln!("not run: FLORIN_TEST_POSTGRES_URL names no PostgreSQL");
                    None
                }
            },
        }
    }

    /// A SQLite file.
    ///
    /// # Panics
    /// When there is no room for it.
    pub fn sqlite() -> Database {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("sqlite://{}", folder.path().join("florin.db").display());
        Database { url, folder, made: None }
    }

    /// A SQLite file in a folder of its own, so that it can have a disk of its own.
    ///
    /// # Panics
    /// When there is no room for it.
    pub fn sqlite_apart() -> (Database, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let apart = folder.path().join("disk");
        std::fs::create_dir(&apart).expect("a folder can be made");
        let url = format!("sqlite://{}", apart.join("florin.db").display());
        (Database { url, folder, made: None }, apart)
    }

    /// A new database on the PostgreSQL that `server` is an address of.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn on(server: &str) -> Database {
        let name = format!("florin_{}", uuid::Uuid::now_v7().simple());
        execute(server, &format!("CREATE DATABASE {name}"));
        let (address, parameters) = match server.split_once('?') {
            Some((address, parameters)) => (address, format!("?{parameters}")),
            None => (server, String::new()),
        };
        let (host, _) = address.rsplit_once('/').expect("the address of a PostgreSQL ends with a database");
        let url = format!("{host}/{name}{parameters}");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Database { url, folder, made: Some((server.to_owned(), name)) }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is a SQLite file.
    pub fn is_sqlite(&self) -> bool {
        self.made.is_none()
    }

    /// A folder of the test's own.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The books that all servers on this database share.
    pub fn books(&self) -> PathBuf {
        self.folder.path().join("sandbox.books")
    }

    /// A server to be started on it.
    pub fn launch(&self) -> Launch {
        Launch::new(self)
    }

    /// Runs a command of the binary on it.
    ///
    /// # Panics
    /// When the binary can't be run.
    pub fn florin(&self, arguments: &[&str]) -> Output {
        self.florin_with(arguments, &[])
    }

    /// The same with variables of the environment.
    ///
    /// # Panics
    /// When the binary can't be run.
    pub fn florin_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = clean(binary());
        command.args(arguments).env("FLORIN_DATABASE_URL", &self.url).current_dir(self.folder.path());
        command.envs(variables.iter().copied());
        Output::of(command)
    }

    /// Asks `florin verify`, which has to find nothing.
    ///
    /// # Panics
    /// When it finds something.
    pub fn check_all_rules(&self) {
        let verified = self.florin(&["verify"]);
        assert_eq!(verified.code, Some(0), "florin verify found:\n{}{}", verified.stdout, verified.stderr);
    }

    /// Makes a tenant and gives back its id.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn make_tenant(&self, name: &str) -> String {
        self.florin(&["tenants", "create", name]).line().to_owned()
    }

    /// Makes a key and gives back its secret.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn make_key(&self, tenant: &str, mode: &str) -> String {
        self.florin(&["keys", "create", "--tenant", tenant, "--mode", mode]).line().to_owned()
    }

    /// A connection of its own.
    ///
    /// # Panics
    /// When it can't be opened.
    pub fn connect(&self) -> AnyConnection {
        connect(&self.url)
    }

    /// Runs SQL over a connection of its own.
    ///
    /// # Panics
    /// When it is refused.
    pub fn execute(&self, sql: &str) {
        execute(&self.url, sql);
    }

    /// How many attempts wait for an outcome.
    ///
    /// # Panics
    /// When the database can't be asked.
    pub fn open_attempts(&self) -> i64 {
        florin_storage::recovery::open_attempt_count(&mut self.connect())
            .expect("open attempts can be counted")
    }

    /// Those attempts, each in some words, for people.
    ///
    /// # Panics
    /// When the database can't be asked.
    pub fn describe_open_attempts(&self) -> Vec<String> {
        #[derive(diesel::QueryableByName)]
        struct Line {
            #[diesel(sql_type = diesel::sql_types::Text)]
            line: String,
        }
        let lines = diesel::sql_query(
            "SELECT kind || ' ' || status || ' after ' || lookups || ' look-ups, due at ' || coalesce(due_at, 0) \
             AS line FROM attempts WHERE status NOT IN ('succeeded', 'failed') ORDER BY due_at LIMIT 5",
        )
        .load::<Line>(&mut self.connect())
        .expect("open attempts can be described");
        lines.into_iter().map(|line| line.line).collect()
    }

    /// A client with the documented key for a server.
    pub fn client(&self, server: &crate::Server) -> Client {
        Client::new(server.url())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = &self.made else { return };
        let dropped = server.parse::<DatabaseUrl>().ok().and_then(|url| url.connect().ok());
        // Its server may have been stopped by the test.
        if let Some(mut connection) = dropped {
            let _best_effort = connection.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

fn connect(url: &str) -> AnyConnection {
    let url: DatabaseUrl = url.parse().expect("a test's database has a good address");
    url.connect().unwrap_or_else(|error| panic!("{url:?}: {error}"))
}

fn execute(url: &str, sql: &str) {
    connect(url).batch_execute(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
}
