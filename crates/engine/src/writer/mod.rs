//! The batching writer: commands queue up, and a writer takes all that wait into one transaction.

mod batch;
mod command;
mod queue;
mod thread;

pub(crate) use command::{Command, Deciding, Job, Ticket, WriteFailed};
pub(crate) use queue::Queue;
pub(crate) use thread::{EndProcessOnPanic, WriterSettings, spawn_writer};
