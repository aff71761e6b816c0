//! Sessions and users by the API: the documented examples, the documented errors, and who may do what.

mod common;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use chrono::Utc;
use common::{Api, FOREIGN_KEY, KEY, LIVE_KEY, READER_KEY, Reply, unlimited, with_api};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

/// A request with this credential, or none.
async fn by(api: &Api, credential: &str, method: Method, path: &str, body: &str) -> Reply {
    let request =
        TestRequest::default().method(method).uri(path).peer_addr("192.0.2.7:4711".parse().unwrap());
    let request = request.insert_header(("content-type", "application/json"));
    let request = match credential {
        "" => request,
        some => request.insert_header(("authorization", format!("Bearer {some}"))),
    };
    api.send(request.set_payload(body.to_owned())).await
}

async fn post(api: &Api, credential: &str, path: &str, body: &str) -> Reply {
    by(api, credential, Method::POST, path, body).await
}

/// An error in both of its forms, which say the same.
fn session_error(reply: &Reply) -> (u16, String) {
    let (code, _) = reply.error();
    let body = reply.json();
    assert_eq!(body["error_code"], code.as_str(), "{reply:?}");
    assert_eq!(body["error_description"], body["error"]["message"]);
    assert!(body["error_description"].as_str().is_some_and(|text| !text.is_empty()));
    (reply.status, code)
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("{name}: {body}")).to_owned()
}

async fn begin(api: &Api, key: &str) -> Value {
    let reply = post(api, key, "/v1/auth/token", "{}").await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

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
