//! SIGTERM: the server ends when all is done, and nothing that began is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use florin_processors::sandbox::Books;
use florin_tests::{Client, Database, Kind, Reply, compare_books, wait_until};
use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

fn payment() -> Value {
    json!({ "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success" })
}

fn charges_begun(database: &Database) -> usize {
    Books::read(&database.books()).map_or(0, Iterator::count)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_answered_before_the_server_ends(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let mut server = database.launch().setting("SANDBOX_LATENCY_MS", 1500).start();
    let client = database.client(&server);
    let callers = 20;
    let requests: Vec<_> = (0..callers)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.post("/v1/payments", &payment()).await })
        })
        .collect();
    wait_until("all charges to be under way", 30, || charges_begun(&database) == callers).await;
    server.terminate();
    for request in requests {
        request.await.expect("it was answered").expect_status(201);
    }
    let status = server.ended(30).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert_eq!(database.open_attempts(), 0);
    database.check_all_rules();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn charges_whose_callers_hung_up_are_finished_before_the_server_ends(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let mut server = database.launch().setting("SANDBOX_LATENCY_MS", 1500).start();
    let client = database.client(&server);
    let callers: Vec<_> = (0..5)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.post("/v1/payments", &payment()).await })
        })
        .collect();
    wait_until("all charges to be under way", 30, || charges_begun(&database) == 5).await;
    callers.iter().for_each(tokio::task::JoinHandle::abort);
    server.terminate();
    assert_eq!(server.ended(30).await.code(), Some(0), "{}", server.log());
    assert_eq!(database.open_attempts(), 0, "a charge was left open");

    let again = database.launch().start();
    let agreed = compare_books(&database.client(&again), &database.books()).await;
    assert_eq!((agreed.payments, agreed.captured), (5, 5000));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_undoes_a_canceled_charge_is_finished_though_nobody_waits_for_it(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let mut server = database.launch().setting("SANDBOX_LATENCY_MS", 1500).start();
    let client = database.client(&server);
    let paying = {
        let client = client.clone();
        tokio::spawn(async move { client.post("/v1/payments", &payment()).await })
    };
    wait_until("the charge to be under way", 30, || charges_begun(&database) == 1).await;
    let listed = client.get("/v1/payments").await.expect_status(200).body;
    let id = listed["data"][0]["id"].as_str().expect("the payment is there").to_owned();
    client.post(&format!("/v1/payments/{id}/cancel"), &json!({})).await.expect_status(202);
    paying.await.expect("no panic");
    // The charge has succeeded, and its refund has just been sent.
    server.terminate();
    assert_eq!(server.ended(30).await.code(), Some(0), "{}", server.log());
    assert_eq!(database.open_attempts(), 0, "the refund was left open");

    let again = database.launch().start();
    let client = database.client(&again);
    assert_eq!(client.payment(&id).await["status"], "canceled");
    let tally = Books::tally(&database.books()).expect("the books can be read");
    let tally = tally.values().next().expect("the charge is in the books");
    assert_eq!((tally.captured, tally.refunded), (1000, 1000));
    database.check_all_rules();
}

/// Pays until no answer comes any more, and gives back the answers.
async fn pay_until_it_ends(client: Client, answered: Arc<AtomicUsize>) -> Vec<Reply> {
    let mut replies = Vec::new();
    while let Ok(reply) = client.send(Method::POST, "/v1/payments", Some(&payment()), None).await {
        answered.fetch_add(1, Ordering::SeqCst);
        replies.push(reply);
    }
    replies
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_payment_is_lost_when_the_server_ends_under_load(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let mut server = database.launch().setting("SANDBOX_LATENCY_MS", 2).start();
    let answered = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let client = database.client(&server);
            tokio::spawn(pay_until_it_ends(client, Arc::clone(&answered)))
        })
        .collect();
    wait_until("some answers", 60, || answered.load(Ordering::SeqCst) >= 100).await;
    server.terminate();
    let status = server.ended(60).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    let replies = join_all(callers).await.into_iter().flat_map(|replies| replies.expect("no panic"));
    let replies: Vec<Reply> = replies.collect();

    assert_eq!(database.open_attempts(), 0, "a charge was left open");
    let again = database.launch().start();
    let client = database.client(&again);
    let mut paid = 0;
    for reply in replies {
        match reply.status {
            201 => {
                assert_eq!(client.payment(&reply.id()).await["status"], "succeeded");
                paid += 1;
            }
            // Refused before anything was done.
            _ => drop(reply.expect_error(503, "overloaded")),
        }
    }
    let agreed = compare_books(&client, &database.books()).await;
    assert_eq!(agreed.payments, paid, "every payment that there is was answered");
    database.check_all_rules();
}
