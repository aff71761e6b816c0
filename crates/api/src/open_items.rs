//! Handlers of open items, and of decisions about attempts that need review: parse, call the engine, answer.

use florin_domain::{
    AttemptId, ClosingNote, OpenItemId, OpenItemStatus, OpenItemType, PaymentId, ReferenceId, Resolution,
};
use florin_engine::requests::{OpenItemFilter, ResolveAttempt};
use florin_engine::views::{Answer, Refused};

use crate::call::Call;
use crate::fields::{Fields, missing};
use crate::idempotency;
use crate::query::PAGE_PARAMETERS;

/// The filters of `GET /v1/open_items`, beside the page.
pub(crate) const OPEN_ITEM_FILTERS: [&str; 4] = ["status", "type", "payment_id", "processor"];
/// The fields of `POST /v1/open_items/{id}/close`.
pub(crate) const CLOSE_FIELDS: &[&str] = &["note"];
/// The fields of `POST /v1/attempts/{id}/resolve`.
pub(crate) const RESOLVE_FIELDS: &[&str] = &["outcome", "reference", "note"];

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[OPEN_ITEM_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<OpenItemId>(OpenItemId::PREFIX, OpenItemId::uuid)?;
    let filter = OpenItemFilter {
        status: query.word("status", OpenItemStatus::WORDS)?,
        kind: query.word("type", OpenItemType::WORDS)?,
        payment_id: query.id("payment_id", PaymentId::PREFIX)?,
        processor: query.text("processor", ReferenceId::parse)?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_open_items(call.context, filter, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = open_item_id(&call)?;
    Ok(call.state.engine.find_open_item(call.context, id).await)
}

pub(crate) async fn close(mut call: Call) -> Result<Answer, Refused> {
    let id = open_item_id(&call)?;
    let body = call.body().await?;
    let scope = format!("POST /v1/open_items/{id}/close");
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let note = note(&mut Fields::new(body, CLOSE_FIELDS)?)?;
    Ok(call.state.engine.close_open_item(call.context, id, note, idempotency).await)
}

pub(crate) async fn resolve(mut call: Call) -> Result<Answer, Refused> {
    let id: AttemptId = call.path_id(Refused::attempt_not_found)?;
    let body = call.body().await?;
    let scope = format!("POST /v1/attempts/{id}/resolve");
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let mut fields = Fields::new(body, RESOLVE_FIELDS)?;
    let outcome = fields.word("outcome", Resolution::WORDS)?;
    let decision = ResolveAttempt {
        outcome: outcome.ok_or_else(|| missing("outcome", "Send outcome: succeeded or failed."))?,
        reference: fields.text("reference", ReferenceId::parse)?,
        note: note(&mut fields)?,
    };
    Ok(call.state.engine.resolve_attempt(call.context, id, decision, idempotency).await)
}

fn note(fields: &mut Fields) -> Result<ClosingNote, Refused> {
    let note = fields.text("note", ClosingNote::parse)?;
    note.ok_or_else(|| missing("note", "Send note: what you have found out, or done."))
}

/// The open item in the path.
fn open_item_id(call: &Call) -> Result<OpenItemId, Refused> {
    call.path_id(Refused::open_item_not_found)
}
