//! A stored payment method as callers see it.

use std::collections::BTreeMap;

use florin_domain::{Actor, CustomerId, MethodType, StoredMethod, StoredMethodId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema};

/// A processor's token for a way to pay, with what may be shown of it. Never a card number.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PaymentMethod)]
pub struct PaymentMethodResponse<'a> {
    /// The payment method; a payment names it as `payment_method_id`.
    #[schema(value_type = schema::StoredMethodIdSchema)]
    pub id: StoredMethodId,
    /// What kind of money it moves: `CARD` or `ACH`.
    #[serde(rename = "type")]
    #[schema(value_type = schema::MethodTypeSchema)]
    pub method_type: MethodType,
    /// The processor's name for it.
    pub token: &'a str,
    /// The processor account that the token belongs to; null when it is good at any.
    #[schema(required)]
    pub processor: Option<&'a str>,
    /// Whose way to pay it is.
    #[schema(required, value_type = Option<schema::CustomerIdSchema>)]
    pub customer_id: Option<CustomerId>,
    /// A card's brand.
    #[schema(required)]
    pub brand: Option<&'a str>,
    /// The last four digits, of a card or an account.
    #[schema(required)]
    pub last4: Option<&'a str>,
    /// The last month in which a card is good, 1 to 12.
    #[schema(required)]
    pub exp_month: Option<u8>,
    /// The year of that month.
    #[schema(required)]
    pub exp_year: Option<u16>,
    /// A bank account's bank.
    #[schema(required)]
    pub bank_name: Option<&'a str>,
    /// When it was detached: it can't be charged any more.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub detached_at: Option<Timestamp>,
    /// The merchant's own data.
    #[schema(value_type = schema::MetadataSchema)]
    pub metadata: &'a BTreeMap<String, String>,
    /// Whether real money moves.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who created it.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// Who changed it last.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub updated_by: Actor,
    /// When it was created.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// When it changed last.
    #[schema(value_type = schema::TimeSchema)]
    pub updated_at: Timestamp,
}

impl<'a> PaymentMethodResponse<'a> {
    /// The view of a stored payment method.
    pub fn new(method: &'a StoredMethod) -> Self {
        PaymentMethodResponse {
            id: method.id,
            method_type: method.method_type,
            token: method.token.as_str(),
            processor: method.processor.as_ref().map(|name| name.as_str()),
            customer_id: method.customer_id,
            brand: method.brand.as_ref().map(|brand| brand.as_str()),
            last4: method.last4.as_ref().map(|digits| digits.as_str()),
            exp_month: method.expiry.map(|expiry| expiry.month()),
            exp_year: method.expiry.map(|expiry| expiry.year()),
            bank_name: method.bank_name.as_ref().map(|name| name.as_str()),
            detached_at: method.detached_at.map(Timestamp),
            metadata: method.metadata.as_map(),
            livemode: method.mode.is_live(),
            tenant_id: method.tenant_id,
            created_by: method.created_by,
            updated_by: method.updated_by,
            created_at: Timestamp(method.id.created_at()),
            updated_at: Timestamp(method.updated_at),
        }
    }
}
