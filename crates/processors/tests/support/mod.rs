//! A sandbox with a clock that stands still, and requests for it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use florin_domain::{Amount, AttemptId, AttemptKind, Currency, MethodRef, MethodType, PaymentId, RefundId};
use florin_processors::sandbox::{Books, Entry, SandboxClock};
use florin_processors::{
    CaptureRequest, ChargeRequest, Found, LookUp, Outcome, Processor, RefundRequest, Request, Sandbox,
    SandboxSettings, VoidRequest,
};
use futures_util::FutureExt;

/// A sandbox over books in a directory of its own.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) path: PathBuf,
    now: Arc<AtomicI64>,
    _directory: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::with(SandboxSettings::default())
    }

    pub(crate) fn with(settings: SandboxSettings) -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sandbox.books");
        let now = Arc::new(AtomicI64::new(1_762_458_840_123));
        let sandbox = Sandbox::open(&path, settings, clock(&now)).unwrap();
        Bench { sandbox, path, now, _directory: directory }
    }

    /// Another sandbox over the same books, as another process has it.
    pub(crate) fn another(&self) -> Sandbox {
        self.another_with(SandboxSettings::default())
    }

    pub(crate) fn another_with(&self, settings: SandboxSettings) -> Sandbox {
        Sandbox::open(&self.path, settings, clock(&self.now)).unwrap()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.now.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn send(&self, request: Request) -> Outcome {
        send(&self.sandbox, request)
    }

    pub(crate) fn look_up(&self, attempt: u32, kind: AttemptKind) -> Found {
        look_up(&self.sandbox, attempt, kind)
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        read(&self.path)
    }
}

fn clock(now: &Arc<AtomicI64>) -> SandboxClock {
    let now = Arc::clone(now);
    Arc::new(move || DateTime::<Utc>::from_timestamp_millis(now.load(Ordering::SeqCst)).unwrap())
}

/// Without a latency the sandbox never waits, so its futures are ready at once.
pub(crate) fn send(sandbox: &Sandbox, request: Request) -> Outcome {
    sandbox.send(request).now_or_never().expect("no latency, no timer")
}

pub(crate) fn look_up(sandbox: &Sandbox, attempt: u32, kind: AttemptKind) -> Found {
    sandbox.look_up(&about(attempt, kind)).now_or_never().expect("no latency, no timer").unwrap()
}

/// What is known of an attempt whose answer never came.
pub(crate) fn about(attempt: u32, kind: AttemptKind) -> LookUp {
    LookUp {
        attempt_id: attempt_id(attempt),
        kind,
        payment_id: payment_id(attempt),
        refund_id: None,
        amount: Amount::new(1000).unwrap(),
        currency: usd(),
        reference: None,
        charge_reference: None,
    }
}

pub(crate) fn read(path: &Path) -> Vec<Entry> {
    Books::read(path).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The id of the attempt that was made so many milliseconds after 1970.
pub(crate) fn attempt_id(number: u32) -> AttemptId {
    AttemptId::from_bytes(bytes(number))
}

pub(crate) fn payment_id(number: u32) -> PaymentId {
    PaymentId::from_bytes(bytes(number))
}

fn bytes(number: u32) -> [u8; 16] {
    let [a, b, c, d] = number.to_be_bytes();
    [0, 0, a, b, c, d, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]
}

pub(crate) fn method(id: &str) -> MethodRef {
    MethodRef::parse(id).unwrap()
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

pub(crate) fn charge(attempt: u32, payment_method: &str) -> ChargeRequest {
    ChargeRequest {
        attempt_id: attempt_id(attempt),
        payment_id: payment_id(attempt),
        amount: Amount::new(1000).unwrap(),
        currency: usd(),
        payment_method: method(payment_method),
        method_type: MethodType::Card,
        description: None,
        return_url: None,
        off_session: false,
    }
}

pub(crate) fn charged(attempt: u32, payment_method: &str) -> Request {
    Request::Charge(charge(attempt, payment_method))
}

pub(crate) fn captured(attempt: u32, payment: u32, amount: i64) -> Request {
    Request::Capture(CaptureRequest {
        attempt_id: attempt_id(attempt),
        payment_id: payment_id(payment),
        reference: format!("sandbox_{}", attempt_id(payment)),
        amount: Amount::new(amount).unwrap(),
        currency: usd(),
        payment_method: method("pm_test_success"),
    })
}

pub(crate) fn voided(attempt: u32, payment: u32) -> Request {
    Request::Void(VoidRequest {
        attempt_id: attempt_id(attempt),
        payment_id: payment_id(payment),
        reference: format!("sandbox_{}", attempt_id(payment)),
        payment_method: method("pm_test_success"),
    })
}

pub(crate) fn refunded(attempt: u32, payment: u32, amount: i64, payment_method: &str) -> Request {
    Request::Refund(RefundRequest {
        attempt_id: attempt_id(attempt),
        refund_id: RefundId::from_bytes(bytes(attempt)),
        payment_id: payment_id(payment),
        reference: format!("sandbox_{}", attempt_id(payment)),
        amount: Amount::new(amount).unwrap(),
        currency: usd(),
        payment_method: method(payment_method),
    })
}

pub(crate) fn succeeded(attempt: u32) -> Outcome {
    Outcome::Succeeded { reference: reference(attempt) }
}

pub(crate) fn pending(attempt: u32) -> Outcome {
    Outcome::Pending { reference: reference(attempt) }
}

pub(crate) fn reference(attempt: u32) -> String {
    format!("sandbox_{}", attempt_id(attempt))
}
