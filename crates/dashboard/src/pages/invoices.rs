//! Invoices.

use actix_web::{HttpResponse, web};
use florin_domain::{
    Amount, Currency, CustomerId, Description, InvoiceId, InvoiceLine, InvoiceNumber, InvoiceStatus,
    is_counted_number, sum_of_lines,
};
use florin_engine::access::Scope;
use florin_engine::requests::{CreateInvoice, InvoiceFilter};
use florin_engine::views::{ErrorCode, Refused};

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Column, Entry, Facts, Field, Filters, Kind, Sheet, Table};
use crate::form::{Form, form_of, invalid, missing};
use crate::pager::Pager;
use crate::show;
use crate::trouble::{Told, Trouble};
use crate::views::{Invoice, Listed};
use crate::visit::{Posted, Visit, seen};

const FILTERS: &[&str] = &["status", "number"];
const SECTION: &str = "/invoices";

/// What a line is filled in by.
const LINE: [Column; 3] = [
    Column { name: "line_description", label: "Description", is_narrow: false },
    Column { name: "line_quantity", label: "Quantity", is_narrow: true },
    Column { name: "line_amount", label: "Each", is_narrow: true },
];

/// How many lines are there to be filled in beside those that are.
const SPARE_LINES: usize = 3;

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
        sheet = sheet.leading_to("New invoice", visit.path("/invoices/new"), true);
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
        Field::line("currency", "Currency")
            .needed()
            .value(form.shown("currency"))
            .hint("A code such as EUR."),
        Field::line("number", "Number").value(form.shown("number")).hint("Counted up when empty."),
        Field::line("customer_id", "Customer")
            .value(form.shown("customer_id"))
            .hint("Their id, which begins with cus_."),
        Field::line("due_at", "Due on").typed("date", "off").value(form.shown("due_at")),
        lines_field(form),
        Field::line("amount_due", "Amount due")
            .value(form.shown("amount_due"))
            .hint("In major units, such as 12.50; the sum of the lines when empty."),
        Field::metadata(form),
    ];
    let entry = Entry::new("What is owed", visit.path("/invoices/new"), fields, "Create the invoice");
    let entry = Entry { more: Some("More lines"), ..entry };
    let chrome = visit.chrome("New invoice", SECTION).await?.telling(told);
    let sheet = Sheet::new(chrome, vec![Block::Entry(entry)]);
    Ok(sheet.below("Invoices", visit.path(SECTION)).answer())
}

/// `POST /invoices/new`
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::InvoicesWrite)?;
    if form.get("more").is_some() {
        return new_page(&visit, &form, None).await;
    }
    match do_create(&visit, &form).await {
        Ok(invoice) => Ok(done(&visit, &format!("{SECTION}/{}", invoice.id), "created")),
        Err(told) => new_page(&visit, &form, Some(told)).await,
    }
}

/// As many lines as were filled in, and some more.
fn lines_field(form: &Form) -> Field {
    let typed = |row: &Form| LINE.iter().map(|column| row.shown(column.name)).collect();
    let mut rows: Vec<Vec<String>> =
        form.rows(&LINE.map(|column| column.name)).iter().map(|(_, row)| typed(row)).collect();
    rows.resize(rows.len() + SPARE_LINES, vec![String::new(); LINE.len()]);
    let hint = "What is left empty is left out.";
    Field { kind: Kind::Rows(&LINE, rows), ..Field::line("lines", "Lines").hint(hint) }
}

fn lines(form: &Form, currency: Currency) -> Result<Vec<InvoiceLine>, Refused> {
    let line = |(number, row): &(usize, Form)| {
        line(row, currency).map_err(|refused| {
            let message = format!(
                "Line {number}, {}: {}",
                refused.param.as_deref().map_or("", name_of),
                refused.message
            );
            Refused { message, ..refused }.param("lines")
        })
    };
    form.rows(&LINE.map(|column| column.name)).iter().map(line).collect()
}

fn name_of(field: &str) -> &'static str {
    LINE.iter().find(|column| column.name == field).map_or("", |column| column.label)
}

fn line(row: &Form, currency: Currency) -> Result<InvoiceLine, Refused> {
    let [description, quantity, unit_amount] = LINE.map(|column| column.name);
    Ok(InvoiceLine {
        description: row.needed_text(description, Description::parse)?,
        quantity: row.number(quantity, 1, u32::MAX)?.unwrap_or(1),
        unit_amount: row.amount(unit_amount, currency)?.ok_or_else(|| missing(unit_amount))?,
    })
}

/// The sum of the lines, or what was typed where there are none. Where there are both they have to agree.
fn amount_due(form: &Form, currency: Currency, lines: &[InvoiceLine]) -> Result<Amount, Refused> {
    let typed = form.amount("amount_due", currency)?;
    if lines.is_empty() {
        return typed.ok_or_else(|| invalid("amount_due", &form_of(currency)));
    }
    let sum = sum_of_lines(lines).map_err(|_too_large| invalid("lines", "The lines sum up to too much."))?;
    match typed {
        Some(typed) if typed != sum => {
            let sum = show::amount(&sum.minor(), currency.code());
            let message = format!("The lines sum up to {sum} {currency}: write that, or nothing.");
            Err(Refused::new(ErrorCode::ParametersConflict, message).param("amount_due"))
        }
        Some(_) | None => Ok(sum),
    }
}

async fn do_create(visit: &Visit, form: &Form) -> Result<Invoice, Told> {
    let currency = form.currency("currency")?.ok_or_else(|| missing("currency"))?;
    let lines = lines(form, currency)?;
    let number = form.text("number", InvoiceNumber::parse)?;
    if number.as_ref().is_some_and(|number| is_counted_number(number.as_str())) {
        let message = "INV- and digits is how numbers are counted up; choose another, or leave it empty.";
        return Err(invalid("number", message).into());
    }
    let request = CreateInvoice {
        number,
        customer_id: form.id::<CustomerId>("customer_id", Refused::customer_not_found)?,
        currency,
        amount_due: amount_due(form, currency, &lines)?,
        lines,
        due_at: form.day("due_at")?,
        metadata: form.metadata()?,
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
    facts.extend(super::metadata_facts(&invoice.metadata));
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
    let sheet = Sheet::new(visit.chrome(title, SECTION).await?.telling(told), blocks)
        .below("Invoices", visit.path(SECTION));
    Ok(sheet.badged(invoice.status).answer())
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
