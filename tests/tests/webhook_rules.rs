//! What holds for deliveries beside arriving: secrets at rest, when it is tried again, how much is read, when it is given up.

use chrono::{DateTime, TimeDelta};
use florin_tests::{
    Behaviour, Client, Database, Kind, Receiver, eventually, make_endpoint, server_time, wait_until,
};
use rstest::rstest;
use serde_json::{Value, json};

const OLD_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW_KEY: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// An endpoint's newest delivery, once it is so.
async fn delivery(client: &Client, endpoint: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/webhook_endpoints/{endpoint}/deliveries");
    eventually("the delivery", 20, || async {
        let delivery = client.get(&path).await.expect_status(200).body["data"][0].clone();
        is_so(&delivery).then_some(delivery)
    })
    .await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_encrypted_and_outlive_the_key_that_encrypted_them(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let both = format!("{NEW_KEY},{OLD_KEY}");
    let launch = |key: &str| database.launch().setting("CREDENTIALS_KEY", key);
    let mut server = launch(OLD_KEY).start();
    let client = Client::new(server.url());
    let receiver = Receiver::start().await;
    let (id, old) = make_endpoint(&client, json!({ "url": receiver.url("/") })).await;
    let path = format!("/v1/webhook_endpoints/{id}");
    let rotated = client.post(&format!("{path}/rotate_secret"), &json!({})).await.expect_status(200);
    let new = rotated.body["secret"].as_str().expect("it is shown once").to_owned();
    server.terminate();
    server.ended(30).await;
    let reencrypt = |keys: &str| {
        let key = [("FLORIN_CREDENTIALS_KEY", keys)];
        database.florin_with(&["processors", "reencrypt"], &key)
    };
    let keyless = reencrypt(NEW_KEY);
    assert!(keyless.code == Some(2) && keyless.stderr.contains("does not name"), "{keyless:?}");
    for expected in ["encrypted 2 of 2 second factors and webhook secrets", "encrypted 0 of 2"] {
        let output = reencrypt(&both);
        assert!(output.stderr.contains(expected), "{output:?}");
    }
    let server = launch(NEW_KEY).start();
    let client = client.at(server.url());
    client.post(&format!("{path}/test"), &json!({})).await.expect_status(202);
    wait_until("the test event", 20, || !receiver.received().is_empty()).await;
    let test = receiver.received().remove(0);
    assert!(test.is_signed_by(&old) && test.is_signed_by(&new));
    database.check_all_rules();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_be_left_alone_for_a_while_is() {
    let database = Database::sqlite();
    let server = database.launch().start();
    let client = Client::new(server.url());
    let now = server_time(&client).await;
    let now = DateTime::parse_from_rfc3339(&now).expect("a time");
    let at = (now + TimeDelta::minutes(20)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (asked, minutes) in [("1200", 20), (&*at, 20), ("0", 0), ("soon", 0)] {
        let asked = asked.to_owned();
        let receiver =
            Receiver::answering(move |_| Behaviour::Answer(503, vec![("retry-after", asked.clone())])).await;
        let body = json!({ "url": receiver.url("/"), "events": ["payment.succeeded"] });
        let (id, _) = make_endpoint(&client, body).await;
        client.pay(100).await;
        let failed = delivery(&client, &id, |delivery| delivery["failed_tries"] == 1).await;
        let next = failed["next_try_at"].as_str().expect("it is tried again");
        let wait = DateTime::parse_from_rfc3339(next).expect("a time") - now;
        // The test itself takes some of it.
        let expected = TimeDelta::minutes(minutes) - TimeDelta::seconds(5)..TimeDelta::minutes(minutes + 1);
        assert!(expected.contains(&wait), "{failed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_endless_answer_the_beginning_is_read() {
    let database = Database::sqlite();
    let server = database.launch().start();
    let client = Client::new(server.url());
    let receiver = Receiver::answering(|_| Behaviour::Endless).await;
    let body = json!({ "url": receiver.url("/"), "events": ["payment.succeeded"] });
    let (id, _) = make_endpoint(&client, body).await;
    client.pay(100).await;
    let delivered = delivery(&client, &id, |delivery| delivery["status"] == "succeeded").await;
    assert_eq!(delivered["tries"][0]["answer"].as_str().map(str::len), Some(1024));
    // Long before the time-out, and of all that could be had.
    assert!(delivered["tries"][0]["duration_ms"].as_i64() < Some(10_000), "{delivered}");
    let sent = eventually("the end of it", 20, || std::future::ready(receiver.sent_in_vain())).await;
    assert!(sent < 16 << 20, "{sent} bytes were taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_go_by_no_proxy_whatever_the_environment_names() {
    let database = Database::sqlite();
    let (proxy, receiver) = (Receiver::start().await, Receiver::start().await);
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let launch =
        names.into_iter().fold(database.launch(), |launch, name| launch.variable(name, proxy.url("")));
    let server = launch.start();
    let client = Client::new(server.url());
    make_endpoint(&client, json!({ "url": receiver.url("/"), "events": ["payment.succeeded"] })).await;
    client.pay(100).await;
    wait_until("the event", 20, || !receiver.received().is_empty()).await;
    assert_eq!(proxy.connections(), 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn after_five_days_of_failures_an_endpoint_is_disabled_and_others_are_told(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = Client::new(server.url());
    let receiver = Receiver::answering(|_| Behaviour::Answer(500, Vec::new())).await;
    let body = json!({ "url": receiver.url("/"), "events": ["payment.succeeded"] });
    let (id, _) = make_endpoint(&client, body).await;
    let watcher = Receiver::start().await;
    let body = json!({ "url": watcher.url("/"), "events": ["webhook_endpoint.disabled"] });
    make_endpoint(&client, body).await;
    let path = format!("/v1/webhook_endpoints/{id}");
    let (five_days, ten_minutes) = (5 * 86_400_000_000_i64, 600_000_000);
    // As if the failures had begun, or somebody had enabled it, that much earlier.
    for (turn, failing, enabled) in
        [(1, five_days - ten_minutes, 6 * five_days), (2, ten_minutes, -6 * five_days)]
    {
        client.pay(100).await;
        let failed = delivery(&client, &id, |delivery| delivery["failed_tries"] == 1).await;
        assert_eq!(
            (receiver.received().len(), &client.get(&path).await.body["enabled"]),
            (turn, &json!(true)),
            "{failed}"
        );
        database.execute(&format!("UPDATE failing_endpoints SET since = since - {failing}"));
        database.execute(&format!("UPDATE webhook_endpoints SET enabled_at = enabled_at - {enabled}"));
    }
    // Whoever has just enabled it again has five days of their own.
    client.pay(100).await;
    wait_until("the third try", 20, || receiver.received().len() == 3).await;
    delivery(&client, &id, |delivery| delivery["failed_tries"] == 1).await;
    assert!(watcher.received().is_empty());
    database.execute(&format!("UPDATE webhook_endpoints SET enabled_at = enabled_at - {}", 6 * five_days));
    client.pay(100).await;
    wait_until("word of it", 20, || !watcher.received().is_empty()).await;
    let told = watcher.received().remove(0).event;
    assert_eq!(told["data"]["object"]["disabled_reason"], "failing");
    let disabled = client.get(&path).await.body;
    assert_eq!((&disabled["enabled"], &disabled["disabled_reason"]), (&json!(false), &json!("failing")));
    database.check_all_rules();
}
