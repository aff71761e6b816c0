//! Sessions by the API: the documented examples, the documented errors, and who may do what.

#![allow(clippy::disallowed_methods, reason = "tests read the wall clock")]

mod common;

use actix_web::http::Method;
use chrono::Utc;
use common::sessions::{begin, by, post, session_error, text};
use common::{FOREIGN_KEY, KEY, LIVE_KEY, READER_KEY, unlimited, with_api};
use serde_json::{Value, json};

/// The request and answer of both documents: ending a session by its own access token.
#[test]
fn the_documented_logout_works_as_written() {
    with_api(unlimited(), |api| async move {
        let session = begin(&api, KEY).await;
        let (access, id) = (text(&session, "access_token"), text(&session, "session_id"));
        let body = format!(r#"{{ "session_id": "{id}", "reason": "user_logout" }}"#);
        let reply = by(&api, &access, Method::DELETE, "/v1/auth/session", &body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let answer = reply.json();
        let revoked_at = text(&answer, "revoked_at");
        assert!(revoked_at.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(&revoked_at).is_ok());
        assert_eq!(
            answer,
            json!({
                "success": true, "invalidated_session_id": id, "revoked_tokens": 2, "revoked_at": revoked_at
            })
        );
        assert_eq!(by(&api, &access, Method::GET, "/v1/payments", "").await.status, 401);
        let log = api.get("/v1/audit_log?action=session.revoked").await.json();
        assert_eq!(log["data"][0]["details"], json!({ "reason": "user_logout" }));
        assert_eq!(log["data"][0]["address"], "192.0.2.7");
        // The document has a 400, too.
        let other = begin(&api, KEY).await;
        let missing = by(&api, &text(&other, "access_token"), Method::DELETE, "/v1/auth/session", "{}").await;
        assert_eq!(session_error(&missing), (400, "parameter_missing".to_owned()));
        let access = text(&other, "access_token");
        let body = r#"{"session_id": "sess_82bd91fa"}"#;
        let unknown = by(&api, &access, Method::DELETE, "/v1/auth/session", body).await;
        assert_eq!(session_error(&unknown), (404, "session_not_found".to_owned()));
    });
}

/// The fields of both documents: what a refresh takes, and what it answers.
#[test]
fn the_documented_refresh_works_as_written() {
    with_api(unlimited(), |api| async move {
        let first = begin(&api, KEY).await;
        let refresh = async |token: &str, body: &str| post(&api, token, "/v1/auth/refresh", body).await;
        let body =
            r#"{"device_id": "web-3f92ab1c", "rotate_refresh_token": true, "client_version": "2.4.1"}"#;
        let reply = refresh(&text(&first, "refresh_token"), body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let second = reply.json();
        let keys: Vec<&str> = second.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [
            "access_token",
            "refresh_token",
            "token_type",
            "expires_at",
            "session_id",
            "refresh_token_expires_at",
        ];
        expected.sort_unstable();
        let mut found = keys.clone();
        found.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!((&second["token_type"], &second["session_id"]), (&json!("Bearer"), &first["session_id"]));
        assert_ne!(second["refresh_token"], first["refresh_token"]);
        for time in ["expires_at", "refresh_token_expires_at"] {
            assert!(chrono::DateTime::parse_from_rfc3339(&text(&second, time)).unwrap() > Utc::now());
        }
        let access = text(&second, "access_token");
        let listed = by(&api, &access, Method::GET, "/v1/auth/sessions", "").await.json();
        let session = &listed["data"][0];
        assert_eq!(
            (&session["device_id"], &session["client_version"]),
            (&json!("web-3f92ab1c"), &json!("2.4.1"))
        );
        assert_eq!((&session["current"], &session["id"]), (&json!(true), &first["session_id"]));

        let kept = refresh(&text(&second, "refresh_token"), r#"{"rotate_refresh_token": false}"#).await;
        assert_eq!(kept.json()["refresh_token"], second["refresh_token"], "the existing one remains valid");
        let third = refresh(&text(&second, "refresh_token"), "").await;
        assert_eq!(third.status, 200, "rotation is the default: {third:?}");
        let refused = refresh(&text(&second, "refresh_token"), r#"{"rotate_refresh_token": false}"#).await;
        assert_eq!(session_error(&refused), (409, "token_rotation_failed".to_owned()));
        let stolen = refresh(&text(&first, "refresh_token"), "{}").await;
        assert_eq!(session_error(&stolen), (401, "refresh_token_invalid".to_owned()));
        let over = refresh(&text(&third.json(), "refresh_token"), "{}").await;
        assert_eq!(session_error(&over), (401, "refresh_token_invalid".to_owned()));
        assert_eq!(by(&api, &access, Method::GET, "/v1/payments", "").await.status, 401);
        let log = api.get("/v1/audit_log?action=session.refresh_token_reused").await.json();
        assert_eq!((&log["total_count"], &log["data"][0]["object_id"]), (&json!(1), &first["session_id"]));
    });
}

#[test]
fn errors_of_sessions_have_both_forms_whatever_they_are() {
    with_api(unlimited(), |api| async move {
        let session = begin(&api, KEY).await;
        let token = text(&session, "refresh_token");
        let auth = "/v1/auth/token";
        for (credential, path, body, expected) in [
            ("", auth, "{}", (401, "authentication_error")),
            ("sk_test_nobody", auth, "{}", (401, "authentication_error")),
            (KEY, auth, r#"{"scopes": []}"#, (400, "parameter_unknown")),
            (KEY, auth, r#"{"device_id": 7}"#, (400, "parameter_invalid")),
            (KEY, auth, r#"{"device_id": "4242 4242 4242 4242"}"#, (400, "card_number_not_allowed")),
            (KEY, auth, r#"{"email": "a@b.c", "password": "x"}"#, (400, "parameters_conflict")),
            (KEY, auth, r#"{"livemode": true}"#, (400, "parameters_conflict")),
            ("", auth, r#"{"email": "a@b.c"}"#, (400, "parameter_missing")),
            ("", auth, r#"{"password": "x"}"#, (400, "parameter_missing")),
            ("", auth, r#"{"email": "nobody", "password": "x"}"#, (400, "parameter_invalid")),
            ("", auth, r#"{"email": "a@b.c", "password": "x"}"#, (401, "login_failed")),
            ("", auth, "[]", (400, "json_invalid")),
            ("", "/v1/auth/refresh", "{}", (401, "refresh_token_invalid")),
            (KEY, "/v1/auth/refresh", "{}", (401, "refresh_token_invalid")),
            (&token, "/v1/auth/refresh", r#"{"rotate_refresh_token": "no"}"#, (400, "parameter_invalid")),
            (&token[..70], "/v1/auth/refresh", "{}", (401, "refresh_token_invalid")),
            (&text(&session, "access_token"), auth, "{}", (403, "permission_denied")),
        ] {
            let reply = post(&api, credential, path, body).await;
            assert_eq!(session_error(&reply), (expected.0, expected.1.to_owned()), "{path} {body}");
            if reply.status == 401 {
                assert!(reply.header("www-authenticate").is_some());
            }
        }
        let reply = by(&api, KEY, Method::GET, "/v1/auth/token", "").await;
        assert_eq!(session_error(&reply), (405, "method_not_allowed".to_owned()));
        let elsewhere = by(&api, "", Method::GET, "/v1/payments", "").await.json();
        assert!(elsewhere.get("error_code").is_none(), "nowhere else");
    });
}

#[test]
fn an_access_token_does_what_its_key_may_on_every_route_and_no_more() {
    with_api(unlimited(), |api| async move {
        let session = begin(&api, READER_KEY).await;
        let access = text(&session, "access_token");
        assert!(access.starts_with("at_test_"), "{access}");
        assert_eq!(by(&api, &access, Method::GET, "/v1/payments", "").await.status, 200);
        assert_eq!(by(&api, &access, Method::GET, "/flexprice/v1/payments", "").await.status, 200);
        let payment = r#"{"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success"}"#;
        let refused = post(&api, &access, "/v1/payments", payment).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (403, "permission_denied"));
        assert_eq!(
            by(&api, &text(&session, "refresh_token"), Method::GET, "/v1/payments", "").await.status,
            401
        );
        let admin = text(&begin(&api, KEY).await, "access_token");
        let paid = post(&api, &admin, "/v1/payments", payment).await.json();
        assert!(text(&paid, "created_by").starts_with("key_"), "a session acts for its key");
        let made = post(&api, &admin, "/v1/api_keys", r#"{"scopes": ["payments:read"]}"#).await.json();
        assert_eq!(made["expires_at"], Value::Null, "a key outlives the session that made it");
    });
}

#[test]
fn sessions_are_ones_own() {
    with_api(unlimited(), |api| async move {
        let session = begin(&api, KEY).await;
        let body = format!(r#"{{"session_id": "{}"}}"#, text(&session, "session_id"));
        for stranger in [FOREIGN_KEY, LIVE_KEY, READER_KEY] {
            let reply = by(&api, stranger, Method::DELETE, "/v1/auth/session", &body).await;
            assert_eq!(session_error(&reply), (404, "session_not_found".to_owned()));
            let listed = by(&api, stranger, Method::GET, "/v1/auth/sessions", "").await;
            assert_eq!(listed.json()["total_count"], 0);
        }
        assert_eq!(by(&api, KEY, Method::GET, "/v1/auth/sessions", "").await.json()["total_count"], 1);
        let of_reader = begin(&api, READER_KEY).await;
        let body = format!(r#"{{"session_id": "{}"}}"#, text(&of_reader, "session_id"));
        assert_eq!(
            by(&api, KEY, Method::DELETE, "/v1/auth/session", &body).await.status,
            200,
            "an administrator"
        );
    });
}
