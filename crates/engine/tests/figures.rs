//! What days come to: the same as summing up their payments and their journal from the beginning.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use common::{Harness, Kind, amount, authorize, create, eventually, id, json, refund, test_on_each_database};
use florin_domain::Currency;
use florin_engine::requests::{CreatePayment, Page, PaymentFilter, Position, TransactionFilter};
use florin_engine::{Engine, Figures};
use serde_json::Value;

test_on_each_database! {
    days_come_to_what_their_payments_and_their_journal_sum_up_to,
    who_asks_first_is_told_what_is_missing_and_waits_for_nothing,
}

const LONG: Duration = Duration::from_secs(60);

/// A day's sums: charged, refunded in minor units of USD; payments that succeeded, that failed.
type Sums = (i64, i64, u64, u64);

async fn pay(harness: &Harness, request: CreatePayment) -> florin_domain::PaymentId {
    let answer = harness.engine.create_payment(harness.context(), request, None).await;
    assert!(matches!(answer.status, 201 | 402), "{}", answer.body);
    if answer.status == 201 {
        id(&answer)
    } else {
        json(&answer)["error"]["payment_id"].as_str().unwrap().parse().unwrap()
    }
}

/// Days with charges, refunds of other days' payments, failures, and what is neither.
async fn live_through_some_days(harness: &Harness) {
    let yen = Currency::parse("JPY").unwrap();
    let mut yesterdays = None;
    for day in 0..4 {
        for minor in [1000, 250, 99] {
            let paid =
                pay(harness, CreatePayment { amount: amount(minor + day), ..create("pm_test_success") })
                    .await;
            if minor == 250 {
                yesterdays = Some(paid);
            }
        }
        pay(harness, CreatePayment { currency: yen, ..create("pm_test_success") }).await;
        pay(harness, create("pm_test_decline")).await;
        pay(harness, create("pm_test_insufficient_funds")).await;
        let held = pay(harness, authorize("pm_test_success")).await;
        if day % 2 == 0 {
            harness.engine.cancel_payment(harness.context(), held, None, None).await;
        }
        // The last second of the day, and the first one of the next, at which somebody gets money back.
        let now = harness.clock.now();
        let midnight = (now.date_naive() + chrono::Days::new(1)).and_hms_opt(0, 0, 0).unwrap().and_utc();
        let left = u64::try_from((midnight - now).num_seconds()).unwrap();
        harness.clock.advance(Duration::from_secs(left - 1));
        pay(harness, create("pm_test_success")).await;
        harness.clock.advance(Duration::from_secs(1));
        pay(harness, create("pm_test_success")).await;
        let paid = yesterdays.take().unwrap();
        let answer = harness.engine.refund_payment(harness.context(), paid, refund(50 + day), None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        harness.clock.advance(Duration::from_secs(8 * 3600));
    }
}

/// The sums of each day, from what lists show of each payment and each movement.
async fn from_scratch(harness: &Harness) -> BTreeMap<NaiveDate, Sums> {
    let (engine, page) = (&harness.engine, Page::new(100, Position::Offset(0)));
    let payments = engine.list_payments(harness.context(), PaymentFilter::default(), page).await;
    let moved = engine.list_transactions(harness.context(), TransactionFilter::default(), page).await;
    let mut days: BTreeMap<NaiveDate, Sums> = BTreeMap::new();
    for payment in listed(&json(&payments)) {
        let day = days.entry(day_of(payment)).or_default();
        match payment["payment_status"].as_str().unwrap() {
            "SUCCEEDED" | "AUTHORIZED" | "PARTIALLY_REFUNDED" | "REFUNDED" => day.2 += 1,
            "FAILED" => day.3 += 1,
            _ => {}
        }
    }
    for entry in listed(&json(&moved)).iter().filter(|entry| entry["currency"] == "USD") {
        let (day, minor) = (days.entry(day_of(entry)).or_default(), entry["amount"].as_i64().unwrap());
        match entry["type"].as_str().unwrap() {
            "charge" => day.0 += minor,
            "refund" => day.1 += minor,
            other => panic!("{other} is not what happened"),
        }
    }
    days
}

fn listed(list: &Value) -> &Vec<Value> {
    assert_eq!(list["has_more"], false, "all of it fits on a page");
    list["data"].as_array().unwrap()
}

fn day_of(object: &Value) -> NaiveDate {
    DateTime::parse_from_rfc3339(object["created_at"].as_str().unwrap()).unwrap().to_utc().date_naive()
}

fn sums(figures: &Figures) -> BTreeMap<NaiveDate, Sums> {
    let usd = Currency::parse("USD").unwrap();
    let of = |day: &florin_engine::DayFigures| {
        (day.day, (day.charged(usd), day.refunded(usd), day.succeeded(), day.failed()))
    };
    figures.days.iter().map(of).filter(|(_, sums)| *sums != Sums::default()).collect()
}

async fn figures(harness: &Harness, engine: &Engine, days: u32) -> Figures {
    engine.figures(&harness.context(), days, LONG).await.unwrap()
}

async fn days_come_to_what_their_payments_and_their_journal_sum_up_to(kind: Kind) {
    let harness = Harness::start(kind);
    let before = figures(&harness, &harness.engine, 7).await;
    assert!(before.is_empty() && before.days.len() == 7 && before.missing == 0);
    live_through_some_days(&harness).await;
    // Another process has added up nothing so far.
    let (other, _processor) = harness.another_engine(|_| {});
    let found = figures(&harness, &other, 30).await;
    assert_eq!((found.days.len(), found.missing), (30, 0));
    let expected = from_scratch(&harness).await;
    assert!(expected.len() >= 5, "{expected:?}");
    assert_eq!(sums(&found), expected);
    assert_eq!(found.days.last().unwrap().day, harness.clock.now().date_naive());
    let currencies: Vec<_> = found.currencies().iter().map(|currency| currency.code()).collect();
    assert_eq!(currencies, ["USD", "JPY"], "the most frequent first");
    let declines: Vec<u64> = found.declines().iter().map(|(_, count)| *count).collect();
    assert_eq!(declines, [4, 4]);
    other.drain().await;
    harness.finish().await;
}

async fn who_asks_first_is_told_what_is_missing_and_waits_for_nothing(kind: Kind) {
    let harness = Harness::start(kind);
    live_through_some_days(&harness).await;
    let (other, _processor) = harness.another_engine(|_| {});
    let first = other.figures(&harness.context(), 90, Duration::ZERO).await.unwrap();
    assert_eq!(first.days.len(), 90);
    assert!(first.missing > 0, "nobody adds up 90 days in no time");
    let whole = eventually("all days are added up", async || {
        let found = other.figures(&harness.context(), 90, Duration::ZERO).await.unwrap();
        (found.missing == 0).then_some(found)
    });
    assert_eq!(sums(&whole.await), from_scratch(&harness).await);
    other.drain().await;
    harness.finish().await;
}
