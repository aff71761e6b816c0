//! Writing down what came of deliveries: by the writer, beside the payments, so that it costs no commit of its own when
//! there is much to write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use florin_domain::{DisabledReason, FAILING_FOR};
use florin_storage::webhooks::{Finished, Verdict, failing_endpoints};
use florin_storage::{Needs, StorageError, WorkingSet};
use tokio::sync::mpsc;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::EndpointKey;
use crate::commands::GiveUpEndpoint;
use crate::engine::Inner;
use crate::writer::{Command, Deciding};

/// How many outcomes are written by one command.
pub(super) const OUTCOMES_AT_ONCE: usize = 256;

/// A finished delivery.
pub(super) struct Outcome {
    pub(super) finished: Finished,
    /// Whether the endpoint says that it is gone.
    pub(super) is_gone: bool,
    /// Who drains the engine waits until it is written down.
    pub(super) unwritten: TaskTrackerToken,
}

impl Outcome {
    /// Of which endpoint.
    fn key(&self) -> EndpointKey {
        self.finished.claimed.key()
    }

    /// How long the endpoint took to take it; none if it did not.
    pub(super) fn took(&self) -> Option<Duration> {
        let took = u64::try_from(self.finished.tried.duration_ms).map(Duration::from_millis);
        (self.finished.verdict == Verdict::Succeeded).then(|| took.unwrap_or_default())
    }
}

/// Writes down what came of deliveries.
struct FinishDeliveries(Arc<[Finished]>);

impl Command for FinishDeliveries {
    type Answer = ();

    fn needs(&self, _needs: &mut Needs, _fresh: bool) {}

    fn decide(&self, set: &mut WorkingSet, _deciding: &Deciding<'_>) {
        set.put_finished(self.0.iter().cloned());
    }
}

impl Inner {
    /// Writes outcomes down, all that wait at once.
    pub(super) async fn write_outcomes(self: Arc<Self>, mut to_write: mpsc::Receiver<Outcome>) {
        loop {
            let mut outcomes = Vec::with_capacity(OUTCOMES_AT_ONCE);
            if to_write.recv_many(&mut outcomes, OUTCOMES_AT_ONCE).await == 0 {
                return;
            }
            let gone: Vec<EndpointKey> =
                outcomes.iter().filter(|outcome| outcome.is_gone).map(Outcome::key).collect();
            let (finished, _unwritten): (Vec<Finished>, Vec<TaskTrackerToken>) =
                outcomes.into_iter().map(|outcome| (outcome.finished, outcome.unwritten)).unzip();
            let finished: Arc<[Finished]> = finished.into();
            if let Err(error) = self.write_always(FinishDeliveries(Arc::clone(&finished))).await {
                tracing::warn!(%error, "what came of webhooks could not be written down");
            }
            let keys: Vec<EndpointKey> = finished.iter().map(|done| done.claimed.key()).collect();
            self.listening.due.tell(self.listening.lanes.written(&keys));
            self.listening.taken.tell(keys);
            if let Err(error) = self.give_up_failing(&finished).await {
                tracing::warn!(%error, "failing webhook endpoints could not be looked for");
            }
            for gone in gone {
                self.give_up(gone, DisabledReason::Gone).await;
            }
        }
    }

    /// Gives up endpoints that have failed for too long.
    async fn give_up_failing(&self, finished: &[Finished]) -> Result<(), StorageError> {
        let mut works: BTreeMap<EndpointKey, bool> = BTreeMap::new();
        for done in finished {
            *works.entry(done.claimed.key()).or_default() |= done.verdict == Verdict::Succeeded;
        }
        works.retain(|_, works| !*works);
        if works.is_empty() {
            return Ok(());
        }
        let keys: Vec<EndpointKey> = works.into_keys().collect();
        let failing = self.read(move |connection| failing_endpoints(connection, &keys)).await?;
        for failing in failing {
            if self.now().signed_duration_since(failing.since) > FAILING_FOR {
                self.give_up(failing.key(), DisabledReason::Failing).await;
            }
        }
        Ok(())
    }

    /// Disables an endpoint to which nothing can be delivered.
    async fn give_up(&self, (realm, id): EndpointKey, reason: DisabledReason) {
        if let Err(error) = self.write_always(GiveUpEndpoint { realm, id, reason }).await {
            tracing::warn!(%error, endpoint = %id, "a webhook endpoint could not be disabled");
        }
    }
}
