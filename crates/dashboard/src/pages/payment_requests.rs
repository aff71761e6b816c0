//! Payment requests: what somebody is asked to pay by a link.

use actix_web::{HttpResponse, web};
use florin_domain::{
    CaptureMethod, CustomerId, Description, Email, InvoiceId, PaymentRequestId, PaymentRequestStatus,
    PaymentRequestType, Reason,
};
use florin_engine::access::Scope;
use florin_engine::requests::{CreatePaymentRequest, PaymentRequestFilter};
use florin_engine::views::{Answer, Refused};

use super::{done, rows_of};
use crate::blocks::{Block, Cell, Entry, Facts, Field, Filters, Sheet, Table};
use crate::form::{Form, form_of, invalid, missing};
use crate::pager::Pager;
use crate::show;
use crate::trouble::{Told, Trouble};
use crate::views::{Listed, PaymentRequest};
use crate::visit::{Posted, Visit, seen};

const FILTERS: &[&str] = &["status", "type"];
const SECTION: &str = "/payment-requests";

/// `GET /payment-requests`
pub(crate) async fn list(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::PaymentsRead)?;
    let query = &visit.query;
    let filter = PaymentRequestFilter {
        status: query.word("status")?,
        kind: query.word("type")?,
        ..PaymentRequestFilter::default()
    };
    let page = query.page::<PaymentRequestId>(PaymentRequestId::uuid)?;
    let listed: Listed<PaymentRequest> =
        seen(&visit.desk.engine.list_payment_requests(visit.context(), filter, page).await)?;
    let pager = Pager::new(&visit, SECTION, FILTERS, &listed, |request| &request.id);
    let rows = rows_of(listed.data, |request| {
        let amount = format!("{} {}", show::amount(&request.amount, &request.currency), request.currency);
        vec![
            Cell::link(amount, visit.path(&format!("{SECTION}/{}", request.id))),
            Cell::State(request.status),
            Cell::maybe(request.description),
            Cell::text(show::label(&request.kind)),
            Cell::Time(request.created_at),
        ]
    });
    let mut table = Table::new(&["Amount", "Status", "Description", "Type", "Created"], rows);
    table.empty = ("No payment requests", "A request is a link on which a customer pays.");
    table.is_live = query.get("after").is_none() && query.get("before").is_none();
    table.pager = Some(pager);
    table.filters = Some(Filters {
        path: visit.path(SECTION),
        fields: vec![
            Field::choice("status", "Status", "Any", PaymentRequestStatus::WORDS)
                .value(query.shown("status")),
            Field::choice("type", "Type", "Any", PaymentRequestType::WORDS).value(query.shown("type")),
        ],
        is_set: FILTERS.iter().any(|name| query.get(name).is_some()),
    });
    let mut sheet = Sheet::new(visit.chrome("Payment requests", SECTION).await?, vec![Block::Table(table)]);
    if visit.may(Scope::PaymentsWrite) {
        sheet = sheet.leading_to("New request", visit.path("/payment-requests/new"), true);
    }
    Ok(sheet.answer())
}

/// `GET /payment-requests/new`
pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::PaymentsWrite)?;
    new_page(&visit, &Form::default(), None).await
}

async fn new_page(visit: &Visit, form: &Form, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let typed = |name: &str| form.shown(name);
    let fields = vec![
        Field::choice("type", "What is paid", "", PaymentRequestType::WORDS)
            .needed()
            .value(form.get("type").unwrap_or("product")),
        Field::line("amount", "Amount")
            .needed()
            .value(typed("amount"))
            .hint("In major units, such as 12.50."),
        Field::line("currency", "Currency").needed().value(typed("currency")).hint("A code such as EUR."),
        Field::line("description", "Description").value(typed("description")).hint("The payer sees it."),
        Field::choice("capture_method", "When the money is taken", "", CaptureMethod::WORDS)
            .needed()
            .value(form.get("capture_method").unwrap_or("automatic"))
            .hint("Manual makes a pre-authorization, to be captured later."),
        Field::line("destination_id", "Invoice")
            .value(typed("destination_id"))
            .hint("Its id, for a request of an invoice."),
        Field::line("customer_id", "Customer")
            .value(typed("customer_id"))
            .hint("Their id, which begins with cus_."),
        Field::line("expires_at", "Open until").typed("date", "off").value(typed("expires_at")),
        Field::metadata(form),
    ];
    let entry =
        Entry::new("What is asked for", visit.path("/payment-requests/new"), fields, "Create the request");
    let chrome = visit.chrome("New payment request", SECTION).await?.telling(told);
    let sheet = Sheet::new(chrome, vec![Block::Entry(entry)]);
    Ok(sheet.below("Payment requests", visit.path(SECTION)).answer())
}

/// `POST /payment-requests/new`
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::PaymentsWrite)?;
    match do_create(&visit, &form).await {
        Ok(request) => Ok(done(&visit, &format!("{SECTION}/{}", request.id), "created")),
        Err(told) => new_page(&visit, &form, Some(told)).await,
    }
}

