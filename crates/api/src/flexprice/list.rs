//! The list of payments, as Flexprice's clients ask for it.

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{DestinationType, InvoiceId, MethodType, PaymentId, PaymentStatus};
use florin_engine::requests::{Page, PaymentFilter, Position};
use florin_engine::views::{Answer, ErrorCode, Refused};
use serde::{Deserialize, Serialize};

use super::response::{FlexpricePayment, Payment, status_word, translated};
use crate::call::Call;
use crate::fields::not_a_word;
use crate::query::{MAX_LIMIT, MAX_OFFSET, Query};

/// The parameters of `GET /flexprice/v1/payments`.
const LIST_PARAMETERS: &[&str] = &[
    "payment_ids",
    "payment_status",
    "payment_method_type",
    "currency",
    "destination_type",
    "destination_id",
    "start_time",
    "end_time",
    "status",
    "limit",
    "offset",
    "sort",
    "order",
    "expand",
    "payment_gateway",
    "gateway_payment_id",
    "gateway_tracking_id",
];

/// What Flexprice can look for and Florin can't, so that no list shows more than was asked for.
const REFUSED_PARAMETERS: [&str; 4] =
    ["expand", "payment_gateway", "gateway_payment_id", "gateway_tracking_id"];

/// Every word that Flexprice has for where a payment stands; some never come true here.
const STATUS_WORDS: &[&str] = &[
    "INITIATED",
    "PENDING",
    "PROCESSING",
    "SUCCEEDED",
    "OVERPAID",
    "FAILED",
    "REFUNDED",
    "PARTIALLY_REFUNDED",
    "VOIDED",
];

/// Flexprice's own default.
const DEFAULT_LIMIT: u32 = 50;

/// A page of the engine's.
#[derive(Deserialize)]
struct List {
    data: Vec<Payment>,
    total_count: u64,
}

/// A page of Flexprice's.
#[derive(Serialize)]
struct FlexpriceList {
    items: Vec<FlexpricePayment>,
    pagination: Pagination,
}

#[derive(Clone, Copy, Serialize)]
struct Pagination {
    total: u64,
    limit: u32,
    offset: u64,
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(LIST_PARAMETERS)?;
    refuse_what_is_not_there(&mut query)?;
    let (limit, offset) = page(&mut query)?;
    let oldest_first = oldest_first(&mut query)?;
    let filter = PaymentFilter {
        ids: ids(&mut query)?,
        payment_statuses: statuses(&mut query)?,
        currency: query.currency("currency")?,
        payment_method_type: query.word("payment_method_type", MethodType::WORDS)?,
        destination_type: query.word("destination_type", DestinationType::WORDS)?,
        destination_id: query.id("destination_id", InvoiceId::PREFIX)?,
        created_after: query.time("start_time")?.map(|time| just(time, -1)),
        created_before: query.time("end_time")?.map(|time| just(time, 1)),
        ..PaymentFilter::default()
    };
    let position = if oldest_first { Position::FromOldest(offset) } else { Position::Offset(offset) };
    let page = Page::new(limit, position);
    let answer = call.state.engine.list_payments(call.context, filter, page).await;
    translated(answer, 200, |list: List| {
        let mut items: Vec<_> = list.data.into_iter().map(FlexpricePayment::from).collect();
        if oldest_first {
            items.reverse();
        }
        FlexpriceList { items, pagination: Pagination { total: list.total_count, limit, offset } }
    })
}

fn refuse_what_is_not_there(query: &mut Query) -> Result<(), Refused> {
    for name in REFUSED_PARAMETERS {
        if query.take(name).is_some() {
            let message = format!("{name} is not taken here; leave it out.");
            return Err(Refused::new(ErrorCode::ParameterInvalid, message).param(name));
        }
    }
    if query.take("sort").is_some_and(|key| key != "created_at") {
        let message = "Payments are sorted by their creation; leave sort out, or send sort=created_at.";
        return Err(Refused::new(ErrorCode::ParameterInvalid, message).param("sort"));
    }
    Ok(())
}

/// Whether the oldest payment comes first, and not the newest.
fn oldest_first(query: &mut Query) -> Result<bool, Refused> {
    match query.take("order").as_deref() {
        None | Some("desc") => Ok(false),
        Some("asc") => Ok(true),
        Some(_) => Err(not_a_word("order", &["asc", "desc"])),
    }
}

/// How many payments at most, after how many.
fn page(query: &mut Query) -> Result<(u32, u64), Refused> {
    let limit = query.number("limit", 1, u64::from(MAX_LIMIT))?.map(u32::try_from);
    let offset = query.number("offset", 0, MAX_OFFSET)?.unwrap_or(0);
    Ok((limit.transpose().ok().flatten().unwrap_or(DEFAULT_LIMIT), offset))
}

/// The ids wanted. Nothing is ever deleted or archived here, so asking for such payments is asking for none.
fn ids(query: &mut Query) -> Result<Option<Vec<PaymentId>>, Refused> {
    let ids = query.ids("payment_ids", PaymentId::PREFIX)?;
    match query.take("status").as_deref() {
        None | Some("published") => Ok(ids),
        Some("deleted" | "archived") => Ok(Some(Vec::new())),
        Some(_) => Err(not_a_word("status", &["published", "deleted", "archived"])),
    }
}

/// Every status that Flexprice's word stands for: none, one, or two.
fn statuses(query: &mut Query) -> Result<Option<Vec<PaymentStatus>>, Refused> {
    let Some(word) = query.take("payment_status") else { return Ok(None) };
    if !STATUS_WORDS.contains(&word.as_str()) {
        return Err(not_a_word("payment_status", STATUS_WORDS));
    }
    Ok(Some(PaymentStatus::ALL.iter().copied().filter(|status| status_word(*status) == word).collect()))
}

/// The instant so many nanoseconds away: Flexprice's bounds belong to the period, the engine's do not.
fn just(time: DateTime<Utc>, nanoseconds: i64) -> DateTime<Utc> {
    time.checked_add_signed(TimeDelta::nanoseconds(nanoseconds)).unwrap_or(time)
}
