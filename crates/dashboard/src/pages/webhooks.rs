//! Webhook endpoints, what was delivered to them, and how it was answered.

use actix_web::{HttpResponse, web};
use florin_domain::{
    DeliveryId, DeliveryStatus, EndpointChange, EventId, EventType, WebhookEndpoint, WebhookEndpointId,
    check_text,
};
use florin_engine::access::Scope;
use florin_engine::requests::{
    CreateEndpoint, DeliveryFilter, Page, Position, RedeliverEvent, SecretOverlap,
};
use florin_engine::views::{Answer, ErrorCode, Refused};

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Filters, Sheet, Table};
use crate::form::{Form, missing};
use crate::pager::Pager;
use crate::trouble::{Told, Trouble};
use crate::views::{Delivery, Endpoint, Listed};
use crate::visit::{Posted, Visit, seen};

const SECTION: &str = "/webhooks";

/// `GET /webhooks`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::WebhooksRead)?;
    let page = Page::new(100, Position::Offset(0));
    let answer = visit.desk.engine.list_webhook_endpoints(visit.context(), None, None, page).await;
    let listed: Listed<Endpoint> = seen(&answer)?;
    let rows = rows_of(listed.data, |endpoint| {
        vec![
            Cell::link(endpoint.url.clone(), visit.path(&format!("{SECTION}/{}", endpoint.id))),
            Cell::State(state_of(&endpoint).to_owned()),
            Cell::text(types_of(&endpoint)),
            Cell::maybe(endpoint.description),
        ]
    });
    let mut table = Table::new(&["Address", "State", "Events", "Description"], rows);
    table.empty = ("No webhook endpoints", "Events are sent to the addresses that you add here.");
    let mut sheet = Sheet::new(visit.chrome("Webhooks", SECTION).await?, vec![Block::Table(table)]);
    if visit.may(Scope::WebhooksWrite) {
        sheet = sheet.leading_to("New endpoint", visit.path("/webhooks/new"), true);
    }
    Ok(sheet.answer())
}

fn state_of(endpoint: &Endpoint) -> &'static str {
    if endpoint.enabled { "enabled" } else { "disabled" }
}

fn types_of(endpoint: &Endpoint) -> String {
    endpoint.events.as_ref().map_or_else(|| "All".to_owned(), |types| types.join(", "))
}

/// `GET /webhooks/new`
pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::WebhooksWrite)?;
    new_page(&visit, &Form::default(), None).await
}

async fn new_page(visit: &Visit, form: &Form, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let ticked: Vec<String> = form.all("events").map(str::to_owned).collect();
    let fields = fields(form.shown("url"), form.shown("description"), &ticked);
    let entry = Entry::new("Where to send", visit.path("/webhooks/new"), fields, "Add the endpoint");
    let chrome = visit.chrome("New webhook endpoint", SECTION).await?.telling(told);
    let sheet = Sheet::new(chrome, vec![Block::Entry(entry)]);
    Ok(sheet.below("Webhooks", visit.path(SECTION)).answer())
}

fn fields(url: String, description: String, ticked: &[String]) -> Vec<Field> {
    vec![
        Field::line("url", "Address")
            .typed("url", "off")
            .needed()
            .value(url)
            .hint("It begins with https://."),
        Field::line("description", "Description").value(description),
        Field::boxes("events", "Events", EventType::WORDS, ticked).hint("All of them when none is ticked."),
    ]
}

/// `POST /webhooks/new`: the secret is shown with the answer, and never again.
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::WebhooksWrite)?;
    match do_create(&visit, &form).await {
        Ok(endpoint) => secret_page(&visit, endpoint, "The endpoint was added.").await,
        Err(told) => new_page(&visit, &form, Some(told)).await,
    }
}

async fn do_create(visit: &Visit, form: &Form) -> Result<Endpoint, Told> {
    let request = CreateEndpoint {
        url: url(form)?,
        types: types(form)?,
        description: description(form)?,
        enabled: true,
        max_concurrency: WebhookEndpoint::DEFAULT_CONCURRENCY,
    };
    let idempotency = form.idempotency("POST /webhooks")?;
    seen(&visit.desk.engine.create_webhook_endpoint(visit.context(), request, Some(idempotency)).await)
}

