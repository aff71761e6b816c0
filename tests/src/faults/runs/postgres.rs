//! PostgreSQL under three servers: killed, or killed and replaced by its standby.

use std::time::Duration;

use crate::faults::load::LoadSettings;
use crate::faults::world::{World, launch};
use crate::faults::{Plan, Report};
use crate::postgres::free_port;
use crate::{Database, PrivatePostgres, eventually};

/// What the standby is called, in `synchronous_standby_names` and as a slot.
const FOLLOWER: &str = "follower";

/// How long it may take until payments are made again.
const MENDS_WITHIN_SECONDS: u64 = 60;

/// `kill -9` of PostgreSQL, which starts again and recovers.
pub(super) async fn killed(plan: &Plan) -> Report {
    let postgres = PrivatePostgres::start_with(&["fsync=off"]).expect("PostgreSQL is installed");
    let mut random = plan.random(2);
    let mut report = Report::default();
    let world = begin(plan, Database::on(&postgres.url()));
    for _ in 0..plan.count {
        tokio::time::sleep(Duration::from_millis(random.u64(50..600))).await;
        tokio::task::block_in_place(|| postgres.kill());
        tokio::time::sleep(Duration::from_millis(random.u64(0..300))).await;
        tokio::task::block_in_place(|| postgres.start());
        report.add("kills of PostgreSQL", 1);
        go_on(&world, 20).await;
    }
    report.merge(world.check(plan).await);
    report
}

/// The primary is killed, its synchronous standby promoted, and a new standby built; again and again.
pub(super) async fn failed_over(plan: &Plan) -> Report {
    let names = match plan.bug {
        Some("asynchronous_standby") => "synchronous_standby_names=".to_owned(),
        _ => format!("synchronous_standby_names={FOLLOWER}"),
    };
    let settings = ["fsync=off", &names];
    let mut primary = PrivatePostgres::start_with(&settings).expect("PostgreSQL is installed");
    let mut standby = primary.start_standby(FOLLOWER, free_port());
    let mut random = plan.random(3);
    let mut report = Report::default();
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    let url = format!("postgres://florin@{hosts}/postgres?target_session_attrs=read-write");
    let world = begin(plan, Database::on(&url));
    for _ in 0..plan.count {
        tokio::time::sleep(Duration::from_millis(random.u64(200..1000))).await;
        // For a moment the standby gets nothing: without waiting for it, what is acknowledged then is lost.
        tokio::task::block_in_place(|| primary.hold_senders());
        tokio::time::sleep(Duration::from_millis(random.u64(20..300))).await;
        let port = primary.port();
        tokio::task::block_in_place(|| {
            primary.kill();
            standby.promote();
            std::mem::swap(&mut primary, &mut standby);
            // What was the primary never comes back with its own history: this ends it for good.
            standby = primary.start_standby(FOLLOWER, port);
        });
        report.add("failovers", 1);
        go_on(&world, 20).await;
    }
    report.merge(world.check(plan).await);
    report
}

/// Three servers under load.
fn begin(plan: &Plan, database: Database) -> World {
    let launch = launch(&database, plan);
    let mut world = World::new(database, launch, 3);
    world.start_all();
    world.start_load(plan, &LoadSettings::default());
    world
}

/// Waits until so many more questions are answered.
async fn go_on(world: &World, more: usize) {
    let enough = world.journal.answered_and_lost().0 + more;
    let is_enough = || world.journal.answered_and_lost().0 >= enough;
    eventually("payments to be made again", MENDS_WITHIN_SECONDS, async || is_enough().then_some(())).await;
}
