//! What callers get to see: payments, what surrounds them, and errors as JSON.
//!
//! The views live here and not in the API crate, because stored idempotent answers and event snapshots are written in
//! the commit that they tell of. Routes, headers and parsing are not here.

mod access;
mod access_refusals;
mod answer;
mod attempt;
mod balance;
mod customer;
mod error_code;
mod invoice;
mod list;
mod open_item;
mod payment;
mod payment_method;
mod payment_request;
mod processor_account;
mod recovery_refusals;
mod refund;
mod refusals;
mod refused;
mod resource_refusals;
pub mod schema;
mod session;
mod session_refusals;
mod timestamp;
mod transaction;
mod webhook;
mod webhook_refusals;

pub use access::{ApiKeyResponse, ApiKeyStatus, AuditEntryResponse, TenantResponse};
pub use answer::{Answer, to_json};
pub use attempt::AttemptResponse;
pub use balance::{BalanceResponse, BalancesResponse, CreditBalanceResponse, CreditsResponse};
pub use customer::CustomerResponse;
pub use error_code::{ErrorCode, ErrorKind};
pub use invoice::{InvoiceLineResponse, InvoiceResponse};
pub use list::{List, ListCut};
pub use open_item::{OpenItemResponse, SumResponse};
pub use payment::{NextAction, NextActionKind, PaymentResponse};
pub use payment_method::PaymentMethodResponse;
pub(crate) use payment_request::page_url;
pub use payment_request::{EmailStatus, PaymentRequestResponse, PaymentRequestSentResponse};
pub use processor_account::{ProcessorAccountResponse, ProcessorRoutesResponse, RouteRuleResponse};
pub use refund::RefundResponse;
pub use refused::{ErrorBody, ErrorResponse, Refused};
pub use session::{
    RecoveryCodesResponse, SessionEndedResponse, SessionResponse, TokensResponse, TotpOfferResponse,
    TotpStatus, UserResponse,
};
pub use timestamp::Timestamp;
pub use transaction::{AmendmentResponse, Annotations, PostingResponse, TransactionResponse};
pub use webhook::{
    DeliveryResponse, EventData, EventResponse, RedeliveryResponse, TryResponse, WebhookEndpointResponse,
};
pub(crate) use webhook::{event_json, event_json_of};
