//! The real binary, started in a folder of its own, and a plain HTTP client to talk to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than anything here takes; a test that waits for so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tests ask often, and have no load balancer that should find out before the end.
const NO_LIMITS: [(&str, &str); 3] = [
    ("FLORIN_RATE_LIMIT_PER_MINUTE", "0"),
    ("FLORIN_RATE_LIMIT_PER_SECOND", "0"),
    ("FLORIN_SHUTDOWN_DELAY_SECONDS", "0"),
];

/// The binary in a folder, with none of the settings that the tests themselves were started with.
pub(crate) fn florin(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_florin"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FLORIN_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(settings.iter().copied()).current_dir(folder);
    command
}

/// Runs the binary to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    florin(folder, arguments, settings).output().unwrap()
}

/// What a command printed.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a command had to say.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder that is gone when the test ends.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A running server, killed when a test forgets to end it.
pub(crate) struct Server {
    child: Child,
    pub(crate) banner: BufReader<ChildStdout>,
    log: BufReader<ChildStderr>,
    pub(crate) address: String,
}

impl Server {
    /// Starts a server and waits until it says where it listens.
    pub(crate) fn start(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Server {
        let mut command = florin(folder, arguments, &NO_LIMITS);
        command.envs(settings.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut banner = BufReader::new(child.stdout.take().unwrap());
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        banner.read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("listening on http://").map(str::to_owned) else {
            let mut said = String::new();
            log.read_to_string(&mut said).unwrap();
            panic!("the server did not start: {line}{said}");
        };
        Server { child, banner, log, address }
    }

    /// A sandbox server on any free port.
    pub(crate) fn dev(folder: &Path, settings: &[(&str, &str)]) -> Server {
        Server::start(folder, &["dev", "--listen", "127.0.0.1:0"], settings)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until it logs a line with this text.
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        let mut line = String::new();
        while self.log.read_line(&mut line).unwrap() > 0 {
            if line.contains(text) {
                return;
            }
            line.clear();
        }
        panic!("the server ended without logging {text:?}");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        // Reading to the end waits for the end.
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// One request on a connection of its own.
    pub(crate) fn call(&self, key: &str, request: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        send(&mut stream, key, request, body);
        receive(&mut stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// An answer to a request.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: serde_json::Value,
}

/// Sends a request, as in `POST /v1/payments`.
pub(crate) fn send(stream: &mut TcpStream, key: &str, request: &str, body: &str) {
    let head = format!(
        "{request} HTTP/1.1\r\nhost: florin\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
}

/// Reads one answer and leaves the connection usable.
pub(crate) fn receive(stream: &mut TcpStream) -> Answer {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {line:?}")).parse().unwrap();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Answer { status, json: serde_json::from_slice(&body).unwrap_or_default() }
}

/// Reads until the server closes, and says how long that took.
pub(crate) fn wait_for_close(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    // A reset is a close as well.
    let _read = stream.read_to_end(&mut rest);
    let took = start.elapsed();
    assert!(took < PATIENCE, "the connection was left open");
    took
}
