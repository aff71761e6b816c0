//! Points at which a process can be made to die or to stand still, and bugs that can be planted: what the experiments of `scripts/faults`
//! need to meet every moment, and to show that they would have seen a mistake.
//!
//! Without the feature `failpoints` both are nothing, and a release build refuses the feature.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("the feature failpoints plants bugs: it is for test builds only");

/// A moment between two steps of a commit or of a call to a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A transaction has begun.
    BatchBegun,
    /// What it needs is loaded and locked.
    BatchLoaded,
    /// All is written; COMMIT comes next.
    BatchSaved,
    /// COMMIT has succeeded; nobody has heard of it.
    BatchCommitted,
    /// The commands of the batch have their answers.
    BatchAnswered,
    /// An attempt is committed and about to be sent.
    CallBegins,
    /// The same, of a charge: the one kind that is never sent again.
    ChargeBegins,
    /// The processor has answered, or has not in time.
    CallEnded,
    /// The outcome is committed; its caller has not heard of it.
    OutcomeSettled,
    /// Recovery has taken an attempt's lease.
    LeaseTaken,
    /// Recovery knows what the processor says.
    LookupEnded,
}

impl Point {
    /// All points.
    pub const ALL: [Point; 11] = [
        Point::BatchBegun,
        Point::BatchLoaded,
        Point::BatchSaved,
        Point::BatchCommitted,
        Point::BatchAnswered,
        Point::CallBegins,
        Point::ChargeBegins,
        Point::CallEnded,
        Point::OutcomeSettled,
        Point::LeaseTaken,
        Point::LookupEnded,
    ];

    /// Its name in `FAULT_AT`.
    pub const fn name(self) -> &'static str {
        match self {
            Point::BatchBegun => "batch_begun",
            Point::BatchLoaded => "batch_loaded",
            Point::BatchSaved => "batch_saved",
            Point::BatchCommitted => "batch_committed",
            Point::BatchAnswered => "batch_answered",
            Point::CallBegins => "call_begins",
            Point::ChargeBegins => "charge_begins",
            Point::CallEnded => "call_ended",
            Point::OutcomeSettled => "outcome_settled",
            Point::LeaseTaken => "lease_taken",
            Point::LookupEnded => "lookup_ended",
        }
    }
}

/// A mistake that can be planted, named in `FAULT_BUG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Callers hear of a commit before it is made, so that a processor acts on what may never stand.
    EffectBeforeCommit,
    /// An outcome that nobody knows is taken for a failure.
    TimeOutIsFailure,
    /// Nothing is locked, and updates overwrite whatever is there.
    LostUpdate,
    /// Rows are locked `FOR UPDATE` in transactions that are REPEATABLE READ.
    RepeatableRead,
    /// A sender does not look at its lease.
    SentAfterLease,
}

impl Bug {
    /// All bugs.
    pub const ALL: [Bug; 5] = [
        Bug::EffectBeforeCommit,
        Bug::TimeOutIsFailure,
        Bug::LostUpdate,
        Bug::RepeatableRead,
        Bug::SentAfterLease,
    ];

    /// Its name in `FAULT_BUG`.
    pub const fn name(self) -> &'static str {
        match self {
            Bug::EffectBeforeCommit => "effect_before_commit",
            Bug::TimeOutIsFailure => "time_out_is_failure",
            Bug::LostUpdate => "lost_update",
            Bug::RepeatableRead => "repeatable_read",
            Bug::SentAfterLease => "sent_after_lease",
        }
    }

    /// Whether it is planted in this process.
    #[cfg(not(feature = "failpoints"))]
    #[inline(always)]
    pub const fn is_planted(self) -> bool {
        false
    }

    /// Whether it is planted in this process.
    #[cfg(feature = "failpoints")]
    pub fn is_planted(self) -> bool {
        *active::PLANTED == Some(self)
    }
}

/// Passes a point. Does nothing, unless the process is to die or to stand still there.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn pass(_point: Point) {}

/// Passes a point, and dies there when `FAULT_AT` says `<point>:<which pass>`, as `kill -9` would have it; or stands still
/// there each time that many passes were made when `FAULT_STOP` says so, until somebody lets it go on by SIGCONT.
#[cfg(feature = "failpoints")]
pub fn pass(point: Point) {
    active::pass(point);
}

#[cfg(feature = "failpoints")]
mod active {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Bug, Point};

    pub(super) static PLANTED: LazyLock<Option<Bug>> = LazyLock::new(|| {
        let name = std::env::var("FAULT_BUG").ok()?;
        let found = Bug::ALL.into_iter().find(|bug| bug.name() == name);
        Some(found.unwrap_or_else(|| panic!("FAULT_BUG names no bug: {name}")))
    });

    /// Where to die, and how often to pass there before.
    static FATAL: LazyLock<Option<(Point, AtomicU64)>> = LazyLock::new(|| {
        let (point, pass) = point_and_pass("FAULT_AT")?;
        Some((point, AtomicU64::new(pass)))
    });

    fn point_and_pass(variable: &str) -> Option<(Point, u64)> {
        let text = std::env::var(variable).ok()?;
        let (name, pass) =
            text.split_once(':').unwrap_or_else(|| panic!("{variable} is not <point>:<pass>: {text}"));
        let point = Point::ALL.into_iter().find(|point| point.name() == name);
        let point = point.unwrap_or_else(|| panic!("{variable} names no point: {text}"));
        let pass: u64 = pass.parse().unwrap_or_else(|_| panic!("{variable} names no pass: {text}"));
        Some((point, pass))
    }

    /// Where to stand still, every how many passes, and how many there were.
    static STOPPING: LazyLock<Option<(Point, u64, AtomicU64)>> = LazyLock::new(|| {
        let (point, every) = point_and_pass("FAULT_STOP")?;
        Some((point, every.max(1), AtomicU64::new(0)))
    });

    pub(super) fn pass(point: Point) {
        if let Some((fatal, left)) = &*FATAL
            && *fatal == point
            && left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            // Without unwinding, flushing or telling anybody.
            std::process::abort();
        }
        if let Some((stopping, every, passed)) = &*STOPPING
            && *stopping == point
            && (passed.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(*every)
        {
            stop();
        }
    }

    /// Stands still, with all threads, until SIGCONT.
    fn stop() {
        let id = std::process::id().to_string();
        let status = std::process::Command::new("sh").args(["-c", "kill -s STOP \"$0\"", &id]).status();
        assert!(status.is_ok_and(|status| status.success()), "the process can stop itself");
    }
}
