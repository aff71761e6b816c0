//! A refund as callers see it.

use std::collections::BTreeMap;

use florin_domain::{
    Actor, Amount, Currency, FailureCode, PaymentId, Refund, RefundId, RefundStatus, TenantId,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema};

/// Money given back, or on its way back.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub struct RefundResponse<'a> {
    /// The refund.
    #[schema(value_type = schema::RefundIdSchema)]
    pub id: RefundId,
    /// The payment it gives back.
    #[schema(value_type = schema::PaymentIdSchema)]
    pub payment_id: PaymentId,
    /// How much, in minor units of the currency.
    #[schema(value_type = schema::AmountSchema)]
    pub amount: Amount,
    /// The payment's currency.
    #[schema(value_type = schema::CurrencySchema)]
    pub currency: Currency,
    /// What is known of it.
    #[schema(value_type = schema::RefundStatusSchema)]
    pub status: RefundStatus,
    /// Why, in the merchant's words.
    #[schema(required)]
    pub reason: Option<&'a str>,
    /// The merchant's own data.
    #[schema(value_type = schema::MetadataSchema)]
    pub metadata: &'a BTreeMap<String, String>,
    /// The processor's name for it.
    #[schema(required)]
    pub processor_reference: Option<&'a str>,
    /// Why it failed, for programs.
    #[schema(required, value_type = Option<schema::FailureCodeSchema>)]
    pub error_code: Option<FailureCode>,
    /// Why it failed, for people.
    #[schema(required)]
    pub error_message: Option<&'a str>,
    /// Whether real money moves.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who asked for it.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// When it was asked for.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// When it changed last.
    #[schema(value_type = schema::TimeSchema)]
    pub updated_at: Timestamp,
}

impl<'a> RefundResponse<'a> {
    /// The view of a refund.
    pub fn new(refund: &'a Refund) -> Self {
        RefundResponse {
            id: refund.id,
            payment_id: refund.payment_id,
            amount: refund.amount,
            currency: refund.currency,
            status: refund.status,
            reason: refund.reason.as_ref().map(|reason| reason.as_str()),
            metadata: refund.metadata.as_map(),
            processor_reference: refund.processor_reference.as_deref(),
            error_code: refund.failure.as_ref().map(|failure| failure.code),
            error_message: refund.failure.as_ref().map(|failure| failure.message.as_str()),
            livemode: refund.mode.is_live(),
            tenant_id: refund.tenant_id,
            created_by: refund.created_by,
            created_at: Timestamp(refund.id.created_at()),
            updated_at: Timestamp(refund.updated_at),
        }
    }
}
