//! A database, the servers on it, and the load: started, broken, mended and checked.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::checker::{self, Checked};
use super::effects::Effects;
use super::journal::Journal;
use super::load::{Load, LoadSettings};
use super::{Plan, Report};
use crate::{Client, Database, Launch, Server};

/// What an experiment breaks.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) journal: Arc<Journal>,
    pub(crate) effects: Effects,
    launch: Launch,
    servers: Vec<Option<Server>>,
    /// The servers that nobody is sent to.
    away: BTreeSet<usize>,
    addresses: watch::Sender<Vec<String>>,
    load: Option<Load>,
    late_effects: Option<usize>,
}

/// How servers are set up for an experiment: quick to learn of an outcome, and slow enough that faults meet requests.
pub(crate) fn launch(database: &Database, plan: &Plan) -> Launch {
    let launch = database
        .launch()
        .setting("SANDBOX_LATENCY_MS", 3)
        .setting("PROCESSOR_TIMEOUT_SECONDS", 1)
        .setting("RECOVERY_INTERVAL_SECONDS", 1)
        .setting("WRITERS", 2)
        .setting("WORKERS", 2);
    match plan.bug {
        // Those two are made by how PostgreSQL is set up.
        Some("asynchronous_standby" | "named_statements") | None => launch,
        Some(bug) => launch.variable("FAULT_BUG", bug),
    }
}

impl World {
    /// So many servers on a database, that are not started yet.
    pub(crate) fn new(database: Database, launch: Launch, servers: usize) -> World {
        let journal = Arc::new(Journal::create(database.folder().join("client.journal")));
        let effects = Effects::Sandbox(database.books());
        let servers = (0..servers).map(|_| None).collect();
        let addresses = watch::Sender::new(Vec::new());
        let away = BTreeSet::new();
        World { database, journal, effects, launch, servers, away, addresses, load: None, late_effects: None }
    }

    /// Starts the servers that are not running.
    pub(crate) fn start_all(&mut self) {
        for number in 0..self.servers.len() {
            if self.servers[number].is_none() {
                self.start(number, None).unwrap_or_else(|reason| panic!("{reason}"));
            }
        }
    }

    /// Starts a server, which may have to die at a point, as `FAULT_AT` names it.
    pub(crate) fn start(&mut self, number: usize, fault_at: Option<&str>) -> Result<(), String> {
        let launch = match fault_at {
            Some(fault) => self.launch.clone().variable("FAULT_AT", fault),
            None => self.launch.clone(),
        };
        self.servers[number] = Some(tokio::task::block_in_place(|| launch.try_start())?);
        self.announce();
        Ok(())
    }

    /// From now on servers are started like this.
    pub(crate) fn set_launch(&mut self, launch: Launch) {
        self.launch = launch;
    }

    /// Lets merchants keep away from a server that runs, or come back.
    pub(crate) fn set_away(&mut self, number: usize, is_away: bool) {
        if is_away {
            self.away.insert(number);
        } else {
            self.away.remove(&number);
        }
        self.announce();
    }

    /// So many effects may come too late, if open items tell of them: a person deals with those.
    pub(crate) fn allow_late_effects(&mut self, count: usize) {
        self.late_effects = Some(count);
    }

    /// Starts the load.
    pub(crate) fn start_load(&mut self, plan: &Plan, settings: &LoadSettings) {
        self.load = Some(Load::start(plan, settings, &self.journal, &self.addresses.subscribe()));
    }

    /// A server that runs.
    pub(crate) fn server(&self, number: usize) -> &Server {
        self.servers[number].as_ref().expect("this server runs")
    }

    /// Ends a server as `kill -9` does; gives back whether it was still there.
    pub(crate) fn kill(&mut self, number: usize) -> bool {
        let Some(mut server) = self.servers[number].take() else { return false };
        self.announce();
        let was_there = server.has_ended().is_none();
        // Dropping kills and reaps it.
        tokio::task::block_in_place(|| drop(server));
        was_there
    }

    /// Takes a server out that has ended by itself; false when it still runs.
    pub(crate) fn take_ended(&mut self, number: usize) -> bool {
        let has_ended = self.servers[number].as_mut().is_some_and(|server| server.has_ended().is_some());
        if has_ended {
            self.servers[number] = None;
            self.announce();
        }
        has_ended
    }

    fn announce(&self) {
        let here = self.servers.iter().enumerate().filter(|(number, _)| !self.away.contains(number));
        let urls = here.filter_map(|(_, server)| Some(server.as_ref()?.url().to_owned()));
        self.addresses.send_replace(urls.collect());
    }

    /// Waits until the load has made all its payments.
    pub(crate) async fn finish_load(&mut self, report: &mut Report) {
        if let Some(load) = self.load.take() {
            report.violations.extend(load.finish().await);
        }
    }

    /// Ends the load, and checks all that was done.
    pub(crate) async fn check(mut self, plan: &Plan) -> Report {
        let mut report = Report::default();
        if let Some(load) = self.load.take() {
            report.violations.extend(load.stop().await);
        }
        for number in 0..self.servers.len() {
            if self.take_ended(number) {
                report.violation("a server had ended by itself before the checks");
            }
        }
        self.start_all();
        let url = self.server(0).url().to_owned();
        let checked = Checked {
            database: &self.database,
            client: Client::new(&url),
            journal: &self.journal,
            effects: &self.effects,
            late_effects: self.late_effects,
        };
        report.merge(checker::check(&checked, plan).await);
        for server in self.servers.iter_mut().flatten() {
            if server.has_ended().is_some() {
                report.violation(format!("a server ended while it was checked:\n{}", server.log()));
            }
        }
        report.violations.extend(panics(self.database.folder()));
        if !report.violations.is_empty() && std::env::var_os("FAULTS_KEEP").is_some() {
            eprintln!("kept: {}", self.database.folder().display());
            std::mem::forget(self.database);
        }
        report
    }
}

/// The panics that servers have logged.
fn panics(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok);
    let logs = files.filter(|file| file.file_name().to_string_lossy().starts_with("server-"));
    let texts = logs.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let lines = |text: String| text.lines().find(|line| line.contains("panicked")).map(str::to_owned);
    texts.filter_map(lines).map(|line| format!("a server panicked: {line}")).collect()
}
