//! A transaction of the journal, and its amendments, as callers see them.

use std::collections::BTreeMap;

use florin_domain::{
    Account, Actor, Amount, Currency, CustomerId, PaymentId, RefundId, TenantId, Transaction, TransactionId,
    TransactionType,
};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema};

/// A movement of money from one account to another.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Transaction)]
pub struct TransactionResponse<'a> {
    /// The transaction.
    #[schema(value_type = schema::TransactionIdSchema)]
    pub id: TransactionId,
    /// What moved, and why.
    #[serde(rename = "type")]
    #[schema(value_type = schema::TransactionTypeSchema)]
    pub kind: TransactionType,
    /// How much, in minor units of the currency.
    #[schema(value_type = schema::AmountSchema)]
    pub amount: Amount,
    /// Of what: an ISO 4217 code.
    #[schema(value_type = schema::CurrencySchema)]
    pub currency: Currency,
    /// The account that has more afterwards.
    #[serde(serialize_with = "as_name")]
    #[schema(value_type = schema::AccountSchema)]
    pub debit_account: &'a Account,
    /// The account that has less afterwards.
    #[serde(serialize_with = "as_name")]
    #[schema(value_type = schema::AccountSchema)]
    pub credit_account: &'a Account,
    /// What each account gains; they sum to zero.
    pub postings: [PostingResponse<'a>; 2],
    /// The payment that it belongs to; none for a grant of credits.
    #[schema(required, value_type = Option<schema::PaymentIdSchema>)]
    pub payment_id: Option<PaymentId>,
    /// The refund that it belongs to.
    #[schema(required, value_type = Option<schema::RefundIdSchema>)]
    pub refund_id: Option<RefundId>,
    /// Whose credits were moved.
    #[schema(required, value_type = Option<schema::CustomerIdSchema>)]
    pub customer_id: Option<CustomerId>,
    /// The merchant's own data.
    #[schema(value_type = schema::MetadataSchema)]
    pub metadata: &'a BTreeMap<String, String>,
    /// The merchant's own reference, such as a booking number.
    #[schema(required)]
    pub reference_id: Option<&'a str>,
    /// The merchant's notes.
    #[schema(required)]
    pub notes: Option<&'a str>,
    /// Whether real money moved.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who caused it.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// Who amended it last.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub updated_by: Actor,
    /// When it was written.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// When it was amended last.
    #[schema(value_type = schema::TimeSchema)]
    pub updated_at: Timestamp,
}

/// What one account gains by a transaction.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Posting)]
pub struct PostingResponse<'a> {
    /// The account.
    #[serde(serialize_with = "as_name")]
    #[schema(value_type = schema::AccountSchema)]
    pub account: &'a Account,
    /// How much, in minor units: above zero where it has more afterwards, below where it has less.
    pub amount: i64,
}

/// An amendment of a transaction: who, when, from what to what.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Amendment)]
pub struct AmendmentResponse {
    /// The transaction.
    #[schema(value_type = schema::TransactionIdSchema)]
    pub transaction_id: TransactionId,
    /// The number of the amendment, from 1.
    #[schema(minimum = 1)]
    pub number: i64,
    /// What it was.
    pub before: Annotations,
    /// What it became.
    pub after: Annotations,
    /// Who amended it.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// When it was amended.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
}

/// What may be amended of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Annotations)]
pub struct Annotations {
    /// The merchant's own data.
    #[schema(value_type = schema::MetadataSchema)]
    pub metadata: BTreeMap<String, String>,
    /// The merchant's own reference.
    #[schema(required)]
    pub reference_id: Option<String>,
    /// The merchant's notes.
    #[schema(required)]
    pub notes: Option<String>,
}

impl<'a> TransactionResponse<'a> {
    /// The view of a transaction.
    pub fn new(transaction: &'a Transaction) -> Self {
        let movement = &transaction.movement;
        TransactionResponse {
            id: transaction.id,
            kind: movement.kind,
            amount: movement.amount,
            currency: transaction.currency,
            debit_account: &movement.debit,
            credit_account: &movement.credit,
            postings: transaction.postings().map(|(account, amount)| PostingResponse { account, amount }),
            payment_id: transaction.payment_id,
            refund_id: transaction.refund_id,
            customer_id: transaction.customer_id,
            metadata: transaction.metadata.as_map(),
            reference_id: transaction.reference_id.as_ref().map(|reference| reference.as_str()),
            notes: transaction.notes.as_ref().map(|notes| notes.as_str()),
            livemode: transaction.mode.is_live(),
            tenant_id: transaction.tenant_id,
            created_by: transaction.created_by,
            updated_by: transaction.updated_by,
            created_at: Timestamp(transaction.id.created_at()),
            updated_at: Timestamp(transaction.updated_at),
        }
    }
}

impl Annotations {
    /// What may be amended of a transaction, as it is.
    pub fn of(transaction: &Transaction) -> Self {
        let text = |text: &str| text.to_owned();
        Annotations {
            metadata: transaction.metadata.as_map().clone(),
            reference_id: transaction.reference_id.as_ref().map(|reference| text(reference.as_str())),
            notes: transaction.notes.as_ref().map(|notes| text(notes.as_str())),
        }
    }
}

/// An account by its name.
pub(super) fn as_name<S: Serializer>(account: &Account, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(account)
}
