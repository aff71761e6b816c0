//! API keys. A secret is shown once.

use actix_web::{HttpResponse, web};
use florin_domain::{KeyId, check_text};
use florin_engine::access::{SCOPE_WORDS, Scope, Scopes};
use florin_engine::requests::{ApiKeyFilter, CreateApiKey, RotateApiKey};
use florin_engine::views::Refused;

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Sheet, Table};
use crate::form::{Form, invalid};
use crate::pager::Pager;
use crate::trouble::{Told, Trouble};
use crate::views::{ApiKey, Listed};
use crate::visit::{Posted, Visit, seen};

const SECTION: &str = "/api-keys";

/// How long a key's name may be.
const LONGEST_NAME: usize = 200;

/// `GET /api-keys`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    let page = visit.query.page::<KeyId>(KeyId::uuid)?;
    let answer = visit.desk.engine.list_api_keys(visit.context(), ApiKeyFilter::default(), page).await;
    let listed: Listed<ApiKey> = seen(&answer)?;
    let pager = Pager::new(&visit, SECTION, &[], &listed, |key| &key.id);
    let rows = rows_of(listed.data, |key| {
        let name = if key.name.is_empty() { key.id.clone() } else { key.name };
        vec![
            Cell::link(name, visit.path(&format!("{SECTION}/{}", key.id))),
            Cell::Mono(key.secret_hint),
            Cell::State(key.status),
            Cell::text(key.scopes.join(", ")),
            Cell::maybe_time(key.last_used_at),
        ]
    });
    let mut table = Table::new(&["Name", "Secret", "State", "Scopes", "Last used"], rows);
    table.empty = ("No API keys", "Programs need one to use the API.");
    table.pager = Some(pager);
    let sheet = Sheet::new(visit.chrome("API keys", SECTION).await?, vec![Block::Table(table)]);
    Ok(sheet.leading_to("New key", visit.path("/api-keys/new"), true).answer())
}

/// `GET /api-keys/new`
pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    new_page(&visit, &Form::default(), None).await
}

async fn new_page(visit: &Visit, form: &Form, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let ticked: Vec<String> = form.all("scopes").map(str::to_owned).collect();
    let fields = vec![
        Field::line("name", "Name").value(form.shown("name")).hint("What people call it."),
        Field::boxes("scopes", "What it may do", SCOPE_WORDS, &ticked).hint("admin is everything."),
        Field::line("expires_at", "Until").typed("date", "off").value(form.shown("expires_at")),
    ];
    let entry = Entry::new("What it is for", visit.path("/api-keys/new"), fields, "Make the key");
    let chrome = visit.chrome("New API key", SECTION).await?.telling(told);
    let sheet = Sheet::new(chrome, vec![Block::Entry(entry)]);
    Ok(sheet.below("API keys", visit.path(SECTION)).answer())
}

/// `POST /api-keys/new`
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::Admin)?;
    match do_create(&visit, &form).await {
        Ok(key) => secret_page(&visit, key).await,
        Err(told) => new_page(&visit, &form, Some(told)).await,
    }
}

async fn do_create(visit: &Visit, form: &Form) -> Result<ApiKey, Told> {
    let name = form.text("name", |text| check_text(&text, LONGEST_NAME).map(|()| text))?;
    let scopes: Result<Vec<Scope>, _> = form.all("scopes").map(str::parse).collect();
    let scopes = scopes.ok().filter(|scopes| !scopes.is_empty());
    let scopes = scopes.ok_or_else(|| invalid("scopes", "Tick what the key may do."))?;
    let request = CreateApiKey {
        name: name.unwrap_or_default(),
        scopes: scopes.into_iter().collect::<Scopes>(),
        expires_at: form.day("expires_at")?,
        limit_per_minute: None,
        limit_per_second: None,
    };
    let idempotency = form.idempotency("POST /api_keys")?;
    seen(&visit.desk.engine.create_api_key(visit.context(), request, Some(idempotency)).await)
}

async fn secret_page(visit: &Visit, key: ApiKey) -> Result<HttpResponse, Trouble> {
    let block = match key.secret {
        Some(text) => Block::Secret {
            title: "API key",
            text,
            note: "It is shown this once: keep it now where your program finds it.",
        },
        None => Block::Note {
            tone: "warn",
            text: "The form was sent before, and the key was shown then. Revoke it if nobody has it."
                .to_owned(),
        },
    };
    let sheet = Sheet::new(visit.chrome("API key", SECTION).await?, vec![block])
        .below("API keys", visit.path(SECTION));
    Ok(sheet.leading_to("To the key", visit.path(&format!("{SECTION}/{}", key.id)), true).answer())
}

/// `GET /api-keys/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::Admin)?;
    show_page(&visit, key_id(&path.1)?, None).await
}

fn key_id(text: &str) -> Result<KeyId, Refused> {
    text.parse().map_err(|_malformed| Refused::api_key_not_found())
}

async fn show_page(visit: &Visit, id: KeyId, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let key: ApiKey = seen(&visit.desk.engine.find_api_key(visit.context(), id).await)?;
    let facts = vec![
        ("Secret".to_owned(), Cell::Mono(key.secret_hint)),
        ("Scopes".to_owned(), Cell::text(key.scopes.join(", "))),
        ("Until".to_owned(), Cell::maybe_time(key.expires_at)),
        ("Last used".to_owned(), Cell::maybe_time(key.last_used_at)),
        ("Made by".to_owned(), Cell::Mono(key.created_by)),
        ("Made".to_owned(), Cell::Time(key.created_at)),
        ("Id".to_owned(), Cell::Mono(key.id)),
    ];
    let mut blocks = vec![Block::Facts(Facts { title: "Details", rows: facts })];
    if key.status == "active" {
        let path = |act: &str| visit.path(&format!("{SECTION}/{id}/{act}"));
        let rotate = Entry::new("Rotate the key", path("rotate"), Vec::new(), "Rotate")
            .note("It gets a successor, and goes on working for a day beside it.");
        let revoke = Entry::new("Revoke the key", path("revoke"), Vec::new(), "Revoke the key")
            .note("It opens nothing any more, at once and for good.");
        blocks.extend([Block::Entry(rotate.folded()), Block::Entry(revoke.danger())]);
    }
    let title = if key.name.is_empty() { "API key".to_owned() } else { key.name };
    let sheet = Sheet::new(visit.chrome(title, SECTION).await?.telling(told), blocks)
        .below("API keys", visit.path(SECTION));
    Ok(sheet.badged(key.status).answer())
}

/// `POST /api-keys/{id}/{act}`
pub(crate) async fn act(
    posted: Posted,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::Admin)?;
    let id = key_id(&path.1)?;
    let engine = &visit.desk.engine;
    match path.2.as_str() {
        "rotate" => {
            let request = RotateApiKey { overlap: RotateApiKey::DEFAULT_OVERLAP, expires_at: None };
            let idempotency = form.idempotency(&format!("POST /api_keys/{id}/rotate"))?;
            let answer = engine.rotate_api_key(visit.context(), id, request, Some(idempotency)).await;
            match seen::<ApiKey>(&answer) {
                Ok(key) => secret_page(&visit, key).await,
                Err(told) => show_page(&visit, id, Some(told)).await,
            }
        }
        "revoke" => match Told::check(&engine.revoke_api_key(visit.context(), id).await) {
            Ok(()) => Ok(done(&visit, &format!("{SECTION}/{id}"), "revoked")),
            Err(told) => show_page(&visit, id, Some(told)).await,
        },
        _ => Err(Trouble::nothing_here()),
    }
}
