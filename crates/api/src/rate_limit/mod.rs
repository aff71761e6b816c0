//! Rate limits: how many requests a key may make, and how often anybody may try to log in.
//!
//! Windows slide ([`window`]): in no window of a quota's length, wherever it begins, is more admitted than the quota
//! says. One process counts in its own memory ([`local`]); many count together in Redis ([`shared`]), by the same
//! rules. The headers follow draft-ietf-httpapi-ratelimit-headers-10 ([`headers`]).

mod headers;
mod local;
mod shared;
mod subject;
mod tries;
mod window;

use actix_web::http::header::HeaderValue;
use florin_engine::access::{Caller, Credential};
use florin_engine::views::{ErrorCode, Refused};

pub(crate) use headers::LimitHeaders;
use local::Local;
use shared::Shared;
pub use shared::{MalformedRedisUrl, RedisUrl};
pub(crate) use subject::Subject;
pub use tries::TryKind;
pub(crate) use window::{Admission, Quota};

use crate::ApiSettings;

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

impl RateLimits {
    /// The quotas that there are, and how many: none that is switched off.
    fn quotas(self) -> ([Quota; 2], usize) {
        let burst = Quota { name: "burst", limit: self.per_second, seconds: 1 };
        let standard = Quota { name: "standard", limit: self.per_minute, seconds: 60 };
        match (self.per_second, self.per_minute) {
            (0, 0) => ([burst, standard], 0),
            (_, 0) => ([burst, standard], 1),
            (0, _) => ([standard, burst], 1),
            (_, _) => ([burst, standard], 2),
        }
    }
}

/// What is limited, which decides what holds while the processes can't count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Calls of those we know: each process then admits what all of them together would have.
    Requests,
    /// Attempts to become known: each process then admits a quarter of it.
    Logins,
}

impl Class {
    /// What a process admits by itself, where it counts together with others as a rule.
    fn alone(self, quota: Quota) -> Quota {
        match self {
            Class::Requests => quota,
            Class::Logins => Quota { limit: (quota.limit / 4).max(1), ..quota },
        }
    }
}

/// Counts requests and attempts, and says which are too many.
pub(crate) struct Limiter {
    defaults: RateLimits,
    /// How often an address may try to sign in, in a minute; 0 switches the limit off.
    logins_per_minute: u32,
    default_policy: Option<HeaderValue>,
    local: Local,
    shared: Option<Shared>,
}

impl Limiter {
    /// A limiter that counts with all that use the same Redis, or by itself.
    pub(crate) fn new(settings: &ApiSettings) -> Self {
        let defaults = settings.rate_limits;
        let (quotas, count) = defaults.quotas();
        Limiter {
            defaults,
            logins_per_minute: settings.logins_per_minute,
            default_policy: headers::policy(&quotas[..count]),
            local: Local::new(),
            shared: settings.redis.as_ref().and_then(Shared::start),
        }
    }

    /// The headers of an answer to somebody whose key is not known.
    pub(crate) fn default_headers(&self) -> LimitHeaders {
        LimitHeaders { policy: self.default_policy.clone(), state: None }
    }

    /// Counts a request of that caller, who learns about the limits whether it is refused or not.
    pub(crate) async fn check(&self, caller: &Caller) -> (LimitHeaders, Result<(), Refused>) {
        let limits = RateLimits {
            per_minute: caller.limit_per_minute.unwrap_or(self.defaults.per_minute),
            per_second: caller.limit_per_second.unwrap_or(self.defaults.per_second),
        };
        let (quotas, count) = limits.quotas();
        let quotas = &quotas[..count];
        if quotas.is_empty() {
            return (LimitHeaders::default(), Ok(()));
        }
        let policy =
            if limits == self.defaults { self.default_policy.clone() } else { headers::policy(quotas) };
        let admission = self.admit(Class::Requests, Subject::of_caller(caller), quotas).await;
        let headers = LimitHeaders { policy, state: headers::state(&admission, quotas) };
        match admission.refused_by(quotas) {
            None => (headers, Ok(())),
            Some((quota, seconds)) => (headers, Err(too_many_requests(caller, quota, seconds))),
        }
    }

    /// Counts one more of the subject, unless that would be more than any of the quotas allows; then none counts it.
    ///
    /// A Redis that falls silent is waited for once, for a quarter of a second; one that is known to be away not at all.
    pub(crate) async fn admit(&self, class: Class, subject: Subject, quotas: &[Quota]) -> Admission {
        let Some(shared) = &self.shared else { return self.local.admit(subject, quotas) };
        // In a box, because a future has to have room for all it may wait for, and most servers have no Redis.
        match Box::pin(shared.admit(subject, quotas)).await {
            Some(admission) => {
                if admission.is_admitted() {
                    // So that nobody begins anew here when Redis goes away.
                    self.local.count(subject, quotas);
                }
                admission
            }
            None => {
                let alone: Vec<Quota> = quotas.iter().map(|quota| class.alone(*quota)).collect();
                self.local.admit(subject, &alone)
            }
        }
    }
}

fn too_many_requests(caller: &Caller, quota: Quota, seconds: u32) -> Refused {
    let who = match caller.credential {
        Credential::Key(_) | Credential::KeySession { .. } => "This API key",
        Credential::UserSession { .. } => "This user",
    };
    let window = if quota.seconds == 1 { "second" } else { "minute" };
    let message = format!(
        "{who} may make {} requests a {window}; wait for {seconds} s, then send the request again.",
        quota.limit
    );
    Refused::new(ErrorCode::RateLimitExceeded, message).retry_after(seconds)
}

#[cfg(test)]
mod tests;
