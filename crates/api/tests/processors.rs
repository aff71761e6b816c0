//! Processor accounts and routes by HTTP. Credentials go in and never come out.

mod common;

use actix_web::http::Method;
use common::{Api, FOREIGN_KEY, LIVE_KEY, READER_KEY, Reply, request, unlimited, with_api};
use serde_json::{Value, json};

const SECRET: &str = "sk_test_51Secret9876";

fn stripe(name: &str) -> String {
    json!({"name": name, "connector": "stripe", "credentials": {"secret_key": SECRET}}).to_string()
}

fn trial(name: &str) -> String {
    json!({"name": name, "connector": "sandbox"}).to_string()
}

async fn add(api: &Api, body: &str) -> Value {
    let reply = api.post("/v1/processor_accounts", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn told(reply: &Reply) -> (u16, String, Option<String>) {
    let (code, param) = reply.error();
    (reply.status, code, param)
}

fn tells(status: u16, code: &str, param: Option<&str>) -> (u16, String, Option<String>) {
    (status, code.to_owned(), param.map(str::to_owned))
}

#[test]
fn an_account_is_added_changed_rotated_and_disabled_and_shows_no_credentials() {
    with_api(unlimited(), |api| async move {
        let mut replies = Vec::new();
        let made = api.post("/v1/processor_accounts", &stripe("stripe-eu")).await;
        assert_eq!(made.status, 201, "{made:?}");
        let account = made.json();
        let path = format!("/v1/processor_accounts/{}", account["id"].as_str().unwrap());
        assert_eq!((&account["enabled"], &account["position"]), (&json!(true), &json!(0)));
        assert_eq!(account["credentials_key_id"].as_str().unwrap().len(), 16);
        replies.push(made);
        let rotated = json!({"credentials": {"secret_key": "sk_test_51Other1234", "webhook_secret": SECRET}});
        let rotated = api.post(&format!("{path}/rotate_credentials"), &rotated.to_string()).await;
        assert_eq!(rotated.status, 200, "{rotated:?}");
        replies.push(rotated);
        let change = r#"{"position": 7, "settings": {"max_delay_seconds": "60", "max_concurrency": "8"}}"#;
        let changed = api.call(Method::PATCH, &path, change).await;
        assert_eq!((changed.status, &changed.json()["position"]), (200, &json!(7)), "{changed:?}");
        replies.push(changed);
        for _ in 0..2 {
            let disabled = api.call(Method::DELETE, &path, "").await;
            assert_eq!((disabled.status, &disabled.json()["enabled"]), (200, &json!(false)));
        }
        replies.push(api.get(&path).await);
        let list = api.get("/v1/processor_accounts").await;
        assert_eq!(
            (&list.json()["total_count"], &list.json()["data"][0]["name"]),
            (&json!(1), &json!("stripe-eu"))
        );
        replies.push(list);
        for reply in replies {
            assert!(!reply.body.contains("51Secret") && !reply.body.contains("51Other"), "{reply:?}");
        }
    });
}

#[test]
fn what_is_wrong_with_an_account_is_told_without_its_credentials() {
    with_api(unlimited(), |api| async move {
        add(&api, &stripe("taken")).await;
        let with = |change: Value| {
            let mut body =
                json!({"name": "new", "connector": "stripe", "credentials": {"secret_key": SECRET}});
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            body
        };
        for (body, expected) in [
            (json!({}), tells(400, "parameter_missing", Some("name"))),
            (json!({"name": "a"}), tells(400, "parameter_missing", Some("connector"))),
            (with(json!({"name": "New"})), tells(400, "parameter_invalid", Some("name"))),
            (with(json!({"name": "taken"})), tells(409, "processor_name_taken", Some("name"))),
            (with(json!({"name": "sandbox"})), tells(409, "processor_name_taken", Some("name"))),
            (with(json!({"connector": "adyen"})), tells(400, "parameter_invalid", Some("connector"))),
            (with(json!({"credentials": {}})), tells(400, "parameter_invalid", Some("credentials"))),
            (with(json!({"credentials": SECRET})), tells(400, "parameter_invalid", Some("credentials"))),
            (
                with(json!({"credentials": {"secret_key": 5}})),
                tells(400, "parameter_invalid", Some("credentials")),
            ),
            (
                with(json!({"credentials": {"secret_key": ""}})),
                tells(400, "parameter_invalid", Some("credentials")),
            ),
            (
                with(json!({"credentials": {"secret_key": "sk_live_51Secret9876"}})),
                tells(400, "parameter_invalid", Some("credentials")),
            ),
            (
                with(json!({"credentials": {"secret_key": "4242424242424242"}})),
                tells(400, "card_number_not_allowed", Some("credentials")),
            ),
            (with(json!({"settings": {"typo": "1"}})), tells(400, "parameter_invalid", Some("settings"))),
            (
                with(json!({"settings": {"max_concurrency": "0"}})),
                tells(400, "parameter_invalid", Some("settings")),
            ),
            (
                with(json!({"settings": {"api_base": "https://stripe.example"}})),
                tells(400, "parameter_invalid", Some("settings")),
            ),
            (with(json!({"enabled": "yes"})), tells(400, "parameter_invalid", Some("enabled"))),
            (with(json!({"position": -1})), tells(400, "parameter_invalid", Some("position"))),
            (with(json!({"priority": 1})), tells(400, "parameter_unknown", Some("priority"))),
        ] {
            let reply = api.post("/v1/processor_accounts", &body.to_string()).await;
            assert_eq!(told(&reply), expected, "{body}");
            assert!(!reply.body.contains("51Secret"), "{reply:?}");
        }
        assert_eq!(api.get("/v1/processor_accounts").await.json()["total_count"], 1);
    });
}

#[test]
fn what_can_not_be_changed_is_said_so_and_a_key_makes_one_account() {
    with_api(unlimited(), |api| async move {
        let account = add(&api, &trial("trial")).await;
        let path = format!("/v1/processor_accounts/{}", account["id"].as_str().unwrap());
        for (body, expected) in [
            (r#"{"name":"other"}"#, tells(400, "field_immutable", Some("name"))),
            (r#"{"credentials":{}}"#, tells(400, "field_immutable", Some("credentials"))),
            (r#"{"settings":{"api_base":"x"}}"#, tells(400, "parameter_invalid", Some("settings"))),
        ] {
            assert_eq!(told(&api.call(Method::PATCH, &path, body).await), expected, "{body}");
        }
        let missing = api.post(&format!("{path}/rotate_credentials"), "{}").await;
        assert_eq!(told(&missing), tells(400, "parameter_missing", Some("credentials")));
        let nobody = "/v1/processor_accounts/pacc_01k9dcq4w0e7qs9x3v5m8ffh2a";
        let not_found = tells(404, "processor_account_not_found", None);
        assert_eq!(told(&api.get(nobody).await), not_found);
        assert_eq!(told(&api.call(Method::DELETE, nobody, "").await), not_found);
        assert_eq!(told(&api.call(Method::PATCH, nobody, r#"{"settings":{}}"#).await), not_found);
        let post = |body: String| {
            request(Method::POST, "/v1/processor_accounts")
                .insert_header(("Idempotency-Key", "k"))
                .set_payload(body)
        };
        let first = api.send(post(trial("once"))).await;
        let again = api.send(post(trial("once"))).await;
        assert_eq!((first.status, again.header("idempotency-replayed")), (201, Some("true")));
        assert_eq!(first.body, again.body);
        let racing =
            (0..10).map(|_| api.post("/v1/processor_accounts", r#"{"name":"race","connector":"sandbox"}"#));
        let made = futures_util::future::join_all(racing).await;
        assert_eq!(made.iter().filter(|reply| reply.status == 201).count(), 1);
    });
}

#[test]
fn routes_are_set_all_at_once_and_name_accounts_that_there_are() {
    with_api(unlimited(), |api| async move {
        let none = api.get("/v1/processor_routes").await.json();
        assert_eq!((&none["rules"], &none["updated_at"]), (&json!([]), &Value::Null));
        let (first, second) = (add(&api, &trial("first")).await, add(&api, &trial("second")).await);
        let rules = json!([
            {"payment_method_type": "CARD", "currency": "EUR", "accounts": [second["id"], first["id"]]},
            {"currency": "jpy", "accounts": []},
        ]);
        let set = api.call(Method::PUT, "/v1/processor_routes", &json!({"rules": rules}).to_string()).await;
        assert_eq!(set.status, 200, "{set:?}");
        let found = api.get("/v1/processor_routes").await.json();
        assert_eq!(found["rules"][0], rules[0]);
        assert_eq!(
            found["rules"][1],
            json!({"payment_method_type": null, "currency": "JPY", "accounts": []})
        );
        let pay = async |currency: &str| {
            let body = json!({"amount": 1000, "currency": currency, "payment_method_id": "pm_test_success"});
            api.post("/v1/payments", &body.to_string()).await
        };
        assert_eq!(pay("EUR").await.json()["processor"], "second");
        assert_eq!(pay("USD").await.json()["processor"], "first");
        assert_eq!(told(&pay("JPY").await), tells(422, "currency_not_supported", Some("currency")));
        let id = first["id"].as_str().unwrap();
        for (body, expected) in [
            (json!({}), tells(400, "parameter_missing", Some("rules"))),
            (json!({"rules": {}}), tells(400, "parameter_invalid", Some("rules"))),
            (json!({"rules": [{}]}), tells(400, "parameter_missing", Some("rules[0].accounts"))),
            (
                json!({"rules": [{"payment_method_type": "CREDITS", "accounts": [id]}]}),
                tells(400, "parameter_invalid", Some("rules[0].payment_method_type")),
            ),
            (
                json!({"rules": [{"accounts": []}, {"currency": "XXXX", "accounts": [id]}]}),
                tells(422, "currency_not_supported", Some("rules[1].currency")),
            ),
            (
                json!({"rules": [{"accounts": ["x"]}]}),
                tells(404, "processor_account_not_found", Some("rules[0].accounts")),
            ),
            (
                json!({"rules": [{"accounts": ["pacc_01k9dcq4w0e7qs9x3v5m8ffh2a"]}]}),
                tells(404, "processor_account_not_found", Some("rules")),
            ),
            (json!({"rules": [{"accounts": [id, id]}]}), tells(400, "parameter_invalid", Some("rules"))),
        ] {
            let reply = api.call(Method::PUT, "/v1/processor_routes", &body.to_string()).await;
            assert_eq!(told(&reply), expected, "{body}");
        }
        assert_eq!(api.get("/v1/processor_routes").await.json()["rules"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn accounts_are_an_administrators_and_no_other_tenants_or_modes() {
    with_api(unlimited(), |api| async move {
        let account = add(&api, &trial("trial")).await;
        let path = format!("/v1/processor_accounts/{}", account["id"].as_str().unwrap());
        let with = |key: &str, method: Method, path: &str| {
            request(method, path).insert_header(("authorization", format!("Bearer {key}")))
        };
        for (method, path) in [
            (Method::GET, "/v1/processor_accounts"),
            (Method::POST, "/v1/processor_accounts"),
            (Method::GET, path.as_str()),
            (Method::PATCH, path.as_str()),
            (Method::DELETE, path.as_str()),
            (Method::GET, "/v1/processor_routes"),
            (Method::PUT, "/v1/processor_routes"),
        ] {
            let refused = api.send(with(READER_KEY, method, path)).await;
            assert_eq!(told(&refused), tells(403, "permission_denied", None), "{path}");
            assert!(refused.body.contains("admin"), "{refused:?}");
        }
        for key in [FOREIGN_KEY, LIVE_KEY] {
            assert_eq!(api.send(with(key, Method::GET, &path)).await.status, 404);
            let list = api.send(with(key, Method::GET, "/v1/processor_accounts")).await.json();
            assert_eq!(list["total_count"], 0);
            let rules = json!({"rules": [{"accounts": [account["id"]]}]}).to_string();
            let routes = api.send(with(key, Method::PUT, "/v1/processor_routes").set_payload(rules)).await;
            assert_eq!(routes.status, 404, "{routes:?}");
        }
        let live = with(LIVE_KEY, Method::POST, "/v1/processor_accounts").set_payload(trial("trial"));
        assert_eq!(told(&api.send(live).await), tells(400, "parameter_invalid", Some("connector")));
    });
}

#[test]
fn a_payment_method_names_its_account() {
    with_api(unlimited(), |api| async move {
        add(&api, &trial("trial")).await;
        add(&api, &stripe("stripe-eu")).await;
        let store = async |token: &str, processor: Value| {
            let body = json!({"token": token, "type": "CARD", "processor": processor});
            api.post("/v1/payment_methods", &body.to_string()).await
        };
        // What the sandbox knows is good at any of its accounts; what looks like Stripe's is taken for its account's own.
        assert_eq!(store("pm_test_success", Value::Null).await.json()["processor"], Value::Null);
        assert_eq!(store("pm_1Nv0FGQ9RKHgCVdK", Value::Null).await.json()["processor"], "stripe-eu");
        assert_eq!(store("pm_test_success", json!("trial")).await.json()["processor"], "trial");
        let nobody = store("pm_test_success", json!("other")).await;
        assert_eq!(told(&nobody), tells(404, "processor_account_not_found", Some("processor")));
    });
}