fn url(form: &Form) -> Result<String, Refused> {
    let url = form.text("url", |text| check_text(&text, WebhookEndpoint::MAX_URL_CHARS).map(|()| text))?;
    url.ok_or_else(|| missing("url"))
}

fn description(form: &Form) -> Result<Option<String>, Refused> {
    let most = WebhookEndpoint::MAX_DESCRIPTION_CHARS;
    form.text("description", |text| check_text(&text, most).map(|()| text))
}

fn types(form: &Form) -> Result<Option<Vec<EventType>>, Refused> {
    let types: Result<Vec<EventType>, _> = form.all("events").map(str::parse).collect();
    let types = types.map_err(|_unknown| crate::form::invalid("events", "Choose types that are offered."))?;
    Ok(Some(types).filter(|types| !types.is_empty()))
}

async fn secret_page(visit: &Visit, endpoint: Endpoint, told: &str) -> Result<HttpResponse, Trouble> {
    let mut blocks = vec![Block::Note { tone: "good", text: told.to_owned() }];
    blocks.push(match endpoint.secret {
        Some(text) => Block::Secret {
            title: "Signing secret",
            text,
            note: "It signs what is sent there. It is shown this once: keep it now where your receiver finds it.",
        },
        None => Block::Note {
            tone: "warn",
            text: "The form was sent before, and its secret was shown then. Rotate it if nobody has it.".to_owned(),
        },
    });
    let sheet = Sheet::new(visit.chrome("Webhook endpoint", SECTION).await?, blocks)
        .below("Webhooks", visit.path(SECTION));
    Ok(sheet.leading_to("To the endpoint", visit.path(&format!("{SECTION}/{}", endpoint.id)), true).answer())
}

/// `GET /webhooks/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::WebhooksRead)?;
    show_page(&visit, endpoint_id(&path.1)?, None, None).await
}

fn endpoint_id(text: &str) -> Result<WebhookEndpointId, Refused> {
    text.parse().map_err(|_malformed| Refused::webhook_endpoint_not_found())
}

async fn show_page(
    visit: &Visit,
    id: WebhookEndpointId,
    told: Option<Told>,
    form: Option<&Form>,
) -> Result<HttpResponse, Trouble> {
    let endpoint: Endpoint = seen(&visit.desk.engine.find_webhook_endpoint(visit.context(), id).await)?;
    let facts = vec![
        ("Events".to_owned(), Cell::text(types_of(&endpoint))),
        ("Description".to_owned(), Cell::maybe(endpoint.description.clone())),
        ("Disabled because".to_owned(), Cell::maybe(endpoint.disabled_reason.clone())),
        ("Old secret signs until".to_owned(), Cell::maybe_time(endpoint.old_secret_until.clone())),
        ("Added".to_owned(), Cell::Time(endpoint.created_at.clone())),
        ("Id".to_owned(), Cell::Mono(endpoint.id.clone())),
    ];
    let mut blocks =
        vec![Block::Facts(Facts { title: "Details", rows: facts }), deliveries(visit, id).await?];
    if visit.may(Scope::WebhooksWrite) {
        blocks.extend(entries(visit, &endpoint, form));
    }
    let state = state_of(&endpoint).to_owned();
    let sheet = Sheet::new(visit.chrome(endpoint.url, SECTION).await?.telling(told), blocks)
        .below("Webhooks", visit.path(SECTION));
    Ok(sheet.badged(state).answer())
}

