//! Being asked to end.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The status of a process that a second signal ended, which by custom is that of a SIGINT.
const ENDED_BY_SIGNAL: i32 = 130;

/// The signals that ask the server to end.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// What [`Signals::next`] calls a SIGTERM, by which service managers and rolling restarts ask.
    pub(crate) const TERMINATE: &'static str = "SIGTERM";

    /// Begins to listen to them; from now on they no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => Signals::TERMINATE,
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Ends the process when another one comes.
    pub(crate) async fn end_at_next(mut self) {
        let name = self.next().await;
        tracing::warn!("{name} again: ending at once; recovery settles at the next start what is left open");
        process::exit(ENDED_BY_SIGNAL);
    }
}
