//! Merchants who pay, capture, cancel and refund as fast as they can, at whatever server they find.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Plan;
use super::journal::Journal;
use crate::{Client, Reply};

/// Where servers listen now; those that are down are missing.
pub(crate) type Addresses = watch::Receiver<Vec<String>>;

/// How merchants behave.
#[derive(Clone, Debug)]
pub(crate) struct LoadSettings {
    /// How many there are.
    pub(crate) merchants: usize,
    /// The payment methods that they use; what stands twice is used twice as often.
    pub(crate) methods: &'static [&'static str],
    /// How many payments they make in all; none when they go on until they are stopped.
    pub(crate) payments: Option<usize>,
    /// How long a merchant rests after each payment, in milliseconds, at most.
    pub(crate) rest_ms: u64,
}

/// What the sandbox does with most payments, and with some.
pub(crate) const SANDBOX_METHODS: &[&str] = &[
    "pm_test_success",
    "pm_test_success",
    "pm_test_success",
    "pm_test_success",
    "pm_test_success",
    "pm_test_success",
    "pm_test_decline",
    "pm_test_timeout",
    "pm_test_timeout_lost",
    "pm_test_processor_error",
];

impl Default for LoadSettings {
    fn default() -> Self {
        LoadSettings { merchants: 12, methods: SANDBOX_METHODS, payments: None, rest_ms: 0 }
    }
}

/// A load that runs.
pub(crate) struct Load {
    stopped: Arc<AtomicBool>,
    merchants: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    /// Starts the merchants.
    pub(crate) fn start(
        plan: &Plan,
        settings: &LoadSettings,
        journal: &Arc<Journal>,
        addresses: &Addresses,
    ) -> Load {
        let stopped = Arc::new(AtomicBool::new(false));
        let share = settings.payments.map(|payments| payments.div_ceil(settings.merchants));
        let merchants = (0..settings.merchants)
            .map(|number| {
                let merchant = Merchant {
                    number,
                    random: plan.random(1000 + u64::try_from(number).unwrap_or_default()),
                    journal: Arc::clone(journal),
                    addresses: addresses.clone(),
                    client: Client::new("http://nowhere.invalid"),
                    settings: settings.clone(),
                    stopped: Arc::clone(&stopped),
                    strange: Vec::new(),
                };
                tokio::spawn(merchant.run(share.unwrap_or(usize::MAX)))
            })
            .collect();
        Load { stopped, merchants }
    }

    /// Lets the merchants finish what they are at, and gives back the strange answers they got.
    pub(crate) async fn stop(self) -> Vec<String> {
        self.stopped.store(true, Ordering::SeqCst);
        self.finish().await
    }

    /// Waits until they have made all payments.
    pub(crate) async fn finish(self) -> Vec<String> {
        let mut strange = Vec::new();
        for merchant in self.merchants {
            strange.extend(merchant.await.expect("a merchant does not panic"));
        }
        strange
    }
}

struct Merchant {
    number: usize,
    random: fastrand::Rng,
    journal: Arc<Journal>,
    addresses: Addresses,
    client: Client,
    settings: LoadSettings,
    stopped: Arc<AtomicBool>,
    /// Answers that no fault explains.
    strange: Vec<String>,
}

impl Merchant {
    async fn run(mut self, payments: usize) -> Vec<String> {
        for turn in 0..payments {
            if self.is_stopped() {
                break;
            }
            self.trade(turn).await;
            if self.settings.rest_ms > 0 {
                tokio::time::sleep(Duration::from_millis(self.random.u64(0..self.settings.rest_ms))).await;
            }
        }
        self.strange
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// One payment, and what follows from it.
    async fn trade(&mut self, turn: usize) {
        let key = format!("merchant-{}-{turn}", self.number);
        let method = self.settings.methods[self.random.usize(..self.settings.methods.len())];
        let is_manual = self.random.u32(..5) == 0;
        let body = json!({
            "amount": 10 + self.random.u32(..90),
            "currency": "USD",
            "payment_method_id": method,
            "capture_method": if is_manual { "manual" } else { "automatic" },
        });
        let Some(made) = self.ask("/v1/payments", &body, &key).await else { return };
        if made.code() == "processor_unreachable" {
            // Comes back when the circuit breaker may have closed: otherwise most payments would be made while it is open.
            let rest = Duration::from_millis(self.random.u64(500..1500));
            tokio::time::sleep(rest).await;
        }
        if !matches!(made.status, 201 | 202) {
            return;
        }
        let id = made.id();
        if is_manual || made.status == 202 {
            let what = if self.random.bool() { "capture" } else { "cancel" };
            self.ask(&format!("/v1/payments/{id}/{what}"), &json!({}), &key).await;
        }
        for part in 0..self.random.usize(..4) {
            let path = format!("/v1/payments/{id}/refund");
            let refund = json!({ "amount": 1 + self.random.u32(..9) });
            self.ask(&path, &refund, &format!("{key}-{part}")).await;
        }
    }

    /// Asks until there is an answer to keep, some times at most. Now and then twice at once, as an impatient client does.
    async fn ask(&mut self, path: &str, body: &Value, key: &str) -> Option<Reply> {
        let number = self.journal.intend(key, path, body).await;
        for _ in 0..1 + self.random.usize(..4) {
            let client = self.somewhere().await?;
            let sent = if self.random.u32(..20) == 0 {
                let other = self.somewhere().await?;
                let (first, _) =
                    tokio::join!(client.post_once(path, body, key), other.post_once(path, body, key));
                first
            } else {
                client.post_once(path, body, key).await
            };
            let Ok(reply) = sent else {
                self.journal.note_lost();
                tokio::time::sleep(Duration::from_millis(self.random.u64(1..20))).await;
                continue;
            };
            // These say nothing about what becomes of the question.
            if reply.status == 503 || reply.code() == "idempotency_key_in_use" {
                tokio::time::sleep(Duration::from_millis(self.random.u64(1..100))).await;
                continue;
            }
            if reply.status >= 500 {
                self.strange.push(format!("{path} was answered with {}: {}", reply.status, reply.text));
                return None;
            }
            self.journal.note(number, &reply).await;
            return Some(reply);
        }
        None
    }

    /// A client of any server that is up; none when the load is stopped meanwhile.
    async fn somewhere(&mut self) -> Option<Client> {
        loop {
            let urls = self.addresses.borrow_and_update().clone();
            if !urls.is_empty() {
                return Some(self.client.at(&urls[self.random.usize(..urls.len())]));
            }
            if self.is_stopped() {
                return None;
            }
            let _changed = tokio::time::timeout(Duration::from_millis(100), self.addresses.changed()).await;
        }
    }
}
