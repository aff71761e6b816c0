//! Rate limits, as a caller meets them.

mod common;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use common::{KEY, READER_KEY, TestDatabase, request, start_engine, with_api};
use florin_api::{ApiSettings, ApiState, RateLimits};
use florin_engine::views::ErrorCode;
use florin_processors::SandboxSettings;

fn limited(per_minute: u32, per_second: u32) -> ApiSettings {
    ApiSettings { rate_limits: RateLimits { per_minute, per_second }, ..ApiSettings::default() }
}

#[test]
fn over_the_limit_a_key_is_told_when_to_come_back_and_other_keys_go_on() {
    with_api(limited(5, 0), |api| async move {
        for left in (0..5).rev() {
            let reply = api.get("/v1/payments").await;
            assert_eq!(reply.status, 200);
            assert_eq!(reply.header("ratelimit-policy"), Some(r#""standard";q=5;w=60"#));
            let state = reply.header("ratelimit").unwrap();
            assert!(state.starts_with(&format!(r#""standard";r={left};t="#)), "{state}");
        }
        let reply = api.get("/v1/payments").await;
        assert_eq!((reply.status, reply.error().0.as_str()), (429, "rate_limit_exceeded"));
        let seconds: u32 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((59..=61).contains(&seconds), "{seconds}");
        assert_eq!(reply.header("ratelimit"), Some(format!(r#""standard";r=0;t={seconds}"#).as_str()));
        assert_eq!(reply.json()["error"]["type"], "rate_limit_error");

        let other = request(Method::GET, "/v1/payments")
            .insert_header(("authorization", format!("Bearer {READER_KEY}")));
        assert_eq!(api.send(other).await.status, 200);
    });
}

#[test]
fn a_refused_call_counts_and_tells_the_limits_too() {
    with_api(limited(100, 20), |api| async move {
        let reply = api.post("/v1/payments", "{}").await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.header("ratelimit-policy"), Some(r#""burst";q=20;w=1, "standard";q=100;w=60"#));
        assert!(reply.header("ratelimit").unwrap().starts_with(r#""burst";r=19;t=1, "standard";r=99;t=60"#));
        let nobody = api.send(TestRequest::get().uri("/v1/payments")).await;
        assert_eq!((nobody.status, nobody.header("ratelimit")), (401, None));
        assert!(nobody.header("ratelimit-policy").is_some());
    });
}

#[test]
fn limits_of_nought_are_no_limits() {
    with_api(limited(0, 0), |api| async move {
        for _ in 0..150 {
            let reply = api.get("/v1/payments/pay_1").await;
            assert_eq!(
                (reply.status, reply.header("ratelimit"), reply.header("ratelimit-policy")),
                (404, None, None)
            );
        }
    });
}

#[test]
fn requests_of_other_faces_pass_the_same_limits() {
    for database in TestDatabase::all() {
        let engine = start_engine(&database, SandboxSettings::default());
        let settings = ApiSettings { request_limit: 4, ..limited(5, 0) };
        let state = ApiState::new(engine.clone(), settings, Arc::new(String::new));
        actix_web::rt::System::new().block_on(async {
            let caller = engine.authenticate(KEY).await.unwrap().unwrap();
            let admit = async |can_wait| state.admit_request(can_wait, &caller).await;
            let (one, two) = (admit(true).await.unwrap(), admit(true).await.unwrap());
            let refused = admit(true).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Overloaded, "what can wait has half of the room");
            let three = admit(false).await.unwrap();
            drop((one, two, three));
            drop(admit(true).await.unwrap());
            drop(admit(true).await.unwrap());
            let refused = admit(false).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::RateLimitExceeded, "five a minute");
            assert!(refused.retry_after_seconds.is_some_and(|seconds| (59..=61).contains(&seconds)));
            let refused = admit(true).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::RateLimitExceeded, "a refused one has left its place");
            engine.drain().await;
        });
    }
}
