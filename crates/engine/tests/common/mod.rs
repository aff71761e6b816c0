//! An engine on a fresh database of each kind, with a sandbox beside it.

#![allow(dead_code, reason = "each test file uses a part of the harness")]
#![allow(clippy::disallowed_methods, reason = "tests read the wall clock")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{KeyId, Mode, TenantId};
use florin_engine::access::{Caller, Context, Scopes};
use florin_engine::{Engine, EngineSettings};
use florin_processors::{Sandbox, SandboxSettings};
use florin_storage::DatabaseUrl;

/// A clock that tests move forward.
#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Now, as moved.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }

    /// Moves on.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_secs()).expect("seconds"), Ordering::SeqCst);
    }
}

/// An engine, its database and its sandbox.
pub(crate) struct Harness {
    pub engine: Engine,
    pub url: DatabaseUrl,
    pub books: PathBuf,
    pub clock: TestClock,
    pub tenant: TenantId,
    database: TestDatabase,
}

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// The databases to test on: SQLite always, PostgreSQL when there is one.
pub(crate) fn kinds() -> Vec<Kind> {
    let mut kinds = vec![Kind::Sqlite];
    if std::env::var_os("FLORIN_TEST_POSTGRES_URL").is_some() {
        kinds.push(Kind::Postgres);
    }
    kinds
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
                let admin = std::env::var("FLORIN_TEST_POSTGRES_URL").expect("checked by kinds()");
                let name = format!("engine_{}", uuid::Uuid::now_v7().simple());
                execute(&admin, &format!("CREATE DATABASE {name}"));
                let (server, _) = admin.rsplit_once('/').expect("a URL with a database");
                let url = format!("{server}/{name}").parse().expect("a URL");
                TestDatabase { url, folder, postgres: Some((admin, name)) }
            }
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some((admin, name)) = &self.postgres {
            execute(admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

fn execute(url: &str, sql: &str) {
    use diesel::connection::SimpleConnection;
    let url: DatabaseUrl = url.parse().expect("a URL");
    url.connect().and_then(|mut connection| Ok(connection.batch_execute(sql)?)).expect("the statement");
}

impl Harness {
    /// An engine with the usual settings.
    pub(crate) fn start(kind: Kind) -> Self {
        Harness::start_with(kind, |_| {})
    }

    /// An engine with other settings.
    pub(crate) fn start_with(kind: Kind, change: impl FnOnce(&mut EngineSettings)) -> Self {
        let database = TestDatabase::new(kind);
        florin_storage::migrate(&database.url).expect("migrations");
        let clock = TestClock::default();
        let books = database.folder.path().join("sandbox.books");
        let engine = start_engine(&database.url, &books, &clock, change);
        let tenant = TenantId::from_uuid(uuid::Uuid::now_v7());
        Harness { engine, url: database.url.clone(), books, clock, tenant, database }
    }

    /// The call of a key of this test's tenant.
    pub(crate) fn context(&self) -> Context {
        Context {
            caller: Caller {
                tenant_id: self.tenant,
                mode: Mode::Test,
                key_id: KeyId::from_uuid(uuid::Uuid::now_v7()),
                scopes: Scopes::ADMIN,
                limit_per_minute: None,
                limit_per_second: None,
            },
            request_id: "req_test".to_owned(),
        }
    }
}

/// Starts an engine on a database.
pub(crate) fn start_engine(
    url: &DatabaseUrl,
    books: &std::path::Path,
    clock: &TestClock,
    change: impl FnOnce(&mut EngineSettings),
) -> Engine {
    let now = clock.clone();
    let mut settings = EngineSettings::new(url.clone(), Arc::new(move || now.now()));
    settings.processor_timeout = Duration::from_secs(5);
    settings.recovery_interval = Duration::from_secs(3600);
    change(&mut settings);
    let now = clock.clone();
    let sandbox =
        Sandbox::open(books, SandboxSettings::default(), Arc::new(move || now.now())).expect("a sandbox");
    Engine::start(settings, vec![Arc::new(sandbox)]).expect("an engine")
}
