//! Events, as they were told.

use actix_web::{HttpResponse, web};
use florin_domain::{EventId, EventType};
use florin_engine::access::Scope;
use florin_engine::requests::{EventFilter, RedeliverEvent};
use florin_engine::views::Refused;

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Filters, Sheet, Table};
use crate::pager::Pager;
use crate::show;
use crate::trouble::{Told, Trouble};
use crate::views::{Event, Listed};
use crate::visit::{Posted, Visit, seen};

const SECTION: &str = "/events";

/// `GET /events`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::WebhooksRead)?;
    let query = &visit.query;
    let kind: Option<EventType> = query.word("type")?;
    let filter = EventFilter { types: kind.into_iter().collect(), ..EventFilter::default() };
    let page = query.page::<EventId>(EventId::uuid)?;
    let listed: Listed<Event> = seen(&visit.desk.engine.list_events(visit.context(), filter, page).await)?;
    let pager = Pager::new(&visit, SECTION, &["type"], &listed, |event| &event.id);
    let rows = rows_of(listed.data, |event| {
        vec![
            Cell::link(event.kind, visit.path(&format!("{SECTION}/{}", event.id))),
            Cell::Mono(event.id),
            Cell::Time(event.created_at),
        ]
    });
    let mut table = Table::new(&["Type", "Id", "When"], rows);
    table.empty = ("No events", "They are kept for a while, and sent to webhook endpoints.");
    table.pager = Some(pager);
    table.filters = Some(Filters {
        path: visit.path(SECTION),
        fields: vec![Field::choice("type", "Type", "Any", EventType::WORDS).value(query.shown("type"))],
        is_set: query.get("type").is_some(),
    });
    Ok(Sheet::new(visit.chrome("Events", SECTION).await?, vec![Block::Table(table)]).answer())
}

/// `GET /events/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::WebhooksRead)?;
    show_page(&visit, event_id(&path.1)?, None).await
}

fn event_id(text: &str) -> Result<EventId, Refused> {
    text.parse().map_err(|_malformed| Refused::event_not_found())
}

async fn show_page(visit: &Visit, id: EventId, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let event: Event = seen(&visit.desk.engine.find_event(visit.context(), id).await)?;
    let facts = vec![
        ("Type".to_owned(), Cell::text(event.kind.clone())),
        ("Number of its object".to_owned(), Cell::text(event.sequence.to_string())),
        ("When".to_owned(), Cell::Time(event.created_at)),
        ("Id".to_owned(), Cell::Mono(event.id)),
    ];
    let mut blocks = vec![
        Block::Facts(Facts { title: "Details", rows: facts }),
        Block::Code { title: "The object as it was then", text: show::pretty(event.data.object.get()) },
    ];
    if visit.may(Scope::WebhooksWrite) {
        let path = visit.path(&format!("{SECTION}/{id}"));
        let entry = Entry::new("Send it again", path, Vec::new(), "Send to all that listen");
        blocks.push(Block::Entry(entry));
    }
    let sheet = Sheet::new(visit.chrome(event.kind, SECTION).await?.telling(told), blocks);
    Ok(sheet.below("Events", visit.path(SECTION)).answer())
}

/// `POST /events/{id}`
pub(crate) async fn redeliver(
    posted: Posted,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Trouble> {
    let visit = posted.visit;
    visit.needs(Scope::WebhooksWrite)?;
    let id = event_id(&path.1)?;
    let answer = visit.desk.engine.redeliver_event(visit.context(), id, RedeliverEvent::default()).await;
    match Told::check(&answer) {
        Ok(()) => Ok(done(&visit, &format!("{SECTION}/{id}"), "sent")),
        Err(told) => show_page(&visit, id, Some(told)).await,
    }
}
