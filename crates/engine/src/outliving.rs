//! Work that goes on when whoever waits for it has gone.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The work panicked, and nobody knows how far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the work panicked")]
pub(crate) struct Panicked;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Work in its caller's task, as long as that waits: a task of its own would cost a payment three changes of threads. When
/// the caller goes away in the middle, the rest becomes a task of the engine's, and draining waits for it either way.
///
/// Its timers and connections are the engine's from the beginning, since the caller's runtime may end before it.
pub(crate) struct Outliving<T: Send + 'static> {
    work: Option<Work<T>>,
    /// Counts as a task from the beginning.
    token: TaskTrackerToken,
    handle: tokio::runtime::Handle,
}

impl<T: Send + 'static> Outliving<T> {
    pub(crate) fn new(
        work: impl Future<Output = T> + Send + 'static,
        tasks: &TaskTracker,
        handle: &tokio::runtime::Handle,
    ) -> Self {
        Outliving { work: Some(Box::pin(work)), token: tasks.token(), handle: handle.clone() }
    }
}

impl<T: Send + 'static> Future for Outliving<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out, so that nothing is left of it when it panics.
        let Some(mut work) = self.work.take() else { return Poll::Ready(Err(Panicked)) };
        let entered = self.handle.enter();
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        drop(entered);
        match polled {
            Ok(Poll::Pending) => {
                self.work = Some(work);
                Poll::Pending
            }
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Err(_panic) => {
                tracing::error!("work that outlives its caller panicked");
                Poll::Ready(Err(Panicked))
            }
        }
    }
}

impl<T: Send + 'static> Drop for Outliving<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            drop(self.token.task_tracker().spawn_on(work, &self.handle));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn engine() -> Runtime {
        Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    #[test]
    fn work_goes_on_when_its_caller_and_the_caller_s_runtime_have_gone() {
        let (engine, tasks) = (engine(), TaskTracker::new());
        let caller = Builder::new_current_thread().enable_all().build().unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let is_done = Arc::clone(&done);
        let work = Outliving::new(
            async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                tokio::spawn(async {}).await.unwrap();
                is_done.store(true, Ordering::SeqCst);
            },
            &tasks,
            engine.handle(),
        );
        caller.block_on(async {
            let impatient = tokio::time::timeout(Duration::from_millis(10), work).await;
            assert!(impatient.is_err() && !done.load(Ordering::SeqCst));
        });
        drop(caller);
        tasks.close();
        engine.block_on(tasks.wait());
        assert!(done.load(Ordering::SeqCst));
    }

    #[test]
    fn work_that_panics_is_told_of_and_does_not_run_again() {
        let (engine, tasks) = (engine(), TaskTracker::new());
        let caller = Builder::new_current_thread().build().unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let work = std::future::poll_fn(move |_| -> Poll<()> {
            counted.fetch_add(1, Ordering::SeqCst);
            panic!("on purpose")
        });
        let fails = Outliving::new(work, &tasks, engine.handle());
        assert_eq!(caller.block_on(fails), Err(Panicked));
        tasks.close();
        engine.block_on(tasks.wait());
        assert_eq!(polls.load(Ordering::SeqCst), 1);
    }
}
