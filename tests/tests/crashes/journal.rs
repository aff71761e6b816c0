//! Merchants who pay and refund as fast as they can, and who write everything down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use florin_tests::{Client, Reply};
use serde_json::{Value, json};
use tokio::sync::watch;

/// A question and, unless it got lost, its answer.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// Its idempotency key.
    pub(crate) key: String,
    /// Where it was asked.
    pub(crate) path: String,
    /// What was asked.
    pub(crate) body: Value,
    /// The answer.
    pub(crate) reply: Option<Reply>,
}

/// All questions of all merchants.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Mutex<Vec<Answered>>,
    answered: AtomicUsize,
    lost: AtomicUsize,
    closed: AtomicBool,
}

impl Journal {
    /// How many answers came.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// How many answers did not come.
    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }

    /// No more questions.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// All that was asked.
    pub(crate) fn answers(&self) -> Vec<Answered> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn intend(&self, key: &str, path: &str, body: &Value) -> usize {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Answered {
            key: key.to_owned(),
            path: path.to_owned(),
            body: body.clone(),
            reply: None,
        });
        entries.len() - 1
    }

    fn note(&self, entry: usize, reply: &Reply) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)[entry].reply = Some(reply.clone());
        self.answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// Somebody who makes payments.
pub(crate) struct Merchant {
    number: usize,
    journal: Arc<Journal>,
    address: watch::Receiver<Option<String>>,
    client: Client,
}

impl Merchant {
    /// Somebody who finds the server at that address, when there is one.
    pub(crate) fn new(
        number: usize,
        journal: Arc<Journal>,
        address: watch::Receiver<Option<String>>,
    ) -> Merchant {
        Merchant { number, journal, address, client: Client::new("http://nowhere.invalid") }
    }

    /// Pays and refunds until the journal is closed. `_kept` keeps the address from ending before the merchant does.
    pub(crate) async fn run(mut self, _kept: Arc<watch::Sender<Option<String>>>) {
        for turn in 0.. {
            if self.journal.closed.load(Ordering::SeqCst) {
                return;
            }
            let (method, capture) = match turn % 7 {
                5 => ("pm_test_decline", "automatic"),
                6 => ("pm_test_success", "manual"),
                _ => ("pm_test_success", "automatic"),
            };
            let body = json!({
                "amount": 10, "currency": "USD", "payment_method_id": method, "capture_method": capture,
            });
            let key = format!("merchant-{}-{turn}", self.number);
            let Some(made) = self.ask("/v1/payments", &body, &key).await else { continue };
            if made.status != 201 {
                continue;
            }
            let id = made.id();
            if capture == "manual" {
                let what = if turn % 2 == 0 { "capture" } else { "cancel" };
                self.ask(&format!("/v1/payments/{id}/{what}"), &json!({}), &key).await;
                continue;
            }
            for part in 0..turn % 3 {
                let key = format!("{key}-refund-{part}");
                self.ask(&format!("/v1/payments/{id}/refund"), &json!({ "amount": 4 }), &key).await;
            }
        }
    }

    /// Asks once; when the answer is lost every other merchant asks a second time, the others leave it.
    async fn ask(&mut self, path: &str, body: &Value, key: &str) -> Option<Reply> {
        let entry = self.journal.intend(key, path, body);
        for _ in 0..1 + self.number % 2 {
            let url = self.address.wait_for(Option::is_some).await.expect("the address is kept").clone()?;
            let Ok(reply) = self.client.at(&url).post_once(path, body, key).await else {
                self.journal.lost.fetch_add(1, Ordering::SeqCst);
                continue;
            };
            // These say nothing about what becomes of the question.
            if reply.status == 503 || reply.code() == "idempotency_key_in_use" {
                continue;
            }
            assert!(reply.status < 500, "{path} {body}: {}", reply.text);
            self.journal.note(entry, &reply);
            return Some(reply);
        }
        None
    }
}

/// The payment that an answer to its creation is about, declined or not.
pub(crate) fn payment_id(reply: &Reply) -> String {
    let id = reply.body["id"].as_str().or(reply.body["error"]["payment_id"].as_str());
    id.unwrap_or_else(|| panic!("no payment: {}", reply.text)).to_owned()
}
