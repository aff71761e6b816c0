//! What an operator can set of the API.

use std::time::Duration;

use crate::{RateLimits, RedisUrl, TrustedProxies};

/// Limits and deadlines of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiSettings {
    /// How many requests an API key may make.
    pub rate_limits: RateLimits,
    /// How often anybody may try to sign in from one address in a minute, right or wrong; 0 = no limit.
    pub logins_per_minute: u32,
    /// Where processes count together; without it each counts by itself.
    pub redis: Option<RedisUrl>,
    /// How many requests are worked on at once; lists and exports only up to half of that.
    pub request_limit: usize,
    /// The proxies whose word about a caller's address is believed.
    pub trusted_proxies: TrustedProxies,
    /// How long a body may take to arrive, from the end of its head.
    pub body_deadline: Duration,
    /// How long a request may take from the end of its body. Money calls that take longer go on without their caller,
    /// who is told that the outcome is unknown; this should therefore be longer than the processor's own deadline.
    pub request_deadline: Duration,
}

impl Default for ApiSettings {
    fn default() -> Self {
        ApiSettings {
            rate_limits: RateLimits::default(),
            logins_per_minute: 60,
            redis: None,
            request_limit: 4000,
            trusted_proxies: TrustedProxies::default(),
            body_deadline: Duration::from_secs(10),
            request_deadline: Duration::from_secs(60),
        }
    }
}
