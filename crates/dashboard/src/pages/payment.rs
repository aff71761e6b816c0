//! One payment: what it is, what happened, and what may be done.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{Attempt, AttemptKind, AttemptStatus, EventId, Payment, PaymentId, PaymentStatus};
use florin_engine::PaymentSheet;
use florin_engine::access::Scope;
use florin_engine::requests::{EventFilter, Page, Position, RefundFilter, TransactionFilter};
use florin_engine::views::Refused;
use futures_util::future::join3;

use crate::chrome::Chrome;
use crate::headers::page;
use crate::show;
use crate::trouble::{Told, Trouble};
use crate::views::{Event, Listed, Refund, Transaction};
use crate::visit::{Visit, seen};

/// All that a payment has of something, as a rule.
const MANY: Page = Page::new(100, Position::Offset(0));

/// By how much the clocks of processes may differ that write events.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

#[derive(Template)]
#[template(path = "payments/show.html")]
struct ShowPage {
    chrome: Chrome,
    id: String,
    amount: String,
    currency: &'static str,
    status: &'static str,
    description: Option<String>,
    failure: Option<String>,
    is_moving: bool,
    actions: Vec<Action>,
    amounts: Vec<(&'static str, i64)>,
    facts: Vec<Fact>,
    metadata: Vec<(String, String)>,
    timeline: Vec<Step>,
    refunds: Vec<Refund>,
    journal: Option<Vec<Transaction>>,
    events: Option<Vec<Event>>,
}

/// Something that may be done, or why not.
struct Action {
    word: &'static str,
    label: &'static str,
    is_primary: bool,
    refusal: Option<String>,
}

/// A name and a value.
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) link: Option<String>,
    pub(crate) is_mono: bool,
}

