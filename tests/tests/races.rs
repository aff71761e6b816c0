//! Several servers, many callers, one payment: the money rules hold whoever comes first.

use std::sync::Arc;

use florin_processors::sandbox::Books;
use florin_tests::{Agreement, Cluster, Kind, Reply, eventually, scaled};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use rstest::rstest;
use serde_json::json;

/// How many payments are fought over at a time.
const AT_ONCE: usize = 16;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_25_refunds_of_1_at_once_a_payment_of_10_takes_10(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(cluster) = Cluster::start(kind) else { return };
    let payments = scaled(60, 1000);
    stream::iter(0..payments)
        .for_each_concurrent(AT_ONCE, |number| {
            let clients = Arc::clone(&cluster.clients);
            async move {
                let id = clients[number % clients.len()].pay(10).await;
                let path = format!("/v1/payments/{id}/refund");
                let one = json!({ "amount": 1 });
                let refund = |caller: usize| clients[caller % clients.len()].post(&path, &one);
                let replies = join_all((0..25).map(refund)).await;
                let succeeded = replies.iter().filter(|reply| reply.status == 200).count();
                assert_eq!(succeeded, 10, "{replies:?}");
                for reply in replies {
                    let code = reply.code();
                    match reply.status {
                        200 => assert_eq!(reply.body["status"], "succeeded", "{}", reply.text),
                        409 => assert_eq!(code, "payment_already_refunded", "{}", reply.text),
                        status => {
                            assert_eq!((status, code), (422, "refund_exceeds_available"), "{}", reply.text)
                        }
                    }
                }
            }
        })
        .await;
    let sum = i64::try_from(payments * 10).expect("a small number");
    assert_eq!(cluster.check().await, Agreement { payments, captured: sum, refunded: sum });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_50_times_at_once_charges_once(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(cluster) = Cluster::start(kind) else { return };
    let orders = scaled(5, 40);
    let body = json!({ "amount": 700, "currency": "EUR", "payment_method_id": "pm_test_success" });
    for order in 0..orders {
        let key = format!("order-{order}");
        let send = async |caller: usize| {
            cluster.client(caller).post_once("/v1/payments", &body, &key).await.expect("the server answers")
        };
        let replies: Vec<Reply> = join_all((0..50).map(send)).await;
        let first: Vec<&Reply> = replies.iter().filter(|r| r.status == 201 && !is_replay(r)).collect();
        assert_eq!(first.len(), 1, "one caller made it: {replies:?}");
        for reply in &replies {
            match reply.status {
                201 => assert_eq!(reply.text, first[0].text, "the same answer, byte for byte"),
                _ => drop(reply.clone().expect_error(409, "idempotency_key_in_use")),
            }
        }
        for caller in 0..3 {
            let late = send(caller).await.expect_status(201);
            assert!(is_replay(&late) && late.text == first[0].text, "{}", late.text);
        }
    }
    let agreed = cluster.check().await;
    assert_eq!(agreed.payments, orders);
    let charges = Books::read(&cluster.database.books()).expect("the books can be read").count();
    assert_eq!(charges, orders, "the sandbox was asked once for each order");
}

fn is_replay(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == "true"
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_a_capture_and_a_void_at_once_one_wins(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let Some(cluster) = Cluster::start(kind) else { return };
    let payments = scaled(30, 300);
    let reserve = json!({
        "amount": 900, "currency": "USD", "payment_method_id": "pm_test_success", "capture_method": "manual",
    });
    let mut captured = 0;
    for number in 0..payments {
        let client = cluster.client(number);
        let id = client.post("/v1/payments", &reserve).await.expect_status(201).id();
        let (capture, cancel) = (format!("/v1/payments/{id}/capture"), format!("/v1/payments/{id}/cancel"));
        let nothing = json!({});
        // Alternately, so that either has a chance to be the first.
        let (capture, void) = if number % 2 == 0 {
            tokio::join!(client.post(&capture, &nothing), cluster.client(number + 1).post(&cancel, &nothing))
        } else {
            let (void, capture) = tokio::join!(
                client.post(&cancel, &nothing),
                cluster.client(number + 1).post(&capture, &nothing)
            );
            (capture, void)
        };
        let payment = client.payment(&id).await;
        match (capture.status, void.status) {
            (200, 400 | 409) => {
                captured += 900;
                assert_eq!(
                    (&payment["status"], &payment["amount_captured"]),
                    (&json!("succeeded"), &json!(900))
                );
            }
            (409, 200) => assert_eq!(payment["status"], "canceled"),
            _ => panic!("both or neither: {capture:?} {void:?}"),
        }
    }
    assert_eq!(cluster.check().await.captured, captured);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_two_servers_process_at_once_is_charged_once(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(cluster) = Cluster::start(kind) else { return };
    let recorded = json!({
        "amount": 300, "currency": "USD", "payment_method_id": "pm_test_success", "process_payment": false,
    });
    for turn in 0..scaled(10, 100) {
        let id = cluster.client(turn).post("/v1/payments", &recorded).await.expect_status(201).id();
        let path = format!("/v1/payments/{id}/process");
        let nothing = json!({});
        let replies = join_all((0..8).map(|caller| cluster.client(caller).post(&path, &nothing))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{replies:?}");
        assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 409)), "{replies:?}");
        eventually("the charge to be told by all servers", 10, async || {
            let payment = cluster.client(turn + 1).payment(&id).await;
            (payment["status"] == "succeeded").then_some(())
        })
        .await;
    }
    cluster.check().await;
}
