//! What callers ask for around payments: customers, credits, payment methods, invoices and transactions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use florin_domain::{
    Account, Amount, BankName, CardBrand, Currency, CustomerId, CustomerName, Email, Expiry, ExternalId,
    InvoiceLine, InvoiceNumber, InvoiceStatus, Last4, Metadata, MethodRef, MethodType, Notes, PaymentId,
    ProcessorName, Reason, ReferenceId, TransactionType,
};

/// A customer to create.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CreateCustomer {
    /// What they are called.
    pub name: Option<CustomerName>,
    /// Where they are reached.
    pub email: Option<Email>,
    /// The merchant's own name for them.
    pub external_id: Option<ExternalId>,
    /// The merchant's own data.
    pub metadata: Metadata,
}

/// Changes of a customer. `Some(None)` takes a value away.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UpdateCustomer {
    /// The new name.
    pub name: Option<Option<CustomerName>>,
    /// The new address.
    pub email: Option<Option<Email>>,
    /// The merchant's new name for them.
    pub external_id: Option<Option<ExternalId>>,
    /// New values by key; `None` takes a key away.
    pub metadata: BTreeMap<String, Option<String>>,
}

/// Credits to give to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantCredits {
    /// How much, in minor units.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// Why, in the merchant's words.
    pub reason: Option<Reason>,
}

/// A payment method to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateMethod {
    /// The processor's name for it.
    pub token: MethodRef,
    /// [`MethodType::Card`] or [`MethodType::Ach`].
    pub method_type: MethodType,
    /// The processor account that the token belongs to; chosen by the routes when absent.
    pub processor: Option<ProcessorName>,
    /// Whose way to pay it is.
    pub customer_id: Option<CustomerId>,
    /// A card's brand.
    pub brand: Option<CardBrand>,
    /// The last four digits.
    pub last4: Option<Last4>,
    /// Until when a card is good.
    pub expiry: Option<Expiry>,
    /// A bank account's bank.
    pub bank_name: Option<BankName>,
    /// The merchant's own data.
    pub metadata: Metadata,
}

/// An invoice to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateInvoice {
    /// Its number; the next one is counted up when absent.
    pub number: Option<InvoiceNumber>,
    /// Who owes it.
    pub customer_id: Option<CustomerId>,
    /// Of what.
    pub currency: Currency,
    /// How much is due, in minor units: the sum of the lines, when there are any.
    pub amount_due: Amount,
    /// The positions.
    pub lines: Vec<InvoiceLine>,
    /// Until when it should be paid.
    pub due_at: Option<DateTime<Utc>>,
    /// The merchant's own data.
    pub metadata: Metadata,
}

/// Changes of what may be changed of a transaction. `Some(None)` takes a value away.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AmendTransaction {
    /// New values by key; `None` takes a key away.
    pub metadata: BTreeMap<String, Option<String>>,
    /// The merchant's new reference.
    pub reference_id: Option<Option<ReferenceId>>,
    /// The merchant's new notes.
    pub notes: Option<Option<Notes>>,
}

/// Which customers are wanted: those that meet each condition given.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CustomerFilter {
    /// By address.
    pub email: Option<Email>,
    /// By the merchant's own name for them.
    pub external_id: Option<ExternalId>,
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which payment methods are wanted, of those that are not detached.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MethodFilter {
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which invoices are wanted: those that meet each condition given.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct InvoiceFilter {
    /// By where they stand.
    pub status: Option<InvoiceStatus>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// By number.
    pub number: Option<InvoiceNumber>,
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which transactions are wanted: those that meet each condition given.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TransactionFilter {
    /// Of this payment.
    pub payment_id: Option<PaymentId>,
    /// By what moved.
    pub kind: Option<TransactionType>,
    /// On either side of this account.
    pub account: Option<Account>,
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which of a customer's entries of credits are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CreditFilter {
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}
