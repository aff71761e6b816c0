//! The storage crate on a real SQLite file, and on a real PostgreSQL where `FLORIN_TEST_POSTGRES_URL` names one.

mod access;
mod checkpoints;
mod exports;
mod harness;
mod histories;
mod lists;
mod migrations;
mod recovery;
mod samples;
mod schema;
mod violations;
mod writers;
