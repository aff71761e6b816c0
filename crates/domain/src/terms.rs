//! What a payment is made of.

use crate::{
    Actor, Amount, Currency, CustomerId, Description, IdempotencyKey, InvoiceId, InvoiceNumber, Metadata,
    MethodRef, Mode, PaymentId, PaymentRequestId, TenantId,
};

named_enum! {
    /// When the money is taken.
    CaptureMethod {
        /// With the charge.
        Automatic => "automatic",
        /// Authorized by the charge, captured later.
        Manual => "manual",
    }
}

named_enum! {
    /// What kind of money moves.
    MethodType {
        /// A payment card.
        Card => "CARD",
        /// A bank debit over the United States' automated clearing house.
        Ach => "ACH",
        /// Money that changes hands outside, recorded by a person.
        Offline => "OFFLINE",
        /// The customer's credits.
        Credits => "CREDITS",
    }
}

impl MethodType {
    /// Whether a processor moves the money; else it is booked here, at once.
    pub const fn needs_processor(self) -> bool {
        match self {
            MethodType::Card | MethodType::Ach => true,
            MethodType::Offline | MethodType::Credits => false,
        }
    }
}

named_enum! {
    /// What kind of thing a payment is for.
    DestinationType {
        /// An invoice.
        Invoice => "INVOICE",
    }
}

/// The invoice that a payment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// Its number.
    pub invoice_number: InvoiceNumber,
}

/// What a new payment is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment {
    /// The payment; its creation time is the id's own.
    pub id: PaymentId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// How much, in minor units.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// Who pays.
    pub customer_id: Option<CustomerId>,
    /// The invoice that it is for.
    pub destination: Option<Destination>,
    /// The payment request that it is made for; no other payment is.
    pub request_id: Option<PaymentRequestId>,
    /// What is charged.
    pub payment_method: Option<MethodRef>,
    /// What kind of money moves.
    pub method_type: MethodType,
    /// What for, in the merchant's words.
    pub description: Option<Description>,
    /// The merchant's own data.
    pub metadata: Metadata,
    /// The key the merchant chose for the request.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Where a payer comes back to after a redirect.
    pub return_url: Option<String>,
    /// Whether nobody is there to act.
    pub off_session: bool,
    /// Who asked for it.
    pub created_by: Actor,
}
