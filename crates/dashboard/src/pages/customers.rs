//! Customers and their credits.

use actix_web::{HttpResponse, web};
use florin_domain::{CustomerId, CustomerName, Email, ExternalId, Reason};
use florin_engine::access::Scope;
use florin_engine::requests::{
    CreateCustomer, CreditFilter, CustomerFilter, GrantCredits, Page, Position, UpdateCustomer,
};
use florin_engine::views::{Answer, Refused};

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Filters, Sheet, Table};
use crate::form::{Form, form_of, missing};
use crate::pager::Pager;
use crate::trouble::{Told, Trouble};
use crate::views::{Credits, Customer, Listed};
use crate::visit::{Posted, Visit, seen};

const FILTERS: &[&str] = &["email", "external_id"];
const SECTION: &str = "/customers";

/// `GET /customers`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::CustomersRead)?;
    let query = &visit.query;
    let filter = CustomerFilter {
        email: query.text("email", Email::parse)?,
        external_id: query.text("external_id", ExternalId::parse)?,
        ..CustomerFilter::default()
    };
    let page = query.page::<CustomerId>(CustomerId::uuid)?;
    let listed: Listed<Customer> =
        seen(&visit.desk.engine.list_customers(visit.context(), filter, page).await)?;
    let pager = Pager::new(&visit, SECTION, FILTERS, &listed, |customer| &customer.id);
    let rows = rows_of(listed.data, |customer| {
        vec![
            Cell::link(
                customer.name.clone().or(customer.email.clone()).unwrap_or_else(|| customer.id.clone()),
                visit.path(&format!("{SECTION}/{}", customer.id)),
            ),
            Cell::maybe(customer.email),
            Cell::maybe(customer.external_id),
            Cell::Time(customer.created_at),
        ]
    });
    let mut table = Table::new(&["Customer", "E-mail", "Your id", "Created"], rows);
    table.empty = ("No customers", "Customers are made by the API, or here.");
    table.pager = Some(pager);
    table.filters = Some(Filters {
        path: visit.path(SECTION),
        fields: vec![
            Field::line("email", "E-mail").value(query.shown("email")),
            Field::line("external_id", "Your id").value(query.shown("external_id")),
        ],
        is_set: FILTERS.iter().any(|name| query.get(name).is_some()),
    });
    let mut sheet = Sheet::new(visit.chrome("Customers", SECTION).await?, vec![Block::Table(table)]);
    if visit.may(Scope::CustomersWrite) {
        sheet = sheet.leading_to("New customer", visit.path("/customers/new"), true);
    }
    Ok(sheet.answer())
}

/// `GET /customers/new`
pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::CustomersWrite)?;
    new_page(&visit, &Form::default(), None).await
}

async fn new_page(visit: &Visit, form: &Form, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let mut fields = fields(form);
    fields.push(Field::metadata(form));
    let entry = Entry::new("Who it is", visit.path("/customers/new"), fields, "Create the customer");
    let chrome = visit.chrome("New customer", SECTION).await?.telling(told);
    let sheet = Sheet::new(chrome, vec![Block::Entry(entry)]);
    Ok(sheet.below("Customers", visit.path(SECTION)).answer())
}

fn fields(form: &Form) -> Vec<Field> {
    vec![
        Field::line("name", "Name").value(form.shown("name")),
        Field::line("email", "E-mail").typed("email", "off").value(form.shown("email")),
        Field::line("external_id", "Your own id for them").value(form.shown("external_id")),
    ]
}

/// `POST /customers/new`
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::CustomersWrite)?;
    match do_create(&visit, &form).await {
        Ok(customer) => Ok(done(&visit, &format!("{SECTION}/{}", customer.id), "created")),
        Err(told) => new_page(&visit, &form, Some(told)).await,
    }
}

async fn do_create(visit: &Visit, form: &Form) -> Result<Customer, Told> {
    let request = CreateCustomer {
        name: form.text("name", CustomerName::parse)?,
        email: form.text("email", Email::parse)?,
        external_id: form.text("external_id", ExternalId::parse)?,
        metadata: form.metadata()?,
    };
    let idempotency = form.idempotency("POST /customers")?;
    seen(&visit.desk.engine.create_customer(visit.context(), request, Some(idempotency)).await)
}

/// `GET /customers/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::CustomersRead)?;
    show_page(&visit, customer_id(&path.1)?, None, None).await
}

fn customer_id(text: &str) -> Result<CustomerId, Refused> {
    text.parse().map_err(|_malformed| Refused::customer_not_found())
}

