//! Delivering events to webhook endpoints: due deliveries are claimed with a lease, sent, and finished by comparing it.
//!
//! Every process does it. A commit that makes deliveries wakes this process's courier; what other processes made, and
//! what is to be tried again, is found once a second. Each endpoint has slots of its own, so none waits for another's.

mod addresses;
mod client;
mod listening;
mod target;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use florin_domain::{DisabledReason, EventId, FAILING_FOR, WebhookEndpoint, WebhookEndpointId, next_try};
use florin_storage::webhooks::{
    Claimed, EventRecord, Finished, Tried, Verdict, Wanted, claim_deliveries, find_events, finish_deliveries,
    load_listeners,
};
use florin_storage::{InRealm, Realm, StorageError};
use tokio::sync::{mpsc, oneshot};

pub use addresses::Reach;
pub use client::{Lookup, system_lookup};
pub(crate) use client::{Message, Sent, WebhookClient};
pub(crate) use listening::Listening;
pub use target::{TargetRefused, check_target};

use crate::commands::GiveUpEndpoint;
use crate::engine::Inner;
use crate::views::event_json;

/// How events are delivered.
#[derive(Clone)]
pub struct DeliverySettings {
    /// How long an endpoint may take to answer.
    pub timeout: Duration,
    /// What may be reached.
    pub reach: Reach,
    /// How addresses are found.
    pub lookup: Lookup,
    /// For how long events are kept.
    pub retention: Duration,
    /// How often is looked for deliveries that nobody told of.
    pub interval: Duration,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        DeliverySettings {
            timeout: Duration::from_secs(15),
            reach: Reach::Public,
            lookup: system_lookup(),
            retention: Duration::from_secs(90 * 24 * 3600),
            interval: Duration::from_secs(1),
        }
    }
}

/// An endpoint, and whose.
type EndpointKey = (Realm, WebhookEndpointId);

/// What one process is sending.
pub(crate) struct Courier {
    client: WebhookClient,
    /// How many deliveries are on their way to each endpoint.
    under_way: Mutex<HashMap<EndpointKey, u32>>,
    outcomes: mpsc::Sender<Outcome>,
}

/// A finished delivery, and who waits until it is written down.
struct Outcome {
    finished: Finished,
    is_gone: bool,
    written: oneshot::Sender<()>,
}

/// How many outcomes are written by one transaction.
const OUTCOMES_AT_ONCE: usize = 256;
/// How long a lease goes beyond the time an endpoint has to answer.
const BEYOND_THE_ENDPOINT: Duration = Duration::from_secs(10);

impl Courier {
    /// A courier, and what it has to write down.
    fn new(settings: &DeliverySettings) -> Result<(Courier, mpsc::Receiver<Outcome>), reqwest::Error> {
        let client = WebhookClient::new(settings.reach, Arc::clone(&settings.lookup), settings.timeout)?;
        let (outcomes, to_write) = mpsc::channel(OUTCOMES_AT_ONCE * 4);
        Ok((Courier { client, under_way: Mutex::default(), outcomes }, to_write))
    }

    /// How many deliveries may be taken of each of these endpoints.
    fn wanted<'a>(&self, endpoints: impl Iterator<Item = &'a WebhookEndpoint>) -> Vec<Wanted> {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = endpoints.map(|endpoint| {
            let realm = endpoint.realm();
            let busy = under_way.get(&(realm, endpoint.id)).copied().unwrap_or_default();
            Wanted { realm, endpoint_id: endpoint.id, at_most: endpoint.max_concurrency.saturating_sub(busy) }
        });
        wanted.filter(|wanted| wanted.at_most > 0).collect()
    }

    fn begin(&self, key: EndpointKey) {
        *self.under_way.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    }

    fn end(&self, key: EndpointKey) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(busy) = under_way.get_mut(&key) {
            *busy = busy.saturating_sub(1);
            if *busy == 0 {
                under_way.remove(&key);
            }
        }
    }
}

