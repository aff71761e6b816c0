//! What belongs to one tenant or one mode is not there for another, on any route.

use florin_tests::{Client, Database, Kind};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

/// A payment and a refund of it, which somebody else asks for.
struct Target {
    payment: String,
    refund: String,
}

async fn make_target(owner: &Client) -> Target {
    let payment = owner.pay(1000).await;
    let path = format!("/v1/payments/{payment}/refund");
    let refund = owner.post(&path, &json!({ "amount": 1 })).await.expect_status(200).id();
    Target { payment, refund }
}

impl Target {
    /// Every route that names a payment or a refund, with a body that its owner could send.
    fn routes(&self) -> Vec<(Method, String, Option<Value>, &'static str)> {
        let Target { payment, refund } = self;
        let payment = format!("/v1/payments/{payment}");
        let post = |what: &str, body: Value| {
            (Method::POST, format!("{payment}/{what}"), Some(body), "payment_not_found")
        };
        vec![
            (Method::GET, payment.clone(), None, "payment_not_found"),
            (Method::PATCH, payment.clone(), Some(json!({ "description": "mine" })), "payment_not_found"),
            post("process", json!({})),
            post("capture", json!({})),
            post("cancel", json!({})),
            post("refund", json!({ "amount": 1 })),
            (Method::GET, format!("{payment}/refunds"), None, "payment_not_found"),
            (Method::GET, format!("{payment}/attempts"), None, "payment_not_found"),
            (Method::GET, format!("/v1/refunds/{refund}"), None, "refund_not_found"),
        ]
    }
}

async fn check_sees_nothing(stranger: &Client, target: &Target) {
    for (method, path, body, code) in target.routes() {
        let reply = stranger.send(method, &path, body.as_ref(), None).await.expect("the server answers");
        reply.expect_error(404, code);
    }
    for list in [
        "/v1/payments".to_owned(),
        "/v1/refunds".to_owned(),
        format!("/v1/payments?q={}", target.payment),
        format!("/v1/payments?starting_after={}", target.payment),
        format!("/v1/payments?ending_before={}", target.payment),
    ] {
        let listed = stranger.get(&list).await;
        // To refuse a stranger's id as a cursor is as good as to find nothing after it.
        let is_silent =
            listed.status == 404 || listed.body["data"] == json!([]) && listed.body["total_count"] == 0;
        assert!(is_silent, "{list}: {}", listed.text);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_finds_nothing_on_any_route(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let sandbox = database.client(&server);
    let (one, other) = (database.make_tenant("One"), database.make_tenant("Other"));
    let test_key = sandbox.with_key(&database.make_key(&one, "test"));
    let live_key = sandbox.with_key(&database.make_key(&one, "live"));
    let strangers = database.make_key(&other, "test");

    let target = make_target(&test_key).await;
    let before = test_key.payment(&target.payment).await;
    for stranger in [&live_key, &sandbox, &sandbox.with_key(&strangers)] {
        check_sees_nothing(stranger, &target).await;
    }
    assert_eq!(test_key.payment(&target.payment).await, before, "a stranger changed it");
    database.check_all_rules();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_gets_through_on_the_routes_that_strangers_do_not(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let owner = database.client(&server);
    let target = make_target(&owner).await;
    for (method, path, body, _) in target.routes() {
        let reply = owner.send(method, &path, body.as_ref(), None).await.expect("the server answers");
        assert_ne!(reply.status, 404, "{path}: {}", reply.text);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_may_use_the_same_idempotency_key(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let sandbox = database.client(&server);
    let other = sandbox.with_key(&database.make_key(&database.make_tenant("Other"), "test"));
    let body = json!({ "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success" });
    let mut ids = Vec::new();
    for client in [&sandbox, &other] {
        let reply = client.post_once("/v1/payments", &body, "order-1").await.expect("the server answers");
        ids.push(reply.expect_status(201).id());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(sandbox.all_payments().await.len(), 1);
}
