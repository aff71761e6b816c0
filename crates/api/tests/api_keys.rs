//! API keys, the audit log and the tenant's settings by the API.

mod common;

use actix_web::http::Method;
use common::{Api, KEY, LIVE_KEY, READER_KEY, Reply, request, unlimited, with_api};
use serde_json::{Value, json};

async fn by(api: &Api, key: &str, method: Method, path: &str, body: &str) -> Reply {
    let request = request(method, path).insert_header(("authorization", format!("Bearer {key}")));
    api.send(request.set_payload(body.to_owned())).await
}

async fn make(api: &Api, body: &str) -> (String, String) {
    let reply = api.post("/v1/api_keys", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let text = |name: &str| reply.json()[name].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

#[test]
fn a_key_is_shown_once_works_and_is_revoked_at_once() {
    with_api(unlimited(), |api| async move {
        let made = api.post("/v1/api_keys", r#"{"name":"Shop","scopes":["payments:read"]}"#).await;
        let (id, secret) = (made.json()["id"].clone(), made.json()["secret"].clone());
        let (id, secret) = (id.as_str().unwrap(), secret.as_str().unwrap());
        assert!(secret.starts_with("sk_test_") && secret.len() == 72, "{secret}");
        assert!(secret.contains(id.strip_prefix("key_").unwrap()), "it names itself");
        let expected = json!({
            "status": "active", "name": "Shop", "scopes": ["payments:read"], "expires_at": null,
            "revoked_at": null, "rotated_to": null, "last_used_at": null, "livemode": false,
            "rate_limit_per_minute": null, "rate_limit_per_second": null,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&made.json()[name], value, "{name}");
        }
        assert_eq!(by(&api, secret, Method::GET, "/v1/payments", "").await.status, 200);
        assert_eq!(by(&api, secret, Method::POST, "/v1/payments", "{}").await.status, 403);
        let path = format!("/v1/api_keys/{id}");
        for found in [api.get(&path).await.json(), api.get("/v1/api_keys").await.json()["data"][0].clone()] {
            assert_eq!((&found["id"], &found["secret"]), (&json!(id), &Value::Null));
        }
        let revoked = api.call(Method::DELETE, &path, "").await;
        assert_eq!((revoked.status, &revoked.json()["status"]), (200, &json!("revoked")));
        assert_eq!(by(&api, secret, Method::GET, "/v1/payments", "").await.status, 401);
        let again = api.call(Method::DELETE, &path, "").await;
        assert_eq!((again.status, again.body), (200, revoked.body), "again, it is the same");
        let rotated = api.post(&format!("{path}/rotate"), "{}").await;
        assert_eq!((rotated.status, rotated.error().0.as_str()), (409, "api_key_not_active"));
    });
}

#[test]
fn the_secret_is_not_in_what_is_stored_for_repetitions() {
    with_api(unlimited(), |api| async move {
        let send = async || {
            let request = request(Method::POST, "/v1/api_keys").insert_header(("idempotency-key", "k1"));
            api.send(request.set_payload(r#"{"scopes":["admin"]}"#)).await
        };
        let (first, again) = (send().await, send().await);
        assert_eq!((first.status, again.status), (201, 201));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let (mut first, again) = (first.json(), again.json());
        assert!(first["secret"].is_string());
        first["secret"] = Value::Null;
        assert_eq!(first, again);
        assert_eq!(
            api.get("/v1/api_keys?limit=1").await.json()["data"][0]["id"],
            again["id"],
            "one was made"
        );
    });
}

#[test]
fn a_rotated_key_has_a_successor_that_works_beside_it() {
    with_api(unlimited(), |api| async move {
        let (id, old) = make(&api, r#"{"scopes":["payments:read"],"name":"Shop"}"#).await;
        let path = format!("/v1/api_keys/{id}/rotate");
        let rotated = api.post(&path, r#"{"overlap_seconds":3600}"#).await;
        assert_eq!(rotated.status, 201, "{rotated:?}");
        let successor = rotated.json();
        assert_eq!((&successor["name"], &successor["scopes"]), (&json!("Shop"), &json!(["payments:read"])));
        for secret in [old.as_str(), successor["secret"].as_str().unwrap()] {
            assert_eq!(by(&api, secret, Method::GET, "/v1/payments", "").await.status, 200);
        }
        let found = api.get(&format!("/v1/api_keys/{id}")).await.json();
        assert_eq!((&found["rotated_to"], &found["status"]), (&successor["id"], &json!("active")));
        assert!(found["expires_at"].is_string());
        let again = api.post(&path, "{}").await;
        assert_eq!((again.status, again.error().0.as_str()), (409, "api_key_not_active"));

        let (id, old) = make(&api, r#"{"scopes":["payments:read"]}"#).await;
        let path = format!("/v1/api_keys/{id}/rotate");
        assert_eq!(api.post(&path, r#"{"overlap_seconds":0}"#).await.status, 201);
        assert_eq!(by(&api, &old, Method::GET, "/v1/payments", "").await.status, 401, "without overlap");
    });
}

#[test]
fn a_key_never_grants_more_than_it_has() {
    with_api(unlimited(), |api| async move {
        let (_, short) = make(&api, r#"{"scopes":["admin"],"expires_at":"2090-01-01T00:00:00Z"}"#).await;
        let later = r#"{"scopes":["admin"],"expires_at":"2091-01-01T00:00:00Z"}"#;
        let refused = by(&api, &short, Method::POST, "/v1/api_keys", later).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (403, "permission_denied"));
        let made = by(&api, &short, Method::POST, "/v1/api_keys", r#"{"scopes":["admin"]}"#).await;
        assert_eq!(
            made.json()["expires_at"],
            "2090-01-01T00:00:00.000Z",
            "it expires with the key that made it"
        );
        let (id, _) = make(&api, r#"{"scopes":["admin"]}"#).await;
        let path = format!("/v1/api_keys/{id}/rotate");
        let rotated = by(&api, &short, Method::POST, &path, "{}").await;
        assert_eq!(rotated.json()["expires_at"], "2090-01-01T00:00:00.000Z", "nor by rotating another");
        let live = by(&api, LIVE_KEY, Method::POST, "/v1/api_keys", r#"{"scopes":["admin"]}"#).await.json();
        assert_eq!(live["livemode"], true);
        assert!(live["secret"].as_str().unwrap().starts_with("sk_live_"));
        let reader =
            by(&api, READER_KEY, Method::POST, "/v1/api_keys", r#"{"scopes":["payments:read"]}"#).await;
        assert_eq!(reader.status, 403);
    });
}

#[test]
fn bad_input_is_refused_with_its_parameter() {
    with_api(unlimited(), |api| async move {
        let (id, _) = make(&api, r#"{"scopes":["admin"]}"#).await;
        let rotate = format!("/v1/api_keys/{id}/rotate");
        let keys = "/v1/api_keys";
        for (path, body, code, param) in [
            (keys, "{}", "parameter_missing", "scopes"),
            (keys, r#"{"scopes":[]}"#, "parameter_missing", "scopes"),
            (keys, r#"{"scopes":"admin"}"#, "parameter_invalid", "scopes"),
            (keys, r#"{"scopes":["payments:raed"]}"#, "parameter_invalid", "scopes"),
            (keys, r#"{"scopes":[1]}"#, "parameter_invalid", "scopes"),
            (
                keys,
                r#"{"scopes":["admin"],"expires_at":"2001-01-01T00:00:00Z"}"#,
                "parameter_invalid",
                "expires_at",
            ),
            (keys, r#"{"scopes":["admin"],"expires_at":"soon"}"#, "parameter_invalid", "expires_at"),
            (keys, r#"{"scopes":["admin"],"name":"4242 4242 4242 4242"}"#, "card_number_not_allowed", "name"),
            (keys, r#"{"scopes":["admin"],"livemode":true}"#, "parameter_unknown", "livemode"),
            (rotate.as_str(), r#"{"overlap_seconds":-1}"#, "parameter_invalid", "overlap_seconds"),
            (rotate.as_str(), r#"{"overlap_seconds":2592001}"#, "parameter_invalid", "overlap_seconds"),
            (rotate.as_str(), r#"{"overlap_seconds":"60"}"#, "parameter_invalid", "overlap_seconds"),
            (rotate.as_str(), r#"{"scopes":["admin"]}"#, "parameter_unknown", "scopes"),
        ] {
            let reply = api.post(path, body).await;
            assert_eq!(
                (reply.status, reply.error()),
                (400, (code.to_owned(), Some(param.to_owned()))),
                "{body}"
            );
        }
        for (query, param) in
            [("action=made", "action"), ("actor=me", "actor"), ("object_id=%00", "object_id")]
        {
            let reply = api.get(&format!("/v1/audit_log?{query}")).await;
            assert_eq!((reply.status, reply.error().1.as_deref()), (400, Some(param)), "{query}");
        }
    });
}

#[test]
fn each_act_is_in_the_audit_log_with_who_what_and_from_where() {
    with_api(unlimited(), |api| async move {
        assert_eq!(api.get("/v1/audit_log").await.json()["total_count"], 0);
        let (id, _) = make(&api, r#"{"scopes":["admin"],"name":"Shop"}"#).await;
        let path = format!("/v1/api_keys/{id}");
        let request = request(Method::DELETE, &path).peer_addr("192.0.2.7:4711".parse().unwrap());
        let revoked = api.send(request).await;
        assert_eq!(revoked.status, 200);
        let again = api.call(Method::DELETE, &path, "").await;
        assert_eq!(again.status, 200);

        let log = api.get(&format!("/v1/audit_log?object_id={id}")).await.json();
        let actions: Vec<&str> =
            log["data"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(
            actions,
            ["api_key.revoked", "api_key.created"],
            "newest first, and what changed nothing left out"
        );
        let entry = &log["data"][0];
        let own = api.get("/v1/api_keys?ending_before=key_00000000007000800000000000").await;
        assert_eq!(own.status, 400, "a cursor is an id");
        assert!(entry["actor"].as_str().unwrap().starts_with("key_"));
        assert_eq!(entry["address"], "192.0.2.7");
        assert_eq!(entry["request_id"].as_str(), revoked.header("x-request-id"));
        assert_eq!(
            log["data"][1]["details"],
            json!({ "name": "Shop", "scopes": ["admin"], "expires_at": null })
        );
        let one = api.get(&format!("/v1/audit_log/{}", entry["id"].as_str().unwrap())).await;
        assert_eq!(&one.json(), entry);
        let actor = entry["actor"].as_str().unwrap();
        for (query, count) in [
            ("action=api_key.created", 1),
            ("action=invoice.voided", 0),
            (&format!("actor={actor}"), 2),
            ("actor=operator", 0),
            ("created_before=2001-01-01T00:00:00Z", 0),
            ("limit=1", 2),
        ] {
            assert_eq!(
                api.get(&format!("/v1/audit_log?{query}")).await.json()["total_count"],
                count,
                "{query}"
            );
        }
        assert_eq!(by(&api, READER_KEY, Method::GET, "/v1/audit_log", "").await.status, 403);
    });
}

#[test]
fn what_is_done_by_hand_about_money_is_in_the_audit_log() {
    with_api(unlimited(), |api| async move {
        let customer = api.post("/v1/customers", "{}").await.json()["id"].as_str().unwrap().to_owned();
        let grant = format!("/v1/customers/{customer}/credits");
        assert_eq!(api.post(&grant, r#"{"amount":500,"currency":"USD"}"#).await.status, 201);
        let invoice = api.post("/v1/invoices", r#"{"currency":"USD","amount_due":100}"#).await;
        let invoice = invoice.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(api.post(&format!("/v1/invoices/{invoice}/void"), "").await.status, 200);
        let account = api.post("/v1/processor_accounts", r#"{"name":"second","connector":"sandbox"}"#).await;
        let account = account.json()["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/processor_accounts/{account}");
        assert_eq!(api.call(Method::DELETE, &path, "").await.status, 200);
        let accounts = api.get(&format!("/v1/audit_log?object_id={account}")).await.json();
        assert_eq!(accounts["data"][0]["action"], "processor_account.changed");
        assert_eq!(accounts["data"][0]["details"], json!({ "name": "second", "enabled": false }));
        assert_eq!(accounts["data"][1]["action"], "processor_account.created");
        let log = api.get("/v1/audit_log?offset=2").await.json();
        let told =
            |index: usize| (log["data"][index]["action"].clone(), log["data"][index]["object_id"].clone());
        assert_eq!(told(0), (json!("invoice.voided"), json!(invoice)));
        assert_eq!(told(1), (json!("credits.granted"), json!(customer)));
        assert_eq!(log["data"][1]["details"]["amount"], 500);
    });
}

#[test]
fn a_tenant_switches_currencies_off_in_one_mode_for_the_next_request() {
    with_api(unlimited(), |api| async move {
        let tenant = api.get("/v1/tenant").await.json();
        assert_eq!((&tenant["currencies"], &tenant["updated_at"]), (&Value::Null, &Value::Null));
        let changed = api.call(Method::PATCH, "/v1/tenant", r#"{"currencies":["usd","EUR","USD"]}"#).await;
        assert_eq!((changed.status, &changed.json()["currencies"]), (200, &json!(["EUR", "USD"])));
        assert_eq!(api.get("/v1/tenant").await.json(), changed.json());
        let customer = api.post("/v1/customers", "{}").await.json()["id"].as_str().unwrap().to_owned();
        let calls = [
            ("/v1/payments".to_owned(), r#""amount":1000,"payment_method_id":"pm_test_success""#),
            ("/v1/invoices".to_owned(), r#""amount_due":1000"#),
            (format!("/v1/customers/{customer}/credits"), r#""amount":1000"#),
        ];
        for (path, rest) in &calls {
            let send = async |key: &str, currency: &str| {
                by(&api, key, Method::POST, path, &format!(r#"{{"currency":"{currency}",{rest}}}"#)).await
            };
            assert_eq!(send(KEY, "EUR").await.status, 201, "{path}");
            let refused = send(KEY, "GBP").await;
            assert_eq!(
                (refused.status, refused.error().0.as_str()),
                (422, "currency_not_supported"),
                "{path}"
            );
            let live = send(LIVE_KEY, "GBP").await;
            assert!(live.status != 422 || live.error().0 != "currency_not_supported", "{path}: {live:?}");
        }
        let flexprice = r#"{"amount":"10.00","currency":"gbp","destination_type":"INVOICE","destination_id":"inv_1","payment_method_type":"OFFLINE"}"#;
        assert_ne!(api.post("/flexprice/v1/payments", flexprice).await.status, 201);
        let back = api.call(Method::PATCH, "/v1/tenant", r#"{"currencies":null}"#).await;
        assert_eq!((back.status, &back.json()["currencies"]), (200, &Value::Null));
        for (body, status, code) in [
            (r#"{"name":"Other"}"#, 400, "field_immutable"),
            (r#"{"rate_limit_per_minute":0}"#, 400, "field_immutable"),
            (r#"{"currencies":["EURO"]}"#, 422, "currency_not_supported"),
            (r#"{"currencies":"EUR"}"#, 400, "parameter_invalid"),
        ] {
            let reply = api.call(Method::PATCH, "/v1/tenant", body).await;
            assert_eq!((reply.status, reply.error().0.as_str()), (status, code), "{body}");
        }
        let log = api.get("/v1/audit_log?action=tenant.settings_changed").await.json();
        assert_eq!(log["total_count"], 2);
        assert_eq!(log["data"][1]["details"]["after"]["currencies"], json!(["EUR", "USD"]));
    });
}
