//! Waiting for something to become true, instead of sleeping and hoping.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again, until there is something to be seen, and gives it back.
///
/// # Panics
/// When there is nothing after `seconds`; `what` says what was waited for.
pub async fn eventually<T, F>(what: &str, seconds: u64, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "after {seconds} seconds, still waiting for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// The same for what is looked at without waiting for an answer.
///
/// # Panics
/// When it is not so after `seconds`.
pub async fn wait_until(what: &str, seconds: u64, mut is_so: impl FnMut() -> bool) {
    eventually(what, seconds, || std::future::ready(is_so().then_some(()))).await;
}

/// How much of something a test does: `full` with `FULL=1`, `quick` else; `FLORIN_TEST_SCALE` multiplies the latter.
pub fn scaled(quick: usize, full: usize) -> usize {
    if std::env::var_os("FULL").is_some_and(|value| !value.is_empty()) {
        return full;
    }
    let scale = std::env::var("FLORIN_TEST_SCALE").ok().map_or(1.0, |text| {
        text.parse::<f64>().unwrap_or_else(|_| panic!("FLORIN_TEST_SCALE is {text:?}: write a number"))
    });
    ((quick as f64 * scale) as usize).clamp(1, full)
}

/// The turn of a test that measures times, until this is dropped: the tests of one program that do so run one after the other.
pub async fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}
