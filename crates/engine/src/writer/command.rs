//! A command: what it needs, and how it is decided.

use std::time::Instant;

use chrono::{DateTime, Utc};
use florin_storage::{Needs, WorkingSet};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::clock::IdSource;
use crate::delivery::Listening;

/// Why a command was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteFailed {
    /// Nothing happened: the queue was full, the deadline passed, or the database refused.
    #[error("nothing was written")]
    NotWritten,
    /// The commit failed in a way that leaves open whether it stands.
    #[error("nobody knows whether it was written")]
    Unknown,
}

/// What a decision may ask for beside the working set.
pub(crate) struct Deciding<'a> {
    /// The time of the batch.
    pub(crate) at: DateTime<Utc>,
    pub(crate) ids: &'a IdSource,
    /// Makes the ids of events; none where there are no events to tell.
    pub(crate) listening: Option<&'a Listening>,
    /// What the links of payment requests begin with.
    pub(crate) public_url: &'a str,
}

impl Deciding<'_> {
    /// A new id of the batch's time.
    pub(crate) fn new_id(&self) -> Uuid {
        self.ids.next(self.at)
    }

    /// A new id for an event.
    pub(crate) fn new_event_id(&self) -> Uuid {
        self.listening.map_or_else(|| self.new_id(), |listening| listening.event_id(self.at))
    }
}

/// A change of state. It may be decided more than once, until one decision is committed.
pub(crate) trait Command: Send + 'static {
    /// What the waiter gets once the decision is committed.
    type Answer: Send + 'static;

    /// Names what has to be claimed and loaded. With `fresh`, what the command knows from an earlier commit has proved
    /// stale, and is loaded too.
    fn needs(&self, needs: &mut Needs, fresh: bool);

    /// Puts what the command knows from an earlier commit into the set. Only called when not `fresh`.
    fn assume(&self, _set: &mut WorkingSet) {}

    /// Decides. A refusal is an answer too, and changes nothing.
    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Self::Answer;
}

/// A command with its waiter, as the queue holds it.
pub(crate) trait Job: Send {
    fn needs(&self, needs: &mut Needs, fresh: bool);
    fn assume(&self, set: &mut WorkingSet);
    fn decide(&mut self, set: &mut WorkingSet, deciding: &Deciding<'_>);
    /// After this instant the command is dropped rather than begun.
    fn deadline(&self) -> Option<Instant>;
    /// Answers the waiter with the last decision.
    fn succeed(self: Box<Self>);
    fn fail(self: Box<Self>, reason: WriteFailed);
}

/// One command and its waiter.
pub(crate) struct Ticket<C: Command> {
    command: C,
    decision: Option<C::Answer>,
    deadline: Option<Instant>,
    waiter: oneshot::Sender<Result<C::Answer, WriteFailed>>,
}

/// What a waiter waits on.
pub(crate) type Waiting<A> = oneshot::Receiver<Result<A, WriteFailed>>;

impl<C: Command> Ticket<C> {
    /// A ticket, and what its waiter waits on.
    pub(crate) fn new(command: C, deadline: Option<Instant>) -> (Box<Self>, Waiting<C::Answer>) {
        let (waiter, waiting) = oneshot::channel();
        (Box::new(Ticket { command, decision: None, deadline, waiter }), waiting)
    }
}

impl<C: Command> Job for Ticket<C> {
    fn needs(&self, needs: &mut Needs, fresh: bool) {
        self.command.needs(needs, fresh);
    }

    fn assume(&self, set: &mut WorkingSet) {
        self.command.assume(set);
    }

    fn decide(&mut self, set: &mut WorkingSet, deciding: &Deciding<'_>) {
        self.decision = Some(self.command.decide(set, deciding));
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn succeed(self: Box<Self>) {
        let answer = self.decision.ok_or(WriteFailed::NotWritten);
        // A waiter that has gone does not matter: what was decided stands.
        let _gone = self.waiter.send(answer);
    }

    fn fail(self: Box<Self>, reason: WriteFailed) {
        let _gone = self.waiter.send(Err(reason));
    }
}