async fn deliveries(visit: &Visit, id: WebhookEndpointId) -> Result<Block, Trouble> {
    let query = &visit.query;
    let filter = DeliveryFilter { status: query.word("status")?, ..DeliveryFilter::default() };
    let page = query.page::<DeliveryId>(DeliveryId::uuid)?;
    let listed: Listed<Delivery> =
        seen(&visit.desk.engine.list_deliveries(visit.context(), id, filter, page).await)?;
    let section = format!("{SECTION}/{id}");
    let pager = Pager::new(visit, &section, &["status"], &listed, |delivery| &delivery.id);
    let rows = rows_of(listed.data, |delivery| {
        let last = delivery.tries.last();
        let answer = last.map(|tried| match (tried.status_code, &tried.error) {
            (Some(code), _) => code.to_string(),
            (None, Some(error)) => error.clone(),
            (None, None) => "–".to_owned(),
        });
        vec![
            Cell::id(
                delivery.event_id.clone(),
                visit.path(&format!("{section}/deliveries/{}", delivery.event_id)),
            ),
            Cell::State(delivery.status),
            Cell::text(delivery.tries.len().to_string()),
            Cell::maybe(answer),
            Cell::Time(delivery.created_at),
        ]
    });
    let mut table = Table::new(&["Event", "State", "Tries", "Last answer", "When"], rows);
    table.title = Some("Deliveries");
    table.empty = ("Nothing was delivered", "Send a test to see whether it arrives.");
    table.pager = Some(pager);
    table.filters = Some(Filters {
        path: visit.path(&section),
        fields: vec![
            Field::choice("status", "State", "Any", DeliveryStatus::WORDS).value(query.shown("status")),
        ],
        is_set: query.get("status").is_some(),
    });
    Ok(Block::Table(table))
}

fn entries(visit: &Visit, endpoint: &Endpoint, form: Option<&Form>) -> Vec<Block> {
    let path = |act: &str| visit.path(&format!("{SECTION}/{}/{act}", endpoint.id));
    let ticked = endpoint.events.clone().unwrap_or_default();
    let kept = endpoint.description.clone().unwrap_or_default();
    let fields = match form.filter(|form| form.exact("url").is_some()) {
        Some(form) => {
            let ticked: Vec<String> = form.all("events").map(str::to_owned).collect();
            fields(form.shown("url"), form.shown("description"), &ticked)
        }
        None => fields(endpoint.url.clone(), kept, &ticked),
    };
    let since = vec![Field::line("since", "Since").typed("date", "off").needed()];
    let (able, label) = if endpoint.enabled { ("disable", "Disable") } else { ("enable", "Enable") };
    vec![
        Entry::new("Send a test", path("test"), Vec::new(), "Send a test event"),
        Entry::new("Send again what was not delivered", path("redeliver"), since, "Send again").folded(),
        Entry::new("Change the endpoint", path("change"), fields, "Save").folded(),
        Entry::new("Enable or disable the endpoint", path(able), Vec::new(), label).folded(),
        Entry::new("Rotate the signing secret", path("rotate"), Vec::new(), "Rotate the secret")
            .note("The old secret goes on signing beside the new one for a day.")
            .folded(),
        Entry::new("Delete the endpoint", path("delete"), Vec::new(), "Delete")
            .note("Nothing is sent there any more, and its deliveries can't be seen.")
            .danger(),
    ]
    .into_iter()
    .map(Block::Entry)
    .collect()
}

/// `POST /webhooks/{id}/{act}`
pub(crate) async fn act(
    posted: Posted,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::WebhooksWrite)?;
    let id = endpoint_id(&path.1)?;
    let engine = &visit.desk.engine;
    let key = || form.idempotency(&format!("POST /webhooks/{id}/{}", path.2));
    let outcome: Result<Answer, Refused> = async {
        Ok(match path.2.as_str() {
            "test" => engine.test_webhook_endpoint(visit.context(), id, Some(key()?)).await,
            "redeliver" => {
                let since = form.day("since")?.ok_or_else(|| missing("since"))?;
                engine.redeliver_since(visit.context(), id, since).await
            }
            "rotate" => {
                let overlap = SecretOverlap(SecretOverlap::DEFAULT);
                engine.rotate_webhook_secret(visit.context(), id, overlap, Some(key()?)).await
            }
            "delete" => engine.delete_webhook_endpoint(visit.context(), id).await,
            act => engine.update_webhook_endpoint(visit.context(), id, change(act, &form)?).await,
        })
    }
    .await;
    let (told, answer) = match outcome.map_err(Told::from) {
        Ok(answer) if answer.status < 400 => (None, Some(answer)),
        Ok(answer) => (Some(Told::of(&answer)), None),
        Err(told) => (Some(told), None),
    };
    match (path.2.as_str(), told, answer) {
        (_, Some(told), _) => show_page(&visit, id, Some(told), Some(&form)).await,
        ("rotate", None, Some(answer)) => {
            secret_page(&visit, seen(&answer)?, "The secret was rotated.").await
        }
        ("delete", ..) => Ok(done(&visit, SECTION, "deleted")),
        ("test" | "redeliver", ..) => Ok(done(&visit, &format!("{SECTION}/{id}"), "sent")),
        _ => Ok(done(&visit, &format!("{SECTION}/{id}"), "saved")),
    }
}

