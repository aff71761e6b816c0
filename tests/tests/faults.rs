//! A database that is locked, read-only, full or gone: 503 in the common format, nothing half done, and service goes on
//! by itself once the database is back.

use std::process::Command;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use florin_processors::sandbox::Books;
use florin_tests::{
    Client, Database, Kind, PrivatePostgres, Reply, Server, compare_books, eventually, wait_until,
};
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

fn payment() -> Value {
    json!({ "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success" })
}

/// Nothing was done, and the caller is told when to come back.
#[track_caller]
fn check_overloaded(reply: Reply) {
    let reply = reply.expect_error(503, "overloaded");
    assert_eq!(reply.body["error"]["type"], "api_error");
    assert!(reply.header("retry-after").parse::<u32>().is_ok(), "{:?}", reply.headers);
    let message = reply.body["error"]["message"].as_str().unwrap_or_default().to_lowercase();
    for internal in ["sqlite", "postgres", "locked", "readonly", "relation", "disk", "connection"] {
        assert!(!message.contains(internal), "the message tells what is inside: {message}");
    }
}

/// Payments are made again, without a restart, and the books hold nothing that Florin does not know.
async fn check_recovered(database: &Database, client: &Client) {
    eventually("payments to be made again", 60, async || {
        let reply = client.post("/v1/payments", &payment()).await;
        assert!(matches!(reply.status, 201 | 503), "{}", reply.text);
        (reply.status == 201).then_some(())
    })
    .await;
    eventually("open attempts to be settled", 60, async || (database.open_attempts() == 0).then_some(()))
        .await;
    compare_books(client, &database.books()).await;
    database.check_all_rules();
    client.get("/readyz").await.expect_status(200);
}

