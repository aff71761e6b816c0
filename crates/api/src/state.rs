//! What all workers share.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use florin_engine::Engine;
use florin_engine::access::Caller;
use florin_engine::views::Refused;

use crate::ApiSettings;
use crate::load::{Load, Priority};
use crate::rate_limit::{Limiter, TryKind};
use crate::request_id::RequestIds;
use crate::system::Documents;

/// Renders the metrics in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What all workers share: the engine, the limits, and the documents that are served as they are.
#[derive(Clone)]
pub struct ApiState(pub(crate) State);

/// A request that was let in, and counts as being worked on until this is dropped.
pub struct AdmittedRequest(State);

impl fmt::Debug for AdmittedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AdmittedRequest").finish()
    }
}

impl Drop for AdmittedRequest {
    fn drop(&mut self) {
        self.0.load.end();
    }
}

/// The same, as the parts of this crate hand it around.
pub(crate) type State = Arc<Shared>;

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) settings: ApiSettings,
    pub(crate) render_metrics: RenderMetrics,
    pub(crate) limiter: Limiter,
    pub(crate) load: Load,
    pub(crate) is_ending: AtomicBool,
    pub(crate) request_ids: RequestIds,
    pub(crate) documents: Documents,
}

impl ApiState {
    /// The state of an API over an engine. Make one, and hand clones of it to the workers: the limits are in it.
    pub fn new(engine: Engine, settings: ApiSettings, render_metrics: RenderMetrics) -> Self {
        let limiter = Limiter::new(&settings);
        let load = Load::new(settings.request_limit);
        ApiState(Arc::new(Shared {
            engine,
            settings,
            render_metrics,
            limiter,
            load,
            is_ending: AtomicBool::new(false),
            request_ids: RequestIds::new(),
            documents: Documents::render(),
        }))
    }

    /// Counts what anybody may try from an address, by the same limits as the API's own.
    ///
    /// # Errors
    /// For how many seconds there may be no more, when it is one too many.
    pub async fn admit_try(&self, kind: TryKind, address: Option<IpAddr>) -> Result<(), u32> {
        self.0.limiter.admit_try(kind, address).await
    }

    /// Begins a request of somebody whom another face of the server knows, by the same limits as a call of the API:
    /// what can wait is refused first when there is too much to do, and the caller's requests are counted.
    ///
    /// # Errors
    /// 503 when there is too much to do, 429 when the caller asks too often.
    pub async fn admit_request(&self, can_wait: bool, caller: &Caller) -> Result<AdmittedRequest, Refused> {
        let priority = if can_wait { Priority::CanWait } else { Priority::Pressing };
        self.0.load.enter(priority, &self.0.engine)?;
        let admitted = AdmittedRequest(Arc::clone(&self.0));
        let (_headers, outcome) = self.0.limiter.check(caller).await;
        outcome.map(|()| admitted)
    }

    /// Lets `/readyz` say that the server is about to end, so that nobody is sent here any more. All else goes on.
    pub fn begin_to_end(&self) {
        self.0.is_ending.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to end.
    pub fn is_ending(&self) -> bool {
        self.0.is_ending.load(Ordering::Relaxed)
    }
}
