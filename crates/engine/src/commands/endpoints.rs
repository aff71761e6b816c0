//! Webhook endpoints: making, changing, giving up.

use chrono::{DateTime, Utc};
use florin_domain::{
    AuditAction, DisabledReason, EndpointChange, EventId, EventType, StoredSecret, WebhookEndpoint,
    WebhookEndpointId,
};
use florin_storage::webhooks::NewDelivery;
use florin_storage::{Event, Needs, Realm, WorkingSet};
use serde_json::json;
use std::sync::Arc;

use super::change::{Change, Desk, Made};
use super::{Requester, telling::put_event};
use crate::requests::CreateEndpoint;
use crate::views::{Refused, WebhookEndpointResponse, to_json};
use crate::writer::{Command, Deciding};

/// Makes an endpoint, whose secret is shown in the first answer.
pub(crate) struct MakeEndpoint {
    pub(crate) request: CreateEndpoint,
    pub(crate) id: WebhookEndpointId,
    pub(crate) secret: StoredSecret,
    pub(crate) shown: String,
}

impl Change for MakeEndpoint {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.endpoint_realms.insert(realm);
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        if on.set.endpoints(on.realm).count() >= WebhookEndpoint::MAX_ENDPOINTS {
            return Err(Refused::too_many_webhook_endpoints());
        }
        let CreateEndpoint { url, types, description, enabled, max_concurrency } = self.request.clone();
        let endpoint = WebhookEndpoint {
            id: self.id,
            tenant_id: on.realm.tenant_id,
            mode: on.realm.mode,
            url,
            types,
            description,
            enabled,
            disabled_reason: None,
            enabled_at: on.deciding.at,
            max_concurrency,
            secret: self.secret.clone(),
            old_secret: None,
            deleted_at: None,
            revision: 1,
            event_count: 0,
            created_by: on.actor,
            updated_by: on.actor,
            updated_at: self.id.created_at(),
        };
        on.set.put_endpoint(endpoint.clone());
        on.log(AuditAction::WebhookEndpointCreated, self.id, &json!({ "url": endpoint.url }));
        let stored = Made::new(201, &WebhookEndpointResponse::new(&endpoint, None), self.id);
        Ok(stored.shown_once(&WebhookEndpointResponse::new(&endpoint, Some(&self.shown))))
    }
}

/// Changes an endpoint.
pub(crate) struct AlterEndpoint {
    pub(crate) id: WebhookEndpointId,
    pub(crate) change: EndpointChange,
}

impl Change for AlterEndpoint {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.endpoints.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let endpoint = found(on.set, on.realm, self.id)?;
        let changed = endpoint.change(self.change.clone(), on.deciding.at, on.actor);
        let details = json!({ "url": changed.url, "enabled": changed.enabled });
        on.log(AuditAction::WebhookEndpointChanged, self.id, &details);
        on.set.put_endpoint(changed.clone());
        Ok(Made::new(200, &WebhookEndpointResponse::new(&changed, None), self.id))
    }
}

/// Gives an endpoint another secret; the old one signs beside it for a while.
pub(crate) struct RotateSecret {
    pub(crate) id: WebhookEndpointId,
    pub(crate) secret: StoredSecret,
    pub(crate) shown: String,
    pub(crate) overlap: chrono::TimeDelta,
}

impl Change for RotateSecret {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.endpoints.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let endpoint = found(on.set, on.realm, self.id)?;
        let at = on.deciding.at;
        let until = at.checked_add_signed(self.overlap).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let changed = endpoint.rotate(self.secret.clone(), until, at, on.actor);
        let details = json!({ "overlap_seconds": self.overlap.num_seconds() });
        on.log(AuditAction::WebhookSecretRotated, self.id, &details);
        on.set.put_endpoint(changed.clone());
        let stored = Made::new(200, &WebhookEndpointResponse::new(&changed, None), self.id);
        Ok(stored.shown_once(&WebhookEndpointResponse::new(&changed, Some(&self.shown))))
    }
}

