//! The experiments.

mod kill;

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
];
