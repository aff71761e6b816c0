//! An endpoint for the tests of this folder.

use chrono::DateTime;
use florin_domain::{Actor, Mode, StoredSecret, TenantId, WebhookEndpoint, WebhookEndpointId};

/// One that hears of everything, one event at a time.
pub(super) fn sample_endpoint() -> WebhookEndpoint {
    WebhookEndpoint {
        id: WebhookEndpointId::from_bytes([1; 16]),
        tenant_id: TenantId::from_bytes([2; 16]),
        mode: Mode::Test,
        url: "https://example.com/".to_owned(),
        types: None,
        description: None,
        enabled: true,
        disabled_reason: None,
        enabled_at: DateTime::UNIX_EPOCH,
        max_concurrency: 1,
        secret: StoredSecret::Plain(Vec::new()),
        old_secret: None,
        deleted_at: None,
        revision: 1,
        event_count: 0,
        created_by: Actor::System,
        updated_by: Actor::System,
        updated_at: DateTime::UNIX_EPOCH,
    }
}
