//! Invoices.

use actix_web::{HttpResponse, web};
use florin_domain::{CustomerId, InvoiceId, InvoiceNumber, InvoiceStatus, Metadata, is_counted_number};
use florin_engine::access::Scope;
use florin_engine::requests::{CreateInvoice, InvoiceFilter};
use florin_engine::views::Refused;

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Filters, Sheet, Table, Way};
use crate::form::{Form, form_of, invalid, missing};
use crate::pager::Pager;
use crate::trouble::{Told, Trouble};
use crate::views::{Invoice, Listed};
use crate::visit::{Posted, Visit, seen};

const FILTERS: &[&str] = &["status", "number"];
const SECTION: &str = "/invoices";

/// `GET /invoices`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::InvoicesRead)?;
    let query = &visit.query;
    let filter = InvoiceFilter {
        status: query.word("status")?,
        number: query.text("number", InvoiceNumber::parse)?,
        ..InvoiceFilter::default()
    };
    let page = query.page::<InvoiceId>(InvoiceId::uuid)?;
    let listed: Listed<Invoice> =
        seen(&visit.desk.engine.list_invoices(visit.context(), filter, page).await)?;
    let pager = Pager::new(&visit, SECTION, FILTERS, &listed, |invoice| &invoice.id);
    let rows = rows_of(listed.data, |invoice| {
        vec![
            Cell::link(invoice.number, visit.path(&format!("{SECTION}/{}", invoice.id))),
            Cell::State(invoice.status),
            Cell::Money(invoice.amount_due, invoice.currency.clone()),
            Cell::Money(invoice.amount_remaining, invoice.currency),
            Cell::maybe_time(invoice.due_at),
            Cell::Time(invoice.created_at),
        ]
    });
    let mut table = Table::new(&["Number", "Status", "Due", "Remaining", "Due at", "Created"], rows);
    table.empty = ("No invoices", "Invoices are made by the API, or here.");
    table.pager = Some(pager);
    table.filters = Some(Filters {
        path: visit.path(SECTION),
        fields: vec![
            Field::line("number", "Number").value(query.shown("number")),
            Field::choice("status", "Status", "Any", InvoiceStatus::WORDS).value(query.shown("status")),
        ],
        is_set: FILTERS.iter().any(|name| query.get(name).is_some()),
    });
    let mut sheet = Sheet::new(visit.chrome("Invoices", SECTION).await?, vec![Block::Table(table)]);
    if visit.may(Scope::InvoicesWrite) {
        let path = visit.path("/invoices/new");
        sheet.links.push(Way { label: "New invoice", path, is_primary: true });
    }
    Ok(sheet.answer())
}

/// `GET /invoices/new`
pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::InvoicesWrite)?;
    new_page(&visit, &Form::default(), None).await
}

async fn new_page(visit: &Visit, form: &Form, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let fields = vec![
        Field::line("amount_due", "Amount due")
            .needed()
            .value(form.shown("amount_due"))
            .hint("In major units, such as 12.50."),
        Field::line("currency", "Currency")
            .needed()
            .value(form.shown("currency"))
            .hint("A code such as EUR."),
        Field::line("number", "Number").value(form.shown("number")).hint("Counted up when empty."),
        Field::line("customer_id", "Customer")
            .value(form.shown("customer_id"))
            .hint("Their id, which begins with cus_."),
        Field::line("due_at", "Due on").typed("date", "off").value(form.shown("due_at")),
    ];
    let entry = Entry::new("What is owed", visit.path("/invoices/new"), fields, "Create the invoice");
    let chrome = visit.chrome("New invoice", SECTION).await?.telling(told);
    let mut sheet = Sheet::new(chrome, vec![Block::Entry(entry)]);
    sheet.crumb = Some(("Invoices", visit.path(SECTION)));
    Ok(sheet.answer())
}

/// `POST /invoices/new`
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::InvoicesWrite)?;
    match do_create(&visit, &form).await {
        Ok(invoice) => Ok(done(&visit, &format!("{SECTION}/{}", invoice.id), "created")),
        Err(told) => new_page(&visit, &form, Some(told)).await,
    }
}