/// Takes an endpoint away.
pub(crate) struct DeleteEndpoint {
    pub(crate) id: WebhookEndpointId,
}

impl Change for DeleteEndpoint {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.endpoints.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let endpoint = found(on.set, on.realm, self.id)?;
        let deleted = endpoint.delete(on.deciding.at, on.actor);
        on.log(AuditAction::WebhookEndpointDeleted, self.id, &json!({ "url": deleted.url }));
        on.set.put_endpoint(deleted.clone());
        Ok(Made::new(200, &WebhookEndpointResponse::new(&deleted, None), self.id))
    }
}

/// Sends an event to an endpoint that tells of nothing but itself.
pub(crate) struct TestEndpoint {
    pub(crate) id: WebhookEndpointId,
}

impl Change for TestEndpoint {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.endpoints.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let endpoint = found(on.set, on.realm, self.id)?;
        if !endpoint.enabled {
            return Err(Refused::webhook_endpoint_is_disabled());
        }
        let mut endpoint = endpoint.clone();
        endpoint.revision = endpoint.revision.saturating_add(1);
        endpoint.event_count = endpoint.event_count.saturating_add(1);
        let event_id = EventId::from_uuid(on.deciding.new_event_id());
        let snapshot = Arc::from(to_json(&WebhookEndpointResponse::new(&endpoint, None), 1024));
        let event = Event {
            realm: on.realm,
            id: event_id,
            kind: EventType::WebhookEndpointTest.as_str(),
            object_id: endpoint.id.bytes(),
            sequence: endpoint.event_count,
            snapshot,
        };
        let body = crate::views::event_json_of(&event);
        on.set.put_event(event);
        let delivery = NewDelivery { realm: on.realm, endpoint_id: self.id, event_id, leased_until: None };
        on.set.put_delivery(delivery);
        on.set.put_endpoint(endpoint);
        Ok(Made::of_json(202, Arc::from(body), event_id))
    }
}

/// Disables an endpoint to which nothing can be delivered, and tells of it.
pub(crate) struct GiveUpEndpoint {
    pub(crate) realm: Realm,
    pub(crate) id: WebhookEndpointId,
    pub(crate) reason: DisabledReason,
}

impl Command for GiveUpEndpoint {
    type Answer = ();

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.endpoints.insert((self.realm, self.id));
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) {
        let at = deciding.at;
        let given_up = set.endpoint(self.realm, self.id).and_then(|endpoint| {
            // Since a person has enabled it, it has to fail for as long again.
            let is_fresh = at.signed_duration_since(endpoint.enabled_at) < florin_domain::FAILING_FOR;
            match self.reason {
                DisabledReason::Failing if is_fresh => None,
                DisabledReason::Failing | DisabledReason::Gone => endpoint.give_up(self.reason, at),
            }
        });
        let Some(endpoint) = given_up else { return };
        let snapshot = Arc::from(to_json(&WebhookEndpointResponse::new(&endpoint, None), 1024));
        let object = (endpoint.id.bytes(), endpoint.event_count);
        let kind = EventType::WebhookEndpointDisabled.as_str();
        put_event(set, deciding, self.realm, kind, object, &snapshot);
        set.put_endpoint(endpoint);
        let requester = Requester::system(self.realm);
        let mut desk =
            Desk { set, deciding, realm: self.realm, actor: requester.actor, requester: &requester };
        let details = json!({ "reason": self.reason.as_str() });
        desk.log(AuditAction::WebhookEndpointGivenUp, self.id, &details);
    }
}

fn found(set: &WorkingSet, realm: Realm, id: WebhookEndpointId) -> Result<&WebhookEndpoint, Refused> {
    set.endpoint(realm, id).ok_or_else(Refused::webhook_endpoint_not_found)
}
