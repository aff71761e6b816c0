//! One batch: claim, load, decide, save, commit.
//!
//! What can go wrong, and what follows:
//!
//! | failure | then |
//! | --- | --- |
//! | BEGIN, also on a new connection | the database is not available: all commands fail, nothing happened |
//! | before COMMIT, for whatever reason | rolled back; all commands again, with everything loaded afresh; then one by one |
//! | one command alone | it fails, nothing happened |
//! | COMMIT itself | its own rows are looked up over a new connection: they stand, or nothing happened |
//! | that look-up too | the fate is unknown, and the waiters are told so |

use florin_storage::{AnyConnection, Needs, StorageError, WorkingSet, begin, commit, rollback};

use super::{Deciding, Job};

/// How a batch ended that was not committed.
pub(super) enum BatchFailed {
    /// There was not even a transaction, which no command is to blame for.
    NotBegun(StorageError),
    /// Nothing stands.
    NotWritten(StorageError),
    /// The commit failed; the set tells what to look for.
    CommitFailed(Box<WorkingSet>, StorageError),
}

/// Whether commands may go by what they know from an earlier commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    Known,
    Fresh,
}

/// Runs the jobs in one transaction.
pub(super) fn run(
    connection: &mut AnyConnection,
    jobs: &mut [Box<dyn Job>],
    deciding: &Deciding<'_>,
    slot: i64,
    trust: Trust,
) -> Result<(), BatchFailed> {
    begin(connection).map_err(BatchFailed::NotBegun)?;
    let set = match decide_and_save(connection, jobs, deciding, slot, trust) {
        Ok(set) => set,
        Err(error) => {
            // When this fails too, the connection is replaced, and the database rolls back by itself.
            let _broken = rollback(connection);
            return Err(BatchFailed::NotWritten(error));
        }
    };
    commit(connection).map_err(|error| BatchFailed::CommitFailed(Box::new(set), error))
}

fn decide_and_save(
    connection: &mut AnyConnection,
    jobs: &mut [Box<dyn Job>],
    deciding: &Deciding<'_>,
    slot: i64,
    trust: Trust,
) -> Result<WorkingSet, StorageError> {
    let mut needs = Needs::default();
    let mut set = WorkingSet::default();
    for job in jobs.iter() {
        job.needs(&mut needs, trust == Trust::Fresh);
    }
    set.prepare(connection, &needs)?;
    if trust == Trust::Known {
        for job in jobs.iter() {
            job.assume(&mut set);
        }
    }
    for job in jobs {
        job.decide(&mut set, deciding);
    }
    set.save(connection, slot)?;
    Ok(set)
}
