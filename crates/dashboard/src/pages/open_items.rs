//! What a person has to decide about.

use actix_web::{HttpResponse, web};
use florin_domain::{
    AttemptId, ClosingNote, OpenItemId, OpenItemStatus, OpenItemType, ReferenceId, Resolution,
};
use florin_engine::access::Scope;
use florin_engine::requests::{OpenItemFilter, Page, Position, ResolveAttempt};
use florin_engine::views::{Answer, Refused};

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Filters, Sheet, Table};
use crate::form::{Form, missing};
use crate::pager::Pager;
use crate::show;
use crate::trouble::{Told, Trouble, go_to};
use crate::views::{Listed, OpenItem, Sum};
use crate::visit::{Posted, Visit, seen};

const FILTERS: &[&str] = &["status", "type"];
const SECTION: &str = "/open-items";

/// `GET /open-items`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    let query = &visit.query;
    let filter = OpenItemFilter {
        status: query.word("status")?,
        kind: query.word("type")?,
        ..OpenItemFilter::default()
    };
    let page = query.page::<OpenItemId>(OpenItemId::uuid)?;
    let listed: Listed<OpenItem> =
        seen(&visit.desk.engine.list_open_items(visit.context(), filter, page).await)?;
    let pager = Pager::new(&visit, SECTION, FILTERS, &listed, |item| &item.id);
    let rows = rows_of(listed.data, |item| {
        vec![
            Cell::link(show::label(&item.kind), visit.path(&format!("{SECTION}/{}", item.id))),
            Cell::State(item.status),
            Cell::text(item.message),
            Cell::Time(item.created_at),
        ]
    });
    let mut table = Table::new(&["What", "State", "Message", "Since"], rows);
    table.empty = ("No open items", "What can't be settled without a person shows here.");
    table.pager = Some(pager);
    table.filters = Some(Filters {
        path: visit.path(SECTION),
        fields: vec![
            Field::choice("status", "State", "Any", OpenItemStatus::WORDS).value(query.shown("status")),
            Field::choice("type", "What", "Anything", OpenItemType::WORDS).value(query.shown("type")),
        ],
        is_set: FILTERS.iter().any(|name| query.get(name).is_some()),
    });
    Ok(Sheet::new(visit.chrome("Open items", SECTION).await?, vec![Block::Table(table)]).answer())
}

/// `GET /open-items/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    show_page(&visit, item_id(&path.1)?, None, &Form::default()).await
}

fn item_id(text: &str) -> Result<OpenItemId, Refused> {
    text.parse().map_err(|_malformed| Refused::open_item_not_found())
}

async fn show_page(
    visit: &Visit,
    id: OpenItemId,
    told: Option<Told>,
    form: &Form,
) -> Result<HttpResponse, Trouble> {
    let item: OpenItem = seen(&visit.desk.engine.find_open_item(visit.context(), id).await)?;
    let payment = item.payment_id.clone().map_or(Cell::Nothing, |id| {
        let path = visit.path(&format!("/payments/{id}"));
        Cell::id(id, path)
    });
    let facts = vec![
        ("Payment".to_owned(), payment),
        ("Attempt".to_owned(), item.attempt_id.clone().map_or(Cell::Nothing, Cell::Mono)),
        ("Processor".to_owned(), Cell::maybe(item.processor)),
        ("Its reference".to_owned(), Cell::maybe(item.processor_reference)),
        ("Here".to_owned(), sum(item.here)),
        ("At the processor".to_owned(), sum(item.there)),
        ("Came to".to_owned(), Cell::maybe(item.resolution)),
        ("Note".to_owned(), Cell::maybe(item.note)),
        ("Closed by".to_owned(), Cell::maybe(item.closed_by)),
        ("Since".to_owned(), Cell::Time(item.created_at)),
        ("Id".to_owned(), Cell::Mono(item.id)),
    ];
    let mut blocks = vec![
        Block::Note { tone: if item.status == "open" { "warn" } else { "" }, text: item.message },
        Block::Facts(Facts { title: "Details", rows: facts }),
    ];
    if item.status == "open" {
        let path = |act: &str| visit.path(&format!("{SECTION}/{id}/{act}"));
        let note = Field::area("note", "How you know").needed().value(form.shown("note"));
        blocks.push(Block::Entry(if item.kind == "needs_review" {
            let fields = vec![
                Field::choice("outcome", "What became of it", "Choose", Resolution::WORDS)
                    .needed()
                    .value(form.shown("outcome")),
                Field::line("reference", "The processor's name for it").value(form.shown("reference")),
                note,
            ];
            Entry::new("Resolve the attempt", path("resolve"), fields, "Resolve")
                .note("Look it up at the processor first. What you say here is what the payment becomes.")
        } else {
            Entry::new("Close the item", path("close"), vec![note], "Close")
        }));
    }
    let sheet = Sheet::new(visit.chrome(show::label(&item.kind), SECTION).await?.telling(told), blocks)
        .below("Open items", visit.path(SECTION));
    Ok(sheet.badged(item.status).answer())
}

