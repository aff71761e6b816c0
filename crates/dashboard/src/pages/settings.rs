//! What the tenant takes, in this mode.

use actix_web::HttpResponse;
use florin_domain::Currency;
use florin_engine::access::Scope;
use florin_engine::requests::{ChangeSettings, Page, Position};
use florin_engine::views::{Answer, Refused};

use super::processor_accounts::{PLACE, state_of};
use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Sheet, Table};
use crate::form::Form;
use crate::trouble::{Told, Trouble};
use crate::views::{Listed, ProcessorAccount, Tenant};
use crate::visit::{Posted, Visit, seen};

const SECTION: &str = "/settings";

/// `GET /settings`
pub(crate) async fn show(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    show_page(&visit, None, None).await
}

async fn show_page(visit: &Visit, told: Option<Told>, form: Option<&Form>) -> Result<HttpResponse, Trouble> {
    let engine = &visit.desk.engine;
    let tenant: Tenant = seen(&engine.find_own_tenant(visit.context()).await)?;
    let page = Page::new(100, Position::Offset(0));
    let accounts = engine.list_processor_accounts(visit.context(), None, None, page).await;
    let accounts: Listed<ProcessorAccount> = seen(&accounts)?;
    let limit = |limit: Option<u32>| match limit {
        None => Cell::text("The server's own"),
        Some(0) => Cell::text("None"),
        Some(limit) => Cell::text(limit.to_string()),
    };
    let codes = tenant.currencies.map(|codes| codes.join(", "));
    let facts = vec![
        ("Name".to_owned(), Cell::text(tenant.name)),
        ("Currencies".to_owned(), Cell::text(codes.clone().unwrap_or_else(|| "All".to_owned()))),
        ("Requests a minute".to_owned(), limit(tenant.rate_limit_per_minute)),
        ("Requests a second".to_owned(), limit(tenant.rate_limit_per_second)),
        ("Id".to_owned(), Cell::Mono(tenant.id)),
    ];
    let rows = rows_of(accounts.data, |account| {
        let path = visit.path(&format!("{PLACE}/{}", account.id));
        let state = state_of(account.enabled).to_owned();
        vec![Cell::link(account.name, path), Cell::text(account.connector), Cell::State(state)]
    });
    let mut table = Table::new(&["Name", "Connector", "State"], rows);
    table.title = Some("Processor accounts");
    table.empty = ("No accounts", "Payments are charged by what is built into the server.");
    let typed = form.map_or_else(|| codes.unwrap_or_default(), |form| form.shown("currencies"));
    let field = Field::area("currencies", "Currencies")
        .value(typed)
        .hint("Codes such as EUR, USD; none for all there are.");
    let entry = Entry::new("What you take", visit.path(SECTION), vec![field], "Save");
    let blocks = vec![
        Block::Facts(Facts { title: "This mode", rows: facts }),
        Block::Entry(entry.note("In this mode only: test and live have settings of their own.")),
        Block::Table(table),
    ];
    let sheet = Sheet::new(visit.chrome("Settings", SECTION).await?.telling(told), blocks);
    Ok(sheet.leading_to("New processor account", visit.path(&format!("{PLACE}/new")), false).answer())
}

/// `POST /settings`
pub(crate) async fn change(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::Admin)?;
    match do_change(&visit, &form).await.map_err(Told::from).and_then(|answer| Told::check(&answer)) {
        Ok(()) => Ok(done(&visit, SECTION, "saved")),
        Err(told) => show_page(&visit, Some(told), Some(&form)).await,
    }
}

async fn do_change(visit: &Visit, form: &Form) -> Result<Answer, Refused> {
    let codes = form.get("currencies").unwrap_or_default();
    let codes = codes.split(|character: char| character == ',' || character.is_whitespace());
    let currencies: Result<Vec<Currency>, _> =
        codes.filter(|code| !code.is_empty()).map(Currency::parse).collect();
    let currencies = currencies.map_err(|unknown| Refused::from(unknown).param("currencies"))?;
    let currencies = Some(currencies).filter(|currencies| !currencies.is_empty());
    let change = ChangeSettings { currencies: Some(currencies), ..ChangeSettings::default() };
    Ok(visit.desk.engine.change_own_tenant(visit.context(), change).await)
}
