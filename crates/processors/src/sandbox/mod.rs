//! The sandbox: a processor that moves no money, and remembers all that it was told to do.
//!
//! What happens depends on the payment method alone:
//!
//! | `payment_method_id` | charge | look-up afterwards | refund |
//! | --- | --- | --- | --- |
//! | `pm_test_success`, `pm_1234567890` | succeeds | succeeded | succeeds |
//! | `pm_test_decline` | declined | declined | |
//! | `pm_test_insufficient_funds` | declined | declined | |
//! | `pm_test_expired` | not usable (declined, if sent all the same) | declined | |
//! | `pm_test_ach` | pending | succeeded after [`ach_delay`](SandboxSettings::ach_delay) | succeeds |
//! | `pm_test_ach_return` | pending | as above; [`ach_return_delay`](SandboxSettings::ach_return_delay) later returned | succeeds |
//! | `pm_test_timeout` | succeeds, the answer is lost: unknown | succeeded | succeeds |
//! | `pm_test_timeout_lost` | never arrives: unknown | not found | |
//! | `pm_test_requires_action` | waits for the payer (declined when off session) | what the payer did: [`Sandbox::complete_action`] | succeeds |
//! | `pm_test_processor_error` | an error of the processor: unknown | not found | |
//! | `pm_test_refund_fails` | succeeds | succeeded | declined |
//! | `pm_test_refund_pending` | succeeds | succeeded | pending; succeeded after [`refund_delay`](SandboxSettings::refund_delay) |
//!
//! Captures and voids succeed.
//!
//! The same attempt sent again has no second effect and gets the first answer, or, where that was lost, what it would
//! have said. The same attempt id on another request is declined.
//!
//! **A witness, not a guard.** The sandbox writes what it does into its [`Books`], outside Florin's database, and tests
//! compare the two. It is therefore deliberately naive: refunds beyond what was captured, second charges of a payment,
//! captures of what was voided all succeed when they come with an attempt id of their own. To refuse them is Florin's
//! duty, and a sandbox that helped would hide it when Florin fails.

mod books;
mod connector;
mod entry;
mod index;
mod line;
mod list;
mod methods;
mod settings;
mod witness;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use florin_domain::{AttemptId, AttemptKind, MethodRef, MethodType, Mode};

pub use books::{Books, BooksError};
pub use connector::SandboxConnector;
pub use entry::{Entry, EntryOutcome};
pub use settings::SandboxSettings;
pub use witness::PaymentTally;

use crate::{
    Capabilities, CaptureRequest, ChargeRequest, DeclineCode, Found, ListFailed, LookUp, LookupFailed,
    MethodCheck, MovementPage, Outcome, PayerForm, Processor, RefundRequest, Request, VoidRequest, Window,
};
use methods::{Encounter, TestMethod};

/// What the sandbox reads the time from, for the entries of its books and for what they turn into.
pub type SandboxClock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// A processor that moves no money. See the [module](self).
pub struct Sandbox {
    books: Books,
    settings: SandboxSettings,
    capabilities: Capabilities,
    clock: SandboxClock,
}

/// Why a payer's action was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum ActionRefused {
    /// The sandbox knows no such attempt.
    #[error("the sandbox knows no such attempt")]
    NotFound,
    /// The attempt never waited for its payer, or does so no more.
    #[error("the attempt does not wait for its payer")]
    NotWaiting,
    /// The books can't be used.
    #[error(transparent)]
    Books(#[from] BooksError),
}

impl Sandbox {
    /// A sandbox that keeps its books at `books_path`, which other sandboxes may share.
    ///
    /// # Errors
    /// When the file can't be opened, or is something else than the books of a sandbox.
    pub fn open(
        books_path: &Path,
        settings: SandboxSettings,
        clock: SandboxClock,
    ) -> Result<Sandbox, BooksError> {
        let books = Books::open(books_path, settings.index_capacity)?;
        let capabilities = Capabilities {
            methods: vec![MethodType::Card, MethodType::Ach],
            partial_capture: true,
            lists: true,
            max_delay: settings.max_delay,
            keeps_keys_for: Duration::MAX,
            ..Capabilities::default()
        };
        Ok(Sandbox { books, settings, capabilities, clock })
    }

    /// Its books.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Records what the payer did about a charge that waits for its payer: confirmed it, or did not. A look-up finds it
    /// from now on.
    ///
    /// # Errors
    /// When there is nothing to be done about the attempt, and when the books can't be used.
    pub fn complete_action(&self, attempt_id: AttemptId, succeed: bool) -> Result<(), ActionRefused> {
        let done = if succeed {
            EntryOutcome::Succeeded
        } else {
            EntryOutcome::Declined { code: DeclineCode::ActionNotCompleted }
        };
        self.books.post(attempt_id, |entry| match entry {
            None => (Err(ActionRefused::NotFound), None),
            Some(entry) if entry.outcome != EntryOutcome::RequiresAction => {
                (Err(ActionRefused::NotWaiting), None)
            }
            Some(entry) => (Ok(()), Some(entry.followed_by(done, (self.clock)()))),
        })?
    }

