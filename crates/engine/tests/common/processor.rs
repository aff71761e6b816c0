//! A processor that does as the test says with what it is sent, before a sandbox that does as processors do.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use florin_domain::{AttemptId, AttemptKind, MethodRef, Mode, PaymentId};
use florin_processors::{
    Capabilities, CaptureRequest, ChargeRequest, DeclineCode, Found, ListFailed, LookUp, LookupFailed,
    MethodCheck, MovementPage, Outcome, PayerForm, Processor, ProcessorEvent, RefundRequest, Request,
    Sandbox, SandboxSettings, Subject, VoidRequest, WebhookRefused, WebhookRequest, Window, async_trait,
};
use tokio::sync::watch;

use super::TestClock;

/// What becomes of requests of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The sandbox deals with it, and its answer arrives.
    Answered,
    /// As above, but the answer arrives when the test releases it.
    Held,
    /// The sandbox deals with it, and its answer is lost.
    AnswerLost,
    /// It arrives, and is dealt with, when the test releases it: it left when its sender's time was over.
    Late,
    /// It never arrives, and nobody knows.
    NeverArrives,
    /// It never arrives, and its sender waits for an answer until the test releases it.
    Stuck,
    /// It provably never left.
    NotSent,
    /// As above, and its sender learns of it when the test releases it.
    NotSentHeld,
    /// Declined in a way that another processor may see differently.
    Declined,
    /// Declined for good.
    DeclinedForGood,
}

/// The processor.
pub(crate) struct Scripted {
    pub sandbox: Sandbox,
    fates: Mutex<HashMap<AttemptKind, Fate>>,
    /// Each change leaves the former behind: who has borrowed it may go on.
    capabilities: Mutex<&'static Capabilities>,
    sent: watch::Sender<Vec<(PaymentId, AttemptKind, AttemptId)>>,
    /// Counts the releases.
    releases: watch::Sender<u64>,
    look_ups: Mutex<Vec<AttemptId>>,
    look_ups_fail: AtomicBool,
    look_ups_hang: AtomicBool,
    /// Whether it can't tell of a token before it is charged.
    can_not_tell: AtomicBool,
    list_changes: Mutex<Option<ListChange>>,
}

/// What a list tells otherwise than the books.
type ListChange = Box<dyn Fn(&mut MovementPage) + Send>;

impl Scripted {
    pub(crate) fn open(books: &Path, clock: &TestClock) -> Self {
        let clock = clock.clone();
        let sandbox =
            Sandbox::open(books, SandboxSettings::default(), Arc::new(move || clock.now())).expect("books");
        Scripted {
            capabilities: Mutex::new(Box::leak(Box::new(sandbox.capabilities().clone()))),
            sandbox,
            fates: Mutex::default(),
            sent: watch::Sender::new(Vec::new()),
            releases: watch::Sender::new(0),
            look_ups: Mutex::default(),
            look_ups_fail: AtomicBool::new(false),
            look_ups_hang: AtomicBool::new(false),
            can_not_tell: AtomicBool::new(false),
            list_changes: Mutex::new(None),
        }
    }

    /// Decides about the requests of a kind that come from now on.
    pub(crate) fn set(&self, kind: AttemptKind, fate: Fate) {
        self.fates.lock().expect("the fates").insert(kind, fate);
    }

    /// Lets all held answers arrive, and holds no more until the test says so again.
    pub(crate) fn release(&self) {
        self.fates
            .lock()
            .expect("the fates")
            .retain(|_, fate| !matches!(fate, Fate::Held | Fate::Stuck | Fate::Late));
        self.releases.send_modify(|count| *count += 1);
    }

    /// A charge that had been taken for lost arrives after all.
    pub(crate) async fn arrives_late(&self, attempt_id: AttemptId, payment_id: PaymentId) {
        let charge = ChargeRequest {
            attempt_id,
            payment_id,
            amount: super::amount(1000),
            currency: florin_domain::Currency::parse("USD").expect("a currency"),
            payment_method: super::method("pm_test_success"),
            method_type: florin_domain::MethodType::Card,
            description: None,
            return_url: None,
            off_session: false,
        };
        self.sandbox.charge(charge).await;
    }

    /// Lets all held answers arrive, and leaves what comes from now on as it is.
    pub(crate) fn release_held(&self) {
        self.releases.send_modify(|count| *count += 1);
    }

    /// After how long "not found" proves something.
    pub(crate) fn set_max_delay(&self, max_delay: Duration) {
        self.change_capabilities(|capabilities| capabilities.max_delay = max_delay);
    }

    /// How long the processor keeps its idempotency keys.
    pub(crate) fn set_keeps_keys_for(&self, keeps_keys_for: Duration) {
        self.change_capabilities(|capabilities| capabilities.keeps_keys_for = keeps_keys_for);
    }

    /// What the processor can do.
    pub(crate) fn change_capabilities(&self, change: impl FnOnce(&mut Capabilities)) {
        let mut current = self.capabilities.lock().expect("the capabilities");
        let mut changed = current.clone();
        change(&mut changed);
        *current = Box::leak(Box::new(changed));
    }

    /// Makes it unable to tell of a token before it is charged, as of those that belong to one account.
    pub(crate) fn can_not_tell(&self) {
        self.can_not_tell.store(true, Ordering::SeqCst);
    }

    /// Makes look-ups fail, or succeed again.
    pub(crate) fn fail_look_ups(&self, fail: bool) {
        self.look_ups_fail.store(fail, Ordering::SeqCst);
    }

