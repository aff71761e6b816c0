//! What surrounds the processor of an account: a circuit breaker, a limit of requests at once, and metrics.
//!
//! A request that gets no permit in time, or that the breaker refuses, has provably not been sent. Look-ups and lists
//! pass the limit only: an outcome that is unknown has to become known, whatever else goes wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use florin_domain::{AttemptKind, MethodRef, Mode};
use florin_processors::{
    Capabilities, CaptureRequest, ChargeRequest, Found, ListFailed, LookUp, LookupFailed, MethodCheck,
    MovementPage, Outcome, PayerForm, Processor, ProcessorEvent, RefundRequest, Request, VoidRequest,
    WebhookRefused, WebhookRequest, Window, async_trait, lease,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::breaker::Breaker;

/// A processor with what surrounds it.
pub(crate) struct Guarded {
    /// What payments call it.
    name: Arc<str>,
    /// The account and connector, for metrics.
    account: String,
    connector: String,
    processor: Arc<dyn Processor>,
    breaker: Breaker,
    permits: Semaphore,
    /// How long a request waits for its turn.
    patience: Duration,
}

/// How a processor is guarded.
pub(super) struct Guarding {
    pub(super) name: Arc<str>,
    pub(super) account: String,
    pub(super) connector: String,
    /// How many requests may be under way at once.
    pub(super) at_once: usize,
    pub(super) patience: Duration,
}

impl Guarded {
    pub(super) fn new(processor: Arc<dyn Processor>, guarding: Guarding) -> Self {
        let Guarding { name, account, connector, at_once, patience } = guarding;
        let permits = Semaphore::new(at_once);
        Guarded { name, account, connector, processor, breaker: Breaker::default(), permits, patience }
    }

    /// Whether a request would be sent rather than refused here.
    pub(super) fn is_ready(&self) -> bool {
        self.breaker.would_admit(Instant::now())
    }

    async fn guard(&self, request: Request) -> Outcome {
        let (guarded, kind, began) = (self, request.kind(), Instant::now());
        let mut counted = Counted { guarded, kind, began, outcome: "timed_out" };
        let outcome = self.pass(request).await;
        counted.outcome = word_of(&outcome);
        outcome
    }

    async fn pass(&self, request: Request) -> Outcome {
        let not_sent = |reason: &str| Outcome::NotSent { reason: reason.to_owned() };
        let Some(_permit) = self.permit().await else {
            return not_sent("too many requests to the processor are under way");
        };
        if !lease::may_be_sent() {
            return not_sent("its turn came when the attempt's time to be sent was over");
        }
        // After the wait, so that a probe is under way while it is one.
        let Some(admitted) = self.breaker.admit(Instant::now()) else {
            return not_sent("the processor has given no clear answers of late");
        };
        let outcome = self.processor.send(request).await;
        admitted.answer(is_clear(&outcome), Instant::now());
        outcome
    }

    async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        tokio::time::timeout(self.patience, self.permits.acquire()).await.ok()?.ok()
    }
}

/// A request that is counted at its end: with an answer, or given up without one.
struct Counted<'a> {
    guarded: &'a Guarded,
    kind: AttemptKind,
    began: Instant,
    outcome: &'static str,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let (account, connector) = (self.guarded.account.clone(), self.guarded.connector.clone());
        let is_open = if self.guarded.is_ready() { 0.0 } else { 1.0 };
        metrics::gauge!("florin_processor_breaker_open", "account" => account.clone()).set(is_open);
        metrics::histogram!(
            "florin_processor_request_seconds",
            "account" => account.clone(),
            "connector" => connector.clone()
        )
        .record(self.began.elapsed());
        metrics::counter!(
            "florin_processor_requests_total",
            "account" => account,
            "connector" => connector,
            "kind" => self.kind.as_str(),
            "outcome" => self.outcome
        )
        .increment(1);
    }
}

/// A decline is a clear answer.
fn is_clear(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Succeeded { .. }
        | Outcome::Declined { .. }
        | Outcome::Pending { .. }
        | Outcome::RequiresAction { .. } => true,
        Outcome::NotSent { .. } | Outcome::Unknown { .. } => false,
    }
}

fn word_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded { .. } => "succeeded",
        Outcome::Declined { .. } => "declined",
        Outcome::Pending { .. } => "pending",
        Outcome::RequiresAction { .. } => "requires_action",
        Outcome::NotSent { .. } => "not_sent",
        Outcome::Unknown { .. } => "unknown",
    }
}

#[async_trait]
impl Processor for Guarded {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, mode: Mode) -> bool {
        self.processor.serves(mode)
    }

    fn capabilities(&self) -> &Capabilities {
        self.processor.capabilities()
    }

    fn check_method(&self, method: &MethodRef) -> MethodCheck {
        self.processor.check_method(method)
    }

    fn payer_form(&self) -> Option<PayerForm> {
        self.processor.payer_form()
    }

    async fn authorize(&self, request: ChargeRequest) -> Outcome {
        self.guard(Request::Authorize(request)).await
    }

    async fn charge(&self, request: ChargeRequest) -> Outcome {
        self.guard(Request::Charge(request)).await
    }

    async fn capture(&self, request: CaptureRequest) -> Outcome {
        self.guard(Request::Capture(request)).await
    }

    async fn void(&self, request: VoidRequest) -> Outcome {
        self.guard(Request::Void(request)).await
    }

    async fn refund(&self, request: RefundRequest) -> Outcome {
        self.guard(Request::Refund(request)).await
    }

    async fn look_up(&self, attempt: &LookUp) -> Result<Found, LookupFailed> {
        let Some(_permit) = self.permit().await else {
            return Err(LookupFailed("too many requests to the processor are under way".to_owned()));
        };
        self.processor.look_up(attempt).await
    }

    fn parse_webhook(&self, webhook: &WebhookRequest<'_>) -> Result<Vec<ProcessorEvent>, WebhookRefused> {
        self.processor.parse_webhook(webhook)
    }

    async fn list(&self, window: Window, cursor: Option<String>) -> Result<MovementPage, ListFailed> {
        self.processor.list(window, cursor).await
    }
}
