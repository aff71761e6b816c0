//! API keys, the audit log, and the tenant's own settings.

use chrono::{DateTime, Utc};
use florin_domain::{AuditEntryId, KeyId};
use florin_storage::access::{ApiKey, AuditEntry, Tenant, find_tenant};
use florin_storage::read::{self, AuditQuery, KeyQuery, Listed};

use crate::access::{Caller, Context, Scopes};
use crate::commands::{ChangeTenant, IssueKey, ReplaceKey, Requester, RevokeKey};
use crate::engine::{Engine, Inner};
use crate::reading::{list_answer, slice, unavailable};
use crate::requests::{
    ApiKeyFilter, AuditFilter, ChangeSettings, CreateApiKey, Idempotency, Page, RotateApiKey,
};
use crate::secret::FreshKey;
use crate::views::{Answer, ApiKeyResponse, AuditEntryResponse, Refused, TenantResponse};

impl Engine {
    /// Makes an API key that may do no more than the caller's, for no longer and no more often.
    pub async fn create_api_key(
        &self,
        context: Context,
        request: CreateApiKey,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let request = match within(&context.caller, request) {
            Ok(request) => request,
            Err(refused) => return requester.refuse(refused),
        };
        let fresh = match self.inner.fresh_key(&requester) {
            Ok(fresh) => fresh,
            Err(refused) => return requester.refuse(refused),
        };
        self.inner.change(requester, IssueKey { fresh, request }, 201, idempotency).await
    }

