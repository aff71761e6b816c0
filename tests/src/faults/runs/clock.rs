//! A server's clock that jumps.

use std::path::Path;
use std::time::Duration;

use crate::faults::load::LoadSettings;
use crate::faults::world::{World, launch};
use crate::faults::{Plan, Report};
use crate::{Database, PrivatePostgres};

/// How far from the right time the clock is set, in seconds.
const JUMPS: [i64; 5] = [300, -300, 3600, -3600, -86_400];

/// Debian's package `faketime` has it, in a folder of the machine's kind.
fn library() -> Option<String> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    let mut paths = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    paths.find(|path| path.exists()).map(|path| path.display().to_string())
}

/// The clock of one of two servers on PostgreSQL jumps, then that of the one server on SQLite.
pub(super) async fn jumps(plan: &Plan) -> Report {
    let Some(library) = library() else {
        let mut report = Report::default();
        report.violation("libfaketime is not installed");
        return report;
    };
    let half = Plan { count: plan.count.div_ceil(2), ..plan.clone() };
    let postgres = PrivatePostgres::start_with(&["fsync=off"]).expect("PostgreSQL is installed");
    let mut report = jump(&half, Database::on(&postgres.url()), 2, &library).await;
    report.merge(jump(&half, Database::sqlite(), 1, &library).await);
    report
}

async fn jump(plan: &Plan, database: Database, servers: usize, library: &str) -> Report {
    let mut random = plan.random(6);
    let mut report = Report::default();
    let clock = database.folder().join("clock");
    set(&clock, 0);
    let plain = launch(&database, plan);
    // Only the time of day jumps: the clock that time-outs go by does not.
    let jumping = plain
        .clone()
        .variable("LD_PRELOAD", library)
        .variable("FAKETIME_TIMESTAMP_FILE", clock.display())
        .variable("FAKETIME_NO_CACHE", 1)
        .variable("FAKETIME_DONT_FAKE_MONOTONIC", 1);
    let mut world = World::new(database, jumping, servers);
    world.start(0, None).unwrap_or_else(|reason| panic!("{reason}"));
    world.set_launch(plain);
    world.start_all();
    world.start_load(plan, &LoadSettings { rest_ms: 20, ..LoadSettings::default() });
    for _ in 0..plan.count {
        let seconds = JUMPS[random.usize(..JUMPS.len())];
        set(&clock, seconds);
        report.add(&format!("jumps by {seconds} s"), 1);
        tokio::time::sleep(Duration::from_millis(random.u64(300..1500))).await;
        if random.bool() {
            set(&clock, 0);
            tokio::time::sleep(Duration::from_millis(random.u64(100..600))).await;
        }
    }
    set(&clock, 0);
    report.merge(world.check(plan).await);
    report
}

fn set(clock: &Path, seconds: i64) {
    // Replaced in one step, so that nobody reads half of it.
    let next = clock.with_extension("next");
    std::fs::write(&next, format!("{seconds:+}\n")).expect("the clock can be set");
    std::fs::rename(&next, clock).expect("the clock can be set");
}
