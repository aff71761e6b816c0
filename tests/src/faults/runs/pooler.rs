//! pgbouncer in transaction mode between Florin and PostgreSQL, killed under load.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::faults::load::LoadSettings;
use crate::faults::world::{World, launch};
use crate::faults::{Plan, Report};
use crate::postgres::{as_its_user, free_port, give_away};
use crate::{Database, PrivatePostgres, wait_until};

/// A pgbouncer of an experiment's own.
struct Pooler {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Pooler {
    fn before(postgres: u16) -> Pooler {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={postgres} user=florin\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 8\nmax_client_conn = 300\nlogfile = {}\n",
            folder.path().join("log").display()
        );
        std::fs::write(folder.path().join("settings.ini"), settings).expect("settings can be written");
        give_away(folder.path());
        Pooler { folder, port, child: None }
    }

    async fn start(&mut self) {
        // Debian installs it where only administrators look.
        let mut command = as_its_user("/usr/sbin/pgbouncer".as_ref());
        command.arg(self.folder.path().join("settings.ini")).current_dir("/");
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(started.expect("pgbouncer is installed"));
        let is_there = || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        wait_until("pgbouncer to listen", 20, is_there).await;
    }

    /// Ends it as `kill -9` does. It may be the child of the program that makes it another user's.
    fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let id = child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let all = children.split_whitespace().map(str::to_owned).chain([id.to_string()]);
        let _gone = Command::new("kill").arg("-KILL").args(all).stderr(Stdio::null()).status();
        let _reaped = child.wait();
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `kill -9` of pgbouncer, which starts again.
pub(super) async fn killed(plan: &Plan) -> Report {
    let postgres = PrivatePostgres::start_with(&["fsync=off"]).expect("PostgreSQL is installed");
    let mut pooler = Pooler::before(postgres.port());
    pooler.start().await;
    let mut random = plan.random(7);
    let mut report = Report::default();
    let database = Database::on(&postgres.url());
    let migrated = database.florin(&["migrate"]);
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    let pooled = database.url().replace(&format!(":{}/", postgres.port()), &format!(":{}/", pooler.port));
    let parameter = if plan.bug == Some("named_statements") { "" } else { "?pgbouncer=true" };
    let launch = launch(&database, plan).setting("DATABASE_URL", format!("{pooled}{parameter}"));
    let mut world = World::new(database, launch, 3);
    for number in 0..3 {
        if let Err(reason) = world.start(number, None) {
            report.violation(reason);
            return report;
        }
    }
    world.start_load(plan, &LoadSettings::default());
    for _ in 0..plan.count {
        tokio::time::sleep(Duration::from_millis(random.u64(100..900))).await;
        tokio::task::block_in_place(|| pooler.kill());
        tokio::time::sleep(Duration::from_millis(random.u64(0..200))).await;
        pooler.start().await;
        report.add("kills of pgbouncer", 1);
    }
    report.merge(world.check(plan).await);
    report
}
