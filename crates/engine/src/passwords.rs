//! Passwords: hashed by Argon2id, a few at a time, so that hashing is no way to keep the server from everything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::secret::NoRandomness;
use crate::views::Refused;

/// How passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordSettings {
    /// The memory of one hash, in KiB.
    pub memory_kib: u32,
    /// How often the memory is gone over.
    pub iterations: u32,
    /// How many are hashed at once: each takes a core and its memory.
    pub at_once: usize,
    /// How many may wait; beyond them the server is busy.
    pub waiting: usize,
}

impl Default for PasswordSettings {
    /// 19 MiB and two passes, which OWASP gives as the least; two at once, and sixteen that wait.
    fn default() -> Self {
        PasswordSettings { memory_kib: 19 * 1024, iterations: 2, at_once: 2, waiting: 16 }
    }
}

/// Hashes passwords.
pub(crate) struct Passwords {
    settings: PasswordSettings,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// What a password turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Whether it is the right one.
    pub(crate) is_right: bool,
    /// Its hash as passwords are hashed now, where the stored one was made otherwise.
    pub(crate) rehashed: Option<String>,
}

impl Passwords {
    pub(crate) fn new(settings: PasswordSettings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.at_once.max(1)));
        Passwords { settings, permits, waiting: AtomicUsize::new(0) }
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// 503 when too many wait, 500 when there is no randomness.
    pub(crate) async fn hash(&self, on: &Handle, password: SecretString) -> Result<String, Refused> {
        let settings = self.settings;
        let hashed = self.run(on, move || hash_password(settings, &password)).await?;
        hashed.map_err(|error| {
            tracing::error!(%error, "no password could be hashed");
            Refused::internal()
        })
    }

    /// Compares a password with a stored hash. Without one, as for a user that does not exist, it takes as long and is
    /// wrong.
    ///
    /// # Errors
    /// 503 when too many wait.
    pub(crate) async fn verify(
        &self,
        on: &Handle,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<Verified, Refused> {
        let settings = self.settings;
        self.run(on, move || verify(settings, &password, stored.as_deref())).await
    }

    /// Runs it where blocking hurts nobody, when it is its turn. Work that has begun keeps its place until it is done,
    /// whether anybody still waits for it or not.
    async fn run<T: Send + 'static>(
        &self,
        on: &Handle,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let _place = self.take_place().ok_or_else(Refused::overloaded)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Refused::overloaded())?;
        let work = on.spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        work.await.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            Refused::internal()
        })
    }

    fn take_place(&self) -> Option<Place<'_>> {
        let limit = self.settings.at_once.max(1) + self.settings.waiting;
        let place = Place(&self.waiting);
        (self.waiting.fetch_add(1, Ordering::SeqCst) < limit).then_some(place)
    }
}

/// Somebody's place among those who hash or wait. Made before it is counted, and given back when it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The hash of a password, in PHC's string format.
pub(crate) fn hash_password(
    settings: PasswordSettings,
    password: &SecretString,
) -> Result<String, NoRandomness> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)?;
    let hash = hasher(settings).hash_password_with_salt(password.expose_secret().as_bytes(), &salt);
    Ok(hash.expect("the parameters are within Argon2's bounds").to_string())
}

fn verify(settings: PasswordSettings, password: &SecretString, stored: Option<&str>) -> Verified {
    let hasher = hasher(settings);
    let bytes = password.expose_secret().as_bytes();
    let Some(parsed) = stored.and_then(|stored| PasswordHash::new(stored).ok()) else {
        // As long as a comparison takes: nobody learns from the time who is a user.
        let _unused = hasher.hash_password_with_salt(bytes, &[0; 16]);
        return Verified { is_right: false, rehashed: None };
    };
    if hasher.verify_password(bytes, &parsed).is_err() {
        return Verified { is_right: false, rehashed: None };
    }
    let is_current = Params::try_from(&parsed).is_ok_and(|params| {
        (params.m_cost(), params.t_cost(), params.p_cost()) == (settings.memory_kib, settings.iterations, 1)
    });
    let rehashed = if is_current { None } else { hash_password(settings, password).ok() };
    Verified { is_right: true, rehashed }
}

fn hasher(settings: PasswordSettings) -> Argon2<'static> {
    let params = Params::new(settings.memory_kib, settings.iterations, 1, None);
    let params = params.unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    const QUICK: PasswordSettings =
        PasswordSettings { memory_kib: 64, iterations: 1, at_once: 2, waiting: 1 };

    fn secret(text: &str) -> SecretString {
        text.into()
    }

    #[test]
    fn hashes_are_argon2id_of_the_strength_that_is_asked_for_and_all_different() {
        let hash = hash_password(PasswordSettings::default(), &secret("correct horse")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash_password(QUICK, &secret("a")).unwrap(), hash_password(QUICK, &secret("a")).unwrap());
        let right = verify(PasswordSettings::default(), &secret("correct horse"), Some(&hash));
        assert_eq!(right, Verified { is_right: true, rehashed: None });
        for (password, stored) in
            [("correct horses", Some(hash.as_str())), ("", Some("nonsense")), ("", None)]
        {
            assert!(!verify(QUICK, &secret(password), stored).is_right, "{password} {stored:?}");
        }
    }

    #[test]
    fn a_hash_of_other_strength_is_replaced_when_the_password_is_known() {
        let old = hash_password(QUICK, &secret("correct horse")).unwrap();
        let stronger = PasswordSettings { memory_kib: 128, ..QUICK };
        let verified = verify(stronger, &secret("correct horse"), Some(&old));
        let rehashed = verified.rehashed.expect("it is weaker");
        assert!(rehashed.contains("$m=128,t=1,p=1$"), "{rehashed}");
        assert_eq!(verify(stronger, &secret("correct horse"), Some(&rehashed)).rehashed, None);
        assert_eq!(verify(stronger, &secret("wrong"), Some(&old)).rehashed, None);
    }

    #[test]
    fn no_more_are_hashed_at_once_than_may_be_and_who_finds_the_queue_full_is_told() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let passwords = Arc::new(Passwords::new(QUICK));
        let (at_work, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (passwords, on) = (Arc::clone(&passwords), runtime.handle().clone());
                let (at_work, most) = (Arc::clone(&at_work), Arc::clone(&most));
                runtime.spawn(async move {
                    let work = move || {
                        let now = at_work.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(50));
                        at_work.fetch_sub(1, Ordering::SeqCst);
                    };
                    passwords.run(&on, work).await.is_ok()
                })
            })
            .collect();
        let done: Vec<bool> = tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).collect();
        assert_eq!(done.iter().filter(|done| **done).count(), 3, "two at work and one that waits");
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert_eq!(passwords.waiting.load(Ordering::SeqCst), 0, "all places are given back");
    }
}
