//! Servers that stand still for longer than what they were doing is theirs, and go on as if nothing had happened.

use std::process::Command;
use std::time::{Duration, Instant};

use super::adversary::{METHODS, Stage, add_account};
use crate::faults::effects::Effects;
use crate::faults::load::LoadSettings;
use crate::faults::world::World;
use crate::faults::{Plan, Report};

/// Longer than the lease (the processor's time-out of 1 s, and 5 s), the processor's greatest delay (3 s), and two sweeps:
/// whoever stands still for so long has been given up.
const PAUSE: Duration = Duration::from_secs(16);

/// The server that stops by itself, between the commit of an attempt and its sending, and the one that is stopped at any
/// moment. The third one goes on.
const BY_ITSELF: usize = 0;
const FROM_OUTSIDE: usize = 1;

/// Servers are stopped under load and let go on, an honest processor before them.
pub(super) async fn senders(plan: &Plan) -> Report {
    let mut report = Report::default();
    let mut random = plan.random(8);
    let Stage { _postgres, database, launch, adversary } = Stage::set(plan).await;
    add_account(&database, adversary.port());
    let launch = launch.setting("PROCESSOR_TIMEOUT_SECONDS", 1);
    let mut world = World::new(database, launch.clone(), 3);
    world.effects = Effects::Adversary(adversary.journal().to_owned());
    // What stands still between its last look at the lease and the writing, for some microseconds, is told by an item.
    world.allow_late_effects(plan.count / 20);
    world.set_launch(launch.clone().variable("FAULT_STOP", "charge_begins:30"));
    world.start(BY_ITSELF, None).unwrap_or_else(|reason| panic!("{reason}"));
    world.set_launch(launch);
    world.start_all();
    // Slow enough that the processor finds what it is asked for in time, however long this takes.
    let load = LoadSettings { merchants: 32, methods: METHODS, rest_ms: 400, ..LoadSettings::default() };
    world.start_load(plan, &load);
    let mut stopped: [Option<Instant>; 2] = [None; 2];
    let mut stop_at = Instant::now();
    let mut done = 0;
    while done < plan.count || stopped.iter().any(Option::is_some) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let is_over = done + stopped.iter().flatten().count() >= plan.count;
        if stopped[FROM_OUTSIDE].is_none() && Instant::now() >= stop_at && !is_over {
            signal(world.server(FROM_OUTSIDE).pid(), "STOP");
        }
        for number in [BY_ITSELF, FROM_OUTSIDE] {
            let pid = world.server(number).pid();
            match stopped[number] {
                None if stands_still(pid) => {
                    world.set_away(number, true);
                    stopped[number] = Some(Instant::now());
                }
                Some(since) if since.elapsed() >= PAUSE => {
                    signal(pid, "CONT");
                    world.set_away(number, false);
                    stopped[number] = None;
                    stop_at = Instant::now() + Duration::from_millis(random.u64(50..1500));
                    done += 1;
                    report.add(if number == BY_ITSELF { "before sending" } else { "at any moment" }, 1);
                }
                None | Some(_) => {}
            }
        }
    }
    // Whoever went on last has time to look for what it sent too late. From here on nobody stops any more.
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.kill(BY_ITSELF);
    report.merge(world.check(plan).await);
    report
}

/// Whether a process was stopped by a signal.
fn stands_still(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -s {name} {pid}")]).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIG{name} can be sent");
}
