//! Rate limits per API key: one for bursts, one for a minute, each with the server's quota or the key's own.
//!
//! Both are leaky buckets (GCRA), held in memory by key id; nobody gets a bucket who has no key. The headers follow
//! draft-ietf-httpapi-ratelimit-headers-10.

use std::collections::HashMap;
use std::fmt::Write;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::header::HeaderValue;
use florin_engine::access::Caller;
use florin_engine::views::{ErrorCode, Refused};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// How many requests an API key may make; 0 switches a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// In a minute.
    pub per_minute: u32,
    /// In a second.
    pub per_second: u32,
}

impl Default for RateLimits {
    /// The documented limits: 100 a minute and 20 a second.
    fn default() -> Self {
        RateLimits { per_minute: 100, per_second: 20 }
    }
}

/// After so many checks, buckets that are full again are dropped.
const CHECKS_BETWEEN_SWEEPS: u64 = 50_000;

pub(crate) struct Limiter {
    defaults: RateLimits,
    default_policy: Option<HeaderValue>,
    /// A governor has one quota, so there is one for each window and quota in use: the server's own, and those that
    /// operators gave to single keys.
    governors: RwLock<HashMap<(Window, u32), Arc<Governor>>>,
    clock: DefaultClock,
    checks: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Window {
    Second,
    Minute,
}

struct Governor {
    window: Window,
    quota: u32,
    states: RateLimiter<[u8; 16], DashMapStateStore<[u8; 16]>, DefaultClock, StateInformationMiddleware>,
}

/// The headers that tell a caller about limits.
#[derive(Clone, Debug, Default)]
pub(crate) struct LimitHeaders {
    /// The value of `RateLimit-Policy`.
    pub(crate) policy: Option<HeaderValue>,
    /// The value of `RateLimit`.
    pub(crate) state: Option<HeaderValue>,
}

impl Limiter {
    pub(crate) fn new(defaults: RateLimits) -> Self {
        Limiter {
            defaults,
            default_policy: policy_of(defaults),
            governors: RwLock::default(),
            clock: DefaultClock::default(),
            checks: AtomicU64::new(1),
        }
    }

    /// The headers of an answer to somebody whose key is not known.
    pub(crate) fn default_headers(&self) -> LimitHeaders {
        LimitHeaders { policy: self.default_policy.clone(), state: None }
    }

    /// Counts a request of that caller, who learns about the limits whether it is refused or not.
    pub(crate) fn check(&self, caller: &Caller) -> (LimitHeaders, Result<(), Refused>) {
        let limits = RateLimits {
            per_minute: caller.limit_per_minute.unwrap_or(self.defaults.per_minute),
            per_second: caller.limit_per_second.unwrap_or(self.defaults.per_second),
        };
        let policy = if limits == self.defaults { self.default_policy.clone() } else { policy_of(limits) };
        if policy.is_none() {
            return (LimitHeaders::default(), Ok(()));
        }
        self.sweep_now_and_then();
        let mut state = String::with_capacity(64);
        let mut outcome = Ok(());
        for (window, quota) in [(Window::Second, limits.per_second), (Window::Minute, limits.per_minute)] {
            let Some(governor) = self.governor(window, quota) else { continue };
            match governor.states.check_key(&caller.limit_key()) {
                Ok(snapshot) => governor.tell(snapshot.remaining_burst_capacity(), &mut state),
                Err(not_until) => {
                    let wait = not_until.wait_time_from(self.clock.now());
                    let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
                    state = format!("\"{}\";r=0;t={seconds}", window.name());
                    outcome = Err(governor.refuse(seconds));
                    break;
                }
            }
        }
        (LimitHeaders { policy, state: HeaderValue::try_from(state).ok() }, outcome)
    }

    fn governor(&self, window: Window, quota: u32) -> Option<Arc<Governor>> {
        let size = NonZeroU32::new(quota)?;
        let known =
            self.governors.read().unwrap_or_else(PoisonError::into_inner).get(&(window, quota)).cloned();
        Some(known.unwrap_or_else(|| {
            let mut governors = self.governors.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                governors.entry((window, quota)).or_insert_with(|| Arc::new(Governor::new(window, size))),
            )
        }))
    }

    /// Keeps the memory in the order of the keys in use: a full bucket needs no place, nor a governor without buckets.
    fn sweep_now_and_then(&self) {
        if !self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKS_BETWEEN_SWEEPS) {
            return;
        }
        self.governors.write().unwrap_or_else(PoisonError::into_inner).retain(|_, governor| {
            governor.states.retain_recent();
            governor.states.shrink_to_fit();
            !governor.states.is_empty()
        });
    }
}

