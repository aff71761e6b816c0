//! The adversary's webhooks: as true as its journal, and otherwise as bad as the rest: before its answer or long after, in
//! any order, twice, and now and then signed by somebody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::http::Answer;
use super::store::now;

/// How late the latest comes, in milliseconds.
const LATEST_MS: u64 = 3000;

/// Where webhooks go, and what became of them.
pub(super) struct Webhooks {
    http: reqwest::Client,
    urls: Vec<String>,
    secret: String,
    counts: [AtomicUsize; 3],
}

const NAMES: [&str; 3] = ["webhooks taken", "webhooks of nobody refused", "webhooks of nobody taken"];

impl Webhooks {
    pub(super) fn new(urls: Vec<String>, secret: &str) -> Webhooks {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client without TLS can be made");
        Webhooks { http, urls, secret: secret.to_owned(), counts: Default::default() }
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        NAMES.into_iter().zip(self.counts.iter().map(|count| count.load(Ordering::SeqCst)))
    }

    /// Tells of what an answer is about, some time.
    pub(super) fn tell(self: &Arc<Self>, answer: &Answer, number: usize, mut random: fastrand::Rng) {
        let Ok(object) = serde_json::from_str::<Value>(&answer.body) else { return };
        let kind = format!("{}.updated", object["object"].as_str().unwrap_or("payment_intent"));
        let event = json!({ "id": format!("evt_{number}"), "type": kind, "data": { "object": object } });
        let body = event.to_string();
        let sending = Arc::clone(self);
        drop(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(random.u64(..LATEST_MS))).await;
            for _ in 0..random.usize(1..3) {
                sending.send(&body, &mut random).await;
            }
        }));
    }

    async fn send(&self, body: &str, random: &mut fastrand::Rng) {
        let url = &self.urls[random.usize(..self.urls.len())];
        let is_nobodys = random.u32(..10) == 0;
        let secret = if is_nobodys { "whsec_nobody" } else { &self.secret };
        let at = now();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
        mac.update(format!("{at}.{body}").as_bytes());
        let digest = hex::encode(mac.finalize().into_bytes());
        let request = self.http.post(url).header("stripe-signature", format!("t={at},v1={digest}"));
        let Ok(answer) = request.body(body.to_owned()).send().await else { return };
        let index = match (is_nobodys, answer.status().as_u16()) {
            (false, 200) => 0,
            (true, 400) => 1,
            (true, 200) => 2,
            // Too many at a time: Stripe would send them again, and Florin looks by its own schedule.
            _ => return,
        };
        self.counts[index].fetch_add(1, Ordering::SeqCst);
    }
}
