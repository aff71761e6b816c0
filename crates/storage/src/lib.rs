//! Florin's rows, queries and migrations, on SQLite and PostgreSQL: loads and saves what the domain decides.
//!
//! Deliberately not here: rules (they are the domain's), batching and retries (the engine's), HTTP.

pub mod access;
mod batch;
mod checkpoint;
mod connection;
mod counters;
mod error;
pub mod faults;
mod forgetting;
mod keys;
mod migrate;
#[cfg(test)]
mod plans;
mod probe;
pub mod read;
pub mod reconciliation;
pub mod recovery;
mod rows;
mod schema;
pub mod sealed;
pub mod sessions;
mod transaction;
pub mod verify;
pub mod webhooks;
mod working_set;

pub use checkpoint::{Checkpoint, Checkpointed, checkpoint, leave_checkpoints_to_others};
pub use connection::{AnyConnection, ConnectionManager, DatabaseUrl, Pool, UnknownDatabaseUrl, open_pool};
pub use error::StorageError;
pub use forgetting::{forget_answers, forget_processor_events};
pub use migrate::{check_schema, migrate};
pub use probe::{Committer, backend_pid, is_at_work, own_transaction, unanswered_keys, wait_for_standbys};
pub use rows::{
    AmendmentRecord, DigestKey, Event, IdempotencyRecord, InRealm, ProcessorEventRecord, Realm, StoredAnswer,
};
pub use transaction::{begin, begin_pooled, commit, in_transaction, rollback};
pub use working_set::{Needs, WorkingSet, load_payments};