/// Something that happened.
struct Step {
    at: DateTime<Utc>,
    title: String,
    tone: &'static str,
    amount: Option<(i64, &'static str)>,
    lines: Vec<String>,
    link: Option<(&'static str, String)>,
}

/// `GET /payments/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::PaymentsRead)?;
    let id = payment_id(&path.1)?;
    let sheet = visit.desk.engine.payment_sheet(&visit.context, id).await?;
    let payment = sheet.payment();
    let (refunds, journal, events) =
        join3(refunds(&visit, id), journal(&visit, id), events(&visit, payment)).await;
    let (refunds, journal, events) = (refunds?, journal?, events?);
    let currency = payment.terms.currency.code();
    let has_open_refund = refunds.iter().any(|refund| refund.status == "pending");
    let template = ShowPage {
        chrome: visit.chrome(format!("Payment {id}"), "/payments").await?,
        id: id.to_string(),
        amount: show::amount(&payment.terms.amount.minor(), currency),
        currency,
        status: payment.state().payment_status().as_str(),
        description: payment.terms.description.as_ref().map(ToString::to_string),
        failure: payment.failure.as_ref().map(|failure| failure.message.clone()),
        is_moving: payment.state().payment_status() == PaymentStatus::Processing || has_open_refund,
        actions: actions(&sheet),
        amounts: amounts(payment),
        facts: facts(&visit, payment),
        metadata: payment.terms.metadata.as_map().clone().into_iter().collect(),
        timeline: timeline(&visit, &sheet),
        refunds,
        journal,
        events,
    };
    Ok(page(StatusCode::OK, &template))
}

/// The payment in a path; what is no id names none.
pub(crate) fn payment_id(text: &str) -> Result<PaymentId, Refused> {
    text.parse().map_err(|_malformed| Refused::payment_not_found())
}

async fn refunds(visit: &Visit, id: PaymentId) -> Result<Vec<Refund>, Told> {
    let filter = RefundFilter { payment_id: Some(id), ..RefundFilter::default() };
    let answer = visit.desk.engine.list_refunds(visit.context(), filter, MANY).await;
    seen::<Listed<Refund>>(&answer).map(|listed| listed.data)
}

async fn journal(visit: &Visit, id: PaymentId) -> Result<Option<Vec<Transaction>>, Told> {
    if !visit.may(Scope::TransactionsRead) {
        return Ok(None);
    }
    let filter = TransactionFilter { payment_id: Some(id), ..TransactionFilter::default() };
    let answer = visit.desk.engine.list_transactions(visit.context(), filter, MANY).await;
    seen::<Listed<Transaction>>(&answer).map(|listed| Some(listed.data))
}

/// Its events, the newest first. No index leads to them, so they are looked for from its creation on, up to its last
/// change; and where there is too much in between, from there back as well.
async fn events(visit: &Visit, payment: &Payment) -> Result<Option<Vec<Event>>, Told> {
    if !visit.may(Scope::WebhooksRead) {
        return Ok(None);
    }
    let id = payment.terms.id;
    let list = async |position| {
        let filter = EventFilter {
            object_id: Some(id.bytes()),
            created_before: Some(payment.updated_at + CLOCKS_DIFFER),
            ..EventFilter::default()
        };
        let page = Page::new(MANY.limit, position).bounded();
        seen::<Listed<Event>>(&visit.desk.engine.list_events(visit.context(), filter, page).await)
    };
    let creation = EventId::first_at(id.created_at()).uuid();
    let early = list(Position::EndingBefore(creation)).await?;
    let mut events = Vec::new();
    if early.cut.is_some_and(|cut| cut.looked_until.is_some()) {
        events = list(Position::Offset(0)).await?.data;
    }
    let is_new = |event: &Event| events.iter().all(|known: &Event| known.id != event.id);
    let further: Vec<Event> = early.data.into_iter().filter(is_new).collect();
    events.extend(further);
    Ok(Some(events))
}

/// What may be done. Buttons that would be of no use at all, as a capture of what was never to be captured by hand, are
/// not shown; the others say why they can't be used now.
fn actions(sheet: &PaymentSheet) -> Vec<Action> {
    let action = |word, label, is_primary, refusal: &Option<Refused>| Action {
        word,
        label,
        is_primary,
        refusal: refusal.as_ref().map(|refused| refused.message.clone()),
    };
    let payment = sheet.payment();
    let has_captured = payment.facts.captured().minor() > 0;
    let mut actions = Vec::new();
    if payment.terms.capture_method == florin_domain::CaptureMethod::Manual && !has_captured {
        actions.push(action("capture", "Capture", true, &sheet.no_capture));
    }
    if has_captured {
        actions.push(action("refund", "Refund", true, &sheet.no_refund));
    } else {
        actions.push(action("cancel", "Cancel", false, &sheet.no_cancel));
    }
    actions
}

pub(crate) fn amounts(payment: &Payment) -> Vec<(&'static str, i64)> {
    let facts = &payment.facts;
    let all = [
        ("Amount", payment.terms.amount.minor(), true),
        ("Authorized", facts.authorized().minor(), false),
        ("Captured", facts.captured().minor(), true),
        ("Refunded", facts.refunded().minor(), false),
        ("Refunds under way", facts.held().minor(), false),
        ("Returned by the bank", facts.returned().minor(), false),
        ("Left to refund", payment.refundable().minor(), facts.captured().minor() > 0),
    ];
    all.into_iter()
        .filter(|(_, minor, always)| *always || *minor > 0)
        .map(|(name, minor, _)| (name, minor))
        .collect()
}

fn facts(visit: &Visit, payment: &Payment) -> Vec<Fact> {
    let terms = &payment.terms;
    let plain =
        |name, value: Option<String>, is_mono| value.map(|value| Fact { name, value, link: None, is_mono });
    let linked = |name, section: &str, id: Option<String>| {
        id.map(|id| Fact {
            name,
            link: Some(visit.path(&format!("{section}/{id}"))),
            value: id,
            is_mono: true,
        })
    };
    let text = |value: &dyn ToString| Some(value.to_string());
    let all = [
        linked("Customer", "/customers", terms.customer_id.map(|id| id.to_string())),
        linked(
            "Invoice",
            "/invoices",
            terms.destination.as_ref().map(|invoice| invoice.invoice_id.to_string()),
        ),
        plain("Method", text(&show::label(terms.method_type.as_str())), false),
        plain("Method's token", terms.payment_method.as_ref().map(ToString::to_string), true),
        plain("Capture", text(&show::label(terms.capture_method.as_str())), false),
        plain("Authorization until", payment.authorization_expires_at.as_ref().map(show::instant), false),
        plain("Processor", payment.processor.clone(), false),
        plain("Its reference", payment.processor_reference.clone(), true),
        plain("Next step of the payer", payment.next_action_url.clone(), true),
        plain("Canceled because", payment.cancellation_reason.as_ref().map(ToString::to_string), false),
        plain("Idempotency key", terms.idempotency_key.as_ref().map(ToString::to_string), true),
        plain("Created by", text(&terms.created_by), true),
        plain("Changed by", text(&payment.updated_by), true),
        plain("Created", text(&show::instant(&terms.id.created_at())), false),
    ];
    all.into_iter().flatten().collect()
}

fn timeline(visit: &Visit, sheet: &PaymentSheet) -> Vec<Step> {
    let payment = sheet.payment();
    let currency = payment.terms.currency.code();
    let mut steps = vec![Step {
        at: payment.terms.id.created_at(),
        title: "Created".to_owned(),
        tone: "info",
        amount: Some((payment.terms.amount.minor(), currency)),
        lines: vec![format!("by {}", payment.terms.created_by)],
        link: None,
    }];
    if let Some(at) = payment.cancel_requested_at {
        let title = "Cancellation asked for".to_owned();
        steps.push(Step { at, title, tone: "warn", amount: None, lines: Vec::new(), link: None });
    }
    if let (Some(at), false) = (payment.canceled_at, sheet.attempts().iter().any(is_void)) {
        let title = "Canceled".to_owned();
        steps.push(Step { at, title, tone: "", amount: None, lines: Vec::new(), link: None });
    }
    steps.extend(sheet.attempts().iter().map(|attempt| step_of(visit, attempt, currency)));
    steps.sort_by_key(|step| step.at);
    steps
}

fn is_void(attempt: &Attempt) -> bool {
    attempt.kind == AttemptKind::Void && attempt.status == AttemptStatus::Succeeded
}

fn step_of(visit: &Visit, attempt: &Attempt, currency: &'static str) -> Step {
    let what = match attempt.kind {
        AttemptKind::Charge if attempt.capture => format!("Charge {}", attempt.number),
        AttemptKind::Charge => format!("Authorization {}", attempt.number),
        AttemptKind::Capture => "Capture".to_owned(),
        AttemptKind::Void => "Release".to_owned(),
        AttemptKind::Refund => "Refund".to_owned(),
    };
    let (became, tone) = match attempt.status {
        AttemptStatus::Sending => ("under way", "warn"),
        AttemptStatus::Unknown => ("of unknown outcome; it is looked up", "warn"),
        AttemptStatus::Pending => ("pending", "info"),
        AttemptStatus::RequiresAction => ("waits for the payer", "warn"),
        AttemptStatus::Succeeded => ("succeeded", "good"),
        AttemptStatus::Failed => ("failed", "bad"),
        AttemptStatus::NeedsReview => ("needs a person's review", "bad"),
    };
    let place = match &attempt.processor_reference {
        Some(reference) => format!("{}, {reference}", attempt.processor),
        None => attempt.processor.clone(),
    };
    let failure = attempt.failure.as_ref().map(|failure| format!("{} ({})", failure.message, failure.code));
    let needs_review = attempt.status == AttemptStatus::NeedsReview && visit.may(Scope::Admin);
    Step {
        at: attempt.updated_at,
        title: format!("{what} {became}"),
        tone,
        amount: Some((attempt.amount.minor(), currency)),
        lines: [Some(place), failure].into_iter().flatten().collect(),
        link: needs_review.then(|| ("Resolve it", visit.path(&format!("/attempts/{}/resolve", attempt.id)))),
    }
}
