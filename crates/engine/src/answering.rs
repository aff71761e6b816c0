//! Which processors gave no answers of late, and answer again: what is unknown of them is looked up then, and not hours
//! later by a schedule that had waited for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use florin_storage::Realm;

/// For how long a processor has to answer before it counts as well again.
const QUIET: Duration = Duration::from_secs(15);

/// What is known of processors that gave no answer.
#[derive(Default)]
pub(crate) struct Answering {
    /// Whether there are any, which every request asks.
    is_anyone_silent: AtomicBool,
    silent: Mutex<HashMap<(Realm, String), Silent>>,
}

/// A processor that gave no answer.
struct Silent {
    last: Instant,
    /// Whether it has given one since.
    has_answered: bool,
}

impl Answering {
    /// Notes whether a processor gave a clear answer.
    pub(crate) fn note(&self, realm: Realm, processor: &str, is_clear: bool, now: Instant) {
        if is_clear && !self.is_anyone_silent.load(Ordering::Relaxed) {
            return;
        }
        let key = (realm, processor.to_owned());
        let mut silent = self.silent();
        if is_clear {
            if let Some(silent) = silent.get_mut(&key) {
                silent.has_answered = true;
            }
            return;
        }
        silent.insert(key, Silent { last: now, has_answered: false });
        self.is_anyone_silent.store(true, Ordering::Relaxed);
    }

    /// The processors that have been answering for long enough; each is told of once.
    pub(crate) fn take_well_again(&self, now: Instant) -> Vec<(Realm, String)> {
        if !self.is_anyone_silent.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let is_well =
            |silent: &Silent| silent.has_answered && now.saturating_duration_since(silent.last) >= QUIET;
        let mut all = self.silent();
        let well = all.extract_if(|_, silent| is_well(silent)).map(|(key, _)| key).collect();
        self.is_anyone_silent.store(!all.is_empty(), Ordering::Relaxed);
        well
    }

    fn silent(&self) -> MutexGuard<'_, HashMap<(Realm, String), Silent>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use florin_domain::{Mode, TenantId};

    use super::*;

    #[test]
    fn well_again_is_who_has_answered_for_a_while_and_who_was_not_before() {
        let realm = Realm { tenant_id: TenantId::from_bytes([1; 16]), mode: Mode::Test };
        let (answering, began) = (Answering::default(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        let note = |processor, is_clear, seconds| answering.note(realm, processor, is_clear, at(seconds));
        note("well", true, 0);
        note("silent", false, 0);
        note("ill", false, 0);
        note("ill", true, 1);
        assert_eq!(answering.take_well_again(at(14)), []);
        note("ill", false, 14);
        note("ill", true, 15);
        assert_eq!(answering.take_well_again(at(28)), []);
        assert_eq!(answering.take_well_again(at(29)), [(realm, "ill".to_owned())]);
        assert_eq!(answering.take_well_again(at(60)), []);
        note("silent", true, 60);
        assert_eq!(answering.take_well_again(at(60)), [(realm, "silent".to_owned())]);
    }
}
