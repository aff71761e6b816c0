//! A new payment: charged to a payment method that is known, or noted as paid outside or by credits.

use actix_web::HttpResponse;
use florin_domain::{CaptureMethod, CustomerId, Description, InvoiceId, MethodRef, MethodType, PaymentId};
use florin_engine::access::Scope;
use florin_engine::requests::CreatePayment;
use florin_engine::views::Refused;
use serde::Deserialize;

use super::{done, patiently};
use crate::blocks::{Block, Entry, Field, Sheet};
use crate::form::{Form, form_of, invalid, missing};
use crate::trouble::{Told, Trouble, go_to};
use crate::visit::{Posted, Visit, seen};

/// `GET /payments/new`
pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Trouble> {
    visit.needs(Scope::PaymentsWrite)?;
    new_page(&visit, &Form::default(), None).await
}

async fn new_page(visit: &Visit, form: &Form, told: Option<Told>) -> Result<HttpResponse, Trouble> {
    let typed = |name: &str| form.shown(name);
    let fields = vec![
        Field::line("amount", "Amount")
            .needed()
            .value(typed("amount"))
            .hint("In major units, such as 12.50."),
        Field::line("currency", "Currency").needed().value(typed("currency")).hint("A code such as EUR."),
        Field::choice(
            "payment_method_type",
            "How it is paid",
            "As the payment method says",
            MethodType::WORDS,
        )
        .value(typed("payment_method_type"))
        .hint("Offline is money that changes hands outside; credits are those of the customer."),
        Field::line("payment_method_id", "Payment method")
            .value(typed("payment_method_id"))
            .hint("Its id. None for offline and credits."),
        Field::line("customer_id", "Customer")
            .value(typed("customer_id"))
            .hint("Their id, which begins with cus_."),
        Field::line("destination_id", "Invoice")
            .value(typed("destination_id"))
            .hint("Its id, when the payment is towards an invoice."),
        Field::choice("capture_method", "When the money is taken", "", CaptureMethod::WORDS)
            .needed()
            .value(form.get("capture_method").unwrap_or("automatic"))
            .hint("Manual authorizes now, to be captured later."),
        Field::line("description", "Description").value(typed("description")),
        Field::metadata(form),
    ];
    let entry = Entry::new("What is paid", visit.path("/payments/new"), fields, "Make the payment")
        .note("It is charged at once.");
    let chrome = visit.chrome("New payment", "/payments").await?.telling(told);
    Ok(Sheet::new(chrome, vec![Block::Entry(entry)]).below("Payments", visit.path("/payments")).answer())
}

/// `POST /payments/new`
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    visit.needs(Scope::PaymentsWrite)?;
    match do_create(&visit, &form).await {
        Ok(id) => Ok(done(&visit, &format!("/payments/{id}"), "created")),
        // A payment that was declined is there, and says why.
        Err(Told { payment_id: Some(id), status: 402, .. }) => {
            Ok(go_to(&visit.path(&format!("/payments/{id}"))))
        }
        Err(told) => new_page(&visit, &form, Some(told)).await,
    }
}

async fn do_create(visit: &Visit, form: &Form) -> Result<PaymentId, Told> {
    #[derive(Deserialize)]
    struct Made {
        id: String,
    }
    let request = read(form)?;
    let idempotency = form.idempotency("POST /payments")?;
    let answer = patiently(async || {
        let (request, idempotency) = (request.clone(), idempotency.clone());
        visit.desk.engine.create_payment(visit.context(), request, Some(idempotency)).await
    });
    let made: Made = seen(&answer.await?)?;
    made.id.parse().map_err(|_malformed| Refused::internal().into())
}

fn read(form: &Form) -> Result<CreatePayment, Refused> {
    let currency = form.currency("currency")?.ok_or_else(|| missing("currency"))?;
    let amount = form.amount("amount", currency)?;
    let request = CreatePayment {
        amount: amount.ok_or_else(|| invalid("amount", &form_of(currency)))?,
        currency,
        payment_method: form.text("payment_method_id", MethodRef::parse)?,
        payment_method_type: form.word("payment_method_type")?,
        customer_id: form.id::<CustomerId>("customer_id", Refused::customer_not_found)?,
        invoice_id: form.id::<InvoiceId>("destination_id", Refused::invoice_not_found)?,
        process_payment: true,
        capture_method: form.word("capture_method")?.unwrap_or(CaptureMethod::Automatic),
        return_url: None,
        off_session: true,
        description: form.text("description", Description::parse)?,
        metadata: form.metadata()?,
        idempotency_key: None,
    };
    request.check_method()?;
    Ok(request)
}
