//! Handlers of the journal's transactions and of balances: parse, call the engine, answer.

use florin_domain::{Account, Notes, PaymentId, ReferenceId, TransactionId, TransactionType, check_text};
use florin_engine::requests::{AmendTransaction, TransactionFilter};
use florin_engine::views::schema::MAX_ACCOUNT_CHARS;
use florin_engine::views::{Answer, ErrorCode, Refused};

use crate::call::Call;
use crate::fields::{Fields, refuse_immutable};
use crate::query::{PAGE_PARAMETERS, Query};

/// The fields of `PATCH /v1/transactions/{id}`.
pub(crate) const AMEND_FIELDS: &[&str] = &["metadata", "reference_id", "notes"];
/// What else a transaction has, and what can't be changed.
const IMMUTABLE_FIELDS: &[&str] = &[
    "id",
    "type",
    "amount",
    "currency",
    "debit_account",
    "credit_account",
    "postings",
    "payment_id",
    "refund_id",
    "customer_id",
    "livemode",
    "tenant_id",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
];
/// The filters of `GET /v1/transactions`, beside the page.
pub(crate) const TRANSACTION_FILTERS: [&str; 3] = ["payment_id", "type", "account"];
/// The parameters of `GET /v1/transactions/{id}/amendments`: amendments have no ids to point at.
pub(crate) const AMENDMENT_PARAMETERS: [&str; 2] = ["limit", "offset"];

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&[TRANSACTION_FILTERS.as_slice(), &PAGE_PARAMETERS].concat())?;
    let page = query.page::<TransactionId>(TransactionId::PREFIX, TransactionId::uuid)?;
    let filter = TransactionFilter {
        payment_id: query.id("payment_id", PaymentId::PREFIX)?,
        kind: query.word("type", TransactionType::WORDS)?,
        account: account(&mut query)?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_transactions(call.context, filter, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = transaction_id(&call)?;
    Ok(call.state.engine.find_transaction(call.context, id).await)
}

pub(crate) async fn amend(mut call: Call) -> Result<Answer, Refused> {
    let id = transaction_id(&call)?;
    let body = call.body().await?;
    refuse_immutable(&body, IMMUTABLE_FIELDS, AMEND_FIELDS)?;
    let mut fields = Fields::new(body, AMEND_FIELDS)?;
    let request = AmendTransaction {
        metadata: fields.metadata_changes()?,
        reference_id: fields.erasable_text("reference_id", ReferenceId::parse)?,
        notes: fields.erasable_text("notes", Notes::parse)?,
    };
    Ok(call.state.engine.amend_transaction(call.context, id, request).await)
}

pub(crate) async fn amendments(call: Call) -> Result<Answer, Refused> {
    let id = transaction_id(&call)?;
    let page = call.query(&AMENDMENT_PARAMETERS)?.page(TransactionId::PREFIX, TransactionId::uuid)?;
    Ok(call.state.engine.list_amendments(call.context, id, page).await)
}

pub(crate) async fn balances(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    Ok(call.state.engine.balances(call.context).await)
}

/// The transaction in the path.
fn transaction_id(call: &Call) -> Result<TransactionId, Refused> {
    call.path_id(Refused::transaction_not_found)
}

fn account(query: &mut Query) -> Result<Option<Account>, Refused> {
    let name = query.text("account", |text| check_text(&text, MAX_ACCOUNT_CHARS).map(|()| text))?;
    let parse = |name: String| match name.parse() {
        Ok(account) if name.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(account),
        _ => {
            let message = "account must be merchant, offline_cash, customer_credits or \
                           processor_clearing:<processor>.";
            Err(Refused::new(ErrorCode::ParameterInvalid, message).param("account"))
        }
    };
    name.map(parse).transpose()
}
