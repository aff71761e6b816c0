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
}

impl PrivatePostgres {
    /// A new server; none where Debian's package is not installed, or the tests run without PostgreSQL.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start_new() -> Option<PrivatePostgres> {
        std::env::var_os("FLORIN_TEST_POSTGRES_URL")?;
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let newest =
            versions.filter_map(Result::ok).map(|entry| entry.path()).max_by_key(|folder| version(folder))?;
        let postgres = PrivatePostgres {
            programs: newest.join("bin"),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            port: free_port(),
        };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(postgres.folder.path()));
        }
        let data = postgres.data();
        postgres.run("initdb", &["--auth=trust", "--username=florin", "--no-sync", "--pgdata", &data]);
        postgres.start();
        Some(postgres)
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
        let options = format!("-p {} -k {socket} -c listen_addresses=127.0.0.1 -c fsync=off", self.port);
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

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        run(&mut self.command(program, arguments));
    }

    /// PostgreSQL refuses to run as root; its package has made a user for it.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
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
    let status = command.stdout(std::process::Stdio::null()).status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {status:?}");
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc is there")) == 0
}

fn version(folder: &Path) -> u32 {
    let name = folder.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    name.parse().unwrap_or_default()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}
