//! The adversarial processor, driven through the Stripe connector.

use std::time::Duration;

use crate::faults::adversary::Adversary;
use crate::faults::effects::Effects;
use crate::faults::load::LoadSettings;
use crate::faults::proxy::Proxy;
use crate::faults::world::{World, launch};
use crate::faults::{Plan, Report};
use crate::{Database, Launch, PrivatePostgres, wait_until};

/// What an operator would have made by `openssl rand -hex 32`.
const CREDENTIALS_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const WEBHOOK_SECRET: &str = "whsec_adversary";
const CREDENTIALS: &str = r#"{"secret_key": "sk_test_adversary", "webhook_secret": "whsec_adversary"}"#;

/// The payment methods that the adversary takes and the one that it declines.
pub(super) const METHODS: &[&str] =
    &["pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined"];

/// After how long a charge that is not found was never made, by what the connector is told, in seconds: longer than the
/// adversary's latest effect.
const MAX_DELAY_SECONDS: u32 = 3;

/// Payments by a processor that misbehaves.
pub(super) async fn payments(plan: &Plan) -> Report {
    let mut report = Report::default();
    let stage = Stage::set(plan).await;
    let Stage { _postgres, database, launch, adversary } = stage;
    let account = add_account(&database, adversary.port());
    let mut world = World::new(database, launch, 2);
    world.effects = Effects::Adversary(adversary.journal().to_owned());
    world.start_all();
    let hooks =
        (0..2).map(|number| format!("{}/v1/processor_webhooks/{account}", world.server(number).url()));
    adversary.send_webhooks(hooks.collect(), WEBHOOK_SECRET);
    let settings = LoadSettings {
        merchants: 48,
        methods: METHODS,
        payments: Some(plan.count),
        ..LoadSettings::default()
    };
    adversary.set_bad(true);
    world.start_load(plan, &settings);
    world.finish_load(&mut report).await;
    adversary.set_bad(false);
    report.merge(world.check(plan).await);
    for (name, count) in adversary.counts() {
        report.add(name, count);
        if name == "webhooks of nobody taken" && count > 0 {
            report.violation(format!("{count} webhooks with a wrong signature were taken"));
        }
    }
    report
}

/// Connections to an honest processor are reset, late, swallowed and half closed.
pub(super) async fn network(plan: &Plan) -> Report {
    let mut report = Report::default();
    let Stage { _postgres, database, launch, adversary } = Stage::set(plan).await;
    let proxy = Proxy::before(adversary.port(), plan.seed).await;
    add_account(&database, proxy.port());
    let mut world = World::new(database, launch, 2);
    world.effects = Effects::Adversary(adversary.journal().to_owned());
    world.start_all();
    world.start_load(plan, &LoadSettings { merchants: 24, methods: METHODS, ..LoadSettings::default() });
    proxy.set_breaking(true);
    wait_until("connections to break", 1200, || proxy.broken() >= plan.count).await;
    proxy.set_breaking(false);
    for (name, count) in proxy.counts() {
        report.add(name, count);
    }
    report.merge(world.check(plan).await);
    report
}

/// Everything but the account and the servers.
pub(super) struct Stage {
    pub(super) _postgres: PrivatePostgres,
    pub(super) database: Database,
    pub(super) launch: Launch,
    pub(super) adversary: Adversary,
}

impl Stage {
    pub(super) async fn set(plan: &Plan) -> Stage {
        let postgres = PrivatePostgres::start_with(&["fsync=off"]).expect("PostgreSQL is installed");
        let database = Database::on(&postgres.url());
        let adversary = Adversary::start(&database.folder().join("adversary.journal"), plan.seed).await;
        let launch = launch(&database, plan)
            .setting("CREDENTIALS_KEY", CREDENTIALS_KEY)
            // A look-up reads Stripe's list of that time page by page.
            .setting("PROCESSOR_TIMEOUT_SECONDS", 5);
        Stage { _postgres: postgres, database, launch, adversary }
    }
}

/// Lets the documented key's tenant charge by the adversary instead of the built-in sandbox. Gives back the account's id.
pub(super) fn add_account(database: &Database, port: u16) -> String {
    // The tenant is made by a server's first start.
    drop(tokio::task::block_in_place(|| {
        database.launch().setting("CREDENTIALS_KEY", CREDENTIALS_KEY).start()
    }));
    let tenants = database.florin(&["tenants", "list"]);
    let tenant = tenants.line().split_whitespace().next().expect("there is a tenant").to_owned();
    let base = format!("api_base=http://127.0.0.1:{port}");
    let delay = format!("max_delay_seconds={MAX_DELAY_SECONDS}");
    let answer = format!("answer_timeout_ms={}", Duration::from_millis(500).as_millis());
    let tolerance = "clock_tolerance_seconds=5";
    let variables = [("FLORIN_CREDENTIALS_KEY", CREDENTIALS_KEY), ("ADVERSARY_CREDENTIALS", CREDENTIALS)];
    let arguments = [
        &[
            "processors",
            "add",
            "--tenant",
            &tenant,
            "--mode",
            "test",
            "--connector",
            "stripe",
            "--name",
            "adversary",
        ][..],
        &[
            "--credentials-env",
            "ADVERSARY_CREDENTIALS",
            "--setting",
            &base,
            "--setting",
            &delay,
            "--setting",
            &answer,
            "--setting",
            tolerance,
        ],
    ]
    .concat();
    let added = database.florin_with(&arguments, &variables);
    added.line().to_owned()
}
