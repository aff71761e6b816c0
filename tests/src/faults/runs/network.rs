//! TCP connections that break between Florin and PostgreSQL.

use std::time::Duration;

use crate::faults::load::LoadSettings;
use crate::faults::proxy::Proxy;
use crate::faults::world::{World, launch};
use crate::faults::{Plan, Report};
use crate::{Database, PrivatePostgres};

/// Connections to PostgreSQL are reset, late, swallowed and half closed.
pub(super) async fn to_postgres(plan: &Plan) -> Report {
    let postgres =
        PrivatePostgres::start_with(&["fsync=off", "max_connections=300"]).expect("PostgreSQL is installed");
    let proxy = Proxy::before(postgres.port(), plan.seed).await;
    let mut report = Report::default();
    let database = Database::on(&postgres.url());
    let through = database.url().replace(&format!(":{}/", postgres.port()), &format!(":{}/", proxy.port()));
    let launch = launch(&database, plan).setting("DATABASE_URL", through);
    let mut world = World::new(database, launch, 3);
    world.start_all();
    world.start_load(plan, &LoadSettings::default());
    proxy.set_breaking(true);
    while proxy.broken() < plan.count {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    proxy.set_breaking(false);
    for (name, count) in proxy.counts() {
        report.add(name, count);
    }
    report.merge(world.check(plan).await);
    report
}