async fn do_create(visit: &Visit, form: &Form) -> Result<Invoice, Told> {
    let currency = form.currency("currency")?.ok_or_else(|| missing("currency"))?;
    let amount_due = form.amount("amount_due", currency)?;
    let number = form.text("number", InvoiceNumber::parse)?;
    if number.as_ref().is_some_and(|number| is_counted_number(number.as_str())) {
        let message = "INV- and digits is how numbers are counted up; choose another, or leave it empty.";
        return Err(invalid("number", message).into());
    }
    let request = CreateInvoice {
        number,
        customer_id: form.id::<CustomerId>("customer_id", Refused::customer_not_found)?,
        currency,
        amount_due: amount_due.ok_or_else(|| invalid("amount_due", &form_of(currency)))?,
        lines: Vec::new(),
        due_at: form.day("due_at")?,
        metadata: Metadata::default(),
    };
    let idempotency = form.idempotency("POST /invoices")?;
    seen(&visit.desk.engine.create_invoice(visit.context(), request, Some(idempotency)).await)
}

/// `GET /invoices/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::InvoicesRead)?;
    show_page(&visit, invoice_id(&path.1)?, None).await
}

fn invoice_id(text: &str) -> Result<InvoiceId, Refused> {
    text.parse().map_err(|_malformed| Refused::invoice_not_found())
}

async fn show_page(visit: &Visit, id: InvoiceId, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let invoice: Invoice = seen(&visit.desk.engine.find_invoice(visit.context(), id).await)?;
    let money = |minor: i64| Cell::Money(minor, invoice.currency.clone());
    let customer = invoice.customer_id.clone().map_or(Cell::Nothing, |id| {
        let path = visit.path(&format!("/customers/{id}"));
        Cell::id(id, path)
    });
    let mut facts = vec![
        ("Due".to_owned(), money(invoice.amount_due)),
        ("Paid".to_owned(), money(invoice.amount_paid)),
        ("Remaining".to_owned(), money(invoice.amount_remaining)),
        ("Customer".to_owned(), customer),
        ("Due at".to_owned(), Cell::maybe_time(invoice.due_at.clone())),
        ("Created".to_owned(), Cell::Time(invoice.created_at.clone())),
        ("Id".to_owned(), Cell::Mono(invoice.id.clone())),
    ];
    facts.extend(
        invoice.metadata.iter().map(|(key, value)| (format!("Metadata: {key}"), Cell::text(value.clone()))),
    );
    let lines = rows_of(invoice.lines, |line| {
        let each = Cell::Money(line.unit_amount, invoice.currency.clone());
        vec![Cell::text(line.description), Cell::text(line.quantity.to_string()), each]
    });
    let mut blocks = vec![Block::Facts(Facts { title: "Details", rows: facts })];
    if !lines.is_empty() {
        let mut table = Table::new(&["Description", "Quantity", "Each"], lines);
        table.title = Some("Lines");
        blocks.push(Block::Table(table));
    }
    if visit.may(Scope::InvoicesWrite) && invoice.status == "open" {
        let path = visit.path(&format!("{SECTION}/{id}/void"));
        let entry = Entry::new("Void this invoice", path, Vec::new(), "Void the invoice");
        blocks.push(Block::Entry(entry.note("It can't be paid any more then, and stays void.").danger()));
    }
    let title = format!("Invoice {}", invoice.number);
    let mut sheet = Sheet::new(visit.chrome(title, SECTION).await?.telling(told), blocks);
    sheet.crumb = Some(("Invoices", visit.path(SECTION)));
    sheet.badge = Some(invoice.status);
    Ok(sheet.answer())
}

/// `POST /invoices/{id}/void`
pub(crate) async fn void(posted: Posted, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::InvoicesWrite)?;
    let id = invoice_id(&path.1)?;
    let idempotency = form.idempotency(&format!("POST /invoices/{id}/void"))?;
    match Told::check(&visit.desk.engine.void_invoice(visit.context(), id, Some(idempotency)).await) {
        Ok(()) => Ok(done(&visit, &format!("{SECTION}/{id}"), "voided")),
        Err(told) => show_page(&visit, id, Some(told)).await,
    }
}
