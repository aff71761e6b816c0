//! A payment's attempts are listed in pages, as everything is.

mod common;

use common::{Api, unlimited, with_api};
use serde_json::Value;

/// A payment that was charged so many times, and the ids of its charges, newest first.
async fn charged(api: &Api, times: usize) -> (String, Vec<String>) {
    let declined = r#"{"amount":1000,"currency":"USD","payment_method_id":"pm_test_decline"}"#;
    let first = api.post("/v1/payments", declined).await;
    assert_eq!(first.status, 402, "{first:?}");
    let path = format!("/v1/payments/{}", first.json()["error"]["payment_id"].as_str().unwrap());
    for _ in 1..times {
        assert_eq!(api.post(&format!("{path}/process"), "{}").await.status, 402);
    }
    let attempts = format!("{path}/attempts");
    let all = api.get(&format!("{attempts}?limit=100")).await.json();
    assert_eq!(
        (ids(&all).len(), &all["has_more"], &all["next_cursor"]),
        (times, &false.into(), &Value::Null)
    );
    let numbers: Vec<_> =
        all["data"].as_array().unwrap().iter().map(|item| item["attempt_number"].as_u64()).collect();
    assert!(numbers.is_sorted_by(|newer, older| newer > older), "{numbers:?}");
    (attempts, ids(&all))
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn attempts_come_in_pages_from_either_side() {
    with_api(unlimited(), |api| async move {
        let (path, all) = charged(&api, 5).await;
        let cases = [
            ("limit=2".to_owned(), 0..2, true),
            ("limit=2&offset=2".to_owned(), 2..4, true),
            ("limit=2&offset=4".to_owned(), 4..5, false),
            ("offset=5".to_owned(), 5..5, false),
            ("offset=9223372036854775807".to_owned(), 5..5, false),
            (format!("limit=2&starting_after={}", all[1]), 2..4, true),
            (format!("limit=2&starting_after={}", all[2]), 3..5, false),
            (format!("starting_after={}", all[4]), 5..5, false),
            (format!("limit=2&ending_before={}", all[4]), 2..4, true),
            (format!("limit=2&ending_before={}", all[2]), 0..2, false),
            (format!("ending_before={}", all[0]), 0..0, false),
        ];
        for (query, expected, has_more) in cases {
            let page = api.get(&format!("{path}?{query}")).await.json();
            assert_eq!(ids(&page), all[expected.clone()], "{query}");
            assert_eq!((&page["has_more"], &page["total_count"]), (&has_more.into(), &5.into()), "{query}");
            let cursor = has_more.then(|| all[expected.end - 1].as_str());
            assert_eq!(page["next_cursor"].as_str(), cursor, "{query}");
        }
    });
}

#[test]
fn attempts_are_confined_by_their_time_which_is_itself_left_out() {
    with_api(unlimited(), |api| async move {
        let (path, all) = charged(&api, 3).await;
        let list = api.get(&path).await.json();
        let times: Vec<&str> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["created_at"].as_str().unwrap())
            .collect();
        let middle = times[1];
        // Two charges may have the same millisecond.
        let with = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
            all.iter().zip(&times).filter(|(_, time)| wanted(time)).map(|(id, _)| id.clone()).collect()
        };
        for (query, expected) in [
            (format!("created_after={middle}"), with(&|time| time > middle)),
            (format!("created_before={middle}"), with(&|time| time < middle)),
            ("created_after=2000-01-01T00:00:00%2B01:00".to_owned(), all.clone()),
            ("created_before=2000-01-01T00:00:00Z".to_owned(), Vec::new()),
        ] {
            let page = api.get(&format!("{path}?{query}")).await.json();
            assert_eq!(ids(&page), expected, "{query}");
            assert_eq!(page["total_count"], expected.len(), "{query}");
        }
    });
}

#[test]
fn attempts_take_one_position_and_only_their_own_ids() {
    with_api(unlimited(), |api| async move {
        let (path, all) = charged(&api, 1).await;
        let own = &all[0];
        for (query, code, param) in [
            (format!("offset=0&starting_after={own}"), "parameters_conflict", "offset"),
            (format!("starting_after={own}&ending_before={own}"), "parameters_conflict", "starting_after"),
            (own.replace("att_", "starting_after=pay_"), "parameter_invalid", "starting_after"),
            ("limit=0".to_owned(), "parameter_invalid", "limit"),
            ("created_after=today".to_owned(), "parameter_invalid", "created_after"),
            ("payment_id=pay_1".to_owned(), "parameter_unknown", "payment_id"),
        ] {
            let reply = api.get(&format!("{path}?{query}")).await;
            assert_eq!(
                (reply.status, reply.error()),
                (400, (code.to_owned(), Some(param.to_owned()))),
                "{query}"
            );
        }
    });
}
