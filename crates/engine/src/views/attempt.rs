//! A charge of a payment as callers see it.

use std::collections::BTreeMap;

use florin_domain::{Actor, Attempt, AttemptId, AttemptStatus, FailureCode, PaymentId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema};

/// One charge of a payment: a message to a processor and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptResponse<'a> {
    /// The attempt, and its idempotency key at the processor.
    #[schema(value_type = schema::AttemptIdSchema)]
    pub id: AttemptId,
    /// The payment it serves.
    #[schema(value_type = schema::PaymentIdSchema)]
    pub payment_id: PaymentId,
    /// Counts the charges of the payment from 1.
    pub attempt_number: u32,
    /// What is known of it.
    #[schema(value_type = schema::AttemptStatusSchema)]
    pub status: AttemptStatus,
    /// What was charged.
    #[schema(required)]
    pub payment_method_id: Option<&'a str>,
    /// Which processor it went to.
    pub processor: &'a str,
    /// The processor's name for it.
    #[schema(required)]
    pub processor_reference: Option<&'a str>,
    /// Why it failed, for programs.
    #[schema(required, value_type = Option<schema::FailureCodeSchema>)]
    pub error_code: Option<FailureCode>,
    /// Why it failed, for people.
    #[schema(required)]
    pub error_message: Option<&'a str>,
    /// Always empty: nobody can attach data to an attempt.
    #[schema(value_type = schema::MetadataSchema)]
    pub metadata: BTreeMap<&'a str, &'a str>,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who asked for it.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// Who changed it last.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub updated_by: Actor,
    /// When it was made.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// When it changed last.
    #[schema(value_type = schema::TimeSchema)]
    pub updated_at: Timestamp,
}

impl<'a> AttemptResponse<'a> {
    /// The view of a charge.
    pub fn new(attempt: &'a Attempt) -> Self {
        AttemptResponse {
            id: attempt.id,
            payment_id: attempt.payment_id,
            attempt_number: attempt.number,
            status: attempt.status,
            payment_method_id: attempt.payment_method.as_ref().map(|method| method.as_str()),
            processor: &attempt.processor,
            processor_reference: attempt.processor_reference.as_deref(),
            error_code: attempt.failure.as_ref().map(|failure| failure.code),
            error_message: attempt.failure.as_ref().map(|failure| failure.message.as_str()),
            metadata: BTreeMap::new(),
            tenant_id: attempt.tenant_id,
            created_by: attempt.created_by,
            updated_by: attempt.updated_by,
            created_at: Timestamp(attempt.id.created_at()),
            updated_at: Timestamp(attempt.updated_at),
        }
    }
}