impl Inner {
    /// Delivers what is due, until the engine closes.
    pub(crate) async fn deliver_periodically(self: Arc<Self>) {
        let (courier, to_write) = match Courier::new(&self.settings.delivery) {
            Ok((courier, to_write)) => (Arc::new(courier), to_write),
            Err(error) => return tracing::error!(%error, "webhooks can't be sent"),
        };
        drop(self.handle().spawn(Arc::clone(&self).write_outcomes(Arc::clone(&courier), to_write)));
        let mut ticks = tokio::time::interval(self.settings.delivery.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.is_closed() {
            let told = tokio::select! {
                told = self.listening.told_of_deliveries() => Some(told),
                _ = ticks.tick() => None,
            };
            if let Err(error) = self.deliver_due(&courier, told).await {
                tracing::warn!(%error, "webhooks could not be looked for");
            }
        }
    }

    /// Takes and sends what is due: for these endpoints, or for all.
    async fn deliver_due(
        self: &Arc<Self>,
        courier: &Arc<Courier>,
        told: Option<BTreeSet<EndpointKey>>,
    ) -> Result<(), StorageError> {
        if told.is_none() {
            self.refresh_listeners().await?;
        }
        let listeners = self.listening.now();
        let is_told = |endpoint: &&WebhookEndpoint| {
            let realm = endpoint.realm();
            told.as_ref().is_none_or(|told| told.contains(&(realm, endpoint.id)))
        };
        let wanted = courier.wanted(listeners.endpoints().filter(is_told));
        if wanted.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let lease = TimeDelta::from_std(self.settings.delivery.timeout + BEYOND_THE_ENDPOINT);
        let until = now.checked_add_signed(lease.unwrap_or(TimeDelta::MAX)).unwrap_or(now);
        let (claimed, events) = self
            .read(move |connection| {
                let claimed = claim_deliveries(connection, &wanted, (now, until))?;
                let ids: BTreeSet<_> =
                    claimed.iter().map(|claimed| (claimed.realm, claimed.event_id)).collect();
                let events = find_events(connection, &ids.into_iter().collect::<Vec<_>>())?;
                Ok((claimed, events))
            })
            .await?;
        let events: HashMap<(Realm, EventId), Arc<EventRecord>> =
            events.into_iter().map(|event| ((event.realm, event.id), Arc::new(event))).collect();
        for claimed in claimed {
            let endpoint = listeners.endpoint(claimed.realm, claimed.endpoint_id).cloned();
            let event = events.get(&(claimed.realm, claimed.event_id)).cloned();
            let (Some(endpoint), Some(event)) = (endpoint, event) else { continue };
            courier.begin((claimed.realm, claimed.endpoint_id));
            drop(self.track(Arc::clone(self).deliver(Arc::clone(courier), endpoint, event, claimed)));
        }
        Ok(())
    }

    /// Learns who listens, if that has changed.
    pub(crate) async fn refresh_listeners(&self) -> Result<(), StorageError> {
        let listening = Arc::clone(&self.listening);
        self.read(move |connection| {
            if listening.is_current(connection)? {
                return Ok(());
            }
            let listeners = load_listeners(connection)?;
            listening.learn(listeners);
            Ok(())
        })
        .await
    }

    async fn deliver(
        self: Arc<Self>,
        courier: Arc<Courier>,
        endpoint: WebhookEndpoint,
        event: Arc<EventRecord>,
        claimed: Claimed,
    ) {
        let key = (claimed.realm, claimed.endpoint_id);
        let at = self.now();
        let sent = match self.signing_secrets(&endpoint) {
            Ok(secrets) => {
                let body = event_json(&event);
                let message = Message { id: event.id.to_string(), timestamp: at.timestamp(), body };
                courier.client.send(&endpoint, message, secrets).await
            }
            Err(error) => Sent { error: Some(error.to_string()), ..Sent::default() },
        };
        let is_gone = sent.status_code == Some(410);
        let verdict = self.verdict(&claimed, &sent);
        metrics::counter!("florin_webhook_tries_total", "outcome" => outcome_word(verdict)).increment(1);
        let tried = Tried {
            number: claimed.lease,
            at,
            duration_ms: i64::try_from(sent.took.as_millis()).unwrap_or(i64::MAX),
            status_code: sent.status_code.filter(|code| (100..1000).contains(code)),
            error: sent.error,
            answer: sent.answer,
        };
        let (written, is_written) = oneshot::channel();
        let outcome = Outcome { finished: Finished { claimed, verdict, tried }, is_gone, written };
        if courier.outcomes.send(outcome).await.is_ok() {
            // Should it not be written, the lease ends, and it is sent again.
            let _lost = is_written.await;
        }
        courier.end(key);
        self.listening.tell_deliveries([key]);
    }

    fn verdict(&self, claimed: &Claimed, sent: &Sent) -> Verdict {
        match sent.status_code {
            Some(200..=299) => Verdict::Succeeded,
            Some(410) => Verdict::Failed,
            _ => {
                let mut random = [0; 2];
                // Without randomness the middle is as good a time as any.
                let jitter = match getrandom::fill(&mut random) {
                    Ok(()) => u32::from(u16::from_be_bytes(random)) % 1001,
                    Err(_) => 500,
                };
                let failed = claimed.failed_tries.saturating_add(1);
                next_try(failed, jitter, sent.retry_after, self.now()).map_or(Verdict::Failed, Verdict::Again)
            }
        }
    }

    /// Writes outcomes down, all that wait in one transaction.
    async fn write_outcomes(self: Arc<Self>, courier: Arc<Courier>, mut to_write: mpsc::Receiver<Outcome>) {
        // The courier holds the other end, so this one is told when the engine is gone.
        let courier = Arc::downgrade(&courier);
        loop {
            let mut outcomes = Vec::with_capacity(OUTCOMES_AT_ONCE);
            if to_write.recv_many(&mut outcomes, OUTCOMES_AT_ONCE).await == 0 || courier.strong_count() == 0 {
                return;
            }
            let finished: Vec<Finished> = outcomes.iter().map(|outcome| outcome.finished.clone()).collect();
            let now = self.now();
            match self.read(move |connection| finish_deliveries(connection, &finished, now)).await {
                Ok(failing) => {
                    for failing in failing {
                        let is_old = now.signed_duration_since(failing.since) > FAILING_FOR;
                        if is_old {
                            self.give_up((failing.realm, failing.endpoint_id), DisabledReason::Failing).await;
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "what came of webhooks could not be written down"),
            }
            for outcome in outcomes {
                if outcome.is_gone {
                    let claimed = &outcome.finished.claimed;
                    self.give_up((claimed.realm, claimed.endpoint_id), DisabledReason::Gone).await;
                }
                let _gone = outcome.written.send(());
            }
        }
    }

    /// Disables an endpoint to which nothing can be delivered.
    async fn give_up(&self, (realm, id): EndpointKey, reason: DisabledReason) {
        if let Err(error) = self.write_always(GiveUpEndpoint { realm, id, reason }).await {
            tracing::warn!(%error, endpoint = %id, "a webhook endpoint could not be disabled");
        }
    }
}

fn outcome_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Succeeded => "succeeded",
        Verdict::Again(_) => "failed",
        Verdict::Failed => "given_up",
    }
}
