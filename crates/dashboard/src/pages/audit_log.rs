//! The audit log: who did what.

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use florin_domain::{Actor, AuditAction, AuditEntryId, check_text};
use florin_engine::access::Scope;
use florin_engine::requests::AuditFilter;
use florin_engine::views::Refused;

use super::rows_of;
use crate::blocks::{Block, Cell, Facts, Field, Filters, Sheet, Table};
use crate::pager::Pager;
use crate::show;
use crate::trouble::Trouble;
use crate::views::{AuditEntry, Listed};
use crate::visit::{Visit, seen};

const FILTERS: &[&str] = &["action", "actor", "object_id", "from", "until"];
const SECTION: &str = "/audit-log";

/// `GET /audit-log`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    let query = &visit.query;
    let filter = AuditFilter {
        action: query.word::<AuditAction>("action")?,
        actor: query.word::<Actor>("actor")?,
        object_id: query.text("object_id", |text| check_text(&text, 200).map(|()| text))?,
        created_after: query.day("from")?.map(|from| from - TimeDelta::milliseconds(1)),
        created_before: query.day("until")?.map(|until| until + TimeDelta::days(1)),
    };
    let page = query.page::<AuditEntryId>(AuditEntryId::uuid)?;
    let listed: Listed<AuditEntry> =
        seen(&visit.desk.engine.list_audit_log(visit.context(), filter, page).await)?;
    let pager = Pager::new(&visit, SECTION, FILTERS, &listed, |entry| &entry.id);
    let rows = rows_of(listed.data, |entry| {
        vec![
            Cell::link(show::label(&entry.action), visit.path(&format!("{SECTION}/{}", entry.id))),
            Cell::Mono(entry.actor),
            Cell::Mono(entry.object_id),
            Cell::maybe(entry.address),
            Cell::Time(entry.created_at),
        ]
    });
    let mut table = Table::new(&["What", "Who", "To what", "From", "When"], rows);
    table.empty = ("Nothing was logged", "");
    table.pager = Some(pager);
    table.filters = Some(Filters {
        path: visit.path(SECTION),
        fields: vec![
            Field::choice("action", "What", "Anything", AuditAction::WORDS).value(query.shown("action")),
            Field::line("actor", "Who").value(query.shown("actor")),
            Field::line("object_id", "To what").value(query.shown("object_id")),
            Field::line("from", "From").typed("date", "off").value(query.shown("from")),
            Field::line("until", "Until").typed("date", "off").value(query.shown("until")),
        ],
        is_set: FILTERS.iter().any(|name| query.get(name).is_some()),
    });
    Ok(Sheet::new(visit.chrome("Audit log", SECTION).await?, vec![Block::Table(table)]).answer())
}

/// `GET /audit-log/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    let id: AuditEntryId = path.1.parse().map_err(|_malformed| Refused::audit_entry_not_found())?;
    let entry: AuditEntry = seen(&visit.desk.engine.find_audit_entry(visit.context(), id).await)?;
    let facts = vec![
        ("Who".to_owned(), Cell::Mono(entry.actor)),
        ("To what".to_owned(), Cell::Mono(entry.object_id)),
        ("From".to_owned(), Cell::maybe(entry.address)),
        ("When".to_owned(), Cell::Time(entry.created_at)),
        ("Id".to_owned(), Cell::Mono(entry.id)),
    ];
    let blocks = vec![
        Block::Facts(Facts { title: "Details", rows: facts }),
        Block::Code { title: "What exactly", text: show::pretty(entry.details.get()) },
    ];
    let sheet = Sheet::new(visit.chrome(show::label(&entry.action), SECTION).await?, blocks);
    Ok(sheet.below("Audit log", visit.path(SECTION)).answer())
}
