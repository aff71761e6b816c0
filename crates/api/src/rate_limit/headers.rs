//! What callers are told about limits, as draft-ietf-httpapi-ratelimit-headers-10 writes it.

use std::fmt::Write;

use actix_web::http::header::HeaderValue;

use super::{Admission, Quota};

/// The headers that tell a caller about limits.
#[derive(Clone, Debug, Default)]
pub(crate) struct LimitHeaders {
    /// The value of `RateLimit-Policy`.
    pub(crate) policy: Option<HeaderValue>,
    /// The value of `RateLimit`.
    pub(crate) state: Option<HeaderValue>,
}

/// The quotas; none when there is none.
pub(super) fn policy(quotas: &[Quota]) -> Option<HeaderValue> {
    let policies: Vec<String> = quotas
        .iter()
        .map(|quota| format!("\"{}\";q={};w={}", quota.name, quota.limit, quota.seconds))
        .collect();
    (!policies.is_empty()).then(|| HeaderValue::try_from(policies.join(", ")).ok()).flatten()
}

/// What is left of each quota, and in how many seconds there will be more; of a refusal the quota alone that refused.
pub(super) fn state(admission: &Admission, quotas: &[Quota]) -> Option<HeaderValue> {
    let mut state = String::with_capacity(64);
    if let Some((quota, seconds)) = admission.refused_by(quotas) {
        write!(state, "\"{}\";r=0;t={seconds}", quota.name).expect("a String takes every write");
        return HeaderValue::try_from(state).ok();
    }
    for (quota, level) in quotas.iter().zip(admission.levels()) {
        let comma = if state.is_empty() { "" } else { ", " };
        let seconds = level.wait_seconds().min(quota.seconds);
        write!(state, "{comma}\"{}\";r={};t={seconds}", quota.name, level.remaining)
            .expect("a String takes every write");
    }
    HeaderValue::try_from(state).ok()
}
