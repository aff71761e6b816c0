//! Delivering events to webhook endpoints: due deliveries are claimed with a lease, sent, and finished by comparing it.
//!
//! Every process does it. A commit that makes deliveries takes them for its own process as far as there is room, and they
//! are on their way at once; what it leaves, what other processes made, and what is to be tried again, is claimed, at the
//! latest once a second. Each endpoint has a lane of its own, so none waits for another's.
//!
//! | the process dies | what is stored | what follows |
//! | --- | --- | --- |
//! | before the commit | nothing | there is no event |
//! | before it has sent what it took | the delivery, and its lease | another claims it when the lease ends |
//! | after sending, before the outcome is written | the same | it is sent a second time |

mod addresses;
mod client;
mod lanes;
mod listening;
mod outcomes;
#[cfg(test)]
mod sample;
mod target;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use florin_domain::{EventId, WebhookEndpoint, next_try};
use florin_storage::webhooks::{
    Claimed, EndpointKey, Finished, Tried, Verdict, claim_deliveries, find_events, load_listeners,
};
use florin_storage::{InRealm, Realm, StorageError};
use tokio::sync::mpsc;

pub use addresses::Reach;
pub use client::{Lookup, system_lookup};
pub(crate) use client::{Message, Sent, WebhookClient};
pub(crate) use lanes::{Parcel, Promises};
pub(crate) use listening::Listening;
use outcomes::{OUTCOMES_AT_ONCE, Outcome};
pub use target::{TargetRefused, check_target};

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

fn key_of(endpoint: &WebhookEndpoint) -> EndpointKey {
    (endpoint.realm(), endpoint.id)
}

/// Sends, and passes on what has to be written down.
struct Courier {
    client: WebhookClient,
    outcomes: mpsc::Sender<Outcome>,
}

impl Inner {
    /// Delivers what is due, until the engine closes.
    pub(crate) async fn deliver_periodically(self: Arc<Self>) {
        let settings = &self.settings.delivery;
        let client = WebhookClient::new(settings.reach, Arc::clone(&settings.lookup), settings.timeout);
        let (outcomes, to_write) = mpsc::channel(OUTCOMES_AT_ONCE * 4);
        let courier = match client {
            Ok(client) => Arc::new(Courier { client, outcomes }),
            Err(error) => return tracing::error!(%error, "webhooks can't be sent"),
        };
        drop(self.handle().spawn(Arc::clone(&self).write_outcomes(to_write)));
        self.listening.lanes.open(true);
        drop(self.handle().spawn(Arc::clone(&self).send_taken(courier)));
        let mut ticks = tokio::time::interval(settings.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.is_closed() {
            let told = tokio::select! {
                told = self.listening.due.told() => Some(told),
                _ = ticks.tick() => None,
            };
            if let Err(error) = self.take_due(told).await {
                tracing::warn!(%error, "webhooks could not be looked for");
            }
        }
        self.listening.lanes.open(false);
    }

    /// Takes what is due: for these endpoints, or for all.
    async fn take_due(&self, told: Option<BTreeSet<EndpointKey>>) -> Result<(), StorageError> {
        if told.is_none() {
            self.refresh_listeners().await?;
        }
        let (listeners, lanes) = (self.listening.now(), &self.listening.lanes);
        if told.is_none() {
            lanes.keep_only(|(realm, id)| listeners.endpoint(realm, id).is_some());
        }
        let is_told =
            |endpoint: &&WebhookEndpoint| told.as_ref().is_none_or(|told| told.contains(&key_of(endpoint)));
        let wanted = lanes.wanted(listeners.endpoints().filter(is_told));
        if wanted.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let until = lanes.lease_from(now);
        let asked = wanted.clone();
        let (claimed, events) = self
            .read(move |connection| {
                let claimed = claim_deliveries(connection, &asked, (now, until))?;
                let ids: BTreeSet<_> =
                    claimed.iter().map(|claimed| (claimed.realm, claimed.event_id)).collect();
                let events = find_events(connection, &ids.into_iter().collect::<Vec<_>>())?;
                Ok((claimed, events))
            })
            .await?;
        let bodies: HashMap<(Realm, EventId), Arc<str>> = events
            .into_iter()
            .map(|event| ((event.realm, event.id), Arc::from(event_json(&event))))
            .collect();
        let parcels: Vec<Parcel> = claimed
            .into_iter()
            .filter_map(|claimed| {
                let body = Arc::clone(bodies.get(&(claimed.realm, claimed.event_id))?);
                Some(Parcel { claimed, body, until })
            })
            .collect();
        let taken: BTreeSet<EndpointKey> = parcels.iter().map(Parcel::key).collect();
        lanes.take(&wanted, parcels);
        self.listening.taken.tell(taken);
        Ok(())
    }

    /// Sends what was taken, as it is taken, until the runtime ends.
    async fn send_taken(self: Arc<Self>, courier: Arc<Courier>) {
        loop {
            for key in self.listening.taken.told().await {
                while let Some((endpoint, parcel)) = self.next_parcel(key) {
                    drop(self.track(Arc::clone(&self).send_one(Arc::clone(&courier), endpoint, parcel)));
                }
            }
        }
    }

    fn next_parcel(&self, key: EndpointKey) -> Option<(WebhookEndpoint, Parcel)> {
        let listeners = self.listening.now();
        let endpoint = listeners.endpoint(key.0, key.1);
        let parcel = self.listening.lanes.next(key, endpoint, self.now())?;
        Some((endpoint?.clone(), parcel))
    }

    /// Sends one, and passes on what came of it. Should that not be written, the lease ends, and it is sent again.
    async fn send_one(self: Arc<Self>, courier: Arc<Courier>, endpoint: WebhookEndpoint, parcel: Parcel) {
        let key = parcel.key();
        let outcome = self.send_parcel(&courier.client, &endpoint, parcel).await;
        self.listening.lanes.sent(key, outcome.took());
        let _closed = courier.outcomes.send(outcome).await;
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

    async fn send_parcel(
        &self,
        client: &WebhookClient,
        endpoint: &WebhookEndpoint,
        parcel: Parcel,
    ) -> Outcome {
        let Parcel { claimed, body, .. } = parcel;
        let begun = self.now();
        let sent = match self.signing_secrets(endpoint) {
            Ok(secrets) => {
                let message =
                    Message { id: claimed.event_id.to_string(), timestamp: begun.timestamp(), body };
                client.send(endpoint, message, secrets).await
            }
            Err(error) => Sent { error: Some(error.to_string()), ..Sent::default() },
        };
        let is_gone = sent.status_code == Some(410);
        let verdict = self.verdict(&claimed, &sent);
        metrics::counter!("florin_webhook_tries_total", "outcome" => outcome_word(verdict)).increment(1);
        let tried = Tried {
            number: claimed.lease,
            at: begun,
            duration_ms: i64::try_from(sent.took.as_millis()).unwrap_or(i64::MAX),
            status_code: sent.status_code.filter(|code| (100..1000).contains(code)),
            error: sent.error,
            answer: sent.answer,
        };
        let finished = Finished { claimed, verdict, at: self.now(), tried };
        Outcome { finished, is_gone, unwritten: self.tracked() }
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
}

fn outcome_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Succeeded => "succeeded",
        Verdict::Again(_) => "failed",
        Verdict::Failed => "given_up",
    }
}
