//! Handlers of customers and their credits: parse, call the engine, answer.

use florin_domain::{CustomerId, CustomerName, Email, ExternalId, Reason, TransactionId};
use florin_engine::requests::{CreateCustomer, CreditFilter, CustomerFilter, GrantCredits, UpdateCustomer};
use florin_engine::views::{Answer, Refused};

use crate::call::Call;
use crate::fields::{Fields, refuse_immutable};
use crate::idempotency;
use crate::query::PAGE_PARAMETERS;

/// The fields of `POST` and `PATCH /v1/customers`.
pub(crate) const CUSTOMER_FIELDS: &[&str] = &["name", "email", "external_id", "metadata"];
/// What else a customer has, and what can't be changed.
const IMMUTABLE_FIELDS: &[&str] =
    &["id", "livemode", "tenant_id", "created_by", "updated_by", "created_at", "updated_at"];
/// The fields of `POST /v1/customers/{id}/credits`.
pub(crate) const GRANT_FIELDS: &[&str] = &["amount", "currency", "reason"];
/// The filters of `GET /v1/customers`, beside the page.
pub(crate) const CUSTOMER_FILTERS: [&str; 2] = ["email", "external_id"];

pub(crate) async fn create(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let idempotency = idempotency::by_header(&call.request, "POST /v1/customers".to_owned(), &body)?;
    let mut fields = Fields::new(body, CUSTOMER_FIELDS)?;
    let request = CreateCustomer {
        name: fields.text("name", CustomerName::parse)?,
        email: fields.text("email", Email::parse)?,
        external_id: fields.text("external_id", ExternalId::parse)?,
        metadata: fields.metadata()?,
    };
    Ok(call.state.engine.create_customer(call.context, request, idempotency).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[CUSTOMER_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<CustomerId>(CustomerId::PREFIX, CustomerId::uuid)?;
    let filter = CustomerFilter {
        email: query.text("email", Email::parse)?,
        external_id: query.text("external_id", ExternalId::parse)?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_customers(call.context, filter, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = customer_id(&call)?;
    Ok(call.state.engine.find_customer(call.context, id).await)
}

pub(crate) async fn update(mut call: Call) -> Result<Answer, Refused> {
    let id = customer_id(&call)?;
    let body = call.body().await?;
    refuse_immutable(&body, IMMUTABLE_FIELDS, CUSTOMER_FIELDS)?;
    let mut fields = Fields::new(body, CUSTOMER_FIELDS)?;
    let request = UpdateCustomer {
        name: fields.erasable_text("name", CustomerName::parse)?,
        email: fields.erasable_text("email", Email::parse)?,
        external_id: fields.erasable_text("external_id", ExternalId::parse)?,
        metadata: fields.metadata_changes()?,
    };
    Ok(call.state.engine.update_customer(call.context, id, request).await)
}

pub(crate) async fn grant(mut call: Call) -> Result<Answer, Refused> {
    let id = customer_id(&call)?;
    let body = call.body().await?;
    let scope = format!("POST /v1/customers/{id}/credits");
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let mut fields = Fields::new(body, GRANT_FIELDS)?;
    let request = GrantCredits {
        amount: fields.required_amount("amount")?,
        currency: fields.required_currency("currency")?,
        reason: fields.text("reason", Reason::parse)?,
    };
    Ok(call.state.engine.grant_credits(call.context, id, request, idempotency).await)
}

pub(crate) async fn credits(call: Call) -> Result<Answer, Refused> {
    let id = customer_id(&call)?;
    let mut query = call.query(&PAGE_PARAMETERS)?;
    let page = query.page::<TransactionId>(TransactionId::PREFIX, TransactionId::uuid)?;
    let filter = CreditFilter {
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.find_credits(call.context, id, filter, page).await)
}

/// The customer in the path.
fn customer_id(call: &Call) -> Result<CustomerId, Refused> {
    call.path_id(Refused::customer_not_found)
}
