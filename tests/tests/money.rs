//! Credits, invoices and their numbers under many callers at once, on several servers, and while servers are killed.

use std::collections::BTreeSet;
use std::sync::Arc;

use florin_tests::{Agreement, Client, Cluster, Database, Kind, Reply, Server, eventually, scaled};
use futures_util::stream::{self, StreamExt};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::watch;

/// How many requests are under way at a time.
const AT_ONCE: usize = 64;

/// Sends so many requests, many at a time, to the servers in turn.
async fn send_all(cluster: &Cluster, count: usize, path: &str, body: impl Fn(usize) -> Value) -> Vec<Reply> {
    let requests = stream::iter(0..count).map(|number| {
        let (client, body) = (cluster.client(number).clone(), body(number));
        async move { client.post(path, &body).await }
    });
    requests.buffer_unordered(AT_ONCE).collect().await
}

/// How many replies have that status and code; a success has no code.
fn count(replies: &[Reply], status: u16, code: &str) -> usize {
    replies.iter().filter(|reply| (reply.status, reply.code()) == (status, code)).count()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_balance_for_300_of_1000_spends_is_spent_300_times(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(cluster) = Cluster::start(kind) else { return };
    let client = cluster.client(0);
    let customer = client.post("/v1/customers", &json!({})).await.expect_status(201).id();
    let credits = format!("/v1/customers/{customer}/credits");
    client.post(&credits, &json!({ "amount": 2100, "currency": "USD" })).await.expect_status(201);
    let spend = json!({
        "amount": 7, "currency": "USD", "payment_method_type": "CREDITS", "customer_id": customer,
    });
    let replies = send_all(&cluster, 1000, "/v1/payments", |_| spend.clone()).await;
    assert_eq!(count(&replies, 201, ""), 300, "{:?}", replies.first());
    assert_eq!(count(&replies, 402, "insufficient_credits"), 700);
    let left = client.get(&credits).await.expect_status(200).body;
    assert_eq!(left["balances"], json!([{ "currency": "USD", "balance": 0 }]));
    assert_eq!(left["total_count"], 301, "a grant, and an entry for each spend");
    assert_eq!(cluster.check().await, Agreement { payments: 1000, captured: 0, refunded: 0 });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_200_payments_of_one_invoice_those_succeed_that_it_has_room_for(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(cluster) = Cluster::start(kind) else { return };
    let client = cluster.client(0);
    let invoice = json!({ "currency": "KWD", "amount_due": 1000 });
    let invoice = client.post("/v1/invoices", &invoice).await.expect_status(201).id();
    let pay = |number: usize| {
        let mut body = json!({
            "amount": 13, "currency": "KWD", "destination_type": "INVOICE", "destination_id": invoice,
        });
        match number % 4 {
            0 => body["payment_method_type"] = json!("OFFLINE"),
            1 => body["payment_method_id"] = json!("pm_test_decline"),
            _ => body["payment_method_id"] = json!("pm_test_success"),
        }
        body
    };
    let replies = send_all(&cluster, 200, "/v1/payments", pay).await;
    let (paid, declined) = (count(&replies, 201, ""), count(&replies, 402, "payment_declined"));
    assert_eq!(paid + declined + count(&replies, 422, "amount_exceeds_invoice"), 200, "{replies:?}");
    // Declined ones hold their share until they are declined, and may keep others out meanwhile.
    assert!((60..=76).contains(&paid), "{paid} of 13 fit into 1000");
    let path = format!("/v1/invoices/{invoice}");
    let seen = client.get(&path).await.expect_status(200).body;
    let sum = i64::try_from(paid * 13).expect("a small number");
    assert_eq!((&seen["amount_paid"], &seen["status"]), (&json!(sum), &json!("open")));
    let mut rest = pay(0);
    rest["amount"] = json!(1000 - sum);
    client.post("/v1/payments", &rest).await.expect_status(201);
    assert_eq!(client.get(&path).await.expect_status(200).body["status"], "paid");
    client.post("/v1/payments", &pay(0)).await.expect_error(409, "invoice_not_payable");
    cluster.check().await;
}

/// Makes an invoice with a key, until there is an answer, wherever the server is then.
async fn insist(mut address: watch::Receiver<Option<String>>, key: String) -> String {
    let client = Client::new("http://nowhere.invalid");
    let body = json!({ "currency": "USD", "amount_due": 100 });
    loop {
        let url = address.wait_for(Option::is_some).await.expect("the address is kept").clone();
        let Some(url) = url else { continue };
        match client.at(&url).post_once("/v1/invoices", &body, &key).await {
            Ok(reply) if reply.status == 201 => {
                return reply.body["number"].as_str().expect("a number").to_owned();
            }
            Ok(reply) => {
                let again =
                    matches!(reply.code(), "overloaded" | "idempotency_key_in_use" | "outcome_unknown");
                assert!(again, "{}", reply.text);
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Err(_lost) => tokio::task::yield_now().await,
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_1000_invoices_have_no_gap_although_servers_are_killed(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let launch = || database.launch().setting("RECOVERY_INTERVAL_SECONDS", 1);
    let survivor: Option<Server> = (!database.is_sqlite()).then(|| launch().start());
    let victim = Arc::new(watch::Sender::new(None));
    let steady = watch::Sender::new(survivor.as_ref().map(|server| server.url().to_owned()));
    let invoices = 1000;
    let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let addresses: Vec<_> = (0..invoices)
        .map(|number| {
            // Every other one at the server that stays, where there is one.
            if number % 2 == 0 && !database.is_sqlite() { steady.subscribe() } else { victim.subscribe() }
        })
        .collect();
    let all = tokio::spawn(
        stream::iter(addresses.into_iter().enumerate())
            .map(move |(number, address)| {
                let counted = Arc::clone(&counted);
                async move {
                    let number = insist(address, format!("invoice-{number}")).await;
                    counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    number
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<String>>(),
    );
    let kills = scaled(6, 15);
    for round in 0..kills {
        let server = launch().start();
        victim.send_replace(Some(server.url().to_owned()));
        let enough = (round + 1) * invoices / (kills + 2);
        let soon = || made.load(std::sync::atomic::Ordering::SeqCst) >= enough;
        florin_tests::wait_until("invoices", 60, soon).await;
        victim.send_replace(None);
        server.kill();
    }
    let last = launch().start();
    victim.send_replace(Some(last.url().to_owned()));
    let numbers: BTreeSet<String> = all.await.expect("every invoice is made").into_iter().collect();
    let expected: BTreeSet<String> = (1..=invoices).map(|number| format!("INV-{number:06}")).collect();
    assert_eq!(numbers, expected, "each number once, and none left out");
    let listed = database.client(&last).get("/v1/invoices?limit=1").await.expect_status(200).body;
    assert_eq!(listed["total_count"], invoices);
    eventually("recovery", 60, async || (database.open_attempts() == 0).then_some(())).await;
    database.check_all_rules();
}
