//! Handlers of stored payment methods: parse, call the engine, answer.

use florin_domain::{
    BankName, CardBrand, CustomerId, Expiry, Last4, MethodRef, MethodType, ProcessorName, StoredMethodId,
};
use florin_engine::requests::{CreateMethod, MethodFilter};
use florin_engine::views::{Answer, ErrorCode, Refused};

use crate::call::Call;
use crate::fields::{Fields, missing, not_a_word};
use crate::idempotency;
use crate::query::PAGE_PARAMETERS;

/// The fields of `POST /v1/payment_methods`.
pub(crate) const METHOD_FIELDS: &[&str] = &[
    "token",
    "type",
    "customer_id",
    "brand",
    "last4",
    "exp_month",
    "exp_year",
    "bank_name",
    "metadata",
    "processor",
];
/// The filters of `GET /v1/payment_methods`, beside the page.
pub(crate) const METHOD_FILTERS: [&str; 1] = ["customer_id"];
/// The kinds of money that a payment method can move.
pub(crate) const STORABLE: &[&str] = &[MethodType::Card.as_str(), MethodType::Ach.as_str()];

pub(crate) async fn create(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let scope = "POST /v1/payment_methods".to_owned();
    let idempotency = idempotency::by_header(&call.request, scope, &body)?;
    let mut fields = Fields::new(body, METHOD_FIELDS)?;
    let token = fields.text("token", MethodRef::parse)?;
    let request = CreateMethod {
        token: token.ok_or_else(|| missing("token", "Send token, the processor's name for it."))?,
        method_type: method_type(&mut fields)?,
        customer_id: fields.id("customer_id", Refused::customer_not_found)?,
        brand: fields.text("brand", CardBrand::parse)?,
        last4: last4(&mut fields)?,
        expiry: expiry(&mut fields)?,
        bank_name: fields.text("bank_name", BankName::parse)?,
        metadata: fields.metadata()?,
        processor: fields.text("processor", ProcessorName::parse)?,
    };
    check_facts(&request)?;
    Ok(call.state.engine.create_payment_method(call.context, request, idempotency).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[METHOD_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<StoredMethodId>(StoredMethodId::PREFIX, StoredMethodId::uuid)?;
    let filter = MethodFilter {
        customer_id: query.id("customer_id", CustomerId::PREFIX)?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_payment_methods(call.context, filter, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = method_id(&call)?;
    Ok(call.state.engine.find_payment_method(call.context, id).await)
}

pub(crate) async fn detach(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = method_id(&call)?;
    Ok(call.state.engine.detach_payment_method(call.context, id).await)
}

/// The payment method in the path.
fn method_id(call: &Call) -> Result<StoredMethodId, Refused> {
    call.path_id(Refused::stored_method_not_found)
}

fn method_type(fields: &mut Fields) -> Result<MethodType, Refused> {
    match fields.word("type", STORABLE)? {
        Some(kind @ (MethodType::Card | MethodType::Ach)) => Ok(kind),
        Some(MethodType::Offline | MethodType::Credits) => Err(not_a_word("type", STORABLE)),
        None => Err(missing("type", "Send type: CARD or ACH.")),
    }
}

fn last4(fields: &mut Fields) -> Result<Option<Last4>, Refused> {
    let digits = fields.string("last4", "a string of four digits")?;
    Ok(digits.map(|digits| Last4::parse(&digits)).transpose()?)
}

/// The last month in which a card is good: both its parts, or neither.
fn expiry(fields: &mut Fields) -> Result<Option<Expiry>, Refused> {
    let month = fields.integer("exp_month", "an integer from 1 to 12")?;
    let year = fields.integer("exp_year", "an integer from 2000 to 2199")?;
    match (year, month) {
        (None, None) => Ok(None),
        (Some(year), Some(month)) => {
            let param = if (1..=12).contains(&month) { "exp_year" } else { "exp_month" };
            Expiry::new(year, month).map(Some).map_err(|refused| Refused::from(refused).param(param))
        }
        (None, Some(_)) => Err(missing("exp_year", "Send exp_year together with exp_month.")),
        (Some(_), None) => Err(missing("exp_month", "Send exp_month together with exp_year.")),
    }
}

/// What may be shown of a card is not shown of a bank account, and the other way round.
fn check_facts(request: &CreateMethod) -> Result<(), Refused> {
    let foreign = match request.method_type {
        MethodType::Ach if request.brand.is_some() => "brand",
        MethodType::Ach if request.expiry.is_some() => "exp_month",
        MethodType::Card if request.bank_name.is_some() => "bank_name",
        MethodType::Card | MethodType::Ach | MethodType::Offline | MethodType::Credits => return Ok(()),
    };
    let message =
        format!("A payment method of type {} has no {foreign}; send it without.", request.method_type);
    Err(Refused::new(ErrorCode::ParametersConflict, message).param(foreign))
}
