//! An open item as callers see it.

use florin_domain::{
    Actor, AttemptId, Currency, OpenItem, OpenItemId, OpenItemStatus, OpenItemType, PaymentId, RefundId,
    Resolution, Sum, TenantId,
};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::{Timestamp, schema};

/// A finding that a person has to decide about.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OpenItem)]
pub struct OpenItemResponse<'a> {
    /// The item.
    #[schema(value_type = schema::OpenItemIdSchema)]
    pub id: OpenItemId,
    /// What was found.
    #[serde(rename = "type")]
    #[schema(value_type = schema::OpenItemTypeSchema)]
    pub kind: OpenItemType,
    /// Whether somebody has dealt with it.
    #[schema(value_type = schema::OpenItemStatusSchema)]
    pub status: OpenItemStatus,
    /// What was found, for people.
    pub message: &'a str,
    /// The payment that it is about.
    #[schema(required, value_type = Option<schema::PaymentIdSchema>)]
    pub payment_id: Option<PaymentId>,
    /// The refund that it is about.
    #[schema(required, value_type = Option<schema::RefundIdSchema>)]
    pub refund_id: Option<RefundId>,
    /// The attempt that it is about.
    #[schema(required, value_type = Option<schema::AttemptIdSchema>)]
    pub attempt_id: Option<AttemptId>,
    /// At which processor.
    #[schema(required)]
    pub processor: Option<&'a str>,
    /// That processor's name for it.
    #[schema(required)]
    pub processor_reference: Option<&'a str>,
    /// How much it is about here.
    pub here: SumResponse,
    /// How much it is about at the processor.
    pub there: SumResponse,
    /// What was found out about the attempt, where that was the question.
    #[schema(required, value_type = Option<schema::ResolutionSchema>)]
    pub resolution: Option<Resolution>,
    /// What was noted when it was closed.
    #[schema(required)]
    pub note: Option<&'a str>,
    /// Who closed it.
    #[serde(serialize_with = "as_text_or_null")]
    #[schema(required, value_type = Option<schema::ActorSchema>)]
    pub closed_by: Option<Actor>,
    /// When it was closed.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub closed_at: Option<Timestamp>,
    /// Whether it is about real money.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// When it was raised.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
}

/// An amount, as far as it is known.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Sum)]
pub struct SumResponse {
    /// How much, in minor units of the currency.
    #[schema(required)]
    pub amount: Option<i64>,
    /// Of what: an ISO 4217 code.
    #[schema(required, value_type = Option<schema::CurrencySchema>)]
    pub currency: Option<Currency>,
}

impl From<Sum> for SumResponse {
    fn from(sum: Sum) -> Self {
        SumResponse { amount: sum.amount_minor, currency: sum.currency }
    }
}

impl<'a> OpenItemResponse<'a> {
    /// The view of an open item.
    pub fn new(item: &'a OpenItem) -> Self {
        let closed = item.closed.as_ref();
        OpenItemResponse {
            id: item.id,
            kind: item.kind,
            status: item.status(),
            message: &item.message,
            payment_id: item.payment_id,
            refund_id: item.refund_id,
            attempt_id: item.attempt_id,
            processor: item.processor.as_deref(),
            processor_reference: item.processor_reference.as_deref(),
            here: item.here.into(),
            there: item.there.into(),
            resolution: closed.and_then(|closed| closed.resolution),
            note: closed.and_then(|closed| closed.note.as_ref()).map(|note| note.as_str()),
            closed_by: closed.map(|closed| closed.by),
            closed_at: closed.map(|closed| Timestamp(closed.at)),
            livemode: item.mode.is_live(),
            tenant_id: item.tenant_id,
            created_at: Timestamp(item.id.created_at()),
        }
    }
}

fn as_text_or_null<S: Serializer>(actor: &Option<Actor>, serializer: S) -> Result<S::Ok, S::Error> {
    match actor {
        Some(actor) => serializer.collect_str(actor),
        None => serializer.serialize_none(),
    }
}
