//! A PostgreSQL server of a test's own, for tests that stop it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A server that may be stopped and started again.
#[derive(Debug)]
pub struct PrivatePostgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
}

impl PrivatePostgres {
    /// A new server; none where Debian's package is not installed, or the tests run without PostgreSQL.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start_new() -> Option<PrivatePostgres> {
        std::env::var_os("FLORIN_TEST_POSTGRES_URL")?;
        PrivatePostgres::start_with(&["fsync=off"])
    }

    /// A new server with these settings; none where Debian's package is not installed.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start_with(settings: &[&str]) -> Option<PrivatePostgres> {
        let postgres = PrivatePostgres::prepare(settings, free_port())?;
        let data = postgres.data();
        postgres.run("initdb", &["--auth=trust", "--username=florin", "--no-sync", "--pgdata", &data]);
        postgres.start();
        Some(postgres)
    }

    /// A standby of this server at a port, which follows it by a slot of its own, both of that name.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start_standby(&self, name: &str, port: u16) -> PrivatePostgres {
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        let standby = PrivatePostgres::prepare(&settings, port).expect("the primary's programs are there");
        let (data, url) = (standby.data(), format!("{}?application_name={name}", self.url()));
        let slot = format!("--slot={name}");
        let arguments = [
            "--pgdata",
            &data,
            "--dbname",
            &url,
            "--write-recovery-conf",
            "--create-slot",
            &slot,
            "--no-sync",
            "--checkpoint=fast",
        ];
        standby.run("pg_basebackup", &arguments);
        standby.start();
        standby
    }

    /// A folder and a port, and nothing in them.
    fn prepare(settings: &[&str], port: u16) -> Option<PrivatePostgres> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let newest =
            versions.filter_map(Result::ok).map(|entry| entry.path()).max_by_key(|folder| version(folder))?;
        let postgres = PrivatePostgres {
            programs: newest.join("bin"),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            port,
            settings: settings.iter().map(ToString::to_string).collect(),
        };
        give_away(postgres.folder.path());
        Some(postgres)
    }

    /// Its port on the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a database in which others can be made.
    pub fn url(&self) -> String {
        format!("postgres://florin@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, at the same address as before.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self) {
        let socket = self.folder.path().display();
        let settings = self.settings.iter().map(|setting| format!(" -c {setting}")).collect::<String>();
        let options = format!("-p {} -k {socket} -c listen_addresses=127.0.0.1{settings}", self.port);
        let log = self.folder.path().join("log").display().to_string();
        let data = self.data();
        self.run("pg_ctl", &["--pgdata", &data, "--log", &log, "--options", &options, "--wait", "start"]);
    }

    /// Stops it as a crash would.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&self) {
        self.run("pg_ctl", &["--pgdata", &self.data(), "--mode=immediate", "--wait", "stop"]);
    }

    /// Ends all its processes without a warning, as `kill -9` does.
    ///
    /// # Panics
    /// When there is nothing to end.
    pub fn kill(&self) {
        let postmaster = self.postmaster();
        let mut all = children(postmaster);
        all.insert(0, postmaster);
        signal("KILL", &all);
        while all.iter().any(|process| Path::new(&format!("/proc/{process}")).exists()) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Makes a standby the primary.
    ///
    /// # Panics
    /// When it can't be promoted.
    pub fn promote(&self) {
        self.run("pg_ctl", &["--pgdata", &self.data(), "--wait", "promote"]);
    }

    /// Lets the processes that send the log to standbys stand still.
    ///
    /// # Panics
    /// When it does not run.
    pub fn hold_senders(&self) {
        let all = children(self.postmaster()).into_iter();
        let senders: Vec<u32> = all.filter(|process| command_line(*process).contains("walsender")).collect();
        signal("STOP", &senders);
    }

    fn postmaster(&self) -> u32 {
        let file = std::fs::read_to_string(format!("{}/postmaster.pid", self.data()));
        let first = file.ok().and_then(|text| text.lines().next().and_then(|line| line.trim().parse().ok()));
        first.expect("PostgreSQL runs")
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        run(&mut self.command(program, arguments));
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = as_its_user(&self.programs.join(program));
        command.args(arguments).current_dir("/");
        command
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        let data = self.data();
        let mut command = self.command("pg_ctl", &["--pgdata", &data, "--mode=immediate", "--wait", "stop"]);
        // It may be stopped already.
        let _best_effort = command.output();
    }
}

fn run(command: &mut Command) {
    // Not `output()`: the server that pg_ctl starts would keep a pipe open.
    let null = std::process::Stdio::null;
    let status = command.stdout(null()).stderr(null()).status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {status:?}");
}

/// The processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let lists =
        std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().filter_map(Result::ok);
    let texts = lists.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    texts
        .flat_map(|text| text.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

fn command_line(process: u32) -> String {
    std::fs::read(format!("/proc/{process}/cmdline"))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// Sends a signal to processes of ours, of which some may have ended.
fn signal(name: &str, processes: &[u32]) {
    let ids = processes.iter().map(ToString::to_string);
    let _gone =
        Command::new("kill").arg(format!("-{name}")).args(ids).stderr(std::process::Stdio::null()).status();
}

/// The same as another user where that is needed: PostgreSQL and its pooler refuse to run as root.
pub(crate) fn as_its_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

/// Gives a folder to that user.
pub(crate) fn give_away(folder: &Path) {
    if is_root() {
        run(Command::new("chown").arg("-R").arg("postgres").arg(folder));
    }
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc is there")) == 0
}

fn version(folder: &Path) -> u32 {
    let name = folder.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    name.parse().unwrap_or_default()
}

/// A port on which nobody listens.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}