    /// Makes look-ups that begin from now on have no end until the release, as when the process dies that asks.
    pub(crate) fn let_look_ups_hang(&self) {
        self.look_ups_hang.store(true, Ordering::SeqCst);
    }

    /// Changes what the processor lists from now on.
    pub(crate) fn change_lists(&self, change: impl Fn(&mut MovementPage) + Send + 'static) {
        *self.list_changes.lock().expect("the changes") = Some(Box::new(change));
    }

    /// Waits until so many requests have been sent; gives back all of them.
    pub(crate) async fn sent(&self, count: usize) -> Vec<(PaymentId, AttemptKind, AttemptId)> {
        let mut sent = self.sent.subscribe();
        let seen = tokio::time::timeout(Duration::from_secs(40), sent.wait_for(|sent| sent.len() >= count));
        seen.await.expect("requests in time").expect("the processor").clone()
    }

    /// The look-ups so far.
    pub(crate) fn look_ups(&self) -> Vec<AttemptId> {
        self.look_ups.lock().expect("the look-ups").clone()
    }

    async fn answer(&self, request: Request) -> Outcome {
        let kind = request.kind();
        let fate = self.fates.lock().expect("the fates").get(&kind).copied().unwrap_or(Fate::Answered);
        let sent = (request.payment_id(), kind, request.attempt_id());
        let unknown = || Outcome::Unknown { reason: "as the test says".to_owned() };
        if fate == Fate::Late {
            let mut releases = self.releases.subscribe();
            self.sent.send_modify(|all| all.push(sent));
            let _released = releases.changed().await;
            return self.sandbox.send(request).await;
        }
        let outcome = match fate {
            Fate::Answered | Fate::Held => self.sandbox.send(request).await,
            Fate::AnswerLost => {
                self.sandbox.send(request).await;
                unknown()
            }
            Fate::NeverArrives | Fate::Stuck | Fate::Late => unknown(),
            Fate::NotSent | Fate::NotSentHeld => Outcome::NotSent { reason: "as the test says".to_owned() },
            Fate::Declined => Outcome::declined(DeclineCode::Declined),
            Fate::DeclinedForGood => Outcome::declined(DeclineCode::InsufficientFunds),
        };
        let mut releases = self.releases.subscribe();
        self.sent.send_modify(|all| all.push(sent));
        if matches!(fate, Fate::Held | Fate::Stuck | Fate::NotSentHeld) {
            // Without the sender nobody waits for the answer either.
            let _released = releases.changed().await;
        }
        outcome
    }
}

#[async_trait]
impl Processor for Scripted {
    fn name(&self) -> &str {
        self.sandbox.name()
    }

    fn serves(&self, _mode: Mode) -> bool {
        // The scope of keys is tested in both modes.
        true
    }

    fn capabilities(&self) -> &Capabilities {
        *self.capabilities.lock().expect("the capabilities")
    }

    fn check_method(&self, method: &MethodRef) -> MethodCheck {
        match self.sandbox.check_method(method) {
            MethodCheck::Usable { .. } if self.can_not_tell.load(Ordering::SeqCst) => MethodCheck::Unchecked,
            check => check,
        }
    }

    fn payer_form(&self) -> Option<PayerForm> {
        self.sandbox.payer_form()
    }

    async fn authorize(&self, request: ChargeRequest) -> Outcome {
        self.answer(Request::Authorize(request)).await
    }

    async fn charge(&self, request: ChargeRequest) -> Outcome {
        self.answer(Request::Charge(request)).await
    }

    async fn capture(&self, request: CaptureRequest) -> Outcome {
        self.answer(Request::Capture(request)).await
    }

    async fn void(&self, request: VoidRequest) -> Outcome {
        self.answer(Request::Void(request)).await
    }

    async fn refund(&self, request: RefundRequest) -> Outcome {
        self.answer(Request::Refund(request)).await
    }

    async fn look_up(&self, attempt: &LookUp) -> Result<Found, LookupFailed> {
        self.look_ups.lock().expect("the look-ups").push(attempt.attempt_id);
        if self.look_ups_hang.load(Ordering::SeqCst) {
            let _released = self.releases.subscribe().changed().await;
        }
        if self.look_ups_fail.load(Ordering::SeqCst) {
            return Err(LookupFailed("as the test says".to_owned()));
        }
        self.sandbox.look_up(attempt).await
    }

    /// A body is the event's id and what it is about, with a blank between; the header is its signature.
    fn parse_webhook(&self, webhook: &WebhookRequest<'_>) -> Result<Vec<ProcessorEvent>, WebhookRefused> {
        match (webhook.header)("signature") {
            Some("right") => {}
            Some(_) => return Err(WebhookRefused::WrongSignature),
            None => return Err(WebhookRefused::Unsigned),
        }
        let body = std::str::from_utf8(webhook.body).expect("text");
        let (id, about) = body.split_once(' ').unwrap_or((body, ""));
        let subject = if let Ok(id) = about.parse() {
            Subject::Attempt(id)
        } else if let Ok(id) = about.parse() {
            Subject::Payment(id)
        } else if about.is_empty() {
            Subject::Nothing
        } else {
            Subject::Reference(about.to_owned())
        };
        Ok(vec![ProcessorEvent { id: id.to_owned(), kind: "test.event".to_owned(), subject }])
    }

    async fn list(&self, window: Window, cursor: Option<String>) -> Result<MovementPage, ListFailed> {
        let mut page = self.sandbox.list(window, cursor).await?;
        if let Some(change) = self.list_changes.lock().expect("the changes").as_ref() {
            change(&mut page);
        }
        Ok(page)
    }
}
