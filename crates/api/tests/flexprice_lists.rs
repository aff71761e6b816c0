//! The Flexprice facade's list: every filter its SDKs send, and pages.

mod common;

use common::{Api, unlimited, with_api};
use serde_json::{Value, json};

const PATH: &str = "/flexprice/v1/payments";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The ids that a list shows, newest first.
async fn listed(api: &Api, query: &str) -> Vec<String> {
    let reply = api.get(&format!("{PATH}?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {reply:?}");
    let list = reply.json();
    let items = list["items"].as_array().expect("items");
    assert_eq!(list["pagination"]["total"], json!(items.len()), "{query}");
    items.iter().map(|item| text(&item["id"]).to_owned()).collect()
}

/// Makes a payment over `/v1`, and gives back its id and time of creation.
async fn make(api: &Api, body: Value) -> (String, String) {
    let reply = api.post("/v1/payments", &body.to_string()).await;
    let json = reply.json();
    let id = json["id"].as_str().or_else(|| json["error"]["payment_id"].as_str());
    let id = id.unwrap_or_else(|| panic!("no payment: {reply:?}")).to_owned();
    let found = api.get(&format!("/v1/payments/{id}")).await.json();
    (id, text(&found["created_at"]).to_owned())
}

/// A card's payment with these fields besides or instead.
fn card(changes: Value) -> Value {
    let mut body = json!({"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success"});
    for (key, value) in changes.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

#[test]
fn each_filter_confines_the_list_alone_and_together() {
    with_api(unlimited(), |api| async move {
        let (paid, _) = make(&api, card(json!({}))).await;
        let (pending, _) = make(&api, card(json!({"process_payment": false, "currency": "EUR"}))).await;
        let (reserved, _) = make(&api, card(json!({"capture_method": "manual"}))).await;
        let (unknown, _) = make(&api, card(json!({"payment_method_id": "pm_test_requires_action"}))).await;
        let (failed, _) = make(&api, card(json!({"payment_method_id": "pm_test_decline"}))).await;
        let (canceled, _) = make(&api, card(json!({"process_payment": false}))).await;
        api.post(&format!("/v1/payments/{canceled}/cancel"), "").await;
        let all = [&canceled, &failed, &unknown, &reserved, &pending, &paid];
        let table = [
            (String::new(), all.to_vec()),
            (format!("payment_ids={paid}"), vec![&paid]),
            (format!("payment_ids={paid},{failed}"), vec![&failed, &paid]),
            (format!("payment_ids={paid}%2C{failed}%2C{paid}"), vec![&failed, &paid]),
            ("payment_ids=pay_01k9dcq4w0e7qs9x3v5m8ffh2a".to_owned(), vec![]),
            (format!("payment_ids={paid}%2C{failed}&payment_status=FAILED"), vec![&failed]),
            ("payment_status=INITIATED".to_owned(), vec![]),
            ("payment_status=PENDING".to_owned(), vec![&pending]),
            ("payment_status=PROCESSING".to_owned(), vec![&unknown, &reserved]),
            ("payment_status=SUCCEEDED".to_owned(), vec![&paid]),
            ("payment_status=OVERPAID".to_owned(), vec![]),
            ("payment_status=FAILED".to_owned(), vec![&failed]),
            ("payment_status=REFUNDED".to_owned(), vec![]),
            ("payment_status=PARTIALLY_REFUNDED".to_owned(), vec![]),
            ("payment_status=VOIDED".to_owned(), vec![&canceled]),
            ("currency=eur".to_owned(), vec![&pending]),
            ("currency=usd&payment_status=PENDING".to_owned(), vec![]),
            ("payment_method_type=CARD".to_owned(), all.to_vec()),
            ("payment_method_type=ACH".to_owned(), vec![]),
            ("destination_type=INVOICE".to_owned(), vec![]),
            ("destination_id=inv_01k9dcq4w0e7qs9x3v5m8ffh2a".to_owned(), vec![]),
            ("status=published&sort=created_at&order=desc".to_owned(), all.to_vec()),
            ("status=deleted".to_owned(), vec![]),
            (format!("status=archived&payment_ids={paid}"), vec![]),
        ];
        for (query, expected) in table {
            assert_eq!(
                listed(&api, &query).await,
                expected.into_iter().cloned().collect::<Vec<_>>(),
                "{query}"
            );
        }
    });
}

#[test]
fn a_period_has_its_first_and_its_last_instant() {
    with_api(unlimited(), |api| async move {
        let mut payments: Vec<(String, String)> = Vec::new();
        while payments.len() < 3 {
            let made = make(&api, card(json!({"process_payment": false}))).await;
            // Two of the same millisecond could not be told apart by time.
            match payments.last() {
                Some((_, last)) if *last == made.1 => {
                    api.post(&format!("/v1/payments/{}/cancel", made.0), "").await;
                }
                _ => payments.push(made),
            }
        }
        let at = |index: usize| payments[index].1.clone();
        let ids = |range: std::ops::RangeInclusive<usize>| -> Vec<String> {
            payments[range].iter().rev().map(|(id, _)| id.clone()).collect()
        };
        let later = |time: &str| time.replace('Z', "999Z");
        let table = [
            (format!("start_time={}", at(1)), ids(1..=2)),
            (format!("end_time={}", at(1)), ids(0..=1)),
            (format!("start_time={}&end_time={}", at(1), at(1)), ids(1..=1)),
            (format!("start_time={}", later(&at(1))), ids(2..=2)),
            (format!("end_time={}", later(&at(1))), ids(0..=1)),
            (format!("start_time={}", at(0).replace('Z', "%2B00:00")), ids(0..=2)),
            ("start_time=9999-12-31T23:59:59Z".to_owned(), vec![]),
            ("end_time=0000-01-01T00:00:00Z".to_owned(), vec![]),
        ];
        for (query, expected) in table {
            let query = format!("{query}&payment_status=PENDING");
            assert_eq!(listed(&api, &query).await, expected, "{query}");
        }
    });
}

#[test]
fn pages_tell_where_they_are_and_how_many_there_are_in_all() {
    with_api(unlimited(), |api| async move {
        let mut all = Vec::new();
        for _ in 0..5 {
            all.insert(0, make(&api, card(json!({"process_payment": false}))).await.0);
        }
        for (query, limit, offset, range) in [
            ("", 50, 0, 0..5),
            ("limit=2", 2, 0, 0..2),
            ("limit=2&offset=2", 2, 2, 2..4),
            ("limit=2&offset=4", 2, 4, 4..5),
            ("limit=100&offset=1", 100, 1, 1..5),
            ("offset=9", 50, 9, 0..0),
        ] {
            let list = api.get(&format!("{PATH}?{query}")).await.json();
            assert_eq!(list["pagination"], json!({"total": 5, "limit": limit, "offset": offset}), "{query}");
            let items = list["items"].as_array().expect("items").iter();
            let ids: Vec<_> = items.map(|item| text(&item["id"]).to_owned()).collect();
            assert_eq!(ids, all[range], "{query}");
        }
        let oldest_first: Vec<String> = all.iter().rev().cloned().collect();
        for (query, range) in
            [("order=asc", 0..5), ("order=asc&limit=2&offset=2", 2..4), ("order=asc&limit=3&offset=4", 4..5)]
        {
            let list = api.get(&format!("{PATH}?{query}")).await.json();
            let items = list["items"].as_array().expect("items").iter();
            let ids: Vec<_> = items.map(|item| text(&item["id"]).to_owned()).collect();
            assert_eq!(
                (ids, &list["pagination"]["total"]),
                (oldest_first[range].to_vec(), &json!(5)),
                "{query}"
            );
        }
        let first = api.get(&format!("{PATH}?limit=1")).await.json()["items"][0].clone();
        assert_eq!(api.get(&format!("{PATH}/{}", all[0])).await.json(), first);
    });
}

#[test]
fn what_can_t_be_looked_for_is_refused_by_name() {
    let table = [
        ("expand=invoice", "expand"),
        ("payment_gateway=stripe", "payment_gateway"),
        ("gateway_payment_id=ch_1", "gateway_payment_id"),
        ("gateway_tracking_id=x", "gateway_tracking_id"),
        ("order=up", "order"),
        ("sort=amount", "sort"),
        ("status=gone", "status"),
        ("payment_status=succeeded", "payment_status"),
        ("payment_status=AUTHORIZED", "payment_status"),
        ("payment_method_type=PAYMENT_LINK", "payment_method_type"),
        ("destination_type=CUSTOMER", "destination_type"),
        ("destination_id=inv_x", "destination_id"),
        ("payment_ids=", "payment_ids"),
        ("payment_ids=pay_01k9dcq4w0e7qs9x3v5m8ffh2a,", "payment_ids"),
        ("payment_ids=pay_1", "payment_ids"),
        ("start_time=yesterday", "start_time"),
        ("end_time=2026-01-01", "end_time"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("offset=-1", "offset"),
        ("customer_id=x", "customer_id"),
        ("starting_after=x", "starting_after"),
    ];
    with_api(unlimited(), |api| async move {
        for (query, param) in table {
            let refused = api.get(&format!("{PATH}?{query}")).await;
            let error = refused.json();
            assert_eq!((refused.status, &error["details"]["param"]), (400, &json!(param)), "{query}");
            assert_eq!(error["code"], "validation_error");
        }
        let unknown = api.get(&format!("{PATH}?currency=XXZ")).await;
        assert_eq!(
            (unknown.status, &unknown.json()["details"]["code"]),
            (422, &json!("currency_not_supported"))
        );
    });
}
