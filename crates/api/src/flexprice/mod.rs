//! The Flexprice facade: the payments of Flexprice's API, translated onto the same engine.
//!
//! An application on Flexprice's SDKs moves here by changing its base URL; docs/flexprice.md tells what differs. Each
//! handler parses Flexprice's request into the engine's, and translates the engine's answer; no rule is stated twice.

mod errors;
mod list;
mod request;
mod response;

use florin_domain::MethodRef;
use florin_engine::requests::UpdatePayment;
use florin_engine::views::{Answer, Refused};

use crate::call::Call;
use crate::fields::{Fields, refuse_immutable};
use crate::idempotency;
use crate::payments::payment_id;

pub(crate) use errors::in_flexprice_form;
pub(crate) use list::list;
#[cfg(feature = "fuzzing")]
pub(crate) use request::parse_create;

/// The fields of `POST /flexprice/v1/payments/{id}/process`. Flexprice's SDKs send none.
const PROCESS_FIELDS: &[&str] = &["payment_method_id"];
/// The fields of `PUT /flexprice/v1/payments/{id}`.
const UPDATE_FIELDS: &[&str] = &["metadata"];
/// What Flexprice's SDKs can ask to change, and what is told here as it happened.
const IMMUTABLE_FIELDS: &[&str] = &[
    "payment_status",
    "payment_method_id",
    "payment_gateway",
    "gateway_payment_id",
    "gateway_tracking_id",
    "error_message",
    "succeeded_at",
    "failed_at",
    "refunded_at",
    "voided_at",
];

pub(crate) async fn create(mut call: Call) -> Result<Answer, Refused> {
    let mut body = call.body().await?;
    let scope = "POST /flexprice/v1/payments".to_owned();
    let idempotency = idempotency::by_header_or_field(&call.request, scope, &mut body)?;
    let key = idempotency.as_ref().map(|idempotency| idempotency.key.clone());
    let request = request::parse_create(body, key)?;
    let answer = call.state.engine.create_payment(call.context, request, idempotency).await;
    response::payment(answer, 201)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = payment_id(&call)?;
    response::payment(call.state.engine.find_payment(call.context, id).await, 200)
}

/// Replaces the metadata, as Flexprice does.
pub(crate) async fn update(mut call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    let body = call.body().await?;
    refuse_immutable(&body, IMMUTABLE_FIELDS, UPDATE_FIELDS)?;
    let sent = body.get("metadata").is_some_and(|metadata| !metadata.is_null());
    let metadata = Fields::new(body, UPDATE_FIELDS)?.metadata()?;
    let engine = &call.state.engine;
    if !sent {
        return response::payment(engine.find_payment(call.context, id).await, 200);
    }
    let set = metadata.as_map().iter().map(|(key, value)| (key.clone(), Some(value.clone())));
    let request = UpdatePayment { description: None, metadata: set.collect(), replaces_metadata: true };
    response::payment(engine.update_payment(call.context, id, request).await, 200)
}

pub(crate) async fn process(mut call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    let body = call.body().await?;
    let scope = format!("POST /flexprice/v1/payments/{id}/process");
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let method = Fields::new(body, PROCESS_FIELDS)?.text("payment_method_id", MethodRef::parse)?;
    let answer = call.state.engine.process_payment(call.context, id, method, idempotency).await;
    response::payment(answer, 200)
}

/// Cancels: what has happened is never deleted.
pub(crate) async fn cancel(mut call: Call) -> Result<Answer, Refused> {
    let id = payment_id(&call)?;
    Fields::new(call.body().await?, &[])?;
    let answer = call.state.engine.cancel_payment(call.context, id, None, None).await;
    response::canceled(answer)
}
