//! A customer as callers see it.

use std::collections::BTreeMap;

use florin_domain::{Actor, Customer, CustomerId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema};

/// Somebody who pays.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerResponse<'a> {
    /// The customer.
    #[schema(value_type = schema::CustomerIdSchema)]
    pub id: CustomerId,
    /// What they are called.
    #[schema(required)]
    pub name: Option<&'a str>,
    /// Where they are reached.
    #[schema(required)]
    pub email: Option<&'a str>,
    /// The merchant's own name for them: no two customers have the same.
    #[schema(required)]
    pub external_id: Option<&'a str>,
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

impl<'a> CustomerResponse<'a> {
    /// The view of a customer.
    pub fn new(customer: &'a Customer) -> Self {
        CustomerResponse {
            id: customer.id,
            name: customer.name.as_ref().map(|name| name.as_str()),
            email: customer.email.as_ref().map(|email| email.as_str()),
            external_id: customer.external_id.as_ref().map(|id| id.as_str()),
            metadata: customer.metadata.as_map(),
            livemode: customer.mode.is_live(),
            tenant_id: customer.tenant_id,
            created_by: customer.created_by,
            updated_by: customer.updated_by,
            created_at: Timestamp(customer.id.created_at()),
            updated_at: Timestamp(customer.updated_at),
        }
    }
}
