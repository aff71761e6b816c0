//! The overview: what the last days came to.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use florin_domain::{Currency, DisabledReason};
use florin_engine::DayFigures;
use florin_engine::access::Scope;
use florin_engine::requests::{Page, Position};

use crate::charts::{Point, Style, chart};
use crate::chrome::Chrome;
use crate::headers::page;
use crate::show;
use crate::trouble::Trouble;
use crate::views::{Endpoint, Listed};
use crate::visit::{Visit, seen};

/// How many days may be looked at.
const SPANS: [u32; 3] = [7, 30, 90];

/// How long the page waits for days that are not added up yet.
const PATIENCE: Duration = Duration::from_millis(25);

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    chrome: Chrome,
    given_up: Vec<GivenUp>,
    days: u32,
    spans: [u32; 3],
    currency: &'static str,
    currencies: Vec<&'static str>,
    /// How many days are still being added up.
    missing: usize,
    is_empty: bool,
    tiles: Vec<Tile>,
    drawings: Vec<Drawing>,
    declines: Vec<(String, u64)>,
    rows: Vec<DayRow>,
}

/// A webhook endpoint that hears nothing any more, though nobody has switched it off.
struct GivenUp {
    url: String,
    path: String,
    reason: &'static str,
}

struct Tile {
    name: &'static str,
    figure: String,
    note: String,
}

struct Drawing {
    title: &'static str,
    svg: String,
}

/// A day in words, for whoever reads the charts as a table.
struct DayRow {
    day: String,
    volume: String,
    rate: String,
    refunds: String,
    declined: u64,
}

/// A day in one currency.
struct Day {
    name: String,
    charged: i64,
    refunded: i64,
    succeeded: u64,
    failed: u64,
}

/// `GET /`
pub(crate) async fn show(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::PaymentsRead)?;
    let days =
        visit.query.number("days", 1, 90).ok().flatten().filter(|days| SPANS.contains(days)).unwrap_or(30);
    let figures = visit.desk.engine.figures(&visit.context, days, PATIENCE).await?;
    let currencies = figures.currencies();
    let asked = visit.query.currency("currency").ok().flatten();
    let currency = asked.or_else(|| currencies.first().copied()).unwrap_or(Currency::EUR);
    let in_days: Vec<Day> = figures.days.iter().map(|day| day_of(day, currency)).collect();
    let declines = figures.declines().into_iter();
    let template = OverviewPage {
        chrome: visit.chrome("Overview", "").await?,
        given_up: given_up(&visit).await?,
        days,
        spans: SPANS,
        currency: currency.code(),
        currencies: currencies.iter().map(|currency| currency.code()).collect(),
        missing: figures.missing,
        is_empty: figures.is_empty() && figures.missing == 0,
        tiles: tiles(&in_days, currency),
        drawings: drawings(&in_days, currency),
        declines: declines.map(|(code, count)| (show::label(code.as_str()), count)).collect(),
        rows: in_days.iter().rev().map(|day| row(day, currency)).collect(),
    };
    Ok(page(StatusCode::OK, &template))
}

/// The endpoints that Florin has disabled.
async fn given_up(visit: &Visit) -> Result<Vec<GivenUp>, Trouble> {
    if !visit.may(Scope::WebhooksRead) {
        return Ok(Vec::new());
    }
    let page = Page::new(100, Position::Offset(0));
    let answer = visit.desk.engine.list_webhook_endpoints(visit.context(), None, None, page).await;
    let listed: Listed<Endpoint> = seen(&answer)?;
    let given_up = listed.data.into_iter().filter_map(|endpoint| {
        let reason = match endpoint.disabled_reason.as_deref()?.parse() {
            Ok(DisabledReason::Gone) => "it answered that it is gone",
            Ok(DisabledReason::Failing) => "nothing could be delivered for five days",
            Err(_) => return None,
        };
        Some(GivenUp { path: visit.path(&format!("/webhooks/{}", endpoint.id)), url: endpoint.url, reason })
    });
    Ok(given_up.collect())
}

fn day_of(figures: &DayFigures, currency: Currency) -> Day {
    Day {
        name: figures.day.format("%-d %b").to_string(),
        charged: figures.charged(currency),
        refunded: figures.refunded(currency),
        succeeded: figures.succeeded(),
        failed: figures.failed(),
    }
}

