//! Accounts at payment processors. Credentials are typed in and never shown.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use florin_domain::{
    AccountChange, AccountPosition, Metadata, ProcessorAccountId, ProcessorName, check_text,
};
use florin_engine::access::Scope;
use florin_engine::requests::{CreateProcessorAccount, Credentials};
use florin_engine::views::{Answer, Refused};

use super::done;
use crate::blocks::{Block, Cell, Entry, Facts, Field, Sheet};
use crate::form::{Form, invalid, missing};
use crate::trouble::{Told, Trouble};
use crate::views::ProcessorAccount;
use crate::visit::{Posted, Visit, seen};

/// Where they are.
pub(crate) const PLACE: &str = "/settings/processors";
/// The section of the navigation.
const SECTION: &str = "/settings";

const CREDENTIALS: &str = "credentials";
const SETTINGS: &str = "settings";

/// `GET /settings/processors/new`
pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    new_page(&visit, &Form::default(), None).await
}

async fn new_page(visit: &Visit, form: &Form, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let fields = vec![
        Field::line("name", "Name")
            .needed()
            .value(form.shown("name"))
            .hint("What payments will call it. It never changes."),
        Field::line("connector", "Connector")
            .needed()
            .value(form.shown("connector"))
            .hint("What speaks to the processor, such as stripe."),
        credentials_field(),
        settings_field(form.shown(SETTINGS)),
        position_field(form.shown("position")),
    ];
    let entry = Entry::new("Which account", visit.path(&format!("{PLACE}/new")), fields, "Add the account")
        .note("It takes new charges at once, in this mode.");
    let chrome = visit.chrome("New processor account", SECTION).await?.telling(told);
    Ok(Sheet::new(chrome, vec![Block::Entry(entry)]).below("Settings", visit.path(SECTION)).answer())
}

/// What was typed is not shown again, even when it is refused.
fn credentials_field() -> Field {
    let hint = "A pair on each line, as the connector wants them, such as secret_key=sk_…. They are never shown again.";
    Field::area(CREDENTIALS, "Credentials").hint(hint)
}

fn settings_field(value: String) -> Field {
    let hint = "What the connector has to know beside that: a pair on each line.";
    Field::area(SETTINGS, "Settings").value(value).hint(hint)
}

fn position_field(value: String) -> Field {
    let hint = "Where no route says otherwise, accounts with lower numbers are asked first.";
    Field::line("position", "Place among the others").typed("number", "off").value(value).hint(hint)
}

/// `POST /settings/processors/new`
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::Admin)?;
    match do_create(&visit, &form).await {
        Ok(account) => Ok(done(&visit, &format!("{PLACE}/{}", account.id), "created")),
        Err(told) => new_page(&visit, &form, Some(told)).await,
    }
}

async fn do_create(visit: &Visit, form: &Form) -> Result<ProcessorAccount, Told> {
    let request = CreateProcessorAccount {
        name: form.needed_text("name", ProcessorName::parse)?,
        connector: form.needed_text("connector", ProcessorName::parse)?,
        credentials: credentials(form)?.unwrap_or_default(),
        settings: settings(form)?,
        enabled: true,
        position: position(form)?.unwrap_or_default(),
    };
    let idempotency = form.idempotency("POST /processor_accounts")?;
    seen(&visit.desk.engine.create_processor_account(visit.context(), request, Some(idempotency)).await)
}

/// What is wrong with credentials is told without them.
fn credentials(form: &Form) -> Result<Option<Credentials>, Refused> {
    let parts = form.pairs(CREDENTIALS)?;
    if parts.is_empty() {
        return Ok(None);
    }
    for part in parts.values() {
        check_text(part, usize::MAX).map_err(|refused| Refused::from(refused).param(CREDENTIALS))?;
    }
    let credentials = Credentials::new(parts);
    credentials.map(Some).map_err(|malformed| invalid(CREDENTIALS, &format!("{malformed}.")))
}

fn settings(form: &Form) -> Result<Metadata, Refused> {
    Metadata::new(form.pairs(SETTINGS)?).map_err(|refused| Refused::from(refused).param(SETTINGS))
}

fn position(form: &Form) -> Result<Option<AccountPosition>, Refused> {
    let most = u32::try_from(AccountPosition::MAX).unwrap_or(u32::MAX);
    let number = form.number("position", 0, most)?;
    Ok(number.and_then(|number| AccountPosition::new(i64::from(number)).ok()))
}

/// `GET /settings/processors/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    show_page(&visit, account_id(&path.1)?, None).await
}

fn account_id(text: &str) -> Result<ProcessorAccountId, Refused> {
    text.parse().map_err(|_malformed| Refused::processor_account_not_found())
}

