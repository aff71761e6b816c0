//! API keys, entries of the audit log, and a tenant, as callers see them.

use chrono::{DateTime, Utc};
use florin_domain::{Actor, AuditAction, AuditEntryId, Currency, KeyId, Mode, TenantId};
use florin_storage::access::{ApiKey, AuditEntry, Tenant, TenantSettings};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema};

/// Whether an API key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApiKeyStatus {
    /// It does.
    Active,
    /// Not any more, since its time has passed.
    Expired,
    /// Not any more, since somebody took it away.
    Revoked,
}

/// An API key. The key itself is shown once, when it is made.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct ApiKeyResponse<'a> {
    /// The key's id; not the key itself.
    #[schema(value_type = schema::KeyIdSchema)]
    pub id: KeyId,
    /// What people call it.
    pub name: &'a str,
    /// The key itself: in the first answer to the request that made it, and never again.
    #[schema(required)]
    pub secret: Option<&'a str>,
    /// The beginning and the last characters of the key, to recognize it by.
    pub secret_hint: &'a str,
    /// Whether it opens anything, as of this answer.
    pub status: ApiKeyStatus,
    /// What it may do.
    pub scopes: &'a [String],
    /// Requests a minute: 0 for any number, null for the tenant's or the server's own limit.
    #[schema(required)]
    pub rate_limit_per_minute: Option<u32>,
    /// Requests a second, in the same terms.
    #[schema(required)]
    pub rate_limit_per_second: Option<u32>,
    /// From when on it opens nothing.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to a minute or so.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub last_used_at: Option<Timestamp>,
    /// When somebody took it away.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub revoked_at: Option<Timestamp>,
    /// The key that takes its place.
    #[schema(required, value_type = Option<schema::KeyIdSchema>)]
    pub rotated_to: Option<KeyId>,
    /// Whether it is for real money.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who made it.
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

impl<'a> ApiKeyResponse<'a> {
    /// The view of a key at a time, with its secret for whoever made it.
    pub fn new(key: &'a ApiKey, secret: Option<&'a str>, now: DateTime<Utc>) -> Self {
        let status = match key.revoked_at {
            Some(_) => ApiKeyStatus::Revoked,
            None if key.works_at(now) => ApiKeyStatus::Active,
            None => ApiKeyStatus::Expired,
        };
        ApiKeyResponse {
            id: key.id,
            name: &key.name,
            secret,
            secret_hint: &key.secret_hint,
            status,
            scopes: &key.scopes,
            rate_limit_per_minute: key.limit_per_minute,
            rate_limit_per_second: key.limit_per_second,
            expires_at: key.expires_at.map(Timestamp),
            last_used_at: key.last_used_at.map(Timestamp),
            revoked_at: key.revoked_at.map(Timestamp),
            rotated_to: key.rotated_to,
            livemode: key.realm.mode.is_live(),
            tenant_id: key.realm.tenant_id,
            created_by: key.created_by,
            updated_by: key.updated_by,
            created_at: Timestamp(key.id.created_at()),
            updated_at: Timestamp(key.updated_at),
        }
    }
}

/// Who did what, to which object, from where and when.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditEntryResponse<'a> {
    /// The entry.
    #[schema(value_type = schema::AuditEntryIdSchema)]
    pub id: AuditEntryId,
    /// What was done.
    #[schema(value_type = schema::AuditActionSchema)]
    pub action: AuditAction,
    /// To which object.
    pub object_id: &'a str,
    /// By whom.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub actor: Actor,
    /// From which address; null on the command line.
    #[schema(required)]
    pub address: Option<String>,
    /// By which request; null on the command line.
    #[schema(required)]
    pub request_id: Option<&'a str>,
    /// What else there is to say of it.
    #[schema(value_type = Object)]
    pub details: &'a RawValue,
    /// Whether it is about real money.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// When it was done.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
}

impl<'a> AuditEntryResponse<'a> {
    /// The view of an entry.
    ///
    /// # Errors
    /// When its details are not JSON, so that the row is corrupt.
    pub fn new(entry: &'a AuditEntry) -> Result<Self, serde_json::Error> {
        Ok(AuditEntryResponse {
            id: entry.id,
            action: entry.action,
            object_id: &entry.object_id,
            actor: entry.actor,
            address: entry.address.map(|address| address.to_string()),
            request_id: entry.request_id.as_deref(),
            details: serde_json::from_str(&entry.details)?,
            livemode: entry.realm.mode.is_live(),
            tenant_id: entry.realm.tenant_id,
            created_at: Timestamp(entry.id.created_at()),
        })
    }
}

/// The tenant whose key was sent, and its settings in the key's mode.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantResponse<'a> {
    /// The tenant.
    #[schema(value_type = schema::TenantIdSchema)]
    pub id: TenantId,
    /// What people call it.
    pub name: &'a str,
    /// The currencies that it takes, in order; null for all there are.
    #[schema(required, value_type = Option<Vec<schema::CurrencySchema>>)]
    pub currencies: Option<&'a [Currency]>,
    /// Requests a minute for each of its keys: 0 for any number, null for the server's own limit.
    #[schema(required)]
    pub rate_limit_per_minute: Option<u32>,
    /// Requests a second, in the same terms.
    #[schema(required)]
    pub rate_limit_per_second: Option<u32>,
    /// Whether these are the settings for real money.
    pub livemode: bool,
    /// When it was made.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// When the settings changed last; null while they are the server's own.
    #[schema(required, value_type = Option<schema::TimeSchema>)]
    pub updated_at: Option<Timestamp>,
}

impl<'a> TenantResponse<'a> {
    /// The view of a tenant with its settings in a mode, if it has any.
    pub fn new(tenant: &'a Tenant, mode: Mode, settings: Option<&'a TenantSettings>) -> Self {
        let stored = settings.filter(|settings| settings.revision > 0);
        TenantResponse {
            id: tenant.id,
            name: &tenant.name,
            currencies: settings.and_then(|settings| settings.currencies.as_deref()),
            rate_limit_per_minute: settings.and_then(|settings| settings.limit_per_minute),
            rate_limit_per_second: settings.and_then(|settings| settings.limit_per_second),
            livemode: mode.is_live(),
            created_at: Timestamp(tenant.id.created_at()),
            updated_at: stored.map(|settings| Timestamp(settings.updated_at)),
        }
    }
}
