//! Users by the API: who makes them, how they sign in, their passwords and second factors.

#![allow(clippy::disallowed_methods, reason = "tests read the wall clock")]

mod common;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use chrono::Utc;
use common::sessions::{by, post, session_error, text};
use common::{Api, FOREIGN_KEY, KEY, LIVE_KEY, READER_KEY, Reply, unlimited, with_api};
use serde_json::json;
use totp_rs::{Builder, Secret};

const USER: &str = r#"{"email": "Ada@Example.com", "role": "viewer", "password": "correct horse battery"}"#;

async fn make_user(api: &Api, body: &str) -> String {
    let reply = post(api, LIVE_KEY, "/v1/users", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    text(&reply.json(), "id")
}

async fn sign_in(api: &Api, rest: &str) -> Reply {
    let body = format!(r#"{{"email": "ada@example.com", {rest}}}"#);
    post(api, "", "/v1/auth/token", &body).await
}

#[test]
fn a_user_signs_in_in_either_mode_and_acts_in_their_own_name() {
    with_api(unlimited(), |api| async move {
        let id = make_user(&api, &USER.replace("viewer", "admin")).await;
        for (livemode, prefix) in [("false", "at_test_"), ("true", "at_live_")] {
            let rest = format!(r#""password": "correct horse battery", "livemode": {livemode}"#);
            let reply = sign_in(&api, &rest).await;
            assert_eq!(reply.status, 201, "{reply:?}");
            let access = text(&reply.json(), "access_token");
            assert!(access.starts_with(prefix), "{access}");
            let key = post(&api, &access, "/v1/api_keys", r#"{"scopes": ["payments:read"]}"#).await;
            assert_eq!((key.status, &key.json()["created_by"]), (201, &json!(id)));
            assert_eq!(key.json()["livemode"].to_string(), livemode);
            let me = by(&api, &access, Method::GET, "/v1/users/me", "").await.json();
            assert_eq!(
                (&me["id"], &me["email"], &me["totp"]),
                (&json!(id), &json!("ada@example.com"), &json!("off"))
            );
            assert!(!me.to_string().contains("argon2"));
        }
        assert_eq!(
            session_error(&sign_in(&api, r#""password": "wrong""#).await),
            (401, "login_failed".to_owned())
        );
        let longest = format!(r#""password": "{}""#, "x".repeat(1025));
        assert_eq!(session_error(&sign_in(&api, &longest).await).0, 401);
    });
}

#[test]
fn users_are_managed_by_whoever_may_grant_both_modes() {
    with_api(unlimited(), |api| async move {
        let refused = post(&api, KEY, "/v1/users", USER).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (403, "permission_denied"), "a test key");
        assert_eq!(post(&api, READER_KEY, "/v1/users", USER).await.status, 403);
        let id = make_user(&api, USER).await;
        let again = post(&api, LIVE_KEY, "/v1/users", USER).await;
        assert_eq!(
            (again.status, again.error()),
            (409, ("email_taken".to_owned(), Some("email".to_owned())))
        );
        for (body, param) in [
            (r#"{"email": "b@example.com", "role": "viewer", "password": "short"}"#, "password"),
            (r#"{"email": "b@example.com", "role": "owner", "password": "correct horse battery"}"#, "role"),
            (r#"{"email": "b", "role": "viewer", "password": "correct horse battery"}"#, "email"),
            (r#"{"email": "b@example.com", "role": "viewer"}"#, "password"),
        ] {
            let reply = post(&api, LIVE_KEY, "/v1/users", body).await;
            assert_eq!((reply.status, reply.error().1.as_deref()), (400, Some(param)), "{body}");
        }
        let path = format!("/v1/users/{id}");
        assert_eq!(by(&api, FOREIGN_KEY, Method::GET, &path, "").await.status, 404);
        assert_eq!(by(&api, KEY, Method::GET, "/v1/users", "").await.json()["total_count"], 1);
        let reply = sign_in(&api, r#""password": "correct horse battery""#).await;
        let access = text(&reply.json(), "access_token");
        for (method, path, body) in [
            (Method::PATCH, path.clone(), r#"{"role": "admin"}"#),
            (Method::GET, "/v1/users".to_owned(), ""),
            (Method::POST, "/v1/users".to_owned(), USER),
        ] {
            let reply = by(&api, &access, method, &path, body).await;
            assert_eq!(reply.status, 403, "a viewer makes nobody an administrator: {reply:?}");
        }
        let disabled = by(&api, LIVE_KEY, Method::PATCH, &path, r#"{"enabled": false}"#).await;
        assert_eq!((disabled.status, &disabled.json()["enabled"]), (200, &json!(false)));
        assert_eq!(by(&api, &access, Method::GET, "/v1/payments", "").await.status, 401, "at once");
        let immutable = by(&api, LIVE_KEY, Method::PATCH, &path, r#"{"email": "b@example.com"}"#).await;
        assert_eq!(immutable.error().0, "field_immutable");
        for key in [KEY, LIVE_KEY] {
            let log = by(&api, key, Method::GET, &format!("/v1/audit_log?object_id={id}"), "").await.json();
            let actions: Vec<&str> = log["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["action"].as_str().unwrap())
                .collect();
            assert_eq!(actions, ["user.disabled", "user.created"], "in both modes");
        }
    });
}

#[test]
fn users_change_their_own_password_by_the_one_they_have() {
    with_api(unlimited(), |api| async move {
        make_user(&api, USER).await;
        let access =
            text(&sign_in(&api, r#""password": "correct horse battery""#).await.json(), "access_token");
        let path = "/v1/users/me/password";
        for (body, status) in [
            (r#"{"password": "staple correct horse"}"#, 403),
            (r#"{"current_password": "wrong", "password": "staple correct horse"}"#, 403),
            (r#"{"current_password": "correct horse battery", "password": "short"}"#, 400),
            (r#"{"current_password": "correct horse battery", "password": "staple correct horse"}"#, 200),
        ] {
            let reply = post(&api, &access, path, body).await;
            assert_eq!(reply.status, status, "{reply:?}");
        }
        assert_eq!(by(&api, &access, Method::GET, "/v1/payments", "").await.status, 401, "all sessions end");
        assert_eq!(sign_in(&api, r#""password": "correct horse battery""#).await.status, 401);
        assert_eq!(sign_in(&api, r#""password": "staple correct horse""#).await.status, 201);
    });
}

/// The code that an authenticator shows in so many steps from now.
fn code_of(secret: &str, steps: u64) -> String {
    let secret = Secret::try_from_base32(secret).expect("base32");
    let totp = Builder::new().with_secret(secret).build().expect("a secret of 160 bits");
    let now = u64::try_from(Utc::now().timestamp()).expect("after 1970");
    totp.generate(now + steps * 30).to_string()
}

#[test]
fn a_second_factor_is_asked_for_once_it_is_confirmed_and_each_code_is_good_once() {
    with_api(unlimited(), |api| async move {
        make_user(&api, USER).await;
        let password = r#""password": "correct horse battery""#;
        let access = text(&sign_in(&api, password).await.json(), "access_token");
        let offer = post(&api, &access, "/v1/users/me/totp", "").await;
        assert_eq!(offer.status, 200, "{offer:?}");
        let secret = text(&offer.json(), "secret");
        assert!(text(&offer.json(), "otpauth_url").contains(&secret));
        assert_eq!(sign_in(&api, password).await.status, 201, "not yet");
        let confirm = async |code: &str| {
            post(&api, &access, "/v1/users/me/totp/confirm", &format!(r#"{{"code": "{code}"}}"#)).await
        };
        assert_eq!(confirm("000000").await.status, 400);
        let code = code_of(&secret, 0);
        let confirmed = confirm(&code).await;
        assert_eq!(confirmed.status, 200, "{confirmed:?}");
        let recovery = confirmed.json()["recovery_codes"].as_array().unwrap().clone();
        assert_eq!(recovery.len(), 10);
        assert_eq!(confirm(&code).await.error().0, "totp_not_pending");
        assert_eq!(post(&api, &access, "/v1/users/me/totp", "").await.error().0, "totp_not_pending");

        let asked = sign_in(&api, password).await;
        assert_eq!(session_error(&asked), (401, "totp_required".to_owned()));
        let with = |code: &str| format!(r#"{password}, "totp_code": "{code}""#);
        assert_eq!(sign_in(&api, &with(&code)).await.status, 401, "it was used to confirm");
        let next = code_of(&secret, 1);
        assert_eq!(sign_in(&api, &with(&next)).await.status, 201, "a clock that is half a minute ahead");
        assert_eq!(
            session_error(&sign_in(&api, &with(&next)).await),
            (401, "login_failed".to_owned()),
            "once"
        );
        let recovery = recovery[3].as_str().unwrap();
        assert_eq!(sign_in(&api, &with(recovery)).await.status, 201);
        assert_eq!(sign_in(&api, &with(recovery)).await.status, 401, "once");

        let dropped = by(&api, &access, Method::DELETE, "/v1/users/me/totp", "").await;
        assert_eq!((dropped.status, &dropped.json()["totp"]), (200, &json!("off")));
        assert_eq!(by(&api, &access, Method::GET, "/v1/payments", "").await.status, 401);
        assert_eq!(sign_in(&api, password).await.status, 201);
    });
}

#[test]
fn failed_logins_make_an_address_wait_and_nobody_else() {
    with_api(unlimited(), |api| async move {
        make_user(&api, USER).await;
        let attempt = async |address: &str, password: &str| {
            let body = format!(r#"{{"email": "ada@example.com", "password": "{password}"}}"#);
            let request = TestRequest::default()
                .method(Method::POST)
                .uri("/v1/auth/token")
                .peer_addr(format!("{address}:4711").parse().unwrap())
                .insert_header(("content-type", "application/json"))
                .set_payload(body);
            api.send(request).await
        };
        for _ in 0..5 {
            assert_eq!(attempt("198.51.100.1", "wrong").await.status, 401);
        }
        let throttled = attempt("198.51.100.1", "correct horse battery").await;
        assert_eq!(session_error(&throttled), (429, "login_throttled".to_owned()));
        let wait: u32 = throttled.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=5).contains(&wait), "{wait}");
        assert_eq!(attempt("198.51.100.2", "correct horse battery").await.status, 201, "another address");
        for _ in 0..20 {
            assert_eq!(
                attempt("198.51.100.3", "correct horse battery").await.status,
                201,
                "successes cost nothing"
            );
        }
    });
}
