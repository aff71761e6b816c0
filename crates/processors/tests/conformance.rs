//! Every connector of the house against the rules of all connectors, and a broken one that the rules must notice.

#[allow(dead_code, reason = "the example's own")]
#[path = "../examples/acme/connector.rs"]
mod acme;
#[allow(dead_code, reason = "the example's own")]
#[path = "../examples/acme/server.rs"]
mod acme_server;
#[path = "support/double.rs"]
mod double;
#[path = "support/stripe.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use chrono::DateTime;
use double::Double;
use florin_domain::{MethodRef, Mode};
use florin_processors::conformance::{Bench, Rule, TestMethods, check};
use florin_processors::{
    Capabilities, CaptureRequest, ChargeRequest, DeclineCode, Found, ListFailed, LookUp, LookupFailed,
    MethodCheck, MovementPage, Outcome, Processor, ProcessorEvent, RefundRequest, Sandbox, SandboxSettings,
    VoidRequest, WebhookRefused, WebhookRequest, Window,
};
use uuid::Uuid;

fn next_id() -> [u8; 16] {
    Uuid::now_v7().into_bytes()
}

fn needing_action(methods: TestMethods, needs_action: &str) -> TestMethods {
    TestMethods { needs_action: Some(MethodRef::parse(needs_action).unwrap()), ..methods }
}

/// A sandbox whose clock is that of the ids.
fn sandbox() -> (Sandbox, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let latest = Arc::new(AtomicI64::new(0));
    let clock = move || {
        let now = florin_domain::AttemptId::from_bytes(next_id()).created_at();
        latest.fetch_max(now.timestamp_millis(), Ordering::SeqCst);
        DateTime::from_timestamp_millis(latest.load(Ordering::SeqCst)).unwrap()
    };
    let books = directory.path().join("sandbox.books");
    (Sandbox::open(&books, SandboxSettings::default(), Arc::new(clock)).unwrap(), directory)
}

fn sandbox_bench(sandbox: &dyn Processor) -> Bench<'_> {
    let methods =
        needing_action(TestMethods::named("pm_test_success", "pm_test_decline"), "pm_test_requires_action");
    let naive = "a witness, not a guard: Florin itself has to refuse it";
    let naively = [Rule::VoidedIsNotCaptured, Rule::CapturedIsNotVoided, Rule::NoRefundBeyond];
    Bench { exempt: naively.map(|rule| (rule, naive)).to_vec(), ..Bench::new(sandbox, &next_id, methods) }
}

#[tokio::test]
async fn the_sandbox_keeps_to_the_rules() {
    let (sandbox, _directory) = sandbox();
    let report = check(&sandbox_bench(&sandbox)).await;
    assert!(report.is_kept(), "{report}");
}

#[tokio::test]
async fn the_example_keeps_to_the_rules() {
    let server = acme_server::start().await;
    let acme = acme::Acme::new(&server.uri(), "acme-test-key", Mode::Test).unwrap();
    let methods = needing_action(TestMethods::named("pm_good", "pm_poor"), "pm_careful");
    let report = check(&Bench::new(&acme, &next_id, methods)).await;
    assert!(report.is_kept(), "{report}");
}

#[tokio::test]
async fn stripe_keeps_to_the_rules() {
    let double = Double::start().await;
    let stripe = support::stripe(&double.url());
    let methods = TestMethods::named("pm_card_visa", "pm_card_chargeDeclined");
    let bench = Bench {
        return_url: Some("https://shop.example/back".to_owned()),
        ..Bench::new(&stripe, &next_id, needing_action(methods, "pm_card_authenticationRequired"))
    };
    let report = check(&bench).await;
    assert!(report.is_kept(), "{report}");
}

#[tokio::test]
async fn stripe_keeps_to_the_rules_at_localstripe() {
    let Ok(url) = std::env::var("FLORIN_TEST_LOCALSTRIPE_URL") else {
        eprintln!("SKIPPED: FLORIN_TEST_LOCALSTRIPE_URL names no localstripe; scripts/test starts one");
        return;
    };
    let stripe = support::with_options(&url, |options| {
        options.filters_lists = false;
        // Without one the connector says, in words that localstripe does not know, that nobody can act.
        options.action_page = Some("https://shop.example/act".to_owned());
    });
    let keys = "localstripe ignores idempotency keys";
    let exempt = vec![
        (Rule::SameChargeOnce, keys),
        (Rule::SameChargeAtOnce, keys),
        (Rule::OtherChargeNever, keys),
        (Rule::SameCaptureOnce, keys),
        (Rule::SameRefundOnce, keys),
        (Rule::NoRefundBeyond, "localstripe accepts refunds beyond what was captured"),
    ];
    let methods = TestMethods::named("pm_card_visa", "pm_card_chargeCustomerFail");
    let bench = Bench { exempt, ..Bench::new(&stripe, &next_id, methods) };
    let report = check(&bench).await;
    assert!(report.is_kept(), "{report}");
}

