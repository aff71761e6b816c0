//! The journal: transactions, what may be amended of them, and balances.

mod common;

use actix_web::http::Method;
use common::{Api, unlimited, with_api};
use serde_json::{Value, json};

/// Grants credits, and gives back the transactions.
async fn grants(api: &Api, amounts: &[(i64, &str)]) -> Vec<Value> {
    let customer = api.post("/v1/customers", "{}").await.json();
    let path = format!("/v1/customers/{}/credits", customer["id"].as_str().unwrap());
    let mut granted = Vec::new();
    for (amount, currency) in amounts {
        let reply = api.post(&path, &format!(r#"{{"amount":{amount},"currency":"{currency}"}}"#)).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        granted.push(reply.json());
    }
    granted
}

fn path(transaction: &Value) -> String {
    format!("/v1/transactions/{}", transaction["id"].as_str().unwrap())
}

#[test]
fn a_transaction_shows_what_moved_and_its_postings_sum_to_zero() {
    with_api(unlimited(), |api| async move {
        let granted = grants(&api, &[(500, "USD")]).await.remove(0);
        let expected = json!({
            "type": "credit_grant", "amount": 500, "currency": "USD", "debit_account": "merchant",
            "credit_account": "customer_credits", "payment_id": null, "refund_id": null, "metadata": {},
            "postings": [
                {"account": "merchant", "amount": 500},
                {"account": "customer_credits", "amount": -500},
            ],
            "reference_id": null, "notes": null, "livemode": false,
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&granted[key], value, "{key}");
        }
    });
}

#[test]
fn transactions_are_found_by_type_account_and_time() {
    with_api(unlimited(), |api| async move {
        grants(&api, &[(1, "USD"), (2, "JPY"), (3, "USD")]).await;
        for (query, count) in [
            ("", 3),
            ("?type=credit_grant", 3),
            ("?type=charge_return", 0),
            ("?account=merchant", 3),
            ("?account=customer_credits&type=credit_grant", 3),
            ("?account=processor_clearing:nobody", 0),
            ("?account=offline_cash", 0),
            ("?payment_id=pay_01k9dcq4w0e7qs9x3v5m8ffh2a", 0),
            ("?created_before=2020-01-01T00:00:00Z", 0),
            ("?created_after=2020-01-01T00:00:00Z&limit=100", 3),
        ] {
            let page = api.get(&format!("/v1/transactions{query}")).await.json();
            assert_eq!(
                (&page["total_count"], page["data"].as_array().unwrap().len()),
                (&json!(count), count),
                "{query}"
            );
        }
        let page = api.get("/v1/transactions?limit=2").await.json();
        assert_eq!((&page["data"][0]["amount"], &page["data"][1]["amount"]), (&json!(3), &json!(2)));
        let rest = format!("/v1/transactions?starting_after={}", page["next_cursor"].as_str().unwrap());
        assert_eq!(api.get(&rest).await.json()["data"][0]["amount"], 1);
    });
}

#[test]
fn words_are_amended_money_is_not_and_each_amendment_is_kept() {
    with_api(unlimited(), |api| async move {
        let transaction = grants(&api, &[(500, "USD")]).await.remove(0);
        let path = path(&transaction);
        let words = |metadata: Value, reference_id: Value, notes: Value| json!({"metadata": metadata, "reference_id": reference_id, "notes": notes});
        let states = [
            words(json!({}), Value::Null, Value::Null),
            words(json!({"a": "1", "b": "2"}), json!("booking-1"), Value::Null),
            words(json!({"b": "3"}), json!("booking-1"), json!("Checked")),
            words(json!({"b": "3"}), Value::Null, json!("Checked")),
        ];
        for (body, state) in [
            (r#"{"metadata":{"a":"1","b":"2"},"reference_id":"booking-1"}"#, 1),
            (r#"{"metadata":{"a":null,"b":"3"},"notes":"Checked"}"#, 2),
            (r#"{"notes":"Checked"}"#, 2),
            ("{}", 2),
            (r#"{"reference_id":null}"#, 3),
        ] {
            let reply = api.call(Method::PATCH, &path, body).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let shown = reply.json();
            for (key, value) in states[state].as_object().unwrap() {
                assert_eq!(&shown[key], value, "{body}");
            }
            assert_eq!(api.get(&path).await.json(), shown);
            assert_eq!((&shown["amount"], &shown["created_at"]), (&json!(500), &transaction["created_at"]));
        }

        let kept = api.get(&format!("{path}/amendments")).await.json();
        assert_eq!((&kept["total_count"], &kept["has_more"]), (&json!(3), &json!(false)));
        let amendments = kept["data"].as_array().unwrap();
        assert_eq!(amendments.len(), 3, "what changes nothing is no amendment");
        for (amendment, number) in amendments.iter().zip([3, 2, 1]) {
            assert_eq!(amendment["number"], number);
            let (before, after) = (&states[number - 1], &states[number]);
            assert_eq!((&amendment["before"], &amendment["after"]), (before, after));
            let (who, whose) = (&amendment["created_by"], &amendment["transaction_id"]);
            assert_eq!((who, whose), (&transaction["created_by"], &transaction["id"]));
            assert!(amendment["created_at"].as_str() >= transaction["created_at"].as_str());
        }
        let page = api.get(&format!("{path}/amendments?limit=1&offset=1")).await.json();
        assert_eq!((&page["data"][0]["number"], &page["has_more"]), (&json!(2), &json!(true)));
    });
}

#[test]
fn a_core_field_is_immutable_whatever_is_sent_with_it() {
    with_api(unlimited(), |api| async move {
        let transaction = grants(&api, &[(500, "USD")]).await.remove(0);
        let path = path(&transaction);
        for field in transaction.as_object().unwrap().keys() {
            if ["metadata", "reference_id", "notes"].contains(&field.as_str()) {
                continue;
            }
            let body = format!(r#"{{"notes":"x","{field}":{}}}"#, transaction[field]);
            let reply = api.call(Method::PATCH, &path, &body).await;
            let expected = ("field_immutable".to_owned(), Some(field.clone()));
            assert_eq!((reply.status, reply.error()), (400, expected));
        }
        assert_eq!(api.get(&path).await.json(), transaction);
        assert_eq!(api.get(&format!("{path}/amendments")).await.json()["total_count"], 0);
        let nobody = "/v1/transactions/txn_01k9dcq4w0e7qs9x3v5m8ffh2a";
        for reply in [
            api.get(nobody).await,
            api.get(&format!("{nobody}/amendments")).await,
            api.call(Method::PATCH, nobody, r#"{"notes":"x"}"#).await,
        ] {
            assert_eq!((reply.status, reply.error()), (404, ("transaction_not_found".to_owned(), None)));
        }
    });
}

#[test]
fn balances_are_sorted_and_sum_to_zero_per_currency() {
    with_api(unlimited(), |api| async move {
        assert_eq!(api.get("/v1/balances").await.json(), json!({"data": []}));
        grants(&api, &[(500, "USD"), (20, "JPY"), (250, "USD")]).await;
        let balances = json!({"data": [
            {"account": "customer_credits", "currency": "JPY", "balance": -20},
            {"account": "customer_credits", "currency": "USD", "balance": -750},
            {"account": "merchant", "currency": "JPY", "balance": 20},
            {"account": "merchant", "currency": "USD", "balance": 750},
        ]});
        assert_eq!(api.get("/v1/balances").await.json(), balances);
    });
}