fn sum(sum: Sum) -> Cell {
    match (sum.amount, sum.currency) {
        (Some(minor), Some(currency)) => Cell::Money(minor, currency),
        _ => Cell::Nothing,
    }
}

/// `POST /open-items/{id}/{act}`
pub(crate) async fn act(
    posted: Posted,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::Admin)?;
    let id = item_id(&path.1)?;
    let (outcome, word) = match path.2.as_str() {
        "close" => (close(&visit, id, &form).await, "closed"),
        "resolve" => (resolve(&visit, id, &form).await, "resolved"),
        _ => return Err(Trouble::nothing_here()),
    };
    match outcome.and_then(|answer| Told::check(&answer)) {
        Ok(()) => Ok(done(&visit, &format!("{SECTION}/{id}"), word)),
        Err(told) => show_page(&visit, id, Some(told), &form).await,
    }
}

async fn close(visit: &Visit, id: OpenItemId, form: &Form) -> Result<Answer, Told> {
    let note = form.needed_text("note", ClosingNote::parse)?;
    let idempotency = form.idempotency(&format!("POST /open_items/{id}/close"))?;
    Ok(visit.desk.engine.close_open_item(visit.context(), id, note, Some(idempotency)).await)
}

async fn resolve(visit: &Visit, id: OpenItemId, form: &Form) -> Result<Answer, Told> {
    let item: OpenItem = seen(&visit.desk.engine.find_open_item(visit.context(), id).await)?;
    let attempt: Option<AttemptId> = item.attempt_id.and_then(|id| id.parse().ok());
    let attempt = attempt.ok_or_else(Refused::open_item_not_found)?;
    let decision = ResolveAttempt {
        outcome: form.word::<Resolution>("outcome")?.ok_or_else(|| missing("outcome"))?,
        reference: form.text("reference", ReferenceId::parse)?,
        note: form.needed_text("note", ClosingNote::parse)?,
    };
    let idempotency = form.idempotency(&format!("POST /attempts/{attempt}/resolve"))?;
    Ok(visit.desk.engine.resolve_attempt(visit.context(), attempt, decision, Some(idempotency)).await)
}

/// `GET /attempts/{id}/resolve`: on to the open item of an attempt.
pub(crate) async fn of_attempt(
    visit: Visit,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    let filter = OpenItemFilter {
        status: Some(OpenItemStatus::Open),
        kind: Some(OpenItemType::NeedsReview),
        ..OpenItemFilter::default()
    };
    let page = Page::new(100, Position::Offset(0));
    let listed: Listed<OpenItem> =
        seen(&visit.desk.engine.list_open_items(visit.context(), filter, page).await)?;
    let item = listed.data.into_iter().find(|item| item.attempt_id.as_deref() == Some(path.1.as_str()));
    let rest = item.map_or_else(|| SECTION.to_owned(), |item| format!("{SECTION}/{}", item.id));
    Ok(go_to(&visit.path(&rest)))
}