    /// Gives an API key a successor, and time to be replaced.
    pub async fn rotate_api_key(
        &self,
        context: Context,
        id: KeyId,
        request: RotateApiKey,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let found = self.inner.read(move |connection| read::find_api_key(connection, realm, id)).await;
        let allowed = match found {
            // Whether it is there is for the commit to say.
            Ok(None) => Ok(request),
            Ok(Some(key)) => may_rotate(&context.caller, &key, request),
            Err(error) => Err(unavailable(&error)),
        };
        match allowed.and_then(|request| Ok((request, self.inner.fresh_key(&requester)?))) {
            Ok((request, fresh)) => {
                self.inner.change(requester, ReplaceKey { id, fresh, request }, 201, idempotency).await
            }
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Takes an API key away: no request that is sent after the answer gets in with it, on any process.
    pub async fn revoke_api_key(&self, context: Context, id: KeyId) -> Answer {
        self.inner.change(Requester::from(&context), RevokeKey { id }, 200, None).await
    }

    /// An API key.
    pub async fn find_api_key(&self, context: Context, id: KeyId) -> Answer {
        let requester = Requester::from(&context);
        let (realm, now) = (requester.realm, self.inner.now());
        let read = move |connection: &mut _| read::find_api_key(connection, realm, id);
        let answer = |found: Option<ApiKey>| {
            let key = found.ok_or_else(Refused::api_key_not_found)?;
            Ok(Answer::new(200, &ApiKeyResponse::new(&key, None, now)))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// A list of API keys.
    pub async fn list_api_keys(&self, context: Context, filter: ApiKeyFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let now = self.inner.now();
        let query = KeyQuery {
            realm: requester.realm,
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| read::list_api_keys(connection, &query, slice(page));
        let answer = |listed: Listed<ApiKey>| {
            Ok(list_answer(&listed, |key| (key.id.to_string(), ApiKeyResponse::new(key, None, now))))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// A part of the audit log.
    pub async fn list_audit_log(&self, context: Context, filter: AuditFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let query = AuditQuery {
            realm: requester.realm,
            action: filter.action,
            object_id: filter.object_id,
            actor: filter.actor,
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| read::list_audit_log(connection, &query, slice(page));
        let answer = |listed: Listed<AuditEntry>| {
            let views: Result<Vec<_>, _> = listed.items.iter().map(AuditEntryResponse::new).collect();
            let listed = Listed {
                items: views.map_err(|error| corrupt_entry(&error))?,
                has_more: listed.has_more,
                total_count: listed.total_count,
                cut: listed.cut,
            };
            Ok(list_answer(&listed, |entry| (entry.id.to_string(), entry)))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// An entry of the audit log.
    pub async fn find_audit_entry(&self, context: Context, id: AuditEntryId) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| read::find_audit_entry(connection, realm, id);
        let answer = |found: Option<AuditEntry>| {
            let entry = found.ok_or_else(Refused::audit_entry_not_found)?;
            let view = AuditEntryResponse::new(&entry).map_err(|error| corrupt_entry(&error))?;
            Ok(Answer::new(200, &view))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// The caller's tenant, with its settings in the caller's mode.
    pub async fn find_own_tenant(&self, context: Context) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| {
            let tenant = find_tenant(connection, realm.tenant_id)?;
            Ok((tenant, read::find_tenant_settings(connection, realm)?))
        };
        let answer = |(tenant, settings): (Option<Tenant>, _)| {
            let tenant = tenant.ok_or_else(Refused::internal)?;
            Ok(Answer::new(200, &TenantResponse::new(&tenant, realm.mode, Option::as_ref(&settings))))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// Changes the settings of the caller's tenant in the caller's mode.
    pub async fn change_own_tenant(&self, context: Context, change: ChangeSettings) -> Answer {
        let requester = Requester::from(&context);
        let tenant_id = requester.realm.tenant_id;
        match self.inner.read(move |connection| find_tenant(connection, tenant_id)).await {
            Ok(Some(tenant)) => {
                self.inner.change(requester, ChangeTenant { tenant, change }, 200, None).await
            }
            Ok(None) => requester.refuse(Refused::internal()),
            Err(error) => requester.refuse(unavailable(&error)),
        }
    }
}

impl Inner {
    fn fresh_key(&self, requester: &Requester) -> Result<FreshKey, Refused> {
        let id = KeyId::from_uuid(self.ids.next(self.now()));
        FreshKey::generate(requester.realm.mode, id).map_err(|error| {
            tracing::error!(%error, "no API key could be made");
            Refused::internal()
        })
    }
}

/// The key to be made, with the limits and the expiry of the key that makes it where nothing else was asked for.
fn within(caller: &Caller, request: CreateApiKey) -> Result<CreateApiKey, Refused> {
    if let Some(scope) = request.scopes.iter().find(|scope| !caller.scopes.allows(*scope)) {
        return Err(Refused::grants_more(&format!("this one lacks the scope {scope}")));
    }
    Ok(CreateApiKey {
        expires_at: expiry_within(caller, request.expires_at)?,
        limit_per_minute: caller.own_limits.0,
        limit_per_second: caller.own_limits.1,
        ..request
    })
}

fn may_rotate(caller: &Caller, key: &ApiKey, request: RotateApiKey) -> Result<RotateApiKey, Refused> {
    let scopes: Scopes = key.scopes.join(" ").parse().map_err(|_unknown| Refused::internal())?;
    if let Some(scope) = scopes.iter().find(|scope| !caller.scopes.allows(*scope)) {
        return Err(Refused::grants_more(&format!("this one lacks the scope {scope}")));
    }
    let expires_at = expiry_within(caller, request.expires_at.or(key.expires_at))?;
    Ok(RotateApiKey { expires_at, ..request })
}

/// The expiry of a key that another makes: it does not outlive the other.
fn expiry_within(caller: &Caller, wanted: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, Refused> {
    match (wanted, caller.grants_until) {
        (Some(wanted), Some(own)) if wanted > own => {
            Err(Refused::grants_more("this one expires earlier").param("expires_at"))
        }
        (wanted, own) => Ok(wanted.or(own)),
    }
}

fn corrupt_entry(error: &serde_json::Error) -> Refused {
    tracing::error!(%error, "an entry of the audit log is corrupt");
    Refused::internal()
}
