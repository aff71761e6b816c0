//! Customers, what they are called, and the credits that they are granted.

mod common;

use actix_web::http::Method;
use common::{Api, unlimited, with_api};
use futures_util::future::join_all;
use serde_json::{Value, json};

const NOBODY: &str = "cus_01k9dcq4w0e7qs9x3v5m8ffh2a";

async fn customer(api: &Api, body: &str) -> Value {
    let reply = api.post("/v1/customers", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

#[test]
fn a_customer_is_what_was_sent_and_changes_what_may_change() {
    with_api(unlimited(), |api| async move {
        let body =
            r#"{"name":"Ada Lovelace","email":"ada@example.com","external_id":"c-17","metadata":{"a":"1"}}"#;
        let made = customer(&api, body).await;
        assert_eq!(
            (&made["name"], &made["email"], &made["external_id"], &made["metadata"]),
            (&json!("Ada Lovelace"), &json!("ada@example.com"), &json!("c-17"), &json!({"a": "1"}))
        );
        assert_eq!((&made["livemode"], &made["updated_at"]), (&json!(false), &made["created_at"]));
        let path = format!("/v1/customers/{}", id(&made));
        assert_eq!(api.get(&path).await.json(), made);

        for (body, name, email, external_id, metadata) in [
            (
                r#"{"name":"Ada King","metadata":{"b":"2"}}"#,
                json!("Ada King"),
                made["email"].clone(),
                json!("c-17"),
                json!({"a": "1", "b": "2"}),
            ),
            (
                r#"{"email":null,"metadata":{"a":null}}"#,
                json!("Ada King"),
                Value::Null,
                json!("c-17"),
                json!({"b": "2"}),
            ),
            (r#"{"external_id":"c-18"}"#, json!("Ada King"), Value::Null, json!("c-18"), json!({"b": "2"})),
            (r#"{"external_id":"c-18"}"#, json!("Ada King"), Value::Null, json!("c-18"), json!({"b": "2"})),
            (r#"{"external_id":null,"name":null}"#, Value::Null, Value::Null, Value::Null, json!({"b": "2"})),
            ("{}", Value::Null, Value::Null, Value::Null, json!({"b": "2"})),
        ] {
            let reply = api.call(Method::PATCH, &path, body).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let changed = reply.json();
            assert_eq!(
                [&changed["name"], &changed["email"], &changed["external_id"], &changed["metadata"]],
                [&name, &email, &external_id, &metadata],
                "{body}"
            );
            assert_eq!(api.get(&path).await.json(), changed);
            assert_eq!((&changed["id"], &changed["created_at"]), (&made["id"], &made["created_at"]));
        }
        for field in made.as_object().unwrap().keys() {
            if ["name", "email", "external_id", "metadata"].contains(&field.as_str()) {
                continue;
            }
            let reply = api.call(Method::PATCH, &path, &format!(r#"{{"{field}":"x"}}"#)).await;
            let expected = ("field_immutable".to_owned(), Some(field.clone()));
            assert_eq!((reply.status, reply.error()), (400, expected));
        }
        assert_eq!(customer(&api, "").await["name"], Value::Null, "nobody has to be called anything");
    });
}

#[test]
fn no_two_customers_have_one_external_id() {
    with_api(unlimited(), |api| async move {
        let first = customer(&api, r#"{"external_id":"c-1"}"#).await;
        let second = customer(&api, r#"{"external_id":"c-2"}"#).await;
        let second_path = format!("/v1/customers/{}", id(&second));
        for reply in [
            api.post("/v1/customers", r#"{"external_id":"c-1"}"#).await,
            api.call(Method::PATCH, &second_path, r#"{"external_id":"c-1","name":"x"}"#).await,
        ] {
            let expected = ("external_id_taken".to_owned(), Some("external_id".to_owned()));
            assert_eq!((reply.status, reply.error()), (409, expected));
            assert!(reply.body.contains(id(&first)), "{reply:?}");
        }
        assert_eq!(api.get(&second_path).await.json(), second, "a refused change changes nothing");
        // Once it is free, another may have it.
        let first_path = format!("/v1/customers/{}", id(&first));
        assert_eq!(api.call(Method::PATCH, &first_path, r#"{"external_id":null}"#).await.status, 200);
        assert_eq!(api.call(Method::PATCH, &second_path, r#"{"external_id":"c-1"}"#).await.status, 200);

        let racing = (0..20).map(|_| api.post("/v1/customers", r#"{"external_id":"c-3"}"#));
        let mut statuses: Vec<u16> = join_all(racing).await.iter().map(|reply| reply.status).collect();
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (201, [409; 19].as_slice()));
    });
}

#[test]
fn customers_are_found_by_what_they_are() {
    with_api(unlimited(), |api| async move {
        for number in 0..3 {
            let body = format!(r#"{{"email":"ada@example.com","external_id":"c-{number}"}}"#);
            customer(&api, &body).await;
        }
        customer(&api, r#"{"email":"bob@example.com"}"#).await;
        for (query, count) in [
            ("", 4),
            ("?email=ada@example.com", 3),
            ("?email=ada%40example.com&external_id=c-1", 1),
            ("?external_id=c-3", 0),
            ("?email=bob@example.com&external_id=c-1", 0),
            ("?created_before=2020-01-01T00:00:00Z", 0),
            ("?email=ada@example.com&created_after=2020-01-01T00:00:00Z", 3),
        ] {
            let page = api.get(&format!("/v1/customers{query}")).await.json();
            assert_eq!(
                (&page["total_count"], page["data"].as_array().unwrap().len()),
                (&json!(count), count)
            );
        }
        let page = api.get("/v1/customers?email=ada@example.com&limit=2").await.json();
        assert_eq!((&page["has_more"], &page["total_count"]), (&json!(true), &json!(3)));
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = format!("/v1/customers?email=ada@example.com&limit=2&starting_after={cursor}");
        let rest = api.get(&rest).await.json();
        assert_eq!((&rest["data"][0]["external_id"], &rest["has_more"]), (&json!("c-0"), &json!(false)));
    });
}

#[test]
fn credits_are_granted_per_currency_and_each_grant_is_a_transaction() {
    with_api(unlimited(), |api| async move {
        let customer = customer(&api, "{}").await;
        let path = format!("/v1/customers/{}/credits", id(&customer));
        let none = api.get(&path).await.json();
        let empty =
            json!({"balances": [], "data": [], "has_more": false, "total_count": 0, "next_cursor": null});
        assert_eq!(none, empty);
        for body in [
            r#"{"amount":500,"currency":"usd","reason":"Welcome"}"#,
            r#"{"amount":20,"currency":"JPY"}"#,
            r#"{"amount":250,"currency":"USD"}"#,
        ] {
            let reply = api.post(&path, body).await;
            assert_eq!(reply.status, 201, "{reply:?}");
            let granted = reply.json();
            assert_eq!(
                (&granted["type"], &granted["customer_id"]),
                (&json!("credit_grant"), &customer["id"])
            );
            let found = api.get(&format!("/v1/transactions/{}", id(&granted))).await;
            assert_eq!((found.status, found.json()), (200, granted));
        }
        let credits = api.get(&path).await.json();
        let balances = json!([{"currency": "JPY", "balance": 20}, {"currency": "USD", "balance": 750}]);
        assert_eq!(credits["balances"], balances);
        assert_eq!((&credits["total_count"], &credits["has_more"]), (&json!(3), &json!(false)));
        let of_entries = |key: &str| -> Vec<Value> {
            credits["data"].as_array().unwrap().iter().map(|entry| entry[key].clone()).collect()
        };
        assert_eq!(of_entries("amount"), [json!(250), json!(20), json!(500)]);
        assert_eq!(of_entries("notes"), [Value::Null, Value::Null, json!("Welcome")]);
        let page = api.get(&format!("{path}?limit=1&offset=1")).await.json();
        assert_eq!((&page["data"][0]["currency"], &page["has_more"]), (&json!("JPY"), &json!(true)));
        assert_eq!((&page["next_cursor"], &page["balances"]), (&page["data"][0]["id"], &balances));
    });
}

#[test]
fn credits_are_counted_whoever_else_grants_some_and_never_exceed_a_balance() {
    with_api(unlimited(), |api| async move {
        let customer = customer(&api, "{}").await;
        let path = format!("/v1/customers/{}/credits", id(&customer));
        let grants = (0..50).map(|_| api.post(&path, r#"{"amount":7,"currency":"USD"}"#));
        assert!(join_all(grants).await.iter().all(|reply| reply.status == 201));
        assert_eq!(api.get(&path).await.json()["balances"][0]["balance"], 350);

        let reply = api.post(&path, r#"{"amount":999999999999,"currency":"USD"}"#).await;
        let expected = ("credit_limit_exceeded".to_owned(), Some("amount".to_owned()));
        assert_eq!((reply.status, reply.error()), (422, expected));
        assert_eq!(api.get(&path).await.json()["balances"][0]["balance"], 350, "nothing was granted");
        assert_eq!(api.get("/v1/transactions").await.json()["total_count"], 50);

        let nobody = format!("/v1/customers/{NOBODY}/credits");
        for reply in [
            api.post(&nobody, r#"{"amount":7,"currency":"USD"}"#).await,
            api.get(&nobody).await,
            api.get(&format!("/v1/customers/{NOBODY}")).await,
        ] {
            assert_eq!((reply.status, reply.error()), (404, ("customer_not_found".to_owned(), None)));
        }
    });
}
