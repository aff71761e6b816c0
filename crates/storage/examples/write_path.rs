//! How fast one connection writes charges, by batch size: two commits for each batch, without HTTP or a processor.
//!
//! `cargo run --release -p florin-storage --example write_path -- sqlite:///tmp/x.db postgres://…`

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement, not the product")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use florin_domain::{
    Actor, Amount, Attempt, AttemptId, AttemptStart, CaptureMethod, Currency, EventId, Metadata, MethodRef,
    MethodType, Mode, NewPayment, Payment, PaymentId, Settlement, TenantId,
};
use florin_storage::{AnyConnection, DatabaseUrl, Event, Realm, WorkingSet, begin, commit, migrate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for url in std::env::args().skip(1) {
        let url: DatabaseUrl = url.parse()?;
        migrate(&url)?;
        let mut connection = url.connect_by_key()?;
        for size in [1, 8, 32, 64, 256] {
            measure(&mut connection, size)?;
        }
    }
    Ok(())
}

fn measure(connection: &mut AnyConnection, size: usize) -> Result<(), Box<dyn std::error::Error>> {
    let realm = Realm { tenant_id: TenantId::from_uuid(uuid::Uuid::now_v7()), mode: Mode::Test };
    let started = Instant::now();
    let (mut first, mut second) = (Duration::ZERO, Duration::ZERO);
    let mut charges = 0_u32;
    while started.elapsed() < Duration::from_secs(3) {
        let begun = Instant::now();
        let created: Vec<_> = (0..size).map(|_| new_charge(realm)).collect::<Result<_, _>>()?;
        let mut set = WorkingSet::default();
        for (payment, attempt) in &created {
            set.put_payment(payment.clone());
            set.put_attempt(attempt.clone());
            set.put_event(event(realm, payment, "payment.created"));
        }
        save(connection, &set)?;
        first += begun.elapsed();
        let begun = Instant::now();
        let mut set = WorkingSet::default();
        for (payment, attempt) in created {
            let done = payment.settle_charge(
                &attempt,
                &Settlement::Succeeded,
                Some("sandbox_1"),
                Utc::now(),
                Actor::System,
            )?;
            set.assume_payment(payment);
            set.assume_attempt(attempt);
            let payment = done.payment.with_event();
            set.put_event(event(realm, &payment, "payment.succeeded"));
            set.put_payment(payment);
            set.put_attempt(done.attempt);
        }
        save(connection, &set)?;
        second += begun.elapsed();
        charges += u32::try_from(size)?;
    }
    let rate = f64::from(charges) / started.elapsed().as_secs_f64();
    println!(
        "batch {size:>3}: {rate:>7.0} charges/s, {:>5.1} + {:>5.1} µs per charge",
        first.as_secs_f64() * 1e6 / f64::from(charges),
        second.as_secs_f64() * 1e6 / f64::from(charges)
    );
    Ok(())
}

fn save(connection: &mut AnyConnection, set: &WorkingSet) -> Result<(), Box<dyn std::error::Error>> {
    begin(connection)?;
    set.save(connection, 0)?;
    commit(connection)?;
    Ok(())
}

fn new_charge(realm: Realm) -> Result<(Payment, Attempt), Box<dyn std::error::Error>> {
    let payment = Payment::create(NewPayment {
        id: PaymentId::from_uuid(uuid::Uuid::now_v7()),
        tenant_id: realm.tenant_id,
        mode: realm.mode,
        amount: Amount::new(1000)?,
        currency: Currency::parse("USD")?,
        capture_method: CaptureMethod::Automatic,
        payment_method: Some(MethodRef::parse("pm_test_success")?),
        customer_id: None,
        destination: None,
        request_id: None,
        method_type: MethodType::Card,
        description: None,
        metadata: Metadata::default(),
        idempotency_key: None,
        return_url: None,
        off_session: false,
        created_by: Actor::System,
    });
    let start = AttemptStart {
        id: AttemptId::from_uuid(uuid::Uuid::now_v7()),
        processor: "sandbox".into(),
        lease_until: Utc::now(),
        at: Utc::now(),
        by: Actor::System,
    };
    let (payment, attempt) = payment.start_charge(start, None)?;
    Ok((payment.with_event(), attempt))
}

fn event(realm: Realm, payment: &Payment, kind: &'static str) -> Event {
    Event {
        realm,
        id: EventId::from_uuid(uuid::Uuid::now_v7()),
        kind,
        object_id: payment.id.bytes(),
        sequence: payment.event_count,
        snapshot: Arc::from("x".repeat(1300)),
    }
}
