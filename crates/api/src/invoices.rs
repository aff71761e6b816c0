//! Handlers of invoices: parse, call the engine, answer.

use florin_domain::{
    Amount, CustomerId, Description, InvoiceId, InvoiceLine, InvoiceNumber, InvoiceStatus, is_counted_number,
    sum_of_lines,
};
use florin_engine::requests::{CreateInvoice, InvoiceFilter};
use florin_engine::views::{Answer, ErrorCode, Refused};

use crate::call::Call;
use crate::fields::{Fields, missing};
use crate::idempotency;
use crate::query::PAGE_PARAMETERS;

/// The fields of `POST /v1/invoices`.
pub(crate) const INVOICE_FIELDS: &[&str] =
    &["number", "customer_id", "currency", "amount_due", "lines", "due_at", "metadata"];
/// The fields of a line.
pub(crate) const LINE_FIELDS: &[&str] = &["description", "quantity", "unit_amount"];
/// The filters of `GET /v1/invoices`, beside the page.
pub(crate) const INVOICE_FILTERS: [&str; 3] = ["status", "customer_id", "number"];

pub(crate) async fn create(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let idempotency = idempotency::by_header(&call.request, "POST /v1/invoices".to_owned(), &body)?;
    let mut fields = Fields::new(body, INVOICE_FIELDS)?;
    let lines = lines(&mut fields)?;
    let request = CreateInvoice {
        number: number(&mut fields)?,
        customer_id: fields.id("customer_id", Refused::customer_not_found)?,
        currency: fields.required_currency("currency")?,
        amount_due: amount_due(&mut fields, &lines)?,
        lines,
        due_at: fields.time("due_at")?,
        metadata: fields.metadata()?,
    };
    Ok(call.state.engine.create_invoice(call.context, request, idempotency).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[INVOICE_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<InvoiceId>(InvoiceId::PREFIX, InvoiceId::uuid)?;
    let filter = InvoiceFilter {
        status: query.word("status", InvoiceStatus::WORDS)?,
        customer_id: query.id("customer_id", CustomerId::PREFIX)?,
        number: query.text("number", InvoiceNumber::parse)?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_invoices(call.context, filter, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = invoice_id(&call)?;
    Ok(call.state.engine.find_invoice(call.context, id).await)
}

pub(crate) async fn void(mut call: Call) -> Result<Answer, Refused> {
    let id = invoice_id(&call)?;
    let body = call.body().await?;
    let idempotency = idempotency::by_header(&call.request, format!("POST /v1/invoices/{id}/void"), &body)?;
    Fields::new(body, &[])?;
    Ok(call.state.engine.void_invoice(call.context, id, idempotency).await)
}

/// The invoice in the path.
fn invoice_id(call: &Call) -> Result<InvoiceId, Refused> {
    call.path_id(Refused::invoice_not_found)
}

/// A number of the merchant's own, which none that is counted up can collide with.
fn number(fields: &mut Fields) -> Result<Option<InvoiceNumber>, Refused> {
    let number = fields.text("number", InvoiceNumber::parse)?;
    if number.as_ref().is_some_and(|number| is_counted_number(number.as_str())) {
        let message = "INV- and digits is how numbers are counted up; send another number, or none to have one \
                       counted up.";
        return Err(Refused::new(ErrorCode::ParameterInvalid, message).param("number"));
    }
    Ok(number)
}

/// What is due: the amount that was sent, or the sum of the lines; both must agree.
fn amount_due(fields: &mut Fields, lines: &[InvoiceLine]) -> Result<Amount, Refused> {
    let given = fields.amount("amount_due")?;
    if lines.is_empty() {
        return given.ok_or_else(|| missing("amount_due", "Send amount_due, or lines with their amounts."));
    }
    let sum = sum_of_lines(lines).map_err(|_too_large| {
        let message = format!("The lines sum up to more than {}; send less.", Amount::MAX_MINOR);
        Refused::new(ErrorCode::ParameterInvalid, message).param("lines")
    })?;
    match given {
        Some(given) if given != sum => {
            let message = format!(
                "The lines sum up to {}, and amount_due is {}; send the sum, or no amount_due.",
                sum.minor(),
                given.minor()
            );
            Err(Refused::new(ErrorCode::ParametersConflict, message).param("amount_due"))
        }
        Some(_) | None => Ok(sum),
    }
}

fn lines(fields: &mut Fields) -> Result<Vec<InvoiceLine>, Refused> {
    let objects = fields.objects("lines")?.into_iter().enumerate();
    objects
        .map(|(index, object)| {
            let parsed = Fields::new(object, LINE_FIELDS).and_then(|mut fields| line(&mut fields));
            parsed.map_err(|refused| in_line(index, refused))
        })
        .collect()
}

fn line(fields: &mut Fields) -> Result<InvoiceLine, Refused> {
    const QUANTITY: &str = "an integer from 1 to 4294967295";
    let description = fields.text("description", Description::parse)?;
    let quantity = match fields.integer("quantity", QUANTITY)? {
        None => 1,
        Some(quantity) => u32::try_from(quantity).ok().filter(|quantity| *quantity > 0).ok_or_else(|| {
            Refused::new(ErrorCode::ParameterInvalid, format!("quantity must be {QUANTITY}."))
                .param("quantity")
        })?,
    };
    Ok(InvoiceLine {
        description: description
            .ok_or_else(|| missing("description", "Send description, what the line is for."))?,
        quantity,
        unit_amount: fields.required_amount("unit_amount")?,
    })
}

/// Says in which line it was: `lines[0].unit_amount`.
fn in_line(index: usize, refused: Refused) -> Refused {
    let param = match &refused.param {
        Some(name) => format!("lines[{index}].{name}"),
        None => format!("lines[{index}]"),
    };
    refused.param(param)
}
