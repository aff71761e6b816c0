//! Webhooks, from the call that makes something happen to the receiver that hears of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use florin_tests::{
    Behaviour, Client, DOCUMENTED, Database, Kind, Receiver, eventually, make_endpoint,
    make_everything_happen, server_time, wait_until,
};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_documented_event_arrives_signed_with_the_object_as_it_was(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = Client::new(server.url());
    let receiver = Receiver::start().await;
    let (id, secret) = make_endpoint(&client, json!({ "url": receiver.url("/hooks") })).await;
    make_everything_happen(&client).await;
    let arrived = || -> BTreeSet<String> {
        let kinds =
            receiver.received().into_iter().filter_map(|one| one.event["type"].as_str().map(str::to_owned));
        kinds.collect()
    };
    wait_until("the documented events", 20, || {
        let arrived = arrived();
        DOCUMENTED.iter().all(|kind| arrived.contains(*kind))
    })
    .await;
    for received in receiver.received() {
        assert!(received.is_signed_by(&secret), "{received:?}");
        let mut forged = received.clone();
        forged.bytes.push(b' ');
        assert!(!forged.is_signed_by(&secret));
        let event = client.get(&format!("/v1/events/{}", received.id())).await.expect_status(200);
        assert_eq!(event.body, received.event);
        assert_eq!(received.headers["webhook-id"], received.id());
    }
    // The log of deliveries tells of each.
    let events = client.get("/v1/events?limit=100").await.expect_status(200).body;
    let path = format!("/v1/webhook_endpoints/{id}/deliveries?limit=100&status=succeeded");
    let delivered = eventually("all to be written down", 20, || async {
        let page = client.get(&path).await.expect_status(200).body;
        (page["total_count"] == events["total_count"]).then_some(page)
    })
    .await;
    for delivery in delivered["data"].as_array().expect("deliveries") {
        assert_eq!(delivery["tries"][0]["status_code"], 204, "{delivery}");
        assert_eq!(delivery["next_try_at"], Value::Null);
    }
    database.check_all_rules();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_hears_of_what_it_chose_and_a_rotated_secret_signs_beside_the_new_one() {
    let database = Database::sqlite();
    let server = database.launch().start();
    let client = Client::new(server.url());
    let receiver = Receiver::start().await;
    let body = json!({ "url": receiver.url("/"), "events": ["payment.succeeded"] });
    let (id, old) = make_endpoint(&client, body).await;
    let path = format!("/v1/webhook_endpoints/{id}");
    let rotated = client.post(&format!("{path}/rotate_secret"), &json!({})).await.expect_status(200);
    let new = rotated.body["secret"].as_str().expect("it is shown once").to_owned();
    assert_ne!(new, old);
    client.pay(100).await;
    wait_until("the event", 20, || !receiver.received().is_empty()).await;
    let both = receiver.received().remove(0);
    assert_eq!(both.event["type"], "payment.succeeded");
    assert!(both.is_signed_by(&old) && both.is_signed_by(&new), "{both:?}");
    // Without an overlap the old one is worth nothing at once.
    let rotated = client.post(&format!("{path}/rotate_secret"), &json!({ "overlap_seconds": 0 })).await;
    let newest = rotated.expect_status(200).body["secret"].as_str().expect("it is shown once").to_owned();
    client.post(&format!("{path}/test"), &json!({})).await.expect_status(202);
    wait_until("the test event", 20, || receiver.received().len() == 2).await;
    let test = receiver.received().remove(1);
    assert_eq!(test.event["type"], "webhook_endpoint.test");
    assert!(test.is_signed_by(&newest) && !test.is_signed_by(&new) && !test.is_signed_by(&old));
    assert!(!client.get(&path).await.expect_status(200).text.contains("whsec_"));
    // What is deleted hears nothing and is not found.
    client.send(Method::DELETE, &path, None, None).await.expect("an answer").expect_status(200);
    client.get(&path).await.expect_error(404, "webhook_endpoint_not_found");
    client.pay(100).await;
    client.get("/v1/events").await.expect_status(200);
    assert_eq!(receiver.received().len(), 2);
    database.check_all_rules();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_gone_disables_and_what_was_given_up_is_redelivered(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = Client::new(server.url());
    let status = Arc::new(AtomicUsize::new(500));
    let answered = Arc::clone(&status);
    let receiver = Receiver::answering(move |_| {
        let status = u16::try_from(answered.load(Ordering::SeqCst)).expect("a status");
        Behaviour::Answer(status, Vec::new())
    })
    .await;
    let before = server_time(&client).await;
    let body = json!({ "url": receiver.url("/"), "events": ["payment.succeeded"] });
    let (id, _) = make_endpoint(&client, body).await;
    let path = format!("/v1/webhook_endpoints/{id}");
    let watcher = Receiver::start().await;
    let body = json!({ "url": watcher.url("/"), "events": ["webhook_endpoint.disabled"] });
    make_endpoint(&client, body).await;
    client.pay(100).await;
    let delivery = async || client.get(&format!("{path}/deliveries")).await.body["data"][0].clone();
    let failed = eventually("the first try", 20, || async {
        let delivery = delivery().await;
        (delivery["failed_tries"] == 1).then_some(delivery)
    })
    .await;
    assert_eq!((&failed["status"], &failed["tries"][0]["status_code"]), (&json!("pending"), &json!(500)));
    assert_eq!(failed["tries"][0]["answer"], "no");
    // The next try is five seconds later, a fifth more or less; then the endpoint says that it is gone.
    status.store(410, Ordering::SeqCst);
    wait_until("the second try", 20, || receiver.received().len() == 2).await;
    let times: Vec<Instant> = receiver.received().iter().map(|one| one.at).collect();
    let wait = times[1] - times[0];
    assert!((Duration::from_millis(3900)..Duration::from_millis(8500)).contains(&wait), "{wait:?}");
    wait_until("word of it", 20, || !watcher.received().is_empty()).await;
    let told = watcher.received().remove(0).event;
    assert_eq!(told["data"]["object"]["disabled_reason"], "gone");
    let disabled = client.get(&path).await.body;
    assert_eq!((&disabled["enabled"], &disabled["disabled_reason"]), (&json!(false), &json!("gone")));
    client.post(&format!("{path}/test"), &json!({})).await.expect_error(409, "webhook_endpoint_is_disabled");
    // While it is disabled it hears nothing; afterwards all of it can be had again.
    client.pay(200).await;
    status.store(204, Ordering::SeqCst);
    let enable = json!({ "enabled": true });
    client.send(Method::PATCH, &path, Some(&enable), None).await.expect("an answer").expect_status(200);
    let since = json!({ "since": before });
    let again = client.post(&format!("{path}/redeliver"), &since).await.expect_status(200);
    assert_eq!(again.body["deliveries"], 2, "{}", again.text);
    wait_until("both", 20, || receiver.received().len() == 4).await;
    let event = delivery().await["event_id"].as_str().expect("an id").to_owned();
    client.post(&format!("/v1/events/{event}/redeliver"), &json!({})).await.expect_status(200);
    wait_until("one of them again", 20, || receiver.received().len() == 5).await;
    assert_eq!(receiver.counts("/")[&event], 2);
    database.check_all_rules();
}
