//! Servers: the real binary, started, asked to end, and killed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::binary::{binary, clean};
use crate::database::Database;
use crate::waiting::eventually;

/// How long a server may take to listen. Other tests share the processor.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A server that is about to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    command: &'static str,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
    listen: String,
}

/// A server that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Launch {
    pub(crate) fn new(database: &Database) -> Launch {
        let launch = Launch {
            command: "dev",
            folder: database.folder().to_owned(),
            settings: Vec::new(),
            variables: Vec::new(),
            wrapper: Vec::new(),
            listen: "127.0.0.1:0".to_owned(),
        };
        launch
            .setting("DATABASE_URL", database.url())
            .setting("SANDBOX_BOOKS", database.books().display())
            .setting("RATE_LIMIT_PER_MINUTE", 0)
            .setting("RATE_LIMIT_PER_SECOND", 0)
            // All callers of a test have one address.
            .setting("CONNECTION_LIMIT_PER_ADDRESS", 10_000)
            .setting("LOG", "warn")
    }

    /// By `florin serve`, not `florin dev`.
    pub fn by_serve(self) -> Launch {
        Launch { command: "serve", ..self }
    }

    /// At a port of one's own choice.
    pub fn listening_on(self, port: u16) -> Launch {
        Launch { listen: format!("127.0.0.1:{port}"), ..self }
    }

    /// Sets `FLORIN_<name>`; the last value holds.
    pub fn setting(mut self, name: &str, value: impl ToString) -> Launch {
        self.settings.push((format!("FLORIN_{name}"), value.to_string()));
        self
    }

    /// Sets a variable that is no setting.
    pub fn variable(mut self, name: &str, value: impl ToString) -> Launch {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// Takes a setting away, so that its default holds.
    pub fn without_setting(mut self, name: &str) -> Launch {
        self.settings.retain(|(known, _)| known.strip_prefix("FLORIN_") != Some(name));
        self
    }

    /// Starts it by another program, which is given the binary and its arguments and has to become it.
    pub fn wrapped_by(mut self, wrapper: &[&str]) -> Launch {
        self.wrapper = wrapper.iter().map(ToString::to_string).collect();
        self
    }

    /// Starts the server and waits until it listens.
    ///
    /// # Panics
    /// When it ends instead, or takes too long.
    pub fn start(&self) -> Server {
        self.try_start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Starts the server and waits until it listens.
    ///
    /// # Errors
    /// What happened instead: it ended, or took too long.
    ///
    /// # Panics
    /// When the binary can't be run.
    pub fn try_start(&self) -> Result<Server, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let log = self.folder.join(format!("server-{}.log", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let mut command = self.as_command();
        command.stdout(Stdio::piped()).stderr(File::create(&log).expect("a log can be made"));
        let mut child = command.spawn().unwrap_or_else(|error| panic!("can't run {command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("it was asked for"));
        let (told, url) = mpsc::channel();
        std::thread::spawn(move || {
            // Reads on after the address, so that the server can always write.
            for line in stdout.lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("listening on ") {
                    let _gone = told.send(url.trim().to_owned());
                }
            }
        });
        match url.recv_timeout(STARTS_WITHIN) {
            Ok(url) => Ok(Server { child, url, log }),
            Err(error) => {
                let _dead = child.kill();
                let status = child.wait();
                Err(format!("the server does not listen ({error}, {status:?}):\n{}", read(&log)))
            }
        }
    }

    /// Tries to start it where it is expected to refuse, and gives back what it printed.
    ///
    /// # Panics
    /// When it does not refuse.
    pub fn refused(&self) -> crate::Output {
        let mut child = self
            .as_command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let deadline = Instant::now() + STARTS_WITHIN;
        while child.try_wait().expect("one may ask about one's children").is_none() {
            if Instant::now() >= deadline {
                let _dead = child.kill();
                let output = child.wait_with_output();
                panic!("it was not refused: {output:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        crate::Output::from(child.wait_with_output().expect("it has ended"))
    }

    fn as_command(&self) -> Command {
        let mut command = match self.wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = clean(program);
                command.args(arguments).arg(binary());
                command
            }
            None => clean(binary()),
        };
        command
            .args([self.command, "--listen", &self.listen])
            .envs(self.settings.iter().chain(&self.variables).cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }
}

impl Server {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// Ends it without a warning, as `kill -9` does.
    ///
    /// # Panics
    /// When it has ended by itself before.
    pub fn kill(mut self) {
        let ended = self.child.try_wait().expect("one may ask about one's children");
        assert!(ended.is_none(), "the server ended by itself, {ended:?}:\n{}", self.log());
        self.child.kill().expect("one may kill one's children");
        self.child.wait().expect("one may wait for one's children");
    }

    /// Whether it has ended, and how.
    ///
    /// # Panics
    /// When it can't be asked.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("one may ask about one's children")
    }

    /// Asks it to end, by SIGTERM.
    ///
    /// # Panics
    /// When the signal can't be sent.
    pub fn terminate(&self) {
        let sent = Command::new("sh").args(["-c", "kill -s TERM \"$0\"", &self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM could not be sent");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended after `seconds`.
    pub async fn ended(&mut self, seconds: u64) -> ExitStatus {
        eventually("the server to end", seconds, || {
            std::future::ready(self.child.try_wait().expect("one may ask about one's children"))
        })
        .await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of {}\n{}", self.url, self.log());
        }
    }
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}