async fn show_page(
    visit: &Visit,
    id: ProcessorAccountId,
    told: Option<Told>,
) -> Result<HttpResponse, Trouble> {
    let account: ProcessorAccount =
        seen(&visit.desk.engine.find_processor_account(visit.context(), id).await)?;
    let mut facts = vec![
        ("Connector".to_owned(), Cell::text(&*account.connector)),
        ("Place".to_owned(), Cell::text(account.position.to_string())),
        ("Credentials given".to_owned(), Cell::Time(account.credentials_updated_at.clone())),
        ("Added by".to_owned(), Cell::Mono(account.created_by.clone())),
        ("Added".to_owned(), Cell::Time(account.created_at.clone())),
        ("Id".to_owned(), Cell::Mono(account.id.clone())),
    ];
    facts.extend(
        account.settings.iter().map(|(key, value)| (format!("Setting: {key}"), Cell::text(&**value))),
    );
    let mut blocks = vec![Block::Facts(Facts { title: "Details", rows: facts })];
    blocks.extend(entries(visit, &account));
    let sheet = Sheet::new(visit.chrome(account.name, SECTION).await?.telling(told), blocks)
        .below("Settings", visit.path(SECTION));
    Ok(sheet.badged(state_of(account.enabled).to_owned()).answer())
}

/// The word for whether an account takes new charges.
pub(crate) fn state_of(is_enabled: bool) -> &'static str {
    if is_enabled { "enabled" } else { "disabled" }
}

fn entries(visit: &Visit, account: &ProcessorAccount) -> [Block; 3] {
    let path = |act: &str| visit.path(&format!("{PLACE}/{}/{act}", account.id));
    let change =
        vec![settings_field(lines_of(&account.settings)), position_field(account.position.to_string())];
    let change = Entry::new("Change the account", path("change"), change, "Save").folded();
    let credentials = vec![credentials_field().needed()];
    let rotate = Entry::new("Give it other credentials", path("rotate"), credentials, "Replace them")
        .note("What is charged from now on is charged with these.");
    let switch = if account.enabled {
        Entry::new("Disable the account", path("disable"), Vec::new(), "Disable the account")
            .note("It takes no new charges any more. What it has charged it captures, voids and refunds.")
            .danger()
    } else {
        Entry::new("Enable the account", path("enable"), Vec::new(), "Enable the account")
    };
    [change, rotate.folded(), switch].map(Block::Entry)
}

fn lines_of(pairs: &BTreeMap<String, String>) -> String {
    pairs.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}

/// `POST /settings/processors/{id}/{act}`
pub(crate) async fn act(
    posted: Posted,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::Admin)?;
    let id = account_id(&path.1)?;
    let outcome = match path.2.as_str() {
        "change" => changed(&form),
        "enable" => Ok(switched(true)),
        "disable" => Ok(switched(false)),
        "rotate" => {
            let answer = rotate(&visit, id, &form).await;
            return told_of(&visit, id, answer).await;
        }
        _ => return Err(Trouble::nothing_here()),
    };
    let answer = match outcome {
        Ok(change) => Ok(visit.desk.engine.update_processor_account(visit.context(), id, change).await),
        Err(refused) => Err(refused),
    };
    told_of(&visit, id, answer).await
}

async fn told_of(
    visit: &Visit,
    id: ProcessorAccountId,
    answer: Result<Answer, Refused>,
) -> Result<HttpResponse, Trouble> {
    match answer.map_err(Told::from).and_then(|answer| Told::check(&answer)) {
        Ok(()) => Ok(done(visit, &format!("{PLACE}/{id}"), "saved")),
        Err(told) => show_page(visit, id, Some(told)).await,
    }
}

fn changed(form: &Form) -> Result<AccountChange, Refused> {
    let position = position(form)?.ok_or_else(|| missing("position"))?;
    Ok(AccountChange { settings: Some(settings(form)?), position: Some(position), enabled: None })
}

fn switched(is_enabled: bool) -> AccountChange {
    AccountChange { enabled: Some(is_enabled), ..AccountChange::default() }
}

async fn rotate(visit: &Visit, id: ProcessorAccountId, form: &Form) -> Result<Answer, Refused> {
    let credentials = credentials(form)?.ok_or_else(|| missing(CREDENTIALS))?;
    let idempotency = Some(form.idempotency(&format!("POST /processor_accounts/{id}/rotate_credentials"))?);
    let engine = &visit.desk.engine;
    Ok(engine.rotate_processor_credentials(visit.context(), id, credentials, idempotency).await)
}
