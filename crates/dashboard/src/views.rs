//! The parts of the engine's answers that pages show.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: serde::de::DeserializeOwned")]
pub(crate) struct Listed<T> {
    pub(crate) data: Vec<T>,
    pub(crate) has_more: bool,
    pub(crate) total_count: u64,
    #[serde(default)]
    pub(crate) cut: Option<Cut>,
}

/// Where reading a long list stopped.
#[derive(Debug, Deserialize)]
pub(crate) struct Cut {
    pub(crate) looked_until: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) payment_status: String,
    pub(crate) payment_method_type: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) error_message: Option<String>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) sequence: i64,
    pub(crate) data: EventData,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EventData {
    pub(crate) object: Box<RawValue>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Transaction {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) debit_account: String,
    pub(crate) credit_account: String,
    pub(crate) payment_id: Option<String>,
    pub(crate) refund_id: Option<String>,
    pub(crate) customer_id: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) reference_id: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) created_by: String,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Amendment {
    pub(crate) number: i64,
    pub(crate) before: Box<RawValue>,
    pub(crate) after: Box<RawValue>,
    pub(crate) created_by: String,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Balances {
    pub(crate) data: Vec<Balance>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Balance {
    pub(crate) account: String,
    pub(crate) currency: String,
    pub(crate) balance: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Credits {
    pub(crate) balances: Vec<CreditBalance>,
    pub(crate) data: Vec<Transaction>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreditBalance {
    pub(crate) currency: String,
    pub(crate) balance: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) customer_id: Option<String>,
    pub(crate) currency: String,
    pub(crate) amount_due: i64,
    pub(crate) amount_paid: i64,
    pub(crate) amount_remaining: i64,
    pub(crate) lines: Vec<InvoiceLine>,
    pub(crate) status: String,
    pub(crate) due_at: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct InvoiceLine {
    pub(crate) description: String,
    pub(crate) quantity: u32,
    pub(crate) unit_amount: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PaymentRequest {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) description: Option<String>,
    pub(crate) status: String,
    pub(crate) url: String,
    pub(crate) customer_id: Option<String>,
    pub(crate) destination_id: Option<String>,
    pub(crate) capture_method: String,
    pub(crate) payment_id: Option<String>,
    pub(crate) payment_in_progress: bool,
    pub(crate) expires_at: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) paid_at: Option<String>,
    pub(crate) canceled_at: Option<String>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) events: Option<Vec<String>>,
    pub(crate) description: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) disabled_reason: Option<String>,
    pub(crate) secret: Option<String>,
    pub(crate) old_secret_until: Option<String>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) event_id: String,
    pub(crate) status: String,
    pub(crate) next_try_at: Option<String>,
    pub(crate) tries: Vec<Try>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Try {
    pub(crate) number: i64,
    pub(crate) tried_at: String,
    pub(crate) duration_ms: i64,
    pub(crate) status_code: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) answer: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApiKey {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) secret: Option<String>,
    pub(crate) secret_hint: String,
    pub(crate) status: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<String>,
    pub(crate) last_used_at: Option<String>,
    pub(crate) created_by: String,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: Option<String>,
    pub(crate) role: String,
    pub(crate) enabled: bool,
    pub(crate) totp: String,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) current: bool,
    pub(crate) client_version: Option<String>,
    pub(crate) last_seen_at: String,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TotpOffer {
    pub(crate) secret: String,
    pub(crate) otpauth_url: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RecoveryCodes {
    pub(crate) recovery_codes: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AuditEntry {
    pub(crate) id: String,
    pub(crate) action: String,
    pub(crate) object_id: String,
    pub(crate) actor: String,
    pub(crate) address: Option<String>,
    pub(crate) details: Box<RawValue>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OpenItem {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) message: String,
    pub(crate) payment_id: Option<String>,
    pub(crate) attempt_id: Option<String>,
    pub(crate) processor: Option<String>,
    pub(crate) processor_reference: Option<String>,
    pub(crate) here: Sum,
    pub(crate) there: Sum,
    pub(crate) resolution: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) closed_by: Option<String>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Sum {
    pub(crate) amount: Option<i64>,
    pub(crate) currency: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) currencies: Option<Vec<String>>,
    pub(crate) rate_limit_per_minute: Option<u32>,
    pub(crate) rate_limit_per_second: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ProcessorAccount {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) connector: String,
    pub(crate) enabled: bool,
    pub(crate) position: i64,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) credentials_updated_at: String,
    pub(crate) created_by: String,
    pub(crate) created_at: String,
}
