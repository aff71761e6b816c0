//! Limits of callers, counted by one process.

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
        generation: 0,
        currencies: None,
    }
}

fn limiter(per_minute: u32, per_second: u32) -> Limiter {
    let rate_limits = RateLimits { per_minute, per_second };
    Limiter::new(&ApiSettings { rate_limits, ..ApiSettings::default() })
}

#[tokio::test]
async fn each_key_has_its_own_quota_and_learns_when_to_come_back() {
    let limiter = limiter(0, 3);
    for _ in 0..3 {
        assert!(limiter.check(&caller(1)).await.1.is_ok());
    }
    let (headers, outcome) = limiter.check(&caller(1)).await;
    let refused = outcome.unwrap_err();
    let seconds = refused.retry_after_seconds.unwrap();
    assert_eq!(refused.code, ErrorCode::RateLimitExceeded);
    assert!((1..=2).contains(&seconds), "{seconds}");
    assert_eq!(headers.state.unwrap(), format!("\"burst\";r=0;t={seconds}"));
    assert!(limiter.check(&caller(2)).await.1.is_ok());
}

#[tokio::test]
async fn the_headers_tell_both_limits() {
    let limiter = Limiter::new(&ApiSettings::default());
    let (headers, _) = limiter.check(&caller(1)).await;
    assert_eq!(headers.policy.unwrap(), "\"burst\";q=20;w=1, \"standard\";q=100;w=60");
    assert_eq!(headers.state.unwrap(), "\"burst\";r=19;t=1, \"standard\";r=99;t=60");
}

#[tokio::test]
async fn a_key_with_limits_of_its_own_is_held_to_those() {
    let limiter = limiter(2, 0);
    let own = Caller { limit_per_minute: Some(3), ..caller(1) };
    let free = Caller { limit_per_minute: Some(0), ..caller(2) };
    for (caller, expected) in [(&own, 3), (&free, 5), (&caller(3), 2)] {
        let mut admitted = 0;
        for _ in 0..5 {
            admitted += i32::from(limiter.check(caller).await.1.is_ok());
        }
        assert_eq!(admitted, expected);
    }
    assert_eq!(limiter.check(&own).await.0.policy.unwrap(), "\"standard\";q=3;w=60");
    assert!(limiter.check(&free).await.0.policy.is_none());
}

#[tokio::test]
async fn without_limits_there_are_no_headers() {
    let (headers, outcome) = limiter(0, 0).check(&caller(1)).await;
    assert!(headers.policy.is_none() && headers.state.is_none() && outcome.is_ok());
}

#[tokio::test]
async fn without_redis_requests_keep_their_limit_and_logins_get_a_stricter_one() {
    // Nothing listens there.
    let redis: RedisUrl = "redis://127.0.0.1:1".parse().unwrap();
    let limiter = Limiter::new(&ApiSettings { redis: Some(redis), ..ApiSettings::default() });
    let quota = [Quota { name: "test", limit: 8, seconds: 60 }];
    for (class, expected) in [(Class::Requests, 8), (Class::Logins, 2)] {
        let subject = Subject::of_name("test", &format!("{class:?}"));
        let mut admitted = 0;
        for _ in 0..20 {
            admitted += i32::from(limiter.admit(class, subject, &quota).await.is_admitted());
        }
        assert_eq!(admitted, expected, "{class:?}");
    }
}
