//! A fresh database for each test.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use florin_storage::{AnyConnection, DatabaseUrl, migrate};
use tempfile::TempDir;

/// A database that goes when the test ends.
pub(crate) struct TestDatabase {
    pub(crate) url: DatabaseUrl,
    _directory: Option<TempDir>,
    server: Option<(DatabaseUrl, String)>,
}

/// Runs the test on each database there is, migrated.
pub(crate) fn on_each_database(test: impl Fn(&TestDatabase)) {
    on_each_empty_database(|database| {
        migrate(&database.url).unwrap();
        test(database);
    });
}

/// Runs the test on each database there is, without any table.
pub(crate) fn on_each_empty_database(test: impl Fn(&TestDatabase)) {
    test(&TestDatabase::sqlite());
    if let Ok(server) = std::env::var("FLORIN_TEST_POSTGRES_URL") {
        test(&TestDatabase::postgres(&server));
    }
}

impl TestDatabase {
    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(directory.path().join("florin.db"));
        TestDatabase { url, _directory: Some(directory), server: None }
    }

    fn postgres(server: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("florin_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (base, _) = server.rsplit_once('/').expect("the URL names a database");
        let url = format!("{base}/{name}").parse().unwrap();
        let server: DatabaseUrl = server.parse().unwrap();
        let create = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE); CREATE DATABASE {name}");
        let mut connection = server.connect().unwrap();
        for statement in create.split(';') {
            connection.batch_execute(statement).unwrap();
        }
        TestDatabase { url, _directory: None, server: Some((server, name)) }
    }

    pub(crate) fn connect(&self) -> AnyConnection {
        self.url.connect().unwrap()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.server.is_some()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let database = if self.is_postgres() { "PostgreSQL" } else { "SQLite" };
            eprintln!("the test failed on {database}");
        }
        if let Some((server, name)) = &self.server {
            let dropped = server.connect().map(|mut connection| {
                connection.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            });
            // The test has told its result; a database left over harms nobody.
            drop(dropped);
        }
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Runs SQL that both databases understand.
pub(crate) fn run(connection: &mut AnyConnection, sql: &str) {
    connection.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The number that a query selects as `value`.
pub(crate) fn number(connection: &mut AnyConnection, sql: &str) -> i64 {
    let found: Number = diesel::sql_query(sql).get_result(connection).unwrap();
    found.value
}

/// The texts that a query selects as `value`.
pub(crate) fn texts(connection: &mut AnyConnection, sql: &str) -> Vec<String> {
    let found: Vec<Line> = diesel::sql_query(sql).load(connection).unwrap();
    found.into_iter().map(|line| line.value).collect()
}

/// Bytes as both databases write them in SQL.
pub(crate) fn blob(connection: &AnyConnection, bytes: &[u8]) -> String {
    let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match connection {
        AnyConnection::Postgres(_) => format!(r"'\x{hexadecimal}'::bytea"),
        AnyConnection::Sqlite(_) => format!("x'{hexadecimal}'"),
    }
}

/// A truth value as both databases write it in SQL.
pub(crate) fn truth(connection: &AnyConnection, value: bool) -> &'static str {
    match (connection, value) {
        (AnyConnection::Postgres(_), true) => "true",
        (AnyConnection::Postgres(_), false) => "false",
        (AnyConnection::Sqlite(_), true) => "1",
        (AnyConnection::Sqlite(_), false) => "0",
    }
}