/// How many of a hundred, in tenths.
fn rate(succeeded: u64, failed: u64) -> Option<u64> {
    (succeeded * 1000).checked_div(succeeded + failed)
}

fn rate_in_words(rate: Option<u64>) -> String {
    rate.map_or_else(|| "–".to_owned(), |tenths| format!("{}.{} %", tenths / 10, tenths % 10))
}

fn tiles(days: &[Day], currency: Currency) -> Vec<Tile> {
    let money = |minor: i64| format!("{} {currency}", show::amount(&minor, currency.code()));
    let charged: i64 = days.iter().map(|day| day.charged).sum();
    let refunded: i64 = days.iter().map(|day| day.refunded).sum();
    let succeeded: u64 = days.iter().map(|day| day.succeeded).sum();
    let failed: u64 = days.iter().map(|day| day.failed).sum();
    let part = if charged > 0 { i128::from(refunded.max(0)) * 1000 / i128::from(charged) } else { 0 };
    vec![
        Tile {
            name: "Volume",
            figure: money(charged),
            note: format!("{} payments succeeded, in all currencies", show::count(&succeeded)),
        },
        Tile {
            name: "Success rate",
            figure: rate_in_words(rate(succeeded, failed)),
            note: "of payments that were decided".to_owned(),
        },
        Tile {
            name: "Refunds",
            figure: money(refunded),
            note: format!("{}.{} % of the volume", part / 10, part % 10),
        },
        Tile {
            name: "Declined",
            figure: show::count(&failed),
            note: "payments whose last charge failed".to_owned(),
        },
    ]
}

fn drawings(days: &[Day], currency: Currency) -> Vec<Drawing> {
    let money = |minor: i64| format!("{} {currency}", show::amount(&minor, currency.code()));
    let points = |value: &dyn Fn(&Day) -> (Option<i64>, String)| -> Vec<Point> {
        let point = |day: &Day| {
            let (value, shown) = value(day);
            Point { day: day.name.clone(), value, shown }
        };
        days.iter().map(point).collect()
    };
    let most = |value: fn(&Day) -> i64| days.iter().map(value).max().unwrap_or(0);
    let failed = |day: &Day| i64::try_from(day.failed).unwrap_or(i64::MAX);
    let drawing = |title, id, style, points: Vec<Point>, most: String, what: &str| {
        let summary = format!("{title} on each of the last {} days. {what}", days.len());
        Drawing { title, svg: chart(id, style, &points, &most, &summary) }
    };
    let of_rate = |day: &Day| {
        let tenths = rate(day.succeeded, day.failed);
        (tenths.and_then(|tenths| i64::try_from(tenths / 10).ok()), rate_in_words(tenths))
    };
    let (charged, refunded) = (most(|day| day.charged), most(|day| day.refunded));
    let declined = most(failed);
    vec![
        drawing(
            "Volume",
            "volume",
            Style::Bars(""),
            points(&|day| (Some(day.charged), money(day.charged))),
            money(charged),
            &format!("The highest is {}.", money(charged)),
        ),
        drawing(
            "Success rate",
            "rate",
            Style::Line,
            points(&of_rate),
            "100 %".to_owned(),
            "All of them are in the table.",
        ),
        drawing(
            "Refunds",
            "refunds-by-day",
            Style::Bars("warn"),
            points(&|day| (Some(day.refunded), money(day.refunded))),
            money(refunded),
            &format!("The highest is {}.", money(refunded)),
        ),
        drawing(
            "Declined payments",
            "declines",
            Style::Bars("bad"),
            points(&|day| (Some(failed(day)), day.failed.to_string())),
            declined.to_string(),
            &format!("The highest is {declined}."),
        ),
    ]
}

fn row(day: &Day, currency: Currency) -> DayRow {
    DayRow {
        day: day.name.clone(),
        volume: show::amount(&day.charged, currency.code()),
        rate: rate_in_words(rate(day.succeeded, day.failed)),
        refunds: show::amount(&day.refunded, currency.code()),
        declined: day.failed,
    }
}
