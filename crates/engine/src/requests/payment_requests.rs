//! What callers ask for of payment requests.

use chrono::{DateTime, Utc};
use florin_domain::{
    Amount, CaptureMethod, Currency, CustomerId, Description, InvoiceId, Metadata, PaymentId,
    PaymentRequestStatus, PaymentRequestType,
};

/// A payment request to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePaymentRequest {
    /// What for.
    pub kind: PaymentRequestType,
    /// How much, in minor units.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// What for, in the merchant's words.
    pub description: Option<Description>,
    /// Who is asked.
    pub customer_id: Option<CustomerId>,
    /// The invoice that is paid by it.
    pub invoice_id: Option<InvoiceId>,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// Until when it can be paid; for ever when absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where the payer goes afterwards.
    pub success_url: Option<String>,
    /// The merchant's own data.
    pub metadata: Metadata,
}

/// Which payment requests are wanted: those that meet each condition given.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PaymentRequestFilter {
    /// By where they stand now.
    pub status: Option<PaymentRequestStatus>,
    /// By what they are for.
    pub kind: Option<PaymentRequestType>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// For this invoice.
    pub destination_id: Option<InvoiceId>,
    /// With this payment.
    pub payment_id: Option<PaymentId>,
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}