#[rstest]
#[case::sqlite(Kind::Sqlite, "BEGIN EXCLUSIVE")]
#[case::postgres(Kind::Postgres, "BEGIN; LOCK TABLE payments IN EXCLUSIVE MODE")]
#[tokio::test(flavor = "multi_thread")]
async fn while_somebody_locks_the_database_writes_are_refused_and_reads_go_on(
    #[case] kind: Kind,
    #[case] lock: &str,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = database.client(&server);
    let id = client.pay(1000).await;
    let mut locking = database.connect();
    locking.batch_execute(lock).expect("nobody else writes");

    // So many that they wait together, and share the wait.
    let (path, nothing, body) = (format!("/v1/payments/{id}/refund"), json!({}), payment());
    let refund = client.post(&path, &nothing);
    let payments = join_all((0..20).map(|_| client.post("/v1/payments", &body)));
    let began = Instant::now();
    let (refund, payments) = tokio::join!(refund, payments);
    check_overloaded(refund);
    payments.into_iter().for_each(check_overloaded);
    assert!(began.elapsed() < Duration::from_secs(35), "they waited {:?}", began.elapsed());
    assert_eq!(client.payment(&id).await["status"], "succeeded");

    locking.batch_execute("ROLLBACK").expect("the lock is given back");
    check_recovered(&database, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_an_idempotency_key_that_was_refused_can_be_sent_again() {
    let database = Database::sqlite();
    let server = database.launch().start();
    let client = database.client(&server);
    let mut locking = database.connect();
    locking.batch_execute("BEGIN EXCLUSIVE").expect("nobody else writes");
    let send = async || client.post_once("/v1/payments", &payment(), "order-1").await.expect("an answer");
    check_overloaded(send().await);
    locking.batch_execute("ROLLBACK").expect("the lock is given back");
    let made = send().await.expect_status(201);
    assert_eq!(made.header("idempotency-replayed"), "");
    assert_eq!(send().await.expect_status(201).text, made.text);
    assert_eq!(client.all_payments().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_sqlite_file_is_read_only_writes_are_refused() {
    let database = Database::sqlite();
    // Without its capabilities, root has to respect a file's permissions as everybody has.
    let powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let launch = database.launch();
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc")) == 0;
    let server = if is_root { launch.wrapped_by(&powerless).start() } else { launch.start() };
    let client = database.client(&server);
    client.pay(1000).await;

    let files = ["florin.db", "florin.db-wal", "florin.db-shm"].map(|name| database.folder().join(name));
    let mut locking = database.connect();
    let set_writable = |writable: bool| {
        for file in &files {
            let mode = if writable { 0o644 } else { 0o444 };
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(file, permissions).expect("one may change one's own files");
        }
    };
    set_writable(false);
    // A file that is open stays writable; being refused once makes the server open it anew.
    locking.batch_execute("BEGIN EXCLUSIVE").expect("nobody else writes");
    check_overloaded(client.post("/v1/payments", &payment()).await);
    locking.batch_execute("ROLLBACK").expect("the lock is given back");
    check_overloaded(client.post("/v1/payments", &payment()).await);
    assert!(server.log().contains("readonly"), "it was refused for another reason:\n{}", server.log());
    assert_eq!(client.all_payments().await.len(), 1);

    set_writable(true);
    check_recovered(&database, &client).await;
}

/// Lets files grow up to `bytes` only, which is for SQLite what a full disk is.
fn limit_file_size(server: &Server, bytes: &str) {
    let (pid, limit) = (server.pid().to_string(), format!("--fsize={bytes}:"));
    let limited = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
    assert!(limited.is_ok_and(|status| status.success()), "prlimit, of Debian's util-linux, did not work");
}

/// A server that survives the signal by which the system tells of the limit.
fn start_limitable(database: &Database, latency_ms: u32) -> Server {
    let ignoring = ["bash", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    database.launch().setting("SANDBOX_LATENCY_MS", latency_ms).wrapped_by(&ignoring).start()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_is_full_writes_are_refused_and_reads_go_on() {
    let database = Database::sqlite();
    let server = start_limitable(&database, 0);
    let client = database.client(&server);
    let id = client.pay(1000).await;
    limit_file_size(&server, "16384");
    for _ in 0..3 {
        check_overloaded(client.post("/v1/payments", &payment()).await);
    }
    assert_eq!(client.payment(&id).await["status"], "succeeded");
    assert_eq!(client.all_payments().await.len(), 1);
    limit_file_size(&server, "unlimited");
    check_recovered(&database, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_finds_the_disk_full_is_kept_until_there_is_room() {
    let database = Database::sqlite();
    let server = start_limitable(&database, 1000);
    let client = database.client(&server);
    let paying = {
        let client = client.clone();
        tokio::spawn(async move { client.post("/v1/payments", &payment()).await })
    };
    let is_charged = || Books::read(&database.books()).is_ok_and(|entries| entries.count() == 1);
    wait_until("the sandbox to have charged", 30, is_charged).await;
    limit_file_size(&server, "16384");
    wait_until("the outcome to be refused", 30, || server.log().contains("could not be written")).await;
    limit_file_size(&server, "unlimited");
    let paid = paying.await.expect("no panic").expect_status(201);
    assert_eq!(client.payment(&paid.id()).await["status"], "succeeded");
    check_recovered(&database, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_takes_no_writes_they_are_refused_and_reads_go_on() {
    let Some(database) = Database::make(Kind::Postgres) else { return };
    let server = database.launch().start();
    let client = database.client(&server);
    let id = client.pay(1000).await;
    let name = database.url().rsplit('/').next().expect("an address ends with a name").to_owned();
    let name = name.split('?').next().unwrap_or_default();
    // As after a switch to a standby that was not promoted: sessions end, and new ones are read-only.
    let end_sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    database.execute(end_sessions);
    eventually("the server to have noticed", 30, async || {
        let reply = client.post("/v1/payments", &payment()).await;
        check_overloaded(reply);
        server.log().contains("read-only transaction").then_some(())
    })
    .await;
    check_overloaded(client.post(&format!("/v1/payments/{id}/refund"), &json!({})).await);
    assert_eq!(client.payment(&id).await["status"], "succeeded");

    let reset = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
    database.execute(&format!("BEGIN READ WRITE; {reset}; COMMIT"));
    database.execute(end_sessions);
    check_recovered(&database, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_gone_everything_is_refused_until_it_is_back() {
    let Some(postgres) = PrivatePostgres::start_new() else { return };
    let database = Database::on(&postgres.url());
    let server = database.launch().start();
    let client = database.client(&server);
    let id = client.pay(1000).await;
    postgres.stop();
    for _ in 0..2 {
        check_overloaded(client.post("/v1/payments", &payment()).await);
        check_overloaded(client.get(&format!("/v1/payments/{id}")).await);
        check_overloaded(client.get("/v1/payments").await);
    }
    client.get("/healthz").await.expect_status(200);
    client.get("/readyz").await.expect_status(503);

    postgres.start();
    check_recovered(&database, &client).await;
    assert_eq!(client.payment(&id).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_finds_postgres_gone_is_kept_until_it_is_back() {
    let Some(postgres) = PrivatePostgres::start_new() else { return };
    let database = Database::on(&postgres.url());
    let server = database.launch().setting("SANDBOX_LATENCY_MS", 2000).start();
    let client = database.client(&server);
    let paying = {
        let client = client.clone();
        tokio::spawn(async move { client.post("/v1/payments", &payment()).await })
    };
    let is_charged = || Books::read(&database.books()).is_ok_and(|entries| entries.count() == 1);
    wait_until("the sandbox to have charged", 30, is_charged).await;
    postgres.stop();
    wait_until("the outcome to be refused", 60, || server.log().contains("could not be written")).await;
    postgres.start();
    let paid = paying.await.expect("no panic").expect_status(201);
    assert_eq!(client.payment(&paid.id()).await["status"], "succeeded");
    check_recovered(&database, &client).await;
}
