//! The storage crate on a real SQLite file, and on a real PostgreSQL where `FLORIN_TEST_POSTGRES_URL` names one.

mod access;
mod append_only;
mod booking;
mod bounded_lists;
mod card_numbers;
mod checkpoints;
mod exports;
mod harness;
mod histories;
mod journal_edits;
mod lists;
mod migrations;
mod money;
mod money_violations;
mod payment_requests;
mod processors;
mod recovery;
mod samples;
mod schema;
mod sessions;
mod violations;
mod webhooks;
mod writers;
