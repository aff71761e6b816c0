//! haproxy before several servers, as an operator would set it up.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::redis::free_port;
use crate::waiting::eventually;

/// Outside the search path of people who are not root.
const PROGRAMS: [&str; 2] = ["/usr/sbin/haproxy", "haproxy"];

const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// What `docs/operations.md` recommends, with checks that come more often, and without second tries: what the servers do
/// wrong is to be seen.
const CONFIGURATION: &str = "
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout check 5s
  retries 0
frontend florin
  bind 127.0.0.1:FRONT
  default_backend florin
frontend statistics
  bind 127.0.0.1:STATISTICS
  stats enable
  stats uri /
backend florin
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter 100ms fall 2 rise 2
";

/// A running haproxy. It is killed when this is dropped.
#[derive(Debug)]
pub struct Haproxy {
    child: Child,
    front: u16,
    statistics: u16,
    _folder: TempDir,
}

impl Haproxy {
    /// Starts one before servers at these ports; none where there is no such program.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(ports: &[u16]) -> Option<Haproxy> {
        let is_there =
            |program: &&&str| Command::new(program).arg("-v").stdout(Stdio::null()).status().is_ok();
        let Some(program) = PROGRAMS.iter().find(is_there) else {
            eprintln!("not run: there is no haproxy");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (front, statistics) = (free_port(), free_port());
        let mut text =
            CONFIGURATION.replace("FRONT", &front.to_string()).replace("STATISTICS", &statistics.to_string());
        for (number, port) in ports.iter().enumerate() {
            text.push_str(&format!("  server florin{number} 127.0.0.1:{port}\n"));
        }
        let path = folder.path().join("haproxy.cfg");
        std::fs::write(&path, text).expect("a temporary file can be written");
        let child = run(program, &path);
        let deadline = Instant::now() + STARTS_WITHIN;
        while TcpStream::connect(("127.0.0.1", front)).is_err() {
            assert!(Instant::now() < deadline, "haproxy does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Haproxy { child, front, statistics, _folder: folder })
    }

    /// Where callers find the servers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.front)
    }

    /// Waits until it knows that so many servers are there.
    pub async fn wait_until_up(&self, count: usize) {
        let url = format!("http://127.0.0.1:{}/;csv", self.statistics);
        let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
        eventually("the servers to be up", 60, || async {
            let text = client.get(&url).send().await.ok()?.text().await.ok()?;
            let is_up =
                |line: &&str| line.starts_with("florin,florin") && line.split(',').any(|cell| cell == "UP");
            (text.lines().filter(is_up).count() == count).then_some(())
        })
        .await;
    }
}

fn run(program: &str, configuration: &Path) -> Child {
    Command::new(program)
        .arg("-db")
        .arg("-f")
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("haproxy can be run")
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}
