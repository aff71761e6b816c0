//! An engine on a fresh database of each kind, with a scripted processor before a sandbox, and a clock that only tests
//! move.

#![allow(dead_code, unused_imports, unused_macros, reason = "each test file uses a part of the harness")]

mod accounts;
mod database;
mod processor;
mod proxy;
mod requests;
pub(crate) mod requests_of_payment;
pub(crate) mod sessions;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{KeyId, Mode, PaymentId, TenantId};
use florin_engine::access::{Caller, Context, Credential, Scopes};
use florin_engine::views::ErrorCode;
use florin_engine::{Engine, EngineSettings, TimeBy};
use florin_processors::sandbox::{Books, PaymentTally};
use florin_storage::read::{PaymentQuery, Position, Slice, list_payments};
use florin_storage::{DatabaseUrl, Realm};
use serde_json::Value;

pub(crate) use accounts::{Connectors, KEY, account, add_accounts, disable, start_with_accounts, way};
pub(crate) use database::{Kind, TestDatabase, WriteLock};
pub(crate) use processor::{Fate, Scripted};
pub(crate) use proxy::{Cut, Proxy};
pub(crate) use requests::*;

/// A clock that stands still until a test moves it.
#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Now, as moved.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let start = DateTime::from_timestamp(1_800_000_000, 0).expect("an instant");
        start + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }

    /// Moves on.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_secs()).expect("seconds"), Ordering::SeqCst);
    }

    /// Is set back, as by whoever corrects a clock.
    pub(crate) fn set_back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_secs()).expect("seconds"), Ordering::SeqCst);
    }
}

/// An engine, its database, its processor and its clock.
pub(crate) struct Harness {
    pub engine: Engine,
    pub processor: Arc<Scripted>,
    pub url: DatabaseUrl,
    pub books: PathBuf,
    pub clock: TestClock,
    pub tenant: TenantId,
    pub database: TestDatabase,
}

/// Makes a test of each function for each database. On PostgreSQL it runs when `FLORIN_TEST_POSTGRES_URL` is set.
macro_rules! test_on_each_database {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[test]
            fn on_sqlite() {
                crate::common::run(crate::common::Kind::Sqlite, super::$test);
            }

            #[test]
            fn on_postgresql() {
                crate::common::run(crate::common::Kind::Postgres, super::$test);
            }
        }
    )+};
}
pub(crate) use test_on_each_database;

/// Makes a test of each function for PostgreSQL alone.
macro_rules! test_on_postgresql {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[test]
            fn on_postgresql() {
                crate::common::run(crate::common::Kind::Postgres, super::$test);
            }
        }
    )+};
}
pub(crate) use test_on_postgresql;

/// Runs a test to its end, if there is a database of that kind.
pub(crate) fn run<F: Future<Output = ()>>(kind: Kind, test: impl FnOnce(Kind) -> F) {
    if kind.is_there() {
        runtime().block_on(test(kind));
    }
}

/// A runtime for tests.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Asks until the answer is there.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Harness {
    /// An engine with the usual settings.
    pub(crate) fn start(kind: Kind) -> Self {
        Harness::start_with(kind, |_| {})
    }

    /// An engine with other settings.
    pub(crate) fn start_with(kind: Kind, change: impl FnOnce(&mut EngineSettings)) -> Self {
        let database = TestDatabase::new(kind);
        let url = database.url.clone();
        Harness::start_on(database, url, change)
    }

    /// An engine that reaches its database at another address than everybody else.
    pub(crate) fn start_on(
        database: TestDatabase,
        url: DatabaseUrl,
        change: impl FnOnce(&mut EngineSettings),
    ) -> Self {
        florin_storage::migrate(&database.url).expect("migrations");
        let clock = TestClock::default();
        let books = database.folder.path().join("sandbox.books");
        let (engine, processor) = start_engine(&url, &books, &clock, change);
        let tenant = TenantId::from_uuid(uuid::Uuid::now_v7());
        Harness { engine, processor, url: database.url.clone(), books, clock, tenant, database }
    }

    /// A further engine beside the first, as another process would be. It does what it is told to do, and does not also
    /// sweep by itself as it starts, unless the test takes it back from being idle.
    pub(crate) fn another_engine(&self, change: impl FnOnce(&mut EngineSettings)) -> (Engine, Arc<Scripted>) {
        start_engine(&self.url, &self.books, &self.clock, |settings| {
            settings.is_idle = true;
            change(settings);
        })
    }

    /// The call of a key of this test's tenant.
    pub(crate) fn context(&self) -> Context {
        context(self.tenant, Mode::Test)
    }

    /// The payment as a caller sees it.
    pub(crate) async fn find(&self, id: PaymentId) -> Value {
        let found = self.engine.find_payment(self.context(), id).await;
        assert_eq!(found.status, 200, "{}", found.body);
        json(&found)
    }

    /// Moves the clock on and lets recovery look once; gives back how many attempts were due.
    pub(crate) async fn recover_after(&self, by: Duration) -> usize {
        self.clock.advance(by);
        self.engine.recover_now().await.expect("a sweep")
    }

    /// Makes the scripted processor an account of this test's tenant, to which webhooks may be sent.
    pub(crate) fn add_account(&self, id: &str) {
        let realm = Realm { tenant_id: self.tenant, mode: Mode::Test };
        self.engine.add_account(id, realm, Arc::clone(&self.processor) as _);
    }

    /// Sends a webhook that is signed as it should be; gives back how many of its events were new, or the error's code.
    pub(crate) async fn webhook(&self, account: &str, body: &str) -> Result<usize, ErrorCode> {
        let header = |name: &str| (name == "signature").then_some("right");
        let verified = self.engine.verify_webhook(account, &header, body.as_bytes());
        match verified {
            Ok(webhook) => self.engine.note_webhook(webhook).await.map_err(|refused| refused.code),
            Err(refused) => Err(refused.code),
        }
    }

    /// Adds a tenant.
    pub(crate) fn add_tenant(&self, id: TenantId) {
        let tenant = florin_storage::access::Tenant { id, name: id.to_string() };
        let mut connection = self.url.connect().expect("the database");
        florin_storage::access::create_tenant(&mut connection, &tenant).expect("a tenant");
    }

    /// What really happened to each payment.
    pub(crate) fn tally(&self, id: PaymentId) -> PaymentTally {
        Books::tally(&self.books).expect("the books").get(&id).copied().unwrap_or_default()
    }

    /// How many charges really happened.
    pub(crate) fn charges(&self) -> u32 {
        Books::tally(&self.books).expect("the books").values().map(|tally| tally.charges).sum()
    }

    /// How many payments there are.
    pub(crate) fn payment_count(&self) -> i64 {
        self.database.number("SELECT count(*) AS number FROM payments")
    }

    /// Ends the engine, and checks the whole database and the sandbox's books.
    pub(crate) async fn finish(self) {
        self.engine.drain().await;
        self.check();
    }

    /// Checks the whole database, and the books against it.
    pub(crate) fn check(&self) {
        check_database(&self.url);
        check_books(&self.url, &self.books, self.tenant);
    }
}

