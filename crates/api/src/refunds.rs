//! Handlers of refunds: parse, call the engine, answer.

use florin_domain::{PaymentId, RefundId};
use florin_engine::requests::{Page, RefundFilter};
use florin_engine::views::{Answer, Refused};

use crate::call::Call;
use crate::payments::payment_id;
use crate::query::{PAGE_PARAMETERS, Query};

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = call.path_id::<RefundId>(Refused::refund_not_found)?;
    Ok(call.state.engine.find_refund(call.context, id).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[["payment_id"].as_slice(), &PAGE_PARAMETERS].concat())?;
    let payment_id = query.id("payment_id", PaymentId::PREFIX)?;
    let (filter, page) = parse_list(query, payment_id)?;
    Ok(call.state.engine.list_refunds(call.context, filter, page).await)
}

pub(crate) async fn list_of_payment(call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    let (filter, page) = parse_list(call.query(&PAGE_PARAMETERS)?, Some(id))?;
    Ok(call.state.engine.list_refunds(call.context, filter, page).await)
}

fn parse_list(mut query: Query, payment_id: Option<PaymentId>) -> Result<(RefundFilter, Page), Refused> {
    let page = query.page::<RefundId>(RefundId::PREFIX, RefundId::uuid)?;
    let created_after = query.time("created_after")?;
    let created_before = query.time("created_before")?;
    Ok((RefundFilter { payment_id, created_after, created_before }, page))
}
