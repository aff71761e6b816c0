//! The commands of the binary.

use florin_tests::{Database, Kind};
use rstest::rstest;
use serde_json::json;

#[rstest]
fn migrating_twice_applies_everything_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    let first = database.florin(&["migrate"]);
    assert!(first.line().starts_with("applied "), "{first:?}");
    let second = database.florin(&["migrate"]);
    assert!(second.line().starts_with("nothing to apply"), "{second:?}");
    database.check_all_rules();
}

#[rstest]
fn several_processes_may_migrate_at_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let migrating: Vec<_> = (0..4).map(|_| scope.spawn(|| database.florin(&["migrate"]))).collect();
        migrating.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    assert!(outputs.iter().all(|output| output.code == Some(0)), "{outputs:?}");
    let applying = outputs.iter().filter(|output| output.stdout.contains("applied ")).count();
    assert_eq!(applying, 1, "{outputs:?}");
}

#[rstest]
fn a_newer_schema_is_refused_by_every_command(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    database.florin(&["migrate"]).line();
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999')");
    let served = database.launch().by_serve().refused();
    let others =
        [&["migrate"][..], &["tenants", "list"], &["verify"]].map(|command| database.florin(command));
    for refused in others.into_iter().chain([served, database.launch().refused()]) {
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("newer"), "{refused:?}");
    }
}

