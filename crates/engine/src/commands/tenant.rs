//! Changing what a tenant takes and how often it may ask, with the entry in the audit log.

use florin_domain::AuditAction;
use florin_storage::access::{Tenant, TenantSettings};
use florin_storage::{Needs, Realm};
use serde_json::{Value, json};

use super::change::{Change, Desk, Made};
use crate::requests::ChangeSettings;
use crate::views::{Refused, TenantResponse};

/// Changes a tenant's settings in one mode. What would change nothing leaves no trace.
pub(crate) struct ChangeTenant {
    pub(crate) tenant: Tenant,
    pub(crate) change: ChangeSettings,
}

impl ChangeTenant {
    pub(crate) fn decide(&self, on: &mut Desk<'_>) -> TenantSettings {
        let before = on.set.tenant_settings(on.realm).cloned().unwrap_or(TenantSettings {
            realm: on.realm,
            currencies: None,
            limit_per_minute: None,
            limit_per_second: None,
            revision: 0,
            updated_by: on.actor,
            updated_at: on.deciding.at,
        });
        let mut after = before.clone();
        if let Some(currencies) = &self.change.currencies {
            after.currencies = currencies.clone();
            if let Some(currencies) = &mut after.currencies {
                currencies.sort_unstable_by_key(|currency| currency.code());
                currencies.dedup();
            }
        }
        after.limit_per_minute = self.change.limit_per_minute.unwrap_or(after.limit_per_minute);
        after.limit_per_second = self.change.limit_per_second.unwrap_or(after.limit_per_second);
        if after == before {
            return before;
        }
        after.revision = after.revision.saturating_add(1);
        after.updated_by = on.actor;
        after.updated_at = on.deciding.at;
        let details = json!({ "before": summary(&before), "after": summary(&after) });
        on.log(AuditAction::TenantSettingsChanged, on.realm.tenant_id, &details);
        on.set.put_tenant_settings(after.clone());
        after
    }
}

impl Change for ChangeTenant {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.tenant_settings.insert(realm);
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let settings = self.decide(on);
        let view = TenantResponse::new(&self.tenant, on.realm.mode, Some(&settings));
        Ok(Made::new(200, &view, self.tenant.id))
    }

    fn takes_access(status: u16) -> bool {
        status < 300
    }
}

fn summary(settings: &TenantSettings) -> Value {
    let codes = |currencies: &Vec<_>| -> Vec<String> {
        currencies.iter().map(|currency: &florin_domain::Currency| currency.code().to_owned()).collect()
    };
    json!({
        "currencies": settings.currencies.as_ref().map(codes),
        "rate_limit_per_minute": settings.limit_per_minute,
        "rate_limit_per_second": settings.limit_per_second,
    })
}
