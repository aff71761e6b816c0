//! A Redis of the test's own.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::tls::TestCertificate;

/// How long it may take to listen. Other tests share the processor.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A Redis that keeps nothing on disk. It is killed when this is dropped.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    has_tls: bool,
    child: Option<Child>,
}

impl Redis {
    /// Starts one on a free port; none where there is no such program.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Option<Redis> {
        Redis::start_with(None)
    }

    /// Starts one that speaks TLS only, as `localhost`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with_tls(certificate: &TestCertificate) -> Option<Redis> {
        Redis::start_with(Some(certificate))
    }

    fn start_with(certificate: Option<&TestCertificate>) -> Option<Redis> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("not run: there is no redis-server");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        if let Some(certificate) = certificate {
            certificate.write_into(folder.path());
        }
        let mut redis = Redis { folder, port: free_port(), has_tls: certificate.is_some(), child: None };
        redis.start_again();
        Some(redis)
    }

    /// Its address.
    pub fn url(&self) -> String {
        if self.has_tls {
            return format!("rediss://localhost:{}", self.port);
        }
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it without a warning. Nothing listens there any more.
    ///
    /// # Panics
    /// When it had ended before.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("one may kill one's children");
        child.wait().expect("one may wait for one's children");
    }

    /// Starts it at the same address, empty.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        let folder: &Path = self.folder.path();
        let port = self.port.to_string();
        let mut command = Command::new("redis-server");
        if self.has_tls {
            command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
            command.args(["--tls-cert-file", "certificate.pem", "--tls-key-file", "key.pem"]);
        } else {
            command.args(["--port", &port]);
        }
        let child = command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .expect("redis-server can be run");
        self.child = Some(child);
        let deadline = Instant::now() + STARTS_WITHIN;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets it stand still, connected and silent, or go on.
    ///
    /// # Panics
    /// When the signal can't be sent.
    pub fn hang(&self, hangs: bool) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let signal = if hangs { "STOP" } else { "CONT" };
        let sent = Command::new("sh").args(["-c", "kill -s $0 $1", signal, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{signal} could not be sent");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _dead = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// A port of the loopback address that nobody had a moment ago.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}
