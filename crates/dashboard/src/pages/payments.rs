//! The list of payments.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::TimeDelta;
use florin_domain::{CustomerId, MethodType, PaymentId, PaymentStatus, check_text};
use florin_engine::access::Scope;
use florin_engine::requests::PaymentFilter;
use florin_engine::views::Refused;

use crate::chrome::Chrome;
use crate::form::Form;
use crate::headers::page;
use crate::pager::Pager;
use crate::trouble::{Told, Trouble, go_to};
use crate::views::{Listed, Payment};
use crate::visit::{Visit, seen};

const FILTERS: &[&str] =
    &["q", "payment_status", "payment_method_type", "currency", "customer_id", "from", "until"];

#[derive(Template)]
#[template(path = "payments/list.html")]
struct ListPage {
    chrome: Chrome,
    root: String,
    filter: Typed,
    statuses: &'static [&'static str],
    methods: &'static [&'static str],
    payments: Vec<Payment>,
    pager: Pager,
    is_live_updated: bool,
    rows_path: String,
    may_create: bool,
}

#[derive(Template)]
#[template(path = "payments/rows.html")]
struct Rows {
    root: String,
    filter: Typed,
    payments: Vec<Payment>,
    pager: Pager,
    is_live_updated: bool,
    rows_path: String,
}

/// The filters as they were typed.
struct Typed {
    q: String,
    status: String,
    method: String,
    currency: String,
    customer_id: String,
    from: String,
    until: String,
    is_set: bool,
}

/// `GET /payments`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::PaymentsRead)?;
    // Whoever looks for an id looks for that payment.
    if let Some(id) = visit.query.get("q").and_then(|text| text.parse::<PaymentId>().ok())
        && visit.desk.engine.payment_sheet(&visit.context, id).await.is_ok()
    {
        return Ok(go_to(&visit.path(&format!("/payments/{id}"))));
    }
    let (listed, told) = match find(&visit).await {
        Ok(listed) => (listed, None),
        Err(told) if told.status == 503 => return Err(told.into()),
        Err(told) => (Listed { data: Vec::new(), has_more: false, total_count: 0, cut: None }, Some(told)),
    };
    let status = told.as_ref().map_or(StatusCode::OK, Told::status);
    let is_live_updated = told.is_none() && is_first_page(&visit);
    let pager = Pager::new(&visit, "/payments", FILTERS, &listed, |payment| &payment.id);
    let chrome = visit.chrome("Payments", "/payments").await?.telling(told);
    Ok(page(
        status,
        &ListPage {
            chrome,
            root: visit.path(""),
            filter: typed(&visit.query),
            statuses: PaymentStatus::WORDS,
            methods: MethodType::WORDS,
            payments: listed.data,
            pager,
            is_live_updated,
            rows_path: rows_path(&visit),
            may_create: visit.may(Scope::PaymentsWrite),
        },
    ))
}

/// `GET /payments/rows`: the same list without what is around it, asked for again and again.
pub(crate) async fn rows(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::PaymentsRead)?;
    let listed = find(&visit).await?;
    let pager = Pager::new(&visit, "/payments", FILTERS, &listed, |payment| &payment.id);
    let is_live_updated = is_first_page(&visit);
    let rows_path = rows_path(&visit);
    let filter = typed(&visit.query);
    let root = visit.path("");
    Ok(page(StatusCode::OK, &Rows { root, filter, payments: listed.data, pager, is_live_updated, rows_path }))
}

async fn find(visit: &Visit) -> Result<Listed<Payment>, Told> {
    let query = &visit.query;
    let page = query.page::<PaymentId>(PaymentId::uuid)?;
    let statuses: Option<PaymentStatus> = query.word("payment_status")?;
    let search = |text: String| check_text(&text, 500).map(|()| text);
    let filter = PaymentFilter {
        payment_statuses: statuses.map(|status| vec![status]),
        payment_method_type: query.word("payment_method_type")?,
        currency: query.currency("currency")?,
        customer_id: query.id::<CustomerId>("customer_id", Refused::customer_not_found)?,
        q: query.text("q", search)?,
        // Days are whole: what was created at midnight belongs to the later one.
        created_after: query.day("from")?.map(|from| from - TimeDelta::milliseconds(1)),
        created_before: query.day("until")?.map(|until| until + TimeDelta::days(1)),
        ..PaymentFilter::default()
    };
    seen(&visit.desk.engine.list_payments(visit.context(), filter, page).await)
}

/// Newer payments come in on the first page only.
fn is_first_page(visit: &Visit) -> bool {
    visit.query.get("after").is_none() && visit.query.get("before").is_none()
}

fn rows_path(visit: &Visit) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in FILTERS {
        if let Some(value) = visit.query.get(name) {
            query.append_pair(name, value);
        }
    }
    format!("{}?{}", visit.path("/payments/rows"), query.finish())
}

fn typed(query: &Form) -> Typed {
    Typed {
        q: query.shown("q"),
        status: query.shown("payment_status"),
        method: query.shown("payment_method_type"),
        currency: query.shown("currency"),
        customer_id: query.shown("customer_id"),
        from: query.shown("from"),
        until: query.shown("until"),
        is_set: FILTERS.iter().any(|name| query.get(name).is_some()),
    }
}
