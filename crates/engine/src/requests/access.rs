//! What callers ask for about access: API keys, the audit log, and tenants' settings.

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{Actor, AuditAction, Currency};

use crate::access::Scopes;

/// An API key to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateApiKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// From when on it opens nothing.
    pub expires_at: Option<DateTime<Utc>>,
    /// Requests a minute: `Some(0)` for any number, `None` for the tenant's or the server's own limit.
    pub limit_per_minute: Option<u32>,
    /// Requests a second, in the same terms.
    pub limit_per_second: Option<u32>,
}

/// How an API key is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotateApiKey {
    /// For how long the old one still works.
    pub overlap: TimeDelta,
    /// From when on the new one opens nothing; as the old one when not said.
    pub expires_at: Option<DateTime<Utc>>,
}

impl RotateApiKey {
    /// The longest overlap.
    pub const MAX_OVERLAP: TimeDelta = TimeDelta::days(30);
    /// The overlap when none is chosen.
    pub const DEFAULT_OVERLAP: TimeDelta = TimeDelta::days(1);
}

/// Which API keys are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ApiKeyFilter {
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which entries of the audit log are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// What was done.
    pub action: Option<AuditAction>,
    /// To which object.
    pub object_id: Option<String>,
    /// By whom.
    pub actor: Option<Actor>,
    /// Later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// Changes of a tenant's settings in one mode; what is `None` stays. A limit of `Some(None)` is the server's own.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ChangeSettings {
    /// The currencies that it takes; `Some(None)` for all there are.
    pub currencies: Option<Option<Vec<Currency>>>,
    /// Requests a minute for each of its keys.
    pub limit_per_minute: Option<Option<u32>>,
    /// Requests a second.
    pub limit_per_second: Option<Option<u32>>,
}
