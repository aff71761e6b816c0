//! How the sandbox behaves.

use std::time::Duration;

/// How the sandbox behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxSettings {
    /// How long every answer takes. Zero, the default, uses no timer at all.
    pub latency: Duration,
    /// How much longer an answer that gets lost takes to be missed. Zero by default: nobody has to wait for a time-out.
    pub timeout_after: Duration,
    /// What the sandbox declares as its [`max_delay`](crate::Capabilities::max_delay), 2 seconds by default. It keeps its
    /// word: it writes a request down as soon as it arrives.
    pub max_delay: Duration,
    /// How long a bank debit takes to clear, 5 seconds by default.
    pub ach_delay: Duration,
    /// How long after having been seen to clear a debit of `pm_test_ach_return` is returned, 5 seconds by default.
    pub ach_return_delay: Duration,
    /// How long a pending refund takes, 3 seconds by default.
    pub refund_delay: Duration,
    /// How many attempts are found without searching the file, 65,536 by default, for 1.5 MB.
    pub index_capacity: usize,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        SandboxSettings {
            latency: Duration::ZERO,
            timeout_after: Duration::ZERO,
            max_delay: Duration::from_secs(2),
            ach_delay: Duration::from_secs(5),
            ach_return_delay: Duration::from_secs(5),
            refund_delay: Duration::from_secs(3),
            index_capacity: 65_536,
        }
    }
}
