//! An invoice as callers see it.

use std::collections::BTreeMap;

use florin_domain::{
    Actor, Amount, Currency, CustomerId, Invoice, InvoiceId, InvoiceLine, InvoiceStatus, TenantId, Total,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema};

/// A claim of a merchant on somebody.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Invoice)]
pub struct InvoiceResponse<'a> {
    /// The invoice; a payment names it as `destination_id`.
    #[schema(value_type = schema::InvoiceIdSchema)]
    pub id: InvoiceId,
    /// Its number: no other invoice has it.
    pub number: &'a str,
    /// Who owes it.
    #[schema(required, value_type = Option<schema::CustomerIdSchema>)]
    pub customer_id: Option<CustomerId>,
    /// Of what: an ISO 4217 code.
    #[schema(value_type = schema::CurrencySchema)]
    pub currency: Currency,
    /// How much is due, in minor units of the currency.
    #[schema(value_type = schema::AmountSchema)]
    pub amount_due: Amount,
    /// What payments have brought: captured, less returned. Refunds do not reopen an invoice.
    #[schema(value_type = schema::TotalSchema)]
    pub amount_paid: Total,
    /// What is not paid; payments under way may hold some of it.
    #[schema(value_type = schema::TotalSchema)]
    pub amount_remaining: Total,
    /// The positions; none when the invoice was created with an amount alone.
    pub lines: Vec<InvoiceLineResponse<'a>>,
    /// Where it stands.
    #[schema(value_type = schema::InvoiceStatusSchema)]
    pub status: InvoiceStatus,
    /// Until when it should be paid.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub due_at: Option<Timestamp>,
    /// When all of it was paid, while it is.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub paid_at: Option<Timestamp>,
    /// When it was voided.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub voided_at: Option<Timestamp>,
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

/// A position of an invoice.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InvoiceLine)]
pub struct InvoiceLineResponse<'a> {
    /// What for.
    pub description: &'a str,
    /// How many.
    pub quantity: u32,
    /// How much each, in minor units of the currency.
    #[schema(value_type = schema::AmountSchema)]
    pub unit_amount: Amount,
}

impl<'a> InvoiceResponse<'a> {
    /// The view of an invoice.
    pub fn new(invoice: &'a Invoice) -> Self {
        InvoiceResponse {
            id: invoice.id,
            number: invoice.number.as_str(),
            customer_id: invoice.customer_id,
            currency: invoice.currency,
            amount_due: invoice.amount_due,
            amount_paid: invoice.amount_paid,
            amount_remaining: invoice.amount_remaining(),
            lines: invoice.lines.iter().map(InvoiceLineResponse::new).collect(),
            status: invoice.status(),
            due_at: invoice.due_at.map(Timestamp),
            paid_at: invoice.paid_at.map(Timestamp),
            voided_at: invoice.voided_at.map(Timestamp),
            metadata: invoice.metadata.as_map(),
            livemode: invoice.mode.is_live(),
            tenant_id: invoice.tenant_id,
            created_by: invoice.created_by,
            updated_by: invoice.updated_by,
            created_at: Timestamp(invoice.id.created_at()),
            updated_at: Timestamp(invoice.updated_at),
        }
    }
}

impl<'a> InvoiceLineResponse<'a> {
    fn new(line: &'a InvoiceLine) -> Self {
        InvoiceLineResponse {
            description: line.description.as_str(),
            quantity: line.quantity,
            unit_amount: line.unit_amount,
        }
    }
}
