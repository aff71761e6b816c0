//! A circuit breaker: stops asking a processor that gives no clear answers, and tries again with one request at a time.
//!
//! | it is | a request | becomes |
//! | --- | --- | --- |
//! | closed | passes | open after [`FAILURES`] unclear answers in a row |
//! | open | is refused | half-open after [`OPEN_FOR`] |
//! | half-open | passes if it is the only one, else is refused | closed by a clear answer, open by an unclear one |
//!
//! Its own, and not a crate's: those at hand let any number of requests through while half-open, read the clock
//! themselves, and take a request whose future was dropped for none at all. Here it is an unclear answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many unclear answers in a row open it.
pub(super) const FAILURES: u32 = 5;
/// How long it stays open before a request is let through.
pub(super) const OPEN_FOR: Duration = Duration::from_secs(10);

/// A circuit breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// A request is under way that decides.
    Probing,
}

impl Default for State {
    fn default() -> Self {
        State::Closed { failures: 0 }
    }
}

/// A request that was let through. Dropped without an answer it counts as unclear.
pub(super) struct Admitted<'a> {
    breaker: &'a Breaker,
    /// Whether it is the one that decides.
    is_probe: bool,
    /// When the answer came; until then it is unclear.
    answered: bool,
}

impl Breaker {
    /// Lets a request through, or refuses it.
    pub(super) fn admit(&self, now: Instant) -> Option<Admitted<'_>> {
        let mut state = self.state();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if now >= until => {
                *state = State::Probing;
                true
            }
            State::Open { .. } | State::Probing => return None,
        };
        Some(Admitted { breaker: self, is_probe, answered: false })
    }

    /// Whether a request would be let through.
    pub(super) fn would_admit(&self, now: Instant) -> bool {
        match *self.state() {
            State::Closed { .. } => true,
            State::Open { until } => now >= until,
            State::Probing => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn succeed(&self, is_probe: bool) {
        let mut state = self.state();
        // An answer to a request from before it opened says nothing about now.
        if is_probe || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
    }

    fn fail(&self, is_probe: bool, now: Instant) {
        let mut state = self.state();
        *state = match *state {
            State::Closed { failures } if failures.saturating_add(1) < FAILURES => {
                State::Closed { failures: failures.saturating_add(1) }
            }
            State::Closed { .. } => State::Open { until: now + OPEN_FOR },
            _ if is_probe => State::Open { until: now + OPEN_FOR },
            State::Open { .. } | State::Probing => return,
        };
    }
}

impl Admitted<'_> {
    /// Tells what the processor answered: whether clearly.
    pub(super) fn answer(mut self, is_clear: bool, now: Instant) {
        self.answered = true;
        if is_clear {
            self.breaker.succeed(self.is_probe);
        } else {
            self.breaker.fail(self.is_probe, now);
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.breaker.fail(self.is_probe, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.admit(now).unwrap().answer(false, now);
        }
    }

    #[test]
    fn it_opens_after_unclear_answers_in_a_row_and_not_before() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        fail(&breaker, FAILURES - 1, now);
        breaker.admit(now).unwrap().answer(true, now);
        fail(&breaker, FAILURES - 1, now);
        assert!(breaker.would_admit(now));
        fail(&breaker, 1, now);
        assert!(!breaker.would_admit(now));
        assert!(breaker.admit(now).is_none());
    }

    #[test]
    fn half_open_it_lets_one_through_which_decides() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        fail(&breaker, FAILURES, now);
        let later = now + OPEN_FOR;
        let probe = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_none());
        probe.answer(false, later);
        assert!(breaker.admit(later).is_none());
        let last = later + OPEN_FOR;
        breaker.admit(last).unwrap().answer(true, last);
        assert!(breaker.admit(last).is_some());
        assert!(breaker.admit(last).is_some());
    }

    #[test]
    fn a_request_that_is_given_up_counts_and_one_from_before_decides_nothing() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let old = breaker.admit(now).unwrap();
        for _ in 0..FAILURES {
            drop(breaker.admit(now));
        }
        assert!(!breaker.would_admit(now));
        old.answer(true, now);
        assert!(!breaker.would_admit(now));
    }
}
