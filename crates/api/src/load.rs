//! Shedding load: when there is too much to do, lists and exports are refused first, and payments last.
//!
//! What is worked on is counted, which grows with either, more requests or slower ones. From half of the limit on, what
//! can wait has to; beyond the limit nothing more is begun. What is refused has done nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use florin_engine::Engine;
use florin_engine::views::Refused;

/// What may be asked of a caller when there is too much to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Lists and exports: they cost most, and nobody's money waits for them.
    CanWait,
    /// All else.
    Pressing,
}

impl Priority {
    /// That of a GET: one that names an object is cheap, and is how a caller finds out what became of a payment.
    pub(crate) fn of_get(path: &str) -> Priority {
        if path.contains("{id}") { Priority::Pressing } else { Priority::CanWait }
    }
}

/// Counts the requests that are worked on.
pub(crate) struct Load {
    limit: usize,
    running: AtomicUsize,
}

/// A request that is worked on, until this is dropped.
pub(crate) struct Running<'a>(&'a Load);

impl Load {
    pub(crate) fn new(limit: usize) -> Self {
        Load { limit, running: AtomicUsize::new(0) }
    }

    /// Begins a request.
    ///
    /// # Errors
    /// 503 when there is too much to do for one of its kind.
    pub(crate) fn begin(&self, priority: Priority, engine: &Engine) -> Result<Running<'_>, Refused> {
        self.enter(priority, engine).map(|()| Running(self))
    }

    /// Begins a request that [`Load::end`] has to end.
    ///
    /// # Errors
    /// 503 when there is too much to do for one of its kind; then there is nothing to end.
    pub(crate) fn enter(&self, priority: Priority, engine: &Engine) -> Result<(), Refused> {
        let before = self.running.fetch_add(1, Ordering::Relaxed);
        let kind = match priority {
            _ if before >= self.limit => "any",
            Priority::CanWait if before >= self.limit / 2 || engine.is_behind() => "list",
            Priority::CanWait | Priority::Pressing => return Ok(()),
        };
        self.end();
        metrics::counter!("florin_requests_shed_total", "kind" => kind).increment(1);
        Err(Refused::overloaded())
    }

    /// Ends a request.
    pub(crate) fn end(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_exports_can_wait_and_what_names_an_object_can_not() {
        for (path, expected) in [
            ("/v1/payments", Priority::CanWait),
            ("/v1/exports/payments", Priority::CanWait),
            ("/v1/payments/{id}", Priority::Pressing),
            ("/flexprice/v1/payments/{id}", Priority::Pressing),
        ] {
            assert_eq!(Priority::of_get(path), expected, "{path}");
        }
    }
}
