//! Many refunds of one payment at once, at three servers: what an isolation level or a lock that is too weak lets through.

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use crate::faults::world::{World, launch};
use crate::faults::{Plan, Report};
use crate::{Client, Database, PrivatePostgres};

/// How many payments are fought over at a time.
const AT_ONCE: usize = 8;

/// 25 refunds of 1 at once for each payment of 10.
pub(super) async fn refunds(plan: &Plan) -> Report {
    let postgres = PrivatePostgres::start_with(&["fsync=off"]).expect("PostgreSQL is installed");
    let database = Database::on(&postgres.url());
    let launch = launch(&database, plan);
    let mut world = World::new(database, launch, 3);
    world.start_all();
    let clients: Vec<Client> = (0..3).map(|number| Client::new(world.server(number).url())).collect();
    let granted: Vec<usize> = stream::iter(0..plan.count)
        .map(|number| fight(&clients, number))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut report = Report::default();
    report.add("payments of 10", granted.len());
    report.add("refunds of 1 granted", granted.iter().sum());
    for count in granted.into_iter().filter(|count| *count > 10) {
        report.violation(format!("{count} refunds of 1 were granted for a payment of 10"));
    }
    report.merge(world.check(plan).await);
    report
}

/// How many refunds were granted.
async fn fight(clients: &[Client], number: usize) -> usize {
    let body = json!({ "amount": 10, "currency": "USD", "payment_method_id": "pm_test_success" });
    let paid = clients[number % 3].post("/v1/payments", &body).await;
    let path = format!("/v1/payments/{}/refund", paid.id());
    let one = json!({ "amount": 1 });
    let refund = |caller: usize| clients[caller % 3].send(reqwest::Method::POST, &path, Some(&one), None);
    let replies = join_all((0..25).map(refund)).await;
    replies.into_iter().flatten().filter(|reply| matches!(reply.status, 200 | 202)).count()
}
