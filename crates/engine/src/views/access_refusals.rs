//! Refusals about API keys and tenants' settings.

use florin_domain::{Currency, KeyId};

use super::{ErrorCode, Refused};

impl Refused {
    /// No API key of that id is the caller's to see.
    pub fn api_key_not_found() -> Self {
        Refused::new(ErrorCode::ApiKeyNotFound, "There is no such API key in this tenant and mode.")
    }

    /// No entry of the audit log of that id is the caller's to see.
    pub fn audit_entry_not_found() -> Self {
        let message = "There is no such entry of the audit log in this tenant and mode.";
        Refused::new(ErrorCode::AuditEntryNotFound, message)
    }

    /// The key opens nothing any more, so nothing can take its place.
    pub fn api_key_not_active() -> Self {
        let message = "The API key is revoked or has expired; make a new one by POST /v1/api_keys.";
        Refused::new(ErrorCode::ApiKeyNotActive, message)
    }

    /// The key has a successor already.
    pub fn api_key_rotated(successor: KeyId) -> Self {
        let message = format!("The API key {successor} takes the place of this one; rotate that one.");
        Refused::new(ErrorCode::ApiKeyNotActive, message)
    }

    /// A key would expire before it is made.
    pub fn expiry_has_passed() -> Self {
        let message = "Send a time in the future as expires_at, or none for a key that does not expire.";
        Refused::new(ErrorCode::ParameterInvalid, message).param("expires_at")
    }

    /// A key would get a scope that the key which makes it lacks.
    pub fn grants_more(what: &str) -> Self {
        let message = format!("An API key can't grant more than it has itself: {what}.");
        Refused::new(ErrorCode::PermissionDenied, message)
    }

    /// The tenant has switched the currency off.
    pub fn currency_switched_off(currency: Currency) -> Self {
        let message = format!("{} is switched off here; GET /v1/tenant lists what is on.", currency.code());
        Refused::new(ErrorCode::CurrencyNotSupported, message).param("currency")
    }
}
