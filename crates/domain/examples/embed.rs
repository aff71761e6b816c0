//! A payment from its creation to a refund in part, without a server or a database.
//!
//! `cargo run -p florin-domain --example embed`. To start from it: take ids and times from your own clock,
//! keep what each step returns, and call a real processor where this program decides what it answered.

use std::error::Error;
use std::io::{self, Write};

use chrono::{DateTime, Duration, Utc};
use florin_domain::{
    Actor, Amount, AttemptId, AttemptStart, CaptureMethod, Currency, Description, Metadata, MethodRef,
    MethodType, Mode, Money, NewPayment, NewRefund, Payment, PaymentId, Reason, RefundId, RefundRefused,
    Settlement, TenantId,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let mut clock = Clock { now: DateTime::parse_from_rfc3339("2025-11-06T19:54:00Z")?.to_utc() };

    let payment = create(&mut clock)?;
    describe(&mut out, "created", &payment)?;

    // Keep the attempt before you call the processor: its id is the idempotency key there, and after a crash
    // it says what has to be looked up.
    let (payment, attempt) = payment.start_charge(clock.attempt(), None)?;
    describe(&mut out, "charging", &payment)?;

    let answer = Settlement::Succeeded;
    let charged = payment.settle_charge(&attempt, &answer, Some("ch_1"), clock.tick(), Actor::System)?;
    describe(&mut out, "charged", &charged.payment)?;

    // The amount is held from here on, so that a second refund can't spend it while the first is under way.
    let started = charged.payment.start_refund(clock.refund(Some(500))?, clock.attempt())?;
    let refund = &started.refund;
    let refunded =
        started.payment.settle_refund(refund, &answer, Some("re_1"), clock.tick(), Actor::System)?;
    describe(&mut out, "refunded in part", &refunded.payment)?;

    // Refusals are values with their data, and change nothing.
    match refunded.payment.start_refund(clock.refund(Some(2_000))?, clock.attempt()) {
        Err(RefundRefused::ExceedsAvailable { requested, available }) => {
            writeln!(out, "refused: {} asked for, {} left", requested.minor(), available.minor())?;
        }
        other => return Err(format!("a refund of more than is left came to {other:?}").into()),
    }
    Ok(())
}

fn create(clock: &mut Clock) -> Result<Payment, Box<dyn Error>> {
    Ok(Payment::create(NewPayment {
        id: PaymentId::from_bytes(clock.id()),
        tenant_id: TenantId::from_bytes(clock.id()),
        mode: Mode::Test,
        amount: Amount::new(1_999)?,
        currency: Currency::parse("USD")?,
        capture_method: CaptureMethod::Automatic,
        payment_method: Some(MethodRef::parse("pm_test_success")?),
        customer_id: None,
        destination: None,
        request_id: None,
        method_type: MethodType::Card,
        description: Some(Description::parse("Two tickets")?),
        metadata: Metadata::new([("order_id".to_owned(), "1001".to_owned())].into())?,
        idempotency_key: None,
        return_url: None,
        off_session: false,
        created_by: Actor::System,
    }))
}

fn describe(out: &mut impl Write, event: &str, payment: &Payment) -> io::Result<()> {
    let money = |minor: i64| Money::new(minor, payment.currency);
    writeln!(
        out,
        "{event}: {} is {} ({}); captured {}, refunded {}, refundable {}",
        money(payment.amount.minor()),
        payment.state().status(),
        payment.state().payment_status(),
        money(payment.facts.captured().minor()),
        money(payment.facts.refunded().minor()),
        money(payment.refundable().minor()),
    )
}

/// Stands in for the wall clock and for a source of ids. In earnest, ids are `Uuid::now_v7()`.
struct Clock {
    now: DateTime<Utc>,
}

impl Clock {
    fn tick(&mut self) -> DateTime<Utc> {
        self.now += Duration::milliseconds(40);
        self.now
    }

    fn id(&mut self) -> [u8; 16] {
        PaymentId::first_at(self.tick()).bytes()
    }

    fn attempt(&mut self) -> AttemptStart {
        AttemptStart {
            id: AttemptId::from_bytes(self.id()),
            processor: "sandbox".to_owned(),
            lease_until: self.now + Duration::seconds(30),
            at: self.now,
            by: Actor::System,
        }
    }

    fn refund(&mut self, minor: Option<i64>) -> Result<NewRefund, Box<dyn Error>> {
        Ok(NewRefund {
            id: RefundId::from_bytes(self.id()),
            amount: minor.map(Amount::new).transpose()?,
            reason: Some(Reason::parse("One ticket was returned")?),
            metadata: Metadata::default(),
        })
    }
}
