//! `kill -9` under load, again and again: nothing that was answered is lost, nothing is charged twice.
//!
//! Clients write down what they are about to ask before they ask, and the answer after they got it. At the end each
//! question is asked once more with its idempotency key, and what was answered, what Florin tells and what the
//! sandbox's books say are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use florin_tests::{Client, Database, Kind, Launch, Server, compare_books, eventually, scaled};
use rstest::rstest;
use serde_json::Value;

#[path = "crashes/journal.rs"]
mod journal;
use journal::{Answered, Journal, Merchant};

/// Clients at once.
const MERCHANTS: usize = 12;
/// Where a server that was killed listens next is known only then.
type Address = tokio::sync::watch::Sender<Option<String>>;

fn launch(database: &Database) -> Launch {
    database
        .launch()
        // Long enough that a kill meets charges between their two commits, short enough that recovery comes soon.
        .setting("SANDBOX_LATENCY_MS", 3)
        .setting("PROCESSOR_TIMEOUT_SECONDS", 1)
        .setting("RECOVERY_INTERVAL_SECONDS", 1)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_answered_is_lost_and_nothing_is_charged_twice(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    // On PostgreSQL one of three is killed; the others go on, and recover what it left.
    let neighbours = if database.is_sqlite() { 0 } else { 2 };
    let mut survivors: Vec<Server> = (0..neighbours).map(|_| launch(&database).start()).collect();
    let journal = Arc::new(Journal::default());
    let victim = Arc::new(Address::new(None));
    let merchants: Vec<_> = (0..MERCHANTS)
        .map(|number| {
            let fixed = survivors.get(number % 3).map(|server| server.url().to_owned());
            let address = match fixed {
                Some(url) => Arc::new(Address::new(Some(url))),
                None => Arc::clone(&victim),
            };
            tokio::spawn(Merchant::new(number, Arc::clone(&journal), address.subscribe()).run(address))
        })
        .collect();

    for round in 0..scaled(8, 50) {
        let server = launch(&database).start();
        victim.send_replace(Some(server.url().to_owned()));
        // After another number of answers each time, so that the kill meets another moment.
        let enough = journal.answered() + 15 + (round * 37) % 101;
        eventually("answers", 60, async || (journal.answered() >= enough).then_some(())).await;
        victim.send_replace(None);
        server.kill();
    }
    journal.close();
    let server = launch(&database).start();
    victim.send_replace(Some(server.url().to_owned()));
    for merchant in merchants {
        merchant.await.expect("a merchant finds nothing wrong");
    }
    survivors.push(server);
    let last = survivors.last().expect("one was just added");
    check(&database, &database.client(last), &journal).await;
    for server in &survivors {
        assert!(!server.log().contains("panicked"), "{}", server.log());
    }
}

async fn check(database: &Database, client: &Client, journal: &Journal) {
    eventually("recovery", 90, async || (database.open_attempts() == 0).then_some(())).await;
    let answers = journal.answers();
    let retried = ask_again(client, &answers).await;
    for answered in &answers {
        check_still_there(client, answered).await;
    }
    let agreed = compare_books(client, &database.books()).await;
    assert_eq!(agreed.payments, retried.len(), "one payment for each key");
    assert!(journal.lost() > 0, "no kill met a request, so that this test has shown nothing");
    assert!(agreed.captured > 0 && agreed.refunded > 0, "{agreed:?}");
    check_keys(&client.all_payments().await, &retried);
    database.check_all_rules();
    eprintln!("{} questions, {} answers lost, {agreed:?}", answers.len(), journal.lost());
}

/// Asks each question once more: the same answer, byte for byte, where it was final; else the final one.
/// Gives back the payment of each key.
async fn ask_again(client: &Client, answers: &[Answered]) -> BTreeMap<String, String> {
    let mut payments = BTreeMap::new();
    for answered in answers {
        let again = eventually("a final answer", 60, async || {
            let reply = client.post_once(&answered.path, &answered.body, &answered.key).await.ok()?;
            (!matches!(reply.status, 202 | 503) && reply.code() != "idempotency_key_in_use").then_some(reply)
        })
        .await;
        assert!(matches!(again.status, 200 | 201 | 402 | 409 | 422), "{answered:?}: {}", again.text);
        if let Some(first) = &answered.reply
            && first.status != 202
        {
            assert_eq!((again.status, &again.text), (first.status, &first.text), "{answered:?}");
        }
        if answered.path == "/v1/payments" {
            payments.insert(answered.key.clone(), journal::payment_id(&again));
        }
    }
    payments
}

/// What was answered is there, as it was answered or as it may have become since.
async fn check_still_there(client: &Client, answered: &Answered) {
    let Some(reply) = &answered.reply else { return };
    let (path, later): (_, &[&str]) = match (answered.path.as_str(), reply.status) {
        ("/v1/payments", 201 | 202 | 402) => {
            let later: &[&str] = match reply.body["status"].as_str() {
                Some("succeeded") => &["succeeded", "refunded"],
                // Pending: authorized only, or its outcome was unknown then.
                Some(_) => &["pending", "succeeded", "refunded", "failed", "canceled"],
                None => &["failed"],
            };
            (format!("/v1/payments/{}", journal::payment_id(reply)), later)
        }
        (path, 200 | 202) if path.ends_with("/refund") => {
            let later: &[&str] =
                if reply.body["status"] == "succeeded" { &["succeeded"] } else { &["succeeded", "failed"] };
            (format!("/v1/refunds/{}", reply.id()), later)
        }
        _ => return,
    };
    let now = client.get(&path).await.expect_status(200);
    let status = now.body["status"].as_str().unwrap_or_default();
    assert!(later.contains(&status), "answered: {}\nnow: {}", reply.text, now.text);
    assert_ne!(now.body["payment_status"], "PROCESSING", "{}", now.text);
}

/// Each payment that there is belongs to one key, and to the one that it says.
fn check_keys(payments: &[Value], by_key: &BTreeMap<String, String>) {
    let mut seen = BTreeSet::new();
    for payment in payments {
        let key = payment["idempotency_key"].as_str().unwrap_or_else(|| panic!("no key: {payment}"));
        assert!(seen.insert(key.to_owned()), "two payments of the key {key}");
        assert_eq!(by_key.get(key).map(String::as_str), payment["id"].as_str(), "{payment}");
    }
}