impl Window {
    const fn name(self) -> &'static str {
        match self {
            Window::Second => "burst",
            Window::Minute => "standard",
        }
    }

    const fn seconds(self) -> u32 {
        match self {
            Window::Second => 1,
            Window::Minute => 60,
        }
    }
}

impl Governor {
    fn new(window: Window, quota: NonZeroU32) -> Self {
        let rate = match window {
            Window::Second => Quota::per_second(quota),
            Window::Minute => Quota::per_minute(quota),
        };
        Governor { window, quota: quota.get(), states: RateLimiter::dashmap(rate).with_middleware() }
    }

    /// Tells what is left, and in how many seconds all of it will be there again.
    fn tell(&self, remaining: u32, state: &mut String) {
        let used = u64::from(self.quota.saturating_sub(remaining));
        let seconds = (used * u64::from(self.window.seconds())).div_ceil(u64::from(self.quota));
        let comma = if state.is_empty() { "" } else { ", " };
        write!(state, "{comma}\"{}\";r={remaining};t={seconds}", self.window.name())
            .expect("a String takes every write");
    }

    fn refuse(&self, seconds: u32) -> Refused {
        let window = match self.window {
            Window::Second => "second",
            Window::Minute => "minute",
        };
        let message = format!(
            "This API key may make {} requests a {window}; wait for {seconds} s, then send the request again.",
            self.quota
        );
        Refused::new(ErrorCode::RateLimitExceeded, message).retry_after(seconds)
    }
}

fn policy_of(limits: RateLimits) -> Option<HeaderValue> {
    let policies: Vec<String> = [(Window::Second, limits.per_second), (Window::Minute, limits.per_minute)]
        .into_iter()
        .filter(|(_, quota)| *quota > 0)
        .map(|(window, quota)| format!("\"{}\";q={quota};w={}", window.name(), window.seconds()))
        .collect();
    (!policies.is_empty()).then(|| HeaderValue::try_from(policies.join(", ")).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use florin_domain::{KeyId, Mode, TenantId};
    use florin_engine::access::{Credential, Scopes};

    use super::*;

    fn caller(last: u8) -> Caller {
        let mut bytes = [0; 16];
        bytes[15] = last;
        Caller {
            tenant_id: TenantId::from_bytes(bytes),
            mode: Mode::Test,
            credential: Credential::Key(KeyId::from_bytes(bytes)),
            scopes: Scopes::default(),
            limit_per_minute: None,
            limit_per_second: None,
            own_limits: (None, None),
            expires_at: None,
            grants_until: None,
            currencies: None,
        }
    }

    #[test]
    fn each_key_has_its_own_quota_and_learns_when_to_come_back() {
        let limiter = Limiter::new(RateLimits { per_minute: 0, per_second: 3 });
        for _ in 0..3 {
            assert!(limiter.check(&caller(1)).1.is_ok());
        }
        let (headers, outcome) = limiter.check(&caller(1));
        let refused = outcome.unwrap_err();
        assert_eq!((refused.code, refused.retry_after_seconds), (ErrorCode::RateLimitExceeded, Some(1)));
        assert_eq!(headers.state.unwrap(), "\"burst\";r=0;t=1");
        assert!(limiter.check(&caller(2)).1.is_ok());
    }

    #[test]
    fn the_headers_tell_both_limits() {
        let limiter = Limiter::new(RateLimits::default());
        let (headers, _) = limiter.check(&caller(1));
        assert_eq!(headers.policy.unwrap(), "\"burst\";q=20;w=1, \"standard\";q=100;w=60");
        assert_eq!(headers.state.unwrap(), "\"burst\";r=19;t=1, \"standard\";r=99;t=1");
    }

    #[test]
    fn a_key_with_limits_of_its_own_is_held_to_those() {
        let limiter = Limiter::new(RateLimits { per_minute: 2, per_second: 0 });
        let own = Caller { limit_per_minute: Some(3), ..caller(1) };
        let free = Caller { limit_per_minute: Some(0), ..caller(2) };
        let allowed = |caller: &Caller| (0..5).filter(|_| limiter.check(caller).1.is_ok()).count();
        assert_eq!((allowed(&own), allowed(&free), allowed(&caller(3))), (3, 5, 2));
        assert_eq!(limiter.check(&own).0.policy.unwrap(), "\"standard\";q=3;w=60");
        assert!(limiter.check(&free).0.policy.is_none());
    }

    #[test]
    fn without_limits_there_are_no_headers_and_no_memory() {
        let limiter = Limiter::new(RateLimits { per_minute: 0, per_second: 0 });
        let (headers, outcome) = limiter.check(&caller(1));
        assert!(headers.policy.is_none() && headers.state.is_none() && outcome.is_ok());
        assert!(limiter.governors.read().unwrap().is_empty());
    }
}
