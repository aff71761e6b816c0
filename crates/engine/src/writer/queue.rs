//! A queue from which a worker takes all that waits.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Refused because the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A bounded queue of many senders and a few takers.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    limit: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    /// A queue in which at most `limit` may wait.
    pub(crate) fn new(limit: usize) -> Self {
        Queue {
            state: Mutex::new(State { waiting: VecDeque::new(), closed: false }),
            filled: Condvar::new(),
            limit,
        }
    }

    /// Queues a job, unless the queue is full or closed: then nothing has happened.
    pub(crate) fn push(&self, job: T) -> Result<(), Full> {
        let mut state = self.lock();
        if state.closed || state.waiting.len() >= self.limit {
            return Err(Full);
        }
        state.waiting.push_back(job);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Queues a job that finishes what was begun: it is never refused for want of room.
    pub(crate) fn push_always(&self, job: T) -> Result<(), Full> {
        let mut state = self.lock();
        if state.closed {
            return Err(Full);
        }
        state.waiting.push_back(job);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for jobs and takes those that wait, at most `limit`. None once the queue is closed and empty.
    pub(crate) fn take(&self, limit: usize) -> Option<Vec<T>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.waiting.len().min(limit);
        let taken = state.waiting.drain(..count).collect();
        if !state.waiting.is_empty() {
            self.filled.notify_one();
        }
        Some(taken)
    }

    /// Lets no more in; what waits is still taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_new_work_and_takes_what_finishes_old_work() {
        let queue = Queue::new(1);
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(queue.push(2), Err(Full));
        assert_eq!(queue.push_always(3), Ok(()));
        assert_eq!(queue.take(10), Some(vec![1, 3]));
    }

    #[test]
    fn a_closed_queue_gives_out_what_waits_and_then_ends() {
        let queue = Queue::new(10);
        assert_eq!(queue.push(1), Ok(()));
        queue.close();
        assert_eq!(queue.push(2), Err(Full));
        assert_eq!(queue.push_always(2), Err(Full));
        assert_eq!(queue.take(10), Some(vec![1]));
        assert_eq!(queue.take(10), None);
    }
}
