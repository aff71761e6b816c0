//! The experiments.

mod adversary;
mod clock;
mod disk;
mod kill;
mod network;
mod pause;
mod pooler;
mod postgres;
mod races;

use futures_util::future::LocalBoxFuture;

use super::{Plan, Report};

/// An experiment.
pub struct Experiment {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
    /// The count it is meant for.
    pub count: usize,
    /// The bugs that are planted to show that it sees them.
    pub controls: &'static [Control],
    /// Runs it.
    pub run: fn(&Plan) -> LocalBoxFuture<'_, Report>,
}

/// An experiment with a bug planted.
pub struct Control {
    /// The bug.
    pub bug: &'static str,
    /// The count with which it shows.
    pub count: usize,
    /// How long to wait for everything to settle, in seconds.
    pub settle_seconds: u64,
    /// What the checker says of it; none where something else stands in the bug's way, which is worth knowing too.
    pub shows: Option<&'static str>,
}

impl Control {
    /// Whether the report shows what it should.
    pub fn has_shown(&self, report: &Report) -> bool {
        match self.shows {
            Some(text) => report.violations.iter().any(|violation| violation.contains(text)),
            None => report.violations.is_empty(),
        }
    }
}

const fn control(bug: &'static str, count: usize, shows: &'static str) -> Control {
    Control { bug, count, settle_seconds: 20, shows: Some(shows) }
}

const EFFECT_BEFORE_COMMIT: &str = "and Florin does not";
const TIME_OUT_IS_FAILURE: &str = "the sums differ";
const SENT_AFTER_LEASE: &str = "sent after their sender was given up";

/// All experiments.
pub const EXPERIMENTS: &[Experiment] = &[
    Experiment {
        name: "kill-postgres",
        what: "kill -9 of one of three servers on PostgreSQL under load, half at fail points",
        count: 500,
        controls: &[
            control("effect_before_commit", 20, EFFECT_BEFORE_COMMIT),
            control("time_out_is_failure", 10, TIME_OUT_IS_FAILURE),
        ],
        run: |plan| Box::pin(kill::on_postgres(plan)),
    },
    Experiment {
        name: "kill-sqlite",
        what: "the same of the one server on SQLite",
        count: 200,
        controls: &[
            control("effect_before_commit", 15, EFFECT_BEFORE_COMMIT),
            control("time_out_is_failure", 10, TIME_OUT_IS_FAILURE),
        ],
        run: |plan| Box::pin(kill::on_sqlite(plan)),
    },
    Experiment {
        name: "postgres",
        what: "kill -9 of PostgreSQL under three servers",
        count: 50,
        controls: &[control("effect_before_commit", 15, EFFECT_BEFORE_COMMIT)],
        run: |plan| Box::pin(postgres::killed(plan)),
    },
    Experiment {
        name: "failover",
        what: "the primary is killed and its synchronous standby promoted",
        count: 20,
        controls: &[control("asynchronous_standby", 3, "is now 404")],
        run: |plan| Box::pin(postgres::failed_over(plan)),
    },
    Experiment {
        name: "network-postgres",
        what: "connections to PostgreSQL are reset, late, swallowed, half open",
        count: 1000,
        controls: &[control("effect_before_commit", 150, EFFECT_BEFORE_COMMIT)],
        run: |plan| Box::pin(network::to_postgres(plan)),
    },
    Experiment {
        name: "pgbouncer",
        what: "kill -9 of pgbouncer in transaction mode between three servers and PostgreSQL",
        count: 20,
        controls: &[
            control("effect_before_commit", 15, EFFECT_BEFORE_COMMIT),
            // Of two servers that give names to statements, the second finds them taken.
            control("named_statements", 1, "prepared statement"),
        ],
        run: |plan| Box::pin(pooler::killed(plan)),
    },
    Experiment {
        name: "adversary",
        what: "payments by a processor that times out, lies, answers twice, late or not at all",
        count: 20_000,
        controls: &[control("time_out_is_failure", 300, TIME_OUT_IS_FAILURE)],
        run: |plan| Box::pin(adversary::payments(plan)),
    },
    Experiment {
        name: "network-processor",
        what: "connections to the processor are reset, late, swallowed, half open",
        count: 1000,
        controls: &[control("time_out_is_failure", 60, TIME_OUT_IS_FAILURE)],
        run: |plan| Box::pin(adversary::network(plan)),
    },
    Experiment {
        name: "disk-failing",
        what: "the k-th write or flush of SQLite fails",
        count: 200,
        controls: &[control("effect_before_commit", 15, EFFECT_BEFORE_COMMIT)],
        run: |plan| Box::pin(disk::failing(plan)),
    },
    Experiment {
        name: "disk-full",
        what: "a disk of 16 MB under SQLite is filled up",
        count: 20,
        controls: &[control("effect_before_commit", 10, EFFECT_BEFORE_COMMIT)],
        run: |plan| Box::pin(disk::full(plan)),
    },
    Experiment {
        name: "clock",
        what: "a server's clock jumps by 5 minutes, an hour, a day",
        count: 50,
        controls: &[control("time_out_is_failure", 6, TIME_OUT_IS_FAILURE)],
        run: |plan| Box::pin(clock::jumps(plan)),
    },
    Experiment {
        name: "pause",
        what: "servers stand still for longer than an attempt is theirs, half of them right before they send it",
        count: 60,
        controls: &[control("sent_after_lease", 6, SENT_AFTER_LEASE)],
        run: |plan| Box::pin(pause::senders(plan)),
    },
    Experiment {
        name: "races",
        what: "25 refunds of 1 at once for each payment of 10, at three servers",
        count: 300,
        controls: &[
            control("lost_update", 60, "more was refunded"),
            // Each refund updates its payment's row, so that PostgreSQL itself ends all but one of such transactions.
            Control { bug: "repeatable_read", count: 60, settle_seconds: 60, shows: None },
        ],
        run: |plan| Box::pin(races::refunds(plan)),
    },
];