    /// The request has its effect at once, and the latency is that of the answer: whoever is killed while waiting leaves
    /// an effect behind that nobody has heard of, which is the case that recovery is for.
    async fn answer(&self, request: &Request) -> Outcome {
        let (outcome, extra) = self.act(request);
        pause(self.settings.latency + extra).await;
        outcome
    }

    /// Does what the request meets, and says how long the answer takes beyond the usual.
    fn act(&self, request: &Request) -> (Outcome, Duration) {
        let slow = self.settings.timeout_after;
        let unknown = |reason: &str| Outcome::Unknown { reason: reason.to_owned() };
        match methods::meet(request) {
            Encounter::NeverArrived => (unknown("the sandbox did not answer in time"), slow),
            Encounter::ServerError => (unknown("the sandbox answered with status 500"), Duration::ZERO),
            Encounter::Answered(outcome) => match self.enter(request, outcome) {
                Ok(Entered { answer, .. }) => (answer, Duration::ZERO),
                Err(failed) => (unknown(&failed.to_string()), Duration::ZERO),
            },
            Encounter::DoneButLost => match self.enter(request, EntryOutcome::Succeeded) {
                Ok(Entered { answer, is_first: false }) => (answer, Duration::ZERO),
                Ok(Entered { is_first: true, .. }) => (unknown("the sandbox did not answer in time"), slow),
                Err(failed) => (unknown(&failed.to_string()), Duration::ZERO),
            },
        }
    }

    /// Writes a request into the books, unless it is there.
    fn enter(&self, request: &Request, outcome: EntryOutcome) -> Result<Entered, BooksError> {
        let new = Entry::first(request, outcome, (self.clock)());
        self.books.post(request.attempt_id(), |existing| match existing {
            None => (Entered { answer: new.first_answer(), is_first: true }, Some(new)),
            Some(existing) if existing.is_of_same_request(&new) => {
                (Entered { answer: existing.first_answer(), is_first: false }, None)
            }
            Some(_) => (Entered { answer: key_reused(), is_first: false }, None),
        })
    }

    fn find(&self, attempt_id: AttemptId, kind: AttemptKind) -> Result<Found, BooksError> {
        self.books.post(attempt_id, |entry| {
            let Some(entry) = entry.filter(|entry| entry.kind == kind) else {
                return (Found::NotFound, None);
            };
            let now = (self.clock)();
            // A clock that was set back has waited for nothing.
            let waited = (now - entry.at).to_std().unwrap_or_default();
            match methods::ripen(&entry, waited, &self.settings) {
                None => (entry.found(), None),
                Some(outcome) => {
                    let next = entry.followed_by(outcome, now);
                    (next.found(), Some(next))
                }
            }
        })
    }
}

#[async_trait]
impl Processor for Sandbox {
    fn name(&self) -> &str {
        "sandbox"
    }

    fn serves(&self, mode: Mode) -> bool {
        !mode.is_live()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check_method(&self, method: &MethodRef) -> MethodCheck {
        TestMethod::find(method.as_str()).map_or(MethodCheck::NotFound, TestMethod::check)
    }

    fn payer_form(&self) -> Option<PayerForm> {
        Some(PayerForm::TestMethods(methods::OFFERED))
    }

    async fn authorize(&self, request: ChargeRequest) -> Outcome {
        self.answer(&Request::Authorize(request)).await
    }

    async fn charge(&self, request: ChargeRequest) -> Outcome {
        self.answer(&Request::Charge(request)).await
    }

    async fn capture(&self, request: CaptureRequest) -> Outcome {
        self.answer(&Request::Capture(request)).await
    }

    async fn void(&self, request: VoidRequest) -> Outcome {
        self.answer(&Request::Void(request)).await
    }

    async fn refund(&self, request: RefundRequest) -> Outcome {
        self.answer(&Request::Refund(request)).await
    }

    async fn look_up(&self, attempt: &LookUp) -> Result<Found, LookupFailed> {
        pause(self.settings.latency).await;
        self.find(attempt.attempt_id, attempt.kind).map_err(|failed| LookupFailed(failed.to_string()))
    }

    async fn list(&self, window: Window, cursor: Option<String>) -> Result<MovementPage, ListFailed> {
        let unanswered = |reason: String| ListFailed::Unanswered(reason);
        let after = cursor.map(|cursor| cursor.parse()).transpose();
        let after = after.map_err(|error| unanswered(format!("no cursor: {error}")))?;
        let books = self.books.path().to_owned();
        // It reads the whole file.
        let reading = tokio::task::spawn_blocking(move || list::page(&books, window, after));
        let page = reading.await.map_err(|error| unanswered(error.to_string()))?;
        page.map_err(|error| unanswered(error.to_string()))
    }

    /// Spares the detour over the operations, which all do the same here.
    async fn send(&self, request: Request) -> Outcome {
        self.answer(&request).await
    }
}

/// What came of writing a request into the books.
struct Entered {
    answer: Outcome,
    is_first: bool,
}

fn key_reused() -> Outcome {
    let message = "this attempt was sent before, as a different request".to_owned();
    Outcome::Declined { code: DeclineCode::OperationDeclined, message, may_retry_elsewhere: false }
}

async fn pause(duration: Duration) {
    // Even a timer of zero would wait for the next tick.
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