fn change(act: &str, form: &Form) -> Result<EndpointChange, Refused> {
    match act {
        "enable" => Ok(EndpointChange { enabled: Some(true), ..EndpointChange::default() }),
        "disable" => Ok(EndpointChange { enabled: Some(false), ..EndpointChange::default() }),
        "change" => Ok(EndpointChange {
            url: Some(url(form)?),
            types: Some(types(form)?),
            description: Some(description(form)?),
            ..EndpointChange::default()
        }),
        _ => Err(Refused::new(ErrorCode::PathNotFound, "There is no such page.")),
    }
}

/// `GET /webhooks/{id}/deliveries/{event}`: how each try was answered.
pub(crate) async fn delivery(
    visit: Visit,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::WebhooksRead)?;
    delivery_page(&visit, endpoint_id(&path.1)?, event_id(&path.2)?, None).await
}

fn event_id(text: &str) -> Result<EventId, Refused> {
    text.parse().map_err(|_malformed| Refused::event_not_found())
}

async fn delivery_page(
    visit: &Visit,
    id: WebhookEndpointId,
    event_id: EventId,
    told: Option<Told>,
) -> Result<HttpResponse, Trouble> {
    let filter = DeliveryFilter { event_id: Some(event_id), ..DeliveryFilter::default() };
    let page = Page::new(1, Position::Offset(0));
    let listed: Listed<Delivery> =
        seen(&visit.desk.engine.list_deliveries(visit.context(), id, filter, page).await)?;
    let delivery = listed.data.into_iter().next().ok_or_else(Refused::event_not_found)?;
    let event_path = visit.path(&format!("/events/{event_id}"));
    let facts = vec![
        ("Event".to_owned(), Cell::id(event_id.to_string(), event_path)),
        ("Next try".to_owned(), Cell::maybe_time(delivery.next_try_at)),
        ("Delivery".to_owned(), Cell::Mono(delivery.id)),
    ];
    let mut blocks = vec![Block::Facts(Facts { title: "Details", rows: facts })];
    for tried in delivery.tries.into_iter().rev() {
        let rows = vec![
            ("Try".to_owned(), Cell::text(tried.number.to_string())),
            ("When".to_owned(), Cell::Time(tried.tried_at)),
            ("It took".to_owned(), Cell::text(format!("{} ms", tried.duration_ms))),
            ("Status".to_owned(), Cell::maybe(tried.status_code.map(|code| code.to_string()))),
            ("Error".to_owned(), Cell::maybe(tried.error)),
        ];
        blocks.push(Block::Facts(Facts { title: "A try", rows }));
        if let Some(text) = tried.answer {
            blocks.push(Block::Code { title: "The answer's body", text });
        }
    }
    if visit.may(Scope::WebhooksWrite) {
        let path = visit.path(&format!("{SECTION}/{id}/deliveries/{event_id}"));
        blocks.push(Block::Entry(Entry::new("Send it again", path, Vec::new(), "Send again")));
    }
    let sheet = Sheet::new(visit.chrome("Delivery", SECTION).await?.telling(told), blocks)
        .below("Endpoint", visit.path(&format!("{SECTION}/{id}")));
    Ok(sheet.badged(delivery.status).answer())
}

/// `POST /webhooks/{id}/deliveries/{event}`
pub(crate) async fn redeliver(
    posted: Posted,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let visit = posted.visit;
    visit.needs(Scope::WebhooksWrite)?;
    let (id, event_id) = (endpoint_id(&path.1)?, event_id(&path.2)?);
    let request = RedeliverEvent { endpoint_id: Some(id) };
    match Told::check(&visit.desk.engine.redeliver_event(visit.context(), event_id, request).await) {
        Ok(()) => Ok(done(&visit, &format!("{SECTION}/{id}/deliveries/{event_id}"), "sent")),
        Err(told) => delivery_page(&visit, id, event_id, Some(told)).await,
    }
}