async fn show_page(
    visit: &Visit,
    id: CustomerId,
    told: Option<Told>,
    form: Option<&Form>,
) -> Result<HttpResponse, Trouble> {
    let engine = &visit.desk.engine;
    let customer: Customer = seen(&engine.find_customer(visit.context(), id).await)?;
    let page = Page::new(50, Position::Offset(0));
    let credits = engine.find_credits(visit.context(), id, CreditFilter::default(), page).await;
    let credits: Credits = seen(&credits)?;
    let title = customer.name.clone().or(customer.email.clone()).unwrap_or_else(|| customer.id.clone());
    let mut facts: Vec<(String, Cell)> = vec![
        ("Id".to_owned(), Cell::Mono(customer.id.clone())),
        ("Name".to_owned(), Cell::maybe(customer.name.clone())),
        ("E-mail".to_owned(), Cell::maybe(customer.email.clone())),
        ("Your id".to_owned(), Cell::maybe(customer.external_id.clone())),
        ("Created".to_owned(), Cell::Time(customer.created_at.clone())),
    ];
    facts.extend(super::metadata_facts(&customer.metadata));
    let mut blocks = vec![Block::Facts(Facts { title: "Details", rows: facts })];
    blocks.extend(credit_blocks(visit, credits));
    if visit.may(Scope::CustomersWrite) {
        blocks.extend(entries(visit, &customer, form));
    }
    let sheet = Sheet::new(visit.chrome(title, SECTION).await?.telling(told), blocks)
        .below("Customers", visit.path(SECTION));
    let payments = visit.path(&format!("/payments?customer_id={id}"));
    Ok(sheet.leading_to("Their payments", payments, false).answer())
}

fn credit_blocks(visit: &Visit, credits: Credits) -> Vec<Block> {
    let balances = rows_of(credits.balances, |balance| {
        vec![Cell::text(&*balance.currency), Cell::Money(balance.balance, balance.currency)]
    });
    let mut left = Table::new(&["Currency", "Left"], balances);
    left.title = Some("Credits");
    left.empty = ("No credits", "");
    let moved = rows_of(credits.data, |entry| {
        vec![
            Cell::link(crate::show::label(&entry.kind), visit.path(&format!("/transactions/{}", entry.id))),
            Cell::Money(entry.amount, entry.currency),
            Cell::Time(entry.created_at),
        ]
    });
    if moved.is_empty() {
        return vec![Block::Table(left)];
    }
    let mut history = Table::new(&["What", "Amount", "When"], moved);
    history.title = Some("Movements of credits");
    vec![Block::Table(left), Block::Table(history)]
}

fn entries(visit: &Visit, customer: &Customer, form: Option<&Form>) -> Vec<Block> {
    let typed = |name: &str| form.map(|form| form.shown(name)).unwrap_or_default();
    let grant = vec![
        Field::line("amount", "Amount")
            .needed()
            .value(typed("amount"))
            .hint("In major units, such as 12.50."),
        Field::line("currency", "Currency").needed().value(typed("currency")).hint("A code such as EUR."),
        Field::line("reason", "Reason").value(typed("reason")),
    ];
    let kept = |value: &Option<String>| value.clone().unwrap_or_default();
    let change = vec![
        Field::line("name", "Name").value(kept(&customer.name)),
        Field::line("email", "E-mail").typed("email", "off").value(kept(&customer.email)),
        Field::line("external_id", "Your own id for them").value(kept(&customer.external_id)),
    ];
    let path = |act: &str| visit.path(&format!("{SECTION}/{}/{act}", customer.id));
    vec![
        Block::Entry(Entry::new("Grant credits", path("credits"), grant, "Grant the credits").folded()),
        Block::Entry(Entry::new("Change the details", path("change"), change, "Save").folded()),
    ]
}

/// `POST /customers/{id}/{act}`
pub(crate) async fn act(
    posted: Posted,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::CustomersWrite)?;
    let id = customer_id(&path.1)?;
    let (outcome, word) = match path.2.as_str() {
        "credits" => (grant(&visit, id, &form).await, "granted"),
        "change" => (change(&visit, id, &form).await, "saved"),
        _ => return Err(Trouble::nothing_here()),
    };
    match outcome.map_err(Told::from).and_then(|answer| Told::check(&answer)) {
        Ok(()) => Ok(done(&visit, &format!("{SECTION}/{id}"), word)),
        Err(told) => show_page(&visit, id, Some(told), Some(&form)).await,
    }
}

async fn grant(visit: &Visit, id: CustomerId, form: &Form) -> Result<Answer, Refused> {
    let currency = form.currency("currency")?.ok_or_else(|| missing("currency"))?;
    let amount = form.amount("amount", currency)?;
    let amount = amount.ok_or_else(|| crate::form::invalid("amount", &form_of(currency)))?;
    let request = GrantCredits { amount, currency, reason: form.text("reason", Reason::parse)? };
    let idempotency = form.idempotency(&format!("POST /customers/{id}/credits"))?;
    Ok(visit.desk.engine.grant_credits(visit.context(), id, request, Some(idempotency)).await)
}

async fn change(visit: &Visit, id: CustomerId, form: &Form) -> Result<Answer, Refused> {
    let request = UpdateCustomer {
        name: Some(form.text("name", CustomerName::parse)?),
        email: Some(form.text("email", Email::parse)?),
        external_id: Some(form.text("external_id", ExternalId::parse)?),
        ..UpdateCustomer::default()
    };
    Ok(visit.desk.engine.update_customer(visit.context(), id, request).await)
}