/// The call of a key of a tenant.
pub(crate) fn context(tenant_id: TenantId, mode: Mode) -> Context {
    Context {
        caller: Caller {
            tenant_id,
            mode,
            credential: Credential::Key(KeyId::from_uuid(uuid::Uuid::now_v7())),
            scopes: Scopes::ADMIN,
            limit_per_minute: None,
            limit_per_second: None,
            own_limits: (None, None),
            expires_at: None,
            grants_until: None,
            generation: 0,
            currencies: None,
        },
        request_id: "req_test".to_owned(),
        address: None,
    }
}

/// Starts an engine on a database.
pub(crate) fn start_engine(
    url: &DatabaseUrl,
    books: &Path,
    clock: &TestClock,
    change: impl FnOnce(&mut EngineSettings),
) -> (Engine, Arc<Scripted>) {
    let now = clock.clone();
    let mut settings = EngineSettings::new(url.clone(), Arc::new(move || now.now()));
    settings.time_by = TimeBy::Clock;
    settings.processor_timeout = Duration::from_secs(5);
    settings.recovery_interval = Duration::from_secs(3600);
    change(&mut settings);
    let processor = Arc::new(Scripted::open(books, clock));
    let shared: Arc<dyn florin_processors::Processor> = Arc::clone(&processor) as _;
    (Engine::start(settings, vec![shared]).expect("an engine"), processor)
}

/// Every rule over the whole database.
pub(crate) fn check_database(url: &DatabaseUrl) {
    let mut violations = Vec::new();
    let mut connection = url.connect().expect("the database");
    florin_storage::verify::verify(&mut connection, &mut |violation| violations.push(violation.to_string()))
        .expect("a check of the whole database");
    assert!(violations.is_empty(), "{violations:#?}");
}

/// What the sandbox really did, against what the payments of a tenant say. Of a payment that something is still open
/// about, only what may never happen is checked.
pub(crate) fn check_books(url: &DatabaseUrl, books: &Path, tenant_id: TenantId) {
    let mut connection = url.connect().expect("the database");
    let slice = Slice::new(100_000, Position::Offset(0));
    let query = PaymentQuery::all(Realm { tenant_id, mode: Mode::Test });
    let payments = list_payments(&mut connection, &query, slice).expect("the payments").items;
    let tallies = Books::tally(books).expect("the books");
    let by_processor = payments.into_iter().filter(|(payment, _)| payment.method_type.needs_processor());
    for (payment, attempts) in by_processor {
        let tally = tallies.get(&payment.id).copied().unwrap_or_default();
        let context = format!("{payment:#?}\n{attempts:#?}\n{tally:#?}");
        assert!(tally.charges <= 1 && tally.captures <= 1 && tally.voids <= 1, "twice: {context}");
        assert!(tally.captures + tally.voids <= 1, "captured and voided: {context}");
        assert!(tally.refunded <= tally.captured && tally.captured <= tally.authorized, "{context}");
        if attempts.iter().any(|attempt| attempt.status.is_open()) {
            continue;
        }
        let facts = (
            payment.facts.authorized().minor(),
            payment.facts.captured().minor(),
            payment.facts.refunded().minor(),
        );
        // The sandbox lets a charge that was called off be confirmed all the same; the void has released it.
        if facts.0 > 0 || tally.voids == 0 {
            assert_eq!(facts, (tally.authorized, tally.captured, tally.refunded), "{context}");
        }
    }
}
