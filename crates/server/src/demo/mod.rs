//! `florin dev --demo`: a few weeks of a made-up shop's payments, so that there is something to see.
//!
//! They are made by an engine of their own, through the same use cases as any others, before the server starts. Its clock
//! is set back and moves on from one thing to the next, so that ids, events and journal have the times at which things
//! seem to have happened. What happens follows from a seed alone; ids do not.
//!
//! A sandbox is filled once, and only while it is empty: what is there already is somebody's, and has later ids.

mod acts;
mod chance;
mod goods;
mod happening;
mod links;
mod plan;
mod shop;

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::KeyId;
use florin_engine::access::{Caller, Context, Credential, Scopes};
use florin_engine::{Engine, EngineSettings, TimeBy};
use florin_processors::sandbox::{Sandbox, SandboxSettings};
use florin_storage::Realm;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock;
use crate::failure::Failure;
use crate::server::engine_settings;
use crate::settings::Settings;
use plan::DAYS;
use shop::Shop;

pub(crate) use goods::SHOP;

/// How long bank debits take in the made-up past.
const CLEARING: std::time::Duration = std::time::Duration::from_secs(2 * 24 * 3600);

/// The last thing happened so long ago.
const UNTIL: TimeDelta = TimeDelta::minutes(3);

/// Why the sandbox was not filled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoRefused {
    /// Somebody has made payments.
    #[error(
        "there are payments in this sandbox, and the demo fills an empty one: \
         leave --demo out, or name another file by --database-url"
    )]
    NotEmpty,
    /// The engine refused something that it should not have.
    #[error("the demo could not be made: {0}")]
    Refused(String),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// The payments were made.
    Now,
    /// They had been made before.
    Before,
}

/// A clock that stands still until it is set.
#[derive(Clone)]
struct ShopClock(Arc<AtomicI64>);

impl ShopClock {
    fn at(time: DateTime<Utc>) -> Self {
        ShopClock(Arc::new(AtomicI64::new(time.timestamp_micros())))
    }

    fn set(&self, time: DateTime<Utc>) {
        self.0.store(time.timestamp_micros(), Ordering::SeqCst);
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// Fills the sandbox of a realm, by the rights of one of its keys, unless it was filled before.
///
/// # Errors
/// [`DemoRefused`] when there is anything else in it, and what an engine can't start for.
pub(crate) fn fill(settings: &Settings, realm: Realm, key: KeyId, seed: u64) -> Result<Filled, Failure> {
    let end = clock::now() - UNTIL;
    let clock = ShopClock::at(plan::beginning(end));
    let sandbox = Arc::new(sandbox(settings, clock.clone())?);
    let engine = engine(settings, &sandbox, clock.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut shop = Shop::new(engine.clone(), sandbox, clock, context(realm, key), seed);
        let filled = match shop.is_there().await? {
            true => Filled::Before,
            false => run(&mut shop, end).await?,
        };
        engine.drain().await;
        Ok(filled)
    })
}

/// Lets everything happen until the end, and shows how far it is.
async fn run(shop: &mut Shop, end: DateTime<Utc>) -> Result<Filled, Failure> {
    if !shop.is_empty().await? {
        return Err(DemoRefused::NotEmpty.into());
    }
    let target =
        if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(DAYS), target);
    let style = ProgressStyle::with_template("making {len} days of payments {wide_bar} {pos}");
    let bar = style.map_or(bar.clone(), |style| bar.with_style(style));
    let beginning = plan::beginning(end);
    shop.open(end).await?;
    while let Some(at) = shop.next(end).await? {
        bar.set_position((at - beginning).num_days().unsigned_abs());
    }
    bar.finish_and_clear();
    Ok(Filled::Now)
}

fn sandbox(settings: &Settings, clock: ShopClock) -> Result<Sandbox, Failure> {
    let slow =
        SandboxSettings { ach_delay: CLEARING, ach_return_delay: CLEARING, ..SandboxSettings::default() };
    Ok(Sandbox::open(&settings.sandbox_books, slow, Arc::new(move || clock.now()))?)
}

fn engine(settings: &Settings, sandbox: &Arc<Sandbox>, clock: ShopClock) -> Result<Engine, Failure> {
    let processor: Arc<dyn florin_processors::Processor> = Arc::clone(sandbox) as _;
    let settings = EngineSettings {
        clock: Arc::new(move || clock.now()),
        time_by: TimeBy::Clock,
        is_idle: true,
        ..engine_settings(settings, &processor)
    };
    Ok(Engine::start(settings, vec![processor])?)
}

fn context(realm: Realm, key: KeyId) -> Context {
    let caller = Caller {
        tenant_id: realm.tenant_id,
        mode: realm.mode,
        credential: Credential::Key(key),
        scopes: Scopes::ADMIN,
        limit_per_minute: None,
        limit_per_second: None,
        own_limits: (None, None),
        expires_at: None,
        grants_until: None,
        generation: 0,
        currencies: None,
    };
    Context { caller, request_id: "demo".to_owned(), address: None }
}
