//! How many charges the engine makes a second, without HTTP: 64 callers at once against the sandbox.
//!
//! `cargo run --release -p florin-engine --example charges -- sqlite:///tmp/x.db postgres://…`

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement, not the product")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use florin_domain::{Amount, CaptureMethod, Currency, KeyId, Metadata, MethodRef, Mode, TenantId};
use florin_engine::access::{Caller, Context, Credential, Scopes};
use florin_engine::requests::CreatePayment;
use florin_engine::{Engine, EngineSettings};
use florin_processors::{Sandbox, SandboxSettings};

const CALLERS: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for url in std::env::args().skip(1) {
        let url = url.parse()?;
        florin_storage::migrate(&url)?;
        let books = std::env::temp_dir().join("charges.books");
        let sandbox = Sandbox::open(&books, SandboxSettings::default(), Arc::new(Utc::now))?;
        let mut settings = EngineSettings::new(url, Arc::new(Utc::now));
        if let Ok(limit) = std::env::var("FLORIN_BATCH_LIMIT") {
            settings.batch_limit = limit.parse()?;
        }
        if let Ok(writers) = std::env::var("FLORIN_WRITERS") {
            settings.writers = writers.parse()?;
        }
        let engine = Engine::start(settings, vec![Arc::new(sandbox)])?;
        runtime.block_on(measure(&engine))?;
        runtime.block_on(engine.drain());
        std::fs::remove_file(&books)?;
    }
    Ok(())
}

async fn measure(engine: &Engine) -> Result<(), Box<dyn std::error::Error>> {
    let caller = Caller {
        tenant_id: TenantId::from_uuid(uuid::Uuid::now_v7()),
        mode: Mode::Test,
        credential: Credential::Key(KeyId::from_uuid(uuid::Uuid::now_v7())),
        scopes: Scopes::ADMIN,
        limit_per_minute: None,
        limit_per_second: None,
        own_limits: (None, None),
        expires_at: None,
        grants_until: None,
        generation: 0,
        currencies: None,
    };
    let request = CreatePayment {
        amount: Amount::new(1000)?,
        currency: Currency::parse("USD")?,
        payment_method: Some(MethodRef::parse("pm_test_success")?),
        payment_method_type: None,
        customer_id: None,
        invoice_id: None,
        process_payment: true,
        capture_method: CaptureMethod::Automatic,
        return_url: None,
        off_session: false,
        description: None,
        metadata: Metadata::default(),
        idempotency_key: None,
    };
    let started = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (engine, caller, request) = (engine.clone(), caller.clone(), request.clone());
            tokio::spawn(async move {
                let mut done = 0_u32;
                while started.elapsed() < Duration::from_secs(5) {
                    let context =
                        Context { caller: caller.clone(), request_id: "req_1".to_owned(), address: None };
                    let answer = engine.create_payment(context, request.clone(), None).await;
                    assert_eq!(answer.status, 201, "{}", answer.body);
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut charges = 0;
    for caller in callers {
        charges += caller.await?;
    }
    println!("{:.0} charges/s", f64::from(charges) / started.elapsed().as_secs_f64());
    Ok(())
}