async fn do_create(visit: &Visit, form: &Form) -> Result<PaymentRequest, Told> {
    let currency = form.currency("currency")?.ok_or_else(|| missing("currency"))?;
    let amount = form.amount("amount", currency)?;
    let request = CreatePaymentRequest {
        kind: form.word("type")?.ok_or_else(|| missing("type"))?,
        amount: amount.ok_or_else(|| invalid("amount", &form_of(currency)))?,
        currency,
        description: form.text("description", Description::parse)?,
        customer_id: form.id::<CustomerId>("customer_id", Refused::customer_not_found)?,
        invoice_id: form.id::<InvoiceId>("destination_id", Refused::invoice_not_found)?,
        capture_method: form.word("capture_method")?.unwrap_or(CaptureMethod::Automatic),
        expires_at: form.day("expires_at")?,
        success_url: None,
        metadata: form.metadata()?,
    };
    let idempotency = form.idempotency("POST /payment_requests")?;
    seen(&visit.desk.engine.create_payment_request(visit.context(), request, Some(idempotency)).await)
}

/// `GET /payment-requests/{id}`
pub(crate) async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::PaymentsRead)?;
    show_page(&visit, request_id(&path.1)?, None).await
}

fn request_id(text: &str) -> Result<PaymentRequestId, Refused> {
    text.parse().map_err(|_malformed| Refused::payment_request_not_found())
}

async fn show_page(visit: &Visit, id: PaymentRequestId, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let request: PaymentRequest = seen(&visit.desk.engine.find_payment_request(visit.context(), id).await)?;
    let mut blocks = Vec::new();
    if request.status == "open" {
        blocks.push(Block::Secret {
            title: "Link",
            text: request.url.clone(),
            note: "Whoever has it can pay the request. Send it to who shall.",
        });
    }
    blocks.push(Block::Facts(Facts { title: "Details", rows: facts(visit, &request) }));
    if visit.may(Scope::PaymentsWrite) && request.status == "open" {
        let path = |act: &str| visit.path(&format!("{SECTION}/{id}/{act}"));
        let hint = "That of the customer when empty.";
        let email = Field::line("email", "E-mail address").typed("email", "off").hint(hint);
        let send = Entry::new("Send it by e-mail", path("send"), vec![email], "Send").folded();
        let reason = Field::line("reason", "Reason");
        let cancel = Entry::new("Cancel the request", path("cancel"), vec![reason], "Cancel the request");
        let cancel = cancel.note("It can't be paid any more then. A charge that is under way is undone.");
        blocks.extend([Block::Entry(send), Block::Entry(cancel.danger())]);
    }
    let amount = show::amount(&request.amount, &request.currency);
    let title = format!("Request for {amount} {}", request.currency);
    let sheet = Sheet::new(visit.chrome(title, SECTION).await?.telling(told), blocks)
        .below("Payment requests", visit.path(SECTION));
    Ok(sheet.badged(request.status).answer())
}

fn facts(visit: &Visit, request: &PaymentRequest) -> Vec<(String, Cell)> {
    let linked = |section: &str, id: &Option<String>| {
        let id = id.clone();
        id.map_or(Cell::Nothing, |id| Cell::id(id.clone(), visit.path(&format!("{section}/{id}"))))
    };
    let mut facts = vec![
        ("Amount".to_owned(), Cell::Money(request.amount, request.currency.clone())),
        ("Description".to_owned(), Cell::maybe(request.description.clone())),
        ("Type".to_owned(), Cell::text(show::label(&request.kind))),
        ("Capture".to_owned(), Cell::text(show::label(&request.capture_method))),
        ("Payment".to_owned(), linked("/payments", &request.payment_id)),
        ("Being paid now".to_owned(), Cell::text(if request.payment_in_progress { "Yes" } else { "No" })),
        ("Customer".to_owned(), linked("/customers", &request.customer_id)),
        ("Invoice".to_owned(), linked("/invoices", &request.destination_id)),
        ("Open until".to_owned(), Cell::maybe_time(request.expires_at.clone())),
        ("Paid".to_owned(), Cell::maybe_time(request.paid_at.clone())),
        ("Canceled".to_owned(), Cell::maybe_time(request.canceled_at.clone())),
        ("Created".to_owned(), Cell::Time(request.created_at.clone())),
        ("Id".to_owned(), Cell::Mono(request.id.clone())),
    ];
    facts.extend(super::metadata_facts(&request.metadata));
    facts
}

/// `POST /payment-requests/{id}/{act}`
pub(crate) async fn act(
    posted: Posted,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::PaymentsWrite)?;
    let id = request_id(&path.1)?;
    let (outcome, word) = match path.2.as_str() {
        "cancel" => (cancel(&visit, id, &form).await, "request-canceled"),
        "send" => (send(&visit, id, &form).await, "request-sent"),
        _ => return Err(Trouble::nothing_here()),
    };
    match outcome.map_err(Told::from).and_then(|answer| Told::check(&answer)) {
        Ok(()) => Ok(done(&visit, &format!("{SECTION}/{id}"), word)),
        Err(told) => show_page(&visit, id, Some(told)).await,
    }
}

async fn cancel(visit: &Visit, id: PaymentRequestId, form: &Form) -> Result<Answer, Refused> {
    let reason = form.text("reason", Reason::parse)?;
    let idempotency = form.idempotency(&format!("POST /payment_requests/{id}/cancel"))?;
    Ok(visit.desk.engine.cancel_payment_request(visit.context(), id, reason, Some(idempotency)).await)
}

async fn send(visit: &Visit, id: PaymentRequestId, form: &Form) -> Result<Answer, Refused> {
    let email = form.text("email", Email::parse)?;
    let idempotency = form.idempotency(&format!("POST /payment_requests/{id}/send"))?;
    Ok(visit.desk.engine.send_payment_request(visit.context(), id, email, Some(idempotency)).await)
}
