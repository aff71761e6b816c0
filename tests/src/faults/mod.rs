//! Experiments that break something while payments are made, and what they all share: a load, the client's journal, the
//! processor's books, and one checker.
//!
//! `scripts/faults` runs them; `docs/testing.md` lists them. Each takes a seed and a count, and has a control: the same
//! experiment with a bug planted that it is meant to catch, in which the checker has to find something.

mod adversary;
mod checker;
mod effects;
mod journal;
mod load;
mod plan;
mod proxy;
mod runs;
mod world;

pub use plan::{Plan, Report};
pub use runs::{EXPERIMENTS, Experiment};
