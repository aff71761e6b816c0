//! Stored payment methods: what is shown of them, and that they are detached for ever.

mod common;

use actix_web::http::Method;
use common::{unlimited, with_api};
use serde_json::{Value, json};

#[test]
fn a_payment_method_is_what_was_sent() {
    with_api(unlimited(), |api| async move {
        let customer = api.post("/v1/customers", "{}").await.json();
        let customer_id = customer["id"].as_str().unwrap();
        let card = format!(
            r#"{{"token":"pm_test_success","type":"CARD","customer_id":"{customer_id}","brand":"visa","last4":"4242",
                "exp_month":12,"exp_year":2030,"metadata":{{"a":"1"}}}}"#
        );
        let bank = r#"{"token":"pm_test_ach","type":"ACH","bank_name":"First Bank","last4":"6789"}"#;
        for (body, expected) in [
            (
                card.as_str(),
                json!({"type": "CARD", "token": "pm_test_success", "customer_id": customer_id, "brand": "visa",
                       "last4": "4242", "exp_month": 12, "exp_year": 2030, "bank_name": null,
                       "detached_at": null, "metadata": {"a": "1"}, "livemode": false}),
            ),
            (
                bank,
                json!({"type": "ACH", "token": "pm_test_ach", "customer_id": null, "brand": null,
                       "last4": "6789", "exp_month": null, "exp_year": null, "bank_name": "First Bank",
                       "detached_at": null, "metadata": {}, "livemode": false}),
            ),
        ] {
            let reply = api.post("/v1/payment_methods", body).await;
            assert_eq!(reply.status, 201, "{reply:?}");
            let made = reply.json();
            for (key, value) in expected.as_object().unwrap() {
                assert_eq!(&made[key], value, "{key}");
            }
            let id = made["id"].as_str().unwrap();
            assert_eq!(api.get(&format!("/v1/payment_methods/{id}")).await.json(), made);
        }
    });
}

#[test]
fn a_detached_payment_method_is_read_but_not_listed() {
    with_api(unlimited(), |api| async move {
        let customer = api.post("/v1/customers", "{}").await.json();
        let customer_id = customer["id"].as_str().unwrap();
        let body = format!(r#"{{"token":"pm_1","type":"CARD","customer_id":"{customer_id}"}}"#);
        let made = api.post("/v1/payment_methods", &body).await.json();
        api.post("/v1/payment_methods", r#"{"token":"pm_2","type":"CARD"}"#).await;
        let list = format!("/v1/payment_methods?customer_id={customer_id}");
        let count = async |path: &str| api.get(path).await.json()["total_count"].clone();
        assert_eq!((count("/v1/payment_methods").await, count(&list).await), (json!(2), json!(1)));

        let path = format!("/v1/payment_methods/{}", made["id"].as_str().unwrap());
        let detached = api.call(Method::DELETE, &path, "").await;
        assert_eq!(detached.status, 200, "{detached:?}");
        let shown = detached.json();
        assert_ne!(shown["detached_at"], Value::Null);
        assert_eq!((&shown["id"], &shown["updated_at"]), (&made["id"], &shown["detached_at"]));
        let again = api.call(Method::DELETE, &path, "").await;
        assert_eq!((again.status, &again.body), (200, &detached.body));
        assert_eq!(api.get(&path).await.body, detached.body);
        assert_eq!((count("/v1/payment_methods").await, count(&list).await), (json!(1), json!(0)));
        let nobody = "/v1/payment_methods/pm_01k9dcq4w0e7qs9x3v5m8ffh2a";
        for method in [Method::GET, Method::DELETE] {
            let reply = api.call(method, nobody, "").await;
            assert_eq!((reply.status, reply.error()), (404, ("payment_method_not_found".to_owned(), None)));
        }
    });
}