#[rstest]
fn tenants_are_made_and_listed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    database.florin(&["migrate"]).line();
    let id = database.make_tenant("Bäckerei Müller");
    assert!(id.starts_with("ten_"), "{id}");
    let listed = database.florin(&["tenants", "list"]);
    assert_eq!(listed.stdout, format!("{id}\tBäckerei Müller\n"));
    let nameless = database.florin(&["tenants", "create", ""]);
    assert_eq!(nameless.code, Some(2), "{nameless:?}");
    assert!(nameless.stderr.contains("1 to 200"), "{nameless:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_until_it_is_revoked(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    database.florin(&["migrate"]).line();
    let server = database.launch().by_serve().start();
    let tenant = database.make_tenant("Shop");
    let made = database.florin(&["keys", "create", "--tenant", &tenant, "--mode", "test", "--name", "till"]);
    let secret = made.line().to_owned();
    assert!(secret.starts_with("sk_test_") && made.stdout.lines().count() == 1, "{made:?}");

    let listed = database.florin(&["keys", "list", "--tenant", &tenant]);
    assert!(!listed.stdout.contains(&secret), "the secret is shown once only");
    let key_id = listed.line().split('\t').next().expect("a line begins with an id").to_owned();
    assert!(listed.line().contains("till") && listed.line().ends_with("active\tnever used"), "{listed:?}");

    let client = database.client(&server).with_key(&secret);
    client.pay(1000).await;
    assert_eq!(database.florin(&["keys", "revoke", &key_id]).code, Some(0));
    // At once: it was used a moment ago, and the server remembers it.
    client.get("/v1/payments").await.expect_error(401, "authentication_error");
    let listed = database.florin(&["keys", "list", "--tenant", &tenant]);
    assert!(listed.line().contains("revoked 20"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_do_what_its_scopes_say() {
    let database = Database::sqlite();
    let server = database.launch().start();
    let tenant = database.make_tenant("Shop");
    let arguments = ["keys", "create", "--tenant", &tenant, "--mode", "test", "--scope", "payments:read"];
    let reader = database.client(&server).with_key(database.florin(&arguments).line());
    reader.get("/v1/payments").await.expect_status(200);
    let payment = json!({ "amount": 1, "currency": "USD", "payment_method_id": "pm_test_success" });
    let refused = reader.post("/v1/payments", &payment).await.expect_error(403, "permission_denied");
    assert!(refused.text.contains("payments:write"), "{}", refused.text);
}

#[test]
fn what_is_not_there_is_named() {
    let database = Database::sqlite();
    let missing = database.florin(&["tenants", "list"]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.stderr.contains("florin migrate"), "{missing:?}");
    assert!(!database.folder().join("florin.db").exists(), "a misspelled name made a file");

    database.florin(&["migrate"]).line();
    let tenant = "ten_01jgfjjz00e008000000000001";
    let no_tenant = database.florin(&["keys", "create", "--tenant", tenant, "--mode", "test"]);
    assert!(no_tenant.code == Some(2) && no_tenant.stderr.contains(tenant), "{no_tenant:?}");
    let key = "key_01jgfjjz00e008000000000001";
    let no_key = database.florin(&["keys", "revoke", key]);
    assert!(no_key.code == Some(2) && no_key.stderr.contains(key), "{no_key:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn verify_names_what_was_corrupted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = database.client(&server);
    let id = client.pay(1000).await;
    client.pay(500).await;
    let refund = client.post(&format!("/v1/payments/{id}/refund"), &json!({ "amount": 300 })).await;
    refund.expect_status(200);
    database.check_all_rules();
    // Each statement is undone by the next one's neighbour, so that each violation is the only one.
    for (corrupt, repair, named) in [
        (
            "UPDATE payments SET amount_refunded = 299 WHERE amount = 1000",
            "UPDATE payments SET amount_refunded = 300 WHERE amount = 1000",
            "amount_refunded is 299",
        ),
        (
            "UPDATE payments SET amount_captured = 999 WHERE amount = 1000",
            "UPDATE payments SET amount_captured = 1000 WHERE amount = 1000",
            "999",
        ),
        (
            "UPDATE refunds SET status = 'failed'",
            "UPDATE refunds SET status = 'succeeded'",
            "amount_refunded is 300",
        ),
        (
            "UPDATE attempts SET status = 'failed' WHERE kind = 'charge' AND amount = 1000",
            "UPDATE attempts SET status = 'succeeded' WHERE kind = 'charge' AND amount = 1000",
            &id,
        ),
        ("UPDATE counters SET total = total + 1", "UPDATE counters SET total = total - 1", "counter"),
        (
            "UPDATE payments SET event_count = event_count + 1 WHERE amount = 1000",
            "UPDATE payments SET event_count = event_count - 1 WHERE amount = 1000",
            "event_count",
        ),
    ] {
        database.execute(corrupt);
        let found = database.florin(&["verify"]);
        assert_eq!(found.code, Some(1), "{corrupt}: {found:?}");
        assert!(found.stdout.contains(named), "{corrupt}: {found:?}");
        database.execute(repair);
        database.check_all_rules();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_card_numbers_in_the_database_and_in_logs(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    database.client(&server).pay(1000).await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("florin.log");
    let log_name = log.display().to_string();
    std::fs::write(&log, "2025-11-06T19:54:00.123456Z INFO started\n").unwrap();
    let verify = || database.florin(&["verify", "--card-numbers", "--log-file", &log_name]);
    let clean = verify();
    assert_eq!((clean.code, clean.stdout.as_str()), (Some(0), ""), "{clean:?}");
    assert!(clean.stderr.contains("1 lines of logs: 0 card numbers"), "{clean:?}");

    database.execute("UPDATE payments SET description = '4242 4242 4242 4242'");
    std::fs::write(&log, "a\nb\nGET /4242424242424242\n").unwrap();
    let found = verify();
    assert_eq!(found.code, Some(1));
    assert!(found.stdout.contains("payments, row ") && found.stdout.contains("in description"), "{found:?}");
    assert!(found.stdout.contains("florin.log, line 3: a card number"), "{found:?}");
    assert!(!found.stdout.contains("4242") && found.stderr.contains("2 card numbers"), "{found:?}");

    let missing = database.florin(&["verify", "--card-numbers", "--log-file", "nowhere.log"]);
    assert!(missing.code == Some(2) && missing.stderr.contains("nowhere.log"), "{missing:?}");
    let senseless = database.florin(&["verify", "--log-file", &log_name]);
    assert!(senseless.stderr.contains("--card-numbers"), "{senseless:?}");
}

#[test]
fn serve_refuses_wrong_settings_and_says_what_to_write() {
    let database = Database::sqlite();
    database.florin(&["migrate"]).line();
    let serve = || database.launch().by_serve();
    for (launch, said) in [
        (serve().without_setting("DATABASE_URL"), &["FLORIN_DATABASE_URL", "not set", "postgres://"][..]),
        (
            serve().setting("DATABASE_URL", "mysql://root:secret@db/x"),
            &["FLORIN_DATABASE_URL", "mysql", "sqlite://"],
        ),
        (serve().setting("WRITERS", "many"), &["FLORIN_WRITERS", "many", "1 to 16"]),
        (serve().setting("RATE_LIMIT_PER_MINUTE", "-1"), &["FLORIN_RATE_LIMIT_PER_MINUTE", "whole number"]),
        (serve().setting("RATE_LIMIT_PER_MINUT", "5"), &["FLORIN_RATE_LIMIT_PER_MINUTE", "did you mean"]),
        (serve().setting("LOG_FORMAT", "xml"), &["FLORIN_LOG_FORMAT", "text or json"]),
        (serve().setting("CONFIG", "/no/such/file.toml"), &["/no/such/file.toml"]),
    ] {
        let refused = launch.refused();
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(said.iter().all(|part| refused.stderr.contains(part)), "{said:?}: {}", refused.stderr);
        assert!(!refused.stderr.contains("secret"), "a password was printed: {}", refused.stderr);
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    }
}

#[test]
fn serve_refuses_a_database_that_was_not_migrated() {
    let database = Database::sqlite();
    let refused = database.launch().by_serve().refused();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("florin migrate"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_knows_no_documented_key() {
    let database = Database::sqlite();
    database.florin(&["migrate"]).line();
    let server = database.launch().by_serve().start();
    database.client(&server).get("/v1/payments").await.expect_error(401, "authentication_error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_one_sqlite_file_is_refused() {
    let database = Database::sqlite();
    let server = database.launch().start();
    for second in [database.launch(), database.launch().by_serve()] {
        let refused = second.refused();
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("another server"), "{refused:?}");
    }
    database.client(&server).pay(1000).await;
    // Killed, it leaves nothing behind that keeps the next one away.
    server.kill();
    let next = database.launch().start();
    assert_eq!(database.client(&next).all_payments().await.len(), 1);
}
