//! Making, replacing and revoking API keys, each with its entry in the audit log.

use chrono::{DateTime, Utc};
use florin_domain::{AuditAction, KeyId};
use florin_storage::access::ApiKey;
use florin_storage::{Needs, Realm};
use serde_json::json;

use super::change::{Change, Desk, Made};
use crate::requests::{CreateApiKey, RotateApiKey};
use crate::secret::FreshKey;
use crate::views::{ApiKeyResponse, Refused, Timestamp};

/// Makes a key.
pub(crate) struct IssueKey {
    pub(crate) fresh: FreshKey,
    pub(crate) request: CreateApiKey,
}

impl IssueKey {
    pub(crate) fn decide(&self, on: &mut Desk<'_>) -> Result<ApiKey, Refused> {
        let at = on.deciding.at;
        check_expiry(self.request.expires_at, at)?;
        let key = ApiKey {
            id: self.fresh.id,
            realm: on.realm,
            name: self.request.name.clone(),
            secret_digest: self.fresh.digest(),
            secret_hint: self.fresh.hint(),
            scopes: self.request.scopes.iter().map(|scope| scope.to_string()).collect(),
            limit_per_minute: self.request.limit_per_minute,
            limit_per_second: self.request.limit_per_second,
            revoked_at: None,
            expires_at: self.request.expires_at,
            rotated_to: None,
            last_used_at: None,
            revision: 1,
            created_by: on.actor,
            updated_by: on.actor,
            updated_at: self.fresh.id.created_at(),
        };
        on.set.put_api_key(key.clone());
        let details = json!({ "name": key.name, "scopes": key.scopes, "expires_at": time(key.expires_at) });
        on.log(AuditAction::ApiKeyCreated, key.id, &details);
        Ok(key)
    }
}

impl Change for IssueKey {
    fn needs(&self, _realm: Realm, _needs: &mut Needs) {}

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let key = self.decide(on)?;
        Ok(made_with_secret(201, &key, &self.fresh, on.deciding.at))
    }
}

/// Gives a key a successor with the same scopes and limits, and time to be replaced.
pub(crate) struct ReplaceKey {
    pub(crate) id: KeyId,
    pub(crate) fresh: FreshKey,
    pub(crate) request: RotateApiKey,
}

impl ReplaceKey {
    pub(crate) fn decide(&self, on: &mut Desk<'_>) -> Result<ApiKey, Refused> {
        let at = on.deciding.at;
        let old = on.set.api_key(on.realm, self.id).ok_or_else(Refused::api_key_not_found)?.clone();
        if let Some(successor) = old.rotated_to {
            return Err(Refused::api_key_rotated(successor));
        }
        if !old.works_at(at) {
            return Err(Refused::api_key_not_active());
        }
        let expires_at = self.request.expires_at.or(old.expires_at);
        check_expiry(expires_at, at)?;
        let successor = ApiKey {
            id: self.fresh.id,
            secret_digest: self.fresh.digest(),
            secret_hint: self.fresh.hint(),
            expires_at,
            last_used_at: None,
            revision: 1,
            created_by: on.actor,
            updated_by: on.actor,
            updated_at: self.fresh.id.created_at(),
            ..old.clone()
        };
        let until = at.checked_add_signed(self.request.overlap).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let old = old.give_way(successor.id, until, at, on.actor);
        let details = json!({ "successor": successor.id, "works_until": time(old.expires_at) });
        on.log(AuditAction::ApiKeyRotated, old.id, &details);
        let details =
            json!({ "replaces": old.id, "scopes": successor.scopes, "expires_at": time(expires_at) });
        on.log(AuditAction::ApiKeyCreated, successor.id, &details);
        on.set.put_api_key(old);
        on.set.put_api_key(successor.clone());
        Ok(successor)
    }
}

impl Change for ReplaceKey {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.api_keys.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let successor = self.decide(on)?;
        Ok(made_with_secret(201, &successor, &self.fresh, on.deciding.at))
    }

    fn takes_access(status: u16) -> bool {
        status < 300
    }
}

/// Takes a key away. Again, it stays as it is.
pub(crate) struct RevokeKey {
    pub(crate) id: KeyId,
}

impl RevokeKey {
    /// The key as it is then, and whether it was there to be taken away.
    pub(crate) fn decide(&self, on: &mut Desk<'_>) -> Result<(ApiKey, bool), Refused> {
        let key = on.set.api_key(on.realm, self.id).ok_or_else(Refused::api_key_not_found)?.clone();
        if key.revoked_at.is_some() {
            return Ok((key, false));
        }
        let revoked = key.revoke(on.deciding.at, on.actor);
        on.log(AuditAction::ApiKeyRevoked, revoked.id, &json!({ "name": revoked.name }));
        on.set.put_api_key(revoked.clone());
        Ok((revoked, true))
    }
}

impl Change for RevokeKey {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.api_keys.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let (key, _) = self.decide(on)?;
        Ok(Made::new(200, &ApiKeyResponse::new(&key, None, on.deciding.at), key.id))
    }

    fn takes_access(status: u16) -> bool {
        status < 300
    }
}

/// The key as an answer. The secret is in the first one only: what is stored for repetitions is without it.
fn made_with_secret(status: u16, key: &ApiKey, fresh: &FreshKey, at: DateTime<Utc>) -> Made {
    let stored = Made::new(status, &ApiKeyResponse::new(key, None, at), key.id);
    stored.shown_once(&ApiKeyResponse::new(key, Some(fresh.reveal()), at))
}

fn check_expiry(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Refused> {
    match expires_at {
        Some(expires_at) if expires_at <= now => Err(Refused::expiry_has_passed()),
        Some(_) | None => Ok(()),
    }
}

fn time(time: Option<DateTime<Utc>>) -> Option<Timestamp> {
    time.map(Timestamp)
}
