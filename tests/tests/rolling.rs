//! Rolling restarts: servers behind a load balancer are replaced one after the other, and no caller notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use florin_tests::{Client, Database, Haproxy, Kind, compare_books, free_port, scaled, wait_until};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

fn payment() -> Value {
    json!({ "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success" })
}

/// Pays one after the other until told to stop, and gives back what went wrong.
async fn pay_on(client: Client, stop: Arc<AtomicBool>, paid: Arc<AtomicUsize>) -> Vec<String> {
    let mut failures = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        match client.send(Method::POST, "/v1/payments", Some(&payment()), None).await {
            Ok(reply) if reply.status == 201 => drop(paid.fetch_add(1, Ordering::Relaxed)),
            Ok(reply) => failures.push(format!("{} {}", reply.status, reply.text)),
            Err(lost) => failures.push(format!("{lost:?}")),
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_behind_haproxy_are_restarted_one_by_one_without_one_failed_request() {
    let Some(database) = Database::make(Kind::Postgres) else { return };
    let ports = [free_port(), free_port()];
    let launches = ports.map(|port| {
        let launch = database.launch().listening_on(port).setting("SHUTDOWN_DELAY_SECONDS", 1);
        launch.setting("SANDBOX_LATENCY_MS", 20)
    });
    let mut servers = launches.each_ref().map(|launch| launch.start());
    let Some(haproxy) = Haproxy::start(&ports) else { return };
    haproxy.wait_until_up(2).await;
    let (stop, paid) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let payers: Vec<_> = (0..4)
        .map(|_| {
            let client = Client::new(&haproxy.url());
            tokio::spawn(pay_on(client, Arc::clone(&stop), Arc::clone(&paid)))
        })
        .collect();
    let restarts = scaled(6, 100);
    for restart in 0..restarts {
        let number = restart % 2;
        let before = paid.load(Ordering::Relaxed);
        wait_until("payments by both", 30, || paid.load(Ordering::Relaxed) >= before + 8).await;
        servers[number].terminate();
        let status = servers[number].ended(60).await;
        assert_eq!(status.code(), Some(0), "{}", servers[number].log());
        servers[number] = launches[number].start();
        haproxy.wait_until_up(2).await;
    }
    stop.store(true, Ordering::Relaxed);
    for payer in payers {
        assert_eq!(payer.await.expect("no panic"), Vec::<String>::new());
    }
    eprintln!("{restarts} restarts, {} payments", paid.load(Ordering::Relaxed));
    assert_eq!(database.open_attempts(), 0);
    database.check_all_rules();
    let agreed = compare_books(&database.client(&servers[0]), &database.books()).await;
    assert_eq!(agreed.payments, paid.load(Ordering::Relaxed));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_about_to_end_says_so_and_serves_on_until_it_does(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let mut server = database.launch().setting("SHUTDOWN_DELAY_SECONDS", 3).start();
    let client = database.client(&server);
    client.get("/readyz").await.expect_status(200);
    server.terminate();
    let ready = florin_tests::eventually("the readiness to end", 30, || async {
        let reply = client.get("/readyz").await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    assert_eq!(ready.body["status"], "ending");
    let reply = client.post("/v1/payments", &payment()).await.expect_status(201);
    assert_eq!(reply.header("connection"), "close");
    assert_eq!(server.ended(30).await.code(), Some(0), "{}", server.log());
}
