//! Disks under SQLite that fail, or are full.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Database;
use crate::faults::load::LoadSettings;
use crate::faults::world::{World, launch};
use crate::faults::{Plan, Report};

/// What the k-th call may come to.
const FAULTS: [(&str, &str); 5] = [
    ("fsync", "EIO"),
    ("fdatasync", "EIO"),
    ("pwrite64", "EIO"),
    ("pwrite64", "ENOSPC"),
    ("ftruncate", "EIO"),
];

/// The k-th write or flush of a server fails, and some after it; then it is killed and another one starts.
pub(super) async fn failing(plan: &Plan) -> Report {
    let mut random = plan.random(4);
    let mut report = Report::default();
    let database = Database::sqlite();
    let plain = launch(&database, plan);
    let mut world = World::new(database, plain.clone(), 1);
    world.start_load(plan, &LoadSettings { rest_ms: 5, ..LoadSettings::default() });
    for _ in 0..plan.count {
        let (call, error) = FAULTS[random.usize(..FAULTS.len())];
        let (first, more) = (1 + random.u32(..200), random.u32(..4));
        let inject = format!("inject={call}:error={error}:when={first}..{}", first + more);
        let trace = format!("trace={call}");
        // Detached, so that the server is our child and the tracer ends with it.
        let wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        world.set_launch(plain.clone().wrapped_by(&wrapper));
        match world.start(0, None) {
            Ok(()) => report.add(&format!("{call} {error}"), 1),
            Err(_) => report.add("starts refused", 1),
        }
        tokio::time::sleep(Duration::from_millis(random.u64(150..900))).await;
        world.kill(0);
    }
    world.set_launch(plain);
    world.start_all();
    report.merge(world.check(plan).await);
    report
}

/// A disk of 16 MB that is filled up under load, and has room again; again and again.
pub(super) async fn full(plan: &Plan) -> Report {
    let mut random = plan.random(5);
    let mut report = Report::default();
    let (database, disk) = Database::sqlite_apart();
    let Some(mounted) = Disk::mount(&disk) else {
        report.add("disks mounted (mounting is not allowed here)", 0);
        return report;
    };
    let launch = launch(&database, plan);
    let mut world = World::new(database, launch, 1);
    world.start_all();
    world.start_load(plan, &LoadSettings { merchants: 3, rest_ms: 300, ..LoadSettings::default() });
    for _ in 0..plan.count {
        mounted.fill();
        tokio::time::sleep(Duration::from_millis(random.u64(100..500))).await;
        if random.bool() {
            world.kill(0);
            if world.start(0, None).is_err() {
                report.add("starts refused", 1);
            }
        }
        mounted.make_room();
        if world.take_ended(0) {
            report.violation("a server ended because its disk was full");
        }
        world.start_all();
        report.add("disks filled", 1);
        tokio::time::sleep(Duration::from_millis(random.u64(100..400))).await;
    }
    report.merge(world.check(plan).await);
    report
}

/// A file system in memory of 16 MB.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// Mounts it; none where that is not allowed.
    fn mount(folder: &'a Path) -> Option<Disk<'a>> {
        let arguments = ["-t", "tmpfs", "-o", "size=16m,mode=755", "tmpfs"];
        let mounted = Command::new("mount").args(arguments).arg(folder).status().ok()?;
        mounted.success().then_some(Disk(folder))
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let filler = std::fs::File::create(self.0.join("filler")).expect("a file can be made");
        let mut filler = std::io::BufWriter::with_capacity(4096, filler);
        while std::io::Write::write_all(&mut filler, &[0; 4096]).is_ok() {}
        // What is still in the buffer finds no room either.
        drop(filler.into_parts());
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("the filler is there");
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _best_effort = Command::new("umount").arg("-l").arg(self.0).status();
    }
}
