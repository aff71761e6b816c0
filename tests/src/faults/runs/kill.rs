//! `kill -9` of Florin under load: half at any moment, half at the points between two steps.

use std::time::{Duration, Instant};

use florin_storage::faults::Point;

use crate::faults::load::LoadSettings;
use crate::faults::world::{World, launch};
use crate::faults::{Plan, Report};
use crate::{Database, PrivatePostgres};

/// How long a server may take to come to the point where it has to die.
const POINT_WITHIN: Duration = Duration::from_secs(12);

/// One of three servers on PostgreSQL.
pub(super) async fn on_postgres(plan: &Plan) -> Report {
    let postgres = PrivatePostgres::start_with(&["fsync=off"]).expect("PostgreSQL is installed");
    kill_servers(plan, Database::on(&postgres.url()), 3).await
}

/// The one server on SQLite.
pub(super) async fn on_sqlite(plan: &Plan) -> Report {
    kill_servers(plan, Database::sqlite(), 1).await
}

/// How a server is to die.
struct Death {
    /// At this point, as `FAULT_AT` names it; else at any moment.
    fault_at: Option<String>,
    /// When it is killed, if it still lives.
    at: Instant,
}

async fn kill_servers(plan: &Plan, database: Database, servers: usize) -> Report {
    let mut report = Report::default();
    let mut random = plan.random(1);
    let launch = launch(&database, plan);
    let mut world = World::new(database, launch, servers);
    world.start_all();
    world.start_load(plan, &LoadSettings::default());
    let mut deaths: Vec<Option<Death>> = (0..servers).map(|_| None).collect();
    let mut done = 0;
    while done < plan.count {
        // One at a time: the others go on, and recover what it leaves.
        let victim = random.usize(..servers);
        if deaths[victim].is_none() {
            world.kill(victim);
            deaths[victim] = begin(&mut world, victim, &mut random, &mut report);
        }
        let Some(death) = deaths[victim].take() else {
            // It died at once, while it recovered what was left open.
            done += 1;
            continue;
        };
        loop {
            if world.take_ended(victim) {
                let point = death.fault_at.as_deref().and_then(|fault| fault.split(':').next());
                match point {
                    Some(point) => report.add(&format!("at {point}"), 1),
                    None => report.violation("a server ended by itself"),
                }
                break;
            }
            if Instant::now() >= death.at {
                world.kill(victim);
                report.add(if death.fault_at.is_some() { "before their point" } else { "at any moment" }, 1);
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        done += 1;
        deaths[victim] = begin(&mut world, victim, &mut random, &mut report);
    }
    // From here on nobody dies any more.
    for number in 0..servers {
        world.kill(number);
    }
    world.start_all();
    report.merge(world.check(plan).await);
    report
}

/// Starts a server and decides how it is to die; none when it was dead before it listened.
fn begin(world: &mut World, number: usize, random: &mut fastrand::Rng, report: &mut Report) -> Option<Death> {
    let fault_at = random.bool().then(|| {
        let point = Point::ALL[random.usize(..Point::ALL.len())];
        // What comes seldom has to be met the first time.
        let most = if matches!(point, Point::LeaseTaken | Point::LookupEnded) { 2 } else { 40 };
        format!("{}:{}", point.name(), 1 + random.u32(..most))
    });
    if world.start(number, fault_at.as_deref()).is_err() {
        let point = fault_at.as_deref().and_then(|fault| fault.split(':').next()).unwrap_or("start");
        report.add(&format!("at {point}"), 1);
        world.start(number, None).unwrap_or_else(|reason| panic!("{reason}"));
        return None;
    }
    let wait = match fault_at {
        Some(_) => POINT_WITHIN,
        None => Duration::from_millis(random.u64(5..400)),
    };
    Some(Death { fault_at, at: Instant::now() + wait })
}
