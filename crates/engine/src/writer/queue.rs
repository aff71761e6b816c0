//! A queue from which a worker takes all that waits.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Refused because the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// How long a taker waits at most for its share while others are at work.
const GATHER_FOR: Duration = Duration::from_millis(1);

/// A bounded queue of many senders and a few takers.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    limit: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// How many jobs are being worked on by takers that gather.
    at_work: usize,
    closed: bool,
}

impl<T> State<T> {
    /// Whether what waits is too little beside what others work on: three quarters of it are worth a batch.
    fn is_little(&self) -> bool {
        self.waiting.len().saturating_mul(4) < self.at_work.saturating_mul(3)
    }

    fn take(&mut self, limit: usize) -> Vec<T> {
        let count = self.waiting.len().min(limit);
        self.waiting.drain(..count).collect()
    }
}

/// Jobs that a taker works on. They count as work until this is dropped.
pub(crate) struct AtWork<'a, T> {
    queue: &'a Queue<T>,
    count: usize,
}

impl<T> Drop for AtWork<'_, T> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.at_work = state.at_work.saturating_sub(self.count);
    }
}

impl<T> Queue<T> {
    /// A queue in which at most `limit` may wait.
    pub(crate) fn new(limit: usize) -> Self {
        Queue {
            state: Mutex::new(State { waiting: VecDeque::new(), at_work: 0, closed: false }),
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
        let mut state = self.wait_for_one()?;
        let taken = state.take(limit);
        if !state.waiting.is_empty() {
            self.filled.notify_one();
        }
        Some(taken)
    }

    /// The same for takers to whom a job costs less among many: while others are at work, one gathers its share before
    /// it begins, and waits no longer than a millisecond for that. Alone it never waits.
    pub(crate) fn take_share(&self, limit: usize) -> Option<(Vec<T>, AtWork<'_, T>)> {
        loop {
            let state = self.wait_for_one()?;
            let gathered = self.filled.wait_timeout_while(state, GATHER_FOR, |state| state.is_little());
            let (mut state, _timed_out) = gathered.unwrap_or_else(PoisonError::into_inner);
            let taken = state.take(limit);
            if taken.is_empty() {
                // Others have taken all meanwhile.
                continue;
            }
            state.at_work = state.at_work.saturating_add(taken.len());
            if !state.waiting.is_empty() {
                self.filled.notify_one();
            }
            let count = taken.len();
            return Some((taken, AtWork { queue: self, count }));
        }
    }

    /// The state once a job waits. None once the queue is closed and empty.
    fn wait_for_one(&self) -> Option<MutexGuard<'_, State<T>>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Some(state)
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
    fn who_takes_while_others_are_at_work_gathers_and_does_not_wait_for_ever() {
        let queue = Queue::new(100);
        (0..8).for_each(|job| queue.push(job).unwrap());
        let (first, at_work) = queue.take_share(100).unwrap();
        assert_eq!(first.len(), 8, "alone it takes what there is");
        queue.push(8).unwrap();
        assert!(queue.lock().is_little());
        let (second, also_at_work) = queue.take_share(100).unwrap();
        assert_eq!(second, [8], "no more has come within a millisecond");
        (9..16).for_each(|job| queue.push(job).unwrap());
        assert!(!queue.lock().is_little(), "7 beside 9");
        drop((at_work, also_at_work));
        queue.take(7).unwrap();
        queue.push(16).unwrap();
        assert!(!queue.lock().is_little(), "nobody is at work");
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