/// What a connector's author may get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    /// Each sending has a key of its own.
    NewKeyEachTime,
    /// A lost answer can't be looked up.
    NeedsReference,
    /// What can't be found is taken for a decline.
    NotFoundIsDecline,
    /// Every refusal is a time-out.
    DeclineIsUnknown,
    /// Signatures are not looked at.
    BelievesWebhooks,
    /// The list forgets whose attempt it was.
    ListWithoutIds,
    /// The window is not looked at.
    ListOfAllTime,
    /// A capture takes everything, and a void does nothing.
    VoidDoesNothing,
}

/// A sandbox behind a connector with a mistake.
struct Mistaken {
    sandbox: Sandbox,
    mistake: Mistake,
}

#[async_trait]
impl Processor for Mistaken {
    fn name(&self) -> &str {
        "mistaken"
    }

    fn serves(&self, mode: Mode) -> bool {
        self.sandbox.serves(mode)
    }

    fn capabilities(&self) -> &Capabilities {
        self.sandbox.capabilities()
    }

    fn check_method(&self, method: &MethodRef) -> MethodCheck {
        self.sandbox.check_method(method)
    }

    async fn authorize(&self, request: ChargeRequest) -> Outcome {
        self.sandbox.authorize(request).await
    }

    async fn charge(&self, mut request: ChargeRequest) -> Outcome {
        if self.mistake == Mistake::NewKeyEachTime {
            request.attempt_id = florin_domain::AttemptId::from_bytes(next_id());
        }
        match self.sandbox.charge(request).await {
            Outcome::Declined { message, .. } if self.mistake == Mistake::DeclineIsUnknown => {
                Outcome::Unknown { reason: message }
            }
            outcome => outcome,
        }
    }

    async fn capture(&self, request: CaptureRequest) -> Outcome {
        self.sandbox.capture(request).await
    }

    async fn void(&self, request: VoidRequest) -> Outcome {
        if self.mistake == Mistake::VoidDoesNothing {
            return Outcome::Succeeded { reference: request.reference };
        }
        self.sandbox.void(request).await
    }

    async fn refund(&self, request: RefundRequest) -> Outcome {
        self.sandbox.refund(request).await
    }

    async fn look_up(&self, attempt: &LookUp) -> Result<Found, LookupFailed> {
        if self.mistake == Mistake::NeedsReference && attempt.reference.is_none() {
            return Ok(Found::NotFound);
        }
        match self.sandbox.look_up(attempt).await? {
            Found::NotFound if self.mistake == Mistake::NotFoundIsDecline => {
                Ok(Found::Outcome(Outcome::declined(DeclineCode::Declined)))
            }
            found => Ok(found),
        }
    }

    fn parse_webhook(&self, webhook: &WebhookRequest<'_>) -> Result<Vec<ProcessorEvent>, WebhookRefused> {
        if self.mistake == Mistake::BelievesWebhooks {
            Ok(Vec::new())
        } else {
            self.sandbox.parse_webhook(webhook)
        }
    }

    async fn list(&self, window: Window, cursor: Option<String>) -> Result<MovementPage, ListFailed> {
        let ever = Window { from: DateTime::UNIX_EPOCH, until: DateTime::<chrono::Utc>::MAX_UTC };
        let window = if self.mistake == Mistake::ListOfAllTime { ever } else { window };
        let mut page = self.sandbox.list(window, cursor).await?;
        if self.mistake == Mistake::ListWithoutIds {
            page.movements.iter_mut().for_each(|movement| movement.attempt_id = None);
        }
        Ok(page)
    }
}

#[tokio::test]
async fn each_mistake_breaks_the_rule_that_is_about_it() {
    let table = [
        (Mistake::NewKeyEachTime, Rule::SameChargeOnce),
        (Mistake::NeedsReference, Rule::FoundWithoutReference),
        (Mistake::NotFoundIsDecline, Rule::UnsentIsNotFound),
        (Mistake::DeclineIsUnknown, Rule::DeclineIsTold),
        (Mistake::BelievesWebhooks, Rule::UnsignedIsRefused),
        (Mistake::ListWithoutIds, Rule::ListTellsAll),
        (Mistake::ListOfAllTime, Rule::ListKeepsToWindow),
        (Mistake::VoidDoesNothing, Rule::VoidReleases),
    ];
    for (mistake, rule) in table {
        let (sandbox, _directory) = sandbox();
        let mistaken = Mistaken { sandbox, mistake };
        let report = check(&sandbox_bench(&mistaken)).await;
        assert!(report.broken().contains(&rule), "{mistake:?} does not break {rule:?}:\n{report}");
    }
}

#[tokio::test]
async fn an_exemption_that_is_not_needed_is_noticed() {
    let (sandbox, _directory) = sandbox();
    let mut bench = sandbox_bench(&sandbox);
    bench.exempt.push((Rule::ChargeSucceeds, "no reason"));
    assert_eq!(check(&bench).await.broken(), [Rule::ChargeSucceeds]);
}
