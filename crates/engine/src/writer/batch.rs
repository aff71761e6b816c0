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

use florin_storage::faults::{Bug, Point, pass};
use florin_storage::webhooks::NewDelivery;
use florin_storage::{
    AnyConnection, Committer, Needs, StorageError, WorkingSet, begin, begin_pooled, commit, own_transaction,
    rollback,
};

use super::{Deciding, Job};
use crate::delivery::{Listening, Promises};

/// How a batch ended that was not committed.
pub(super) enum BatchFailed {
    /// There was not even a transaction, which no command is to blame for.
    NotBegun(StorageError),
    /// Nothing stands.
    NotWritten(StorageError),
    /// The commit failed; the set tells what to look for, and the committer, where the connection does not tell, who may
    /// still be at it.
    CommitFailed(Box<WorkingSet>, Option<Committer>, StorageError),
}

/// A connection as a batch needs it.
pub(super) struct Batched<'a> {
    pub(super) connection: &'a mut AnyConnection,
    /// Which slot of the counters it adds to.
    pub(super) slot: i64,
    /// Whether a pooler lends it for one transaction only.
    pub(super) is_pooled: bool,
    /// Who hears of events.
    pub(super) listening: &'a Listening,
}

impl Batched<'_> {
    fn begin(&mut self) -> Result<Option<Committer>, StorageError> {
        if self.is_pooled {
            begin_pooled(self.connection)?;
            return own_transaction(self.connection);
        }
        begin(self.connection).map(|()| None)
    }
}

/// Whether commands may go by what they know from an earlier commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    Known,
    Fresh,
}

/// Runs the jobs in one transaction.
pub(super) fn run(
    mut on: Batched<'_>,
    jobs: &mut Vec<Box<dyn Job>>,
    deciding: &Deciding<'_>,
    trust: Trust,
) -> Result<(), BatchFailed> {
    let committer = on.begin().map_err(BatchFailed::NotBegun)?;
    pass(Point::BatchBegun);
    let Batched { connection, slot, listening, .. } = on;
    let mut promises = Promises::new(&listening.lanes, deciding.at);
    let on = (slot, listening, &mut promises);
    let (set, deliveries) = match decide_and_save(connection, jobs, deciding, on, trust) {
        Ok(saved) => saved,
        Err(error) => {
            // When this fails too, the connection is replaced, and the database rolls back by itself.
            let _broken = rollback(connection);
            return Err(BatchFailed::NotWritten(error));
        }
    };
    pass(Point::BatchSaved);
    if Bug::EffectBeforeCommit.is_planted() {
        jobs.drain(..).for_each(Job::succeed);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    if let Err(error) = commit(connection) {
        return Err(BatchFailed::CommitFailed(Box::new(set), committer, error));
    }
    if set.has_events() {
        listening.tell(&set, &deliveries, promises);
    }
    pass(Point::BatchCommitted);
    Ok(())
}

fn decide_and_save(
    connection: &mut AnyConnection,
    jobs: &mut [Box<dyn Job>],
    deciding: &Deciding<'_>,
    (slot, listening, promises): (i64, &Listening, &mut Promises<'_>),
    trust: Trust,
) -> Result<(WorkingSet, Vec<NewDelivery>), StorageError> {
    let mut needs = Needs::default();
    let mut set = WorkingSet::default();
    for job in jobs.iter() {
        job.needs(&mut needs, trust == Trust::Fresh);
    }
    set.prepare(connection, &needs)?;
    pass(Point::BatchLoaded);
    if trust == Trust::Known {
        for job in jobs.iter() {
            job.assume(&mut set);
        }
    }
    for job in jobs {
        job.decide(&mut set, deciding);
    }
    let take = |endpoint: &_| promises.make(endpoint);
    let deliveries = set.save_and_deliver(connection, slot, &listening.now(), take)?;
    Ok((set, deliveries))
}
