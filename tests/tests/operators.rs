//! The commands for what needs a person: `florin open-items`, `florin attempts` and `florin reconcile`.

use florin_tests::{Client, Database, Kind, Output, Server};
use rstest::rstest;
use serde_json::{Value, json};

/// What an operator would have made by `openssl rand -hex 32`.
const CREDENTIALS_KEY: (&str, &str) =
    ("FLORIN_CREDENTIALS_KEY", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

/// The tenant of the documented key.
fn tenant(database: &Database) -> String {
    database.florin(&["tenants", "list"]).line().split('\t').next().expect("an id").to_owned()
}

/// A command about the test objects of a tenant.
fn asked(database: &Database, tenant: &str, arguments: &[&str]) -> Output {
    database.florin(&[arguments, &["--tenant", tenant, "--mode", "test"]].concat())
}

/// Commands that change something on SQLite want the file for themselves.
fn stop_on_sqlite(database: &Database, server: Server, command: impl Fn() -> Output) -> Option<Server> {
    if !database.is_sqlite() {
        return Some(server);
    }
    let refused = command();
    assert!(refused.code == Some(2) && refused.stderr.contains("a server is serving"), "{refused:?}");
    server.kill();
    None
}

/// Seven days later: the processor has never told what became of the payment's only attempt.
fn put_into_review(database: &Database, payment_id: &str) {
    let hex = if database.is_sqlite() { "lower(hex(id))" } else { "encode(id, 'hex')" };
    database.execute(
        "UPDATE attempts SET status = 'needs_review', due_at = NULL WHERE status NOT IN ('succeeded', 'failed')",
    );
    database.execute(&format!(
        "INSERT INTO open_items (tenant_id, livemode, id, revision, type, cause, message, payment_id, attempt_id, \
         processor, amount_here, currency_here, status) SELECT tenant_id, livemode, id, 1, 'needs_review', \
         'needs_review:' || {hex}, 'Unknown for 7 days ({payment_id}).', payment_id, id, processor, amount, 'USD', \
         'open' FROM attempts WHERE status = 'needs_review'"
    ));
}

/// A payment of 10.00 USD by a method of the sandbox.
async fn pay(client: &Client, method: &str) -> String {
    let payment = json!({ "amount": 1000, "currency": "USD", "payment_method_id": method });
    client.post("/v1/payments", &payment).await.id()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(output.line()).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_listed_shown_and_closed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let payment_id = pay(&database.client(&server), "pm_test_success").await;
    let tenant = tenant(&database);
    let ask = |arguments: &[&str]| asked(&database, &tenant, arguments);
    assert_eq!(
        (ask(&["open-items", "list"]).code, ask(&["open-items", "list"]).stdout.as_str()),
        (Some(0), "")
    );
    database.execute(
        "INSERT INTO open_items (tenant_id, livemode, id, revision, type, cause, message, payment_id, attempt_id, \
         processor, amount_here, currency_here, status) SELECT tenant_id, livemode, id, 1, 'missing_there', 'c', \
         'The processor does not know what succeeded here.', payment_id, id, processor, amount, 'USD', 'open' \
         FROM attempts",
    );
    let listed = ask(&["open-items", "list"]);
    let columns: Vec<&str> = listed.line().split('\t').collect();
    assert_eq!(columns[1..4], ["missing_there", "open", payment_id.as_str()], "{listed:?}");
    assert!(columns[4].starts_with("att_") && columns[5].starts_with("The processor"), "{listed:?}");
    assert_eq!(ask(&["open-items", "list", "--type", "missing_here"]).stdout, "");
    let shown = json_of(&ask(&["open-items", "show", columns[0]]));
    assert_eq!((&shown["id"], &shown["status"]), (&columns[0].into(), &"open".into()));
    let nobodys = ask(&["open-items", "show", "item_01jgfjjz00e008000000000001"]);
    assert!(nobodys.code == Some(2) && nobodys.stderr.contains("open-items list"), "{nobodys:?}");

    let close = ["open-items", "close", columns[0], "--note", "their list was late"];
    let _running = stop_on_sqlite(&database, server, || ask(&close));
    let closed = json_of(&ask(&close));
    assert_eq!((&closed["status"], &closed["note"]), (&"closed".into(), &"their list was late".into()));
    assert_eq!(ask(&["open-items", "list"]).stdout, "");
    let all = ask(&["open-items", "list", "--all"]);
    assert!(all.line().contains("\tclosed\t"), "{all:?}");
    database.check_all_rules();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_in_review_is_listed_and_resolved(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    // Recovery would find out, and a test can't wait for seven days.
    let slow = database.launch().setting("RECOVERY_INTERVAL_SECONDS", 60);
    let server = slow.start();
    let payment_id = pay(&database.client(&server), "pm_test_timeout").await;
    let tenant = tenant(&database);
    let ask = |arguments: &[&str]| asked(&database, &tenant, arguments);
    assert_eq!(ask(&["attempts", "list", "--needs-review"]).stdout, "");
    put_into_review(&database, &payment_id);
    database.check_all_rules();
    let listed = ask(&["attempts", "list", "--needs-review"]);
    let columns: Vec<&str> = listed.line().split('\t').collect();
    assert_eq!(columns[1..], [payment_id.as_str(), "sandbox", "-", "1000", "USD"], "{listed:?}");
    let item = ask(&["open-items", "list", "--type", "needs_review"]);
    let item = item.line().split('\t').next().expect("an id").to_owned();

    let resolve =
        |more: &[&str]| ask(&[&["attempts", "resolve", columns[0], "--note", "seen there"], more].concat());
    let running = stop_on_sqlite(&database, server, || resolve(&["--outcome", "failed"]));
    let closed = ask(&["open-items", "close", &item, "--note", "no"]);
    assert!(closed.code == Some(2) && closed.stderr.contains("resolve"), "{closed:?}");
    let nameless = resolve(&["--outcome", "succeeded"]);
    assert!(nameless.code == Some(2) && nameless.stderr.contains("reference"), "{nameless:?}");
    let succeeded = ["--outcome", "succeeded", "--reference", "ch_123"];
    let resolved = json_of(&resolve(&succeeded));
    assert_eq!(
        (&resolved["id"], &resolved["status"], &resolved["resolution"]),
        (&item.into(), &"closed".into(), &"succeeded".into())
    );
    // Once more changes nothing, and nothing else can be decided.
    assert_eq!(json_of(&resolve(&succeeded)), resolved);
    let other = resolve(&["--outcome", "failed"]);
    assert!(other.code == Some(2) && !other.stderr.is_empty(), "{other:?}");
    assert_eq!(ask(&["attempts", "list", "--needs-review"]).stdout, "");
    database.check_all_rules();

    let server = running.unwrap_or_else(|| slow.start());
    let payment = database.client(&server).get(&format!("/v1/payments/{payment_id}")).await;
    assert_eq!(payment.body["status"], "succeeded");
    assert_eq!(payment.body["processor_reference"], "ch_123");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_reconciled_and_what_differs_is_an_item(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let launch = database.launch().setting("CREDENTIALS_KEY", CREDENTIALS_KEY.1);
    drop(launch.start());
    let tenant = tenant(&database);
    let books = database.books();
    let variables =
        [CREDENTIALS_KEY, ("FLORIN_SANDBOX_BOOKS", books.to_str().expect("a path")), ("NONE", "{}")];
    let whose = ["--tenant", &tenant, "--mode", "test"];
    let add = ["processors", "add", "--connector", "sandbox", "--name", "eu", "--credentials-env", "NONE"];
    let added = database.florin_with(&[&add[..], &whose].concat(), &variables);
    let account = added.line().to_owned();
    let server = launch.start();
    let client = database.client(&server);
    let payment_id = pay(&client, "pm_test_success").await;
    client
        .post(&format!("/v1/payments/{payment_id}/refund"), &json!({ "amount": 300 }))
        .await
        .expect_status(200);

    let reconcile = |from: &str, to: &str| {
        let arguments = ["reconcile", "--account", &account, "--from", from, "--to", to];
        database.florin_with(&arguments, &variables)
    };
    let whole = || reconcile("2020-01-01", "2100-01-01");
    let _running = stop_on_sqlite(&database, server, whole);
    let same = whole();
    assert_eq!(same.code, Some(0), "{same:?}");
    assert!(same.stderr.contains("2 movements there, 2 here: 0 differ, 0 open items"), "{same:?}");
    let empty = reconcile("2020-01-02", "2020-01-02");
    assert!(empty.code == Some(2) && empty.stderr.contains("--from"), "{empty:?}");
    let nobodys = "pacc_01jgfjjz00e008000000000001";
    let missing = ["reconcile", "--account", nobodys, "--from", "2020-01-01", "--to", "2020-01-02"];
    assert_eq!(database.florin_with(&missing, &variables).code, Some(2));

    // The processor has lost its books.
    std::fs::write(&books, "").expect("the books can be emptied");
    for raised in [2, 0] {
        let differs = whole();
        assert_eq!(differs.code, Some(1), "{differs:?}");
        let told = format!("0 movements there, 2 here: 2 differ, {raised} open items");
        assert!(differs.stderr.contains(&told), "{differs:?}");
    }
    let items = asked(&database, &tenant, &["open-items", "list", "--type", "missing_there"]);
    assert_eq!(items.stdout.lines().filter(|line| line.contains(&payment_id)).count(), 2, "{items:?}");
    database.check_all_rules();
}
