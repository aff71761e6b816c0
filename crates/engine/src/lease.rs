//! The sender's side of an attempt's lease: nothing is sent once it is over.
//!
//! A process may be stopped for as long as anybody likes (SIGSTOP, a virtual machine that is paused, a page that has to
//! come back from a disk), and goes on as if nothing had happened. So the lease is looked at right before the processor is
//! asked, and once more when the connection stands; and the request is given up when it ends. `docs/recovery.md` tells what
//! is left.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use florin_domain::Attempt;
use florin_storage::faults::Bug;
use florin_storage::recovery::is_due;

use crate::engine::Inner;
use crate::time::Time;

/// How much earlier than others its sender takes a lease to be over: two processes' measurements of the database's clock
/// differ by less.
const MARGIN: TimeDelta = TimeDelta::seconds(1);

/// An attempt that is about to be sent, and for how long it may be.
#[derive(Clone)]
pub(crate) struct SendersLease {
    attempt: Arc<Attempt>,
    time: Arc<Time>,
}

impl SendersLease {
    /// For how long it may still be sent; none when its time is over, or was reckoned by a clock that was set back since. It
    /// is what recovery goes by, and the same clock.
    pub(crate) fn left(&self) -> Option<Duration> {
        if Bug::SentAfterLease.is_planted() {
            return Some(Duration::MAX);
        }
        let soon = self.time.now().checked_add_signed(MARGIN)?;
        if is_due(&self.attempt, soon) {
            return None;
        }
        self.attempt.due_at?.signed_duration_since(soon).to_std().ok()
    }

    /// Whether it may still be sent.
    pub(crate) fn is_held(&self) -> bool {
        self.left().is_some()
    }
}

impl Inner {
    /// The lease of an attempt, as whoever holds it has committed it.
    pub(crate) fn lease_of(&self, attempt: &Attempt) -> SendersLease {
        SendersLease { attempt: Arc::new(attempt.clone()), time: Arc::clone(&self.time) }
    }
}
