//! Webhook endpoints, their secrets, and what was delivered to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use florin_domain::{
    AuditAction, AuditEntryId, EndpointChange, EventId, StoredSecret, WebhookEndpoint, WebhookEndpointId,
};
use florin_storage::read::Listed;
use florin_storage::webhooks::{
    DeliveryQuery, DeliveryRecord, NewDelivery, deliver_missed, endpoints_of, find_endpoint, find_event,
    list_deliveries, missed_events, redeliver, redeliver_failed, write_audit_entry,
};
use florin_storage::{InRealm, Realm, StorageError, in_transaction};
use serde_json::json;

use crate::access::Context;
use crate::commands::{AlterEndpoint, DeleteEndpoint, MakeEndpoint, Requester, RotateSecret, TestEndpoint};
use crate::delivery::check_target;
use crate::engine::{Engine, Inner};
use crate::reading::{list_answer, page_of, slice, unavailable};
use crate::requests::{
    AttemptFilter, CreateEndpoint, DeliveryFilter, Idempotency, Page, RedeliverEvent, SecretOverlap,
};
use crate::resources::place_before;
use crate::secret::NoRandomness;
use crate::vault::VaultError;
use crate::views::{Answer, DeliveryResponse, RedeliveryResponse, Refused, WebhookEndpointResponse};

/// How many random bytes a secret has.
const SECRET_BYTES: usize = 24;

/// A new secret to sign webhooks with: its bytes, and as it is shown.
///
/// # Errors
/// [`NoRandomness`], in which case there is nothing to be done but to try again.
pub fn new_webhook_secret() -> Result<(Vec<u8>, String), NoRandomness> {
    let mut secret = vec![0; SECRET_BYTES];
    getrandom::fill(&mut secret)?;
    let shown = format!("whsec_{}", STANDARD.encode(&secret));
    Ok((secret, shown))
}

impl Engine {
    /// Makes a webhook endpoint.
    pub async fn create_webhook_endpoint(
        &self,
        context: Context,
        request: CreateEndpoint,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let id = WebhookEndpointId::from_uuid(self.inner.ids.next(self.inner.now()));
        let checked = self.inner.checked_url(&request.url);
        match checked.and_then(|()| self.inner.fresh_secret(requester.realm, id)) {
            Ok((secret, shown)) => {
                let make = MakeEndpoint { request, id, secret, shown };
                self.inner.change_listeners(requester, make, 201, idempotency).await
            }
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Changes a webhook endpoint.
    pub async fn update_webhook_endpoint(
        &self,
        context: Context,
        id: WebhookEndpointId,
        change: EndpointChange,
    ) -> Answer {
        let requester = Requester::from(&context);
        match change.url.as_deref().map_or(Ok(()), |url| self.inner.checked_url(url)) {
            Ok(()) => self.inner.change_listeners(requester, AlterEndpoint { id, change }, 200, None).await,
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Takes a webhook endpoint away.
    pub async fn delete_webhook_endpoint(&self, context: Context, id: WebhookEndpointId) -> Answer {
        let requester = Requester::from(&context);
        self.inner.change_listeners(requester, DeleteEndpoint { id }, 200, None).await
    }

    /// Gives a webhook endpoint another secret.
    pub async fn rotate_webhook_secret(
        &self,
        context: Context,
        id: WebhookEndpointId,
        SecretOverlap(overlap): SecretOverlap,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.fresh_secret(requester.realm, id) {
            Ok((secret, shown)) => {
                let rotate = RotateSecret { id, secret, shown, overlap };
                self.inner.change_listeners(requester, rotate, 200, idempotency).await
            }
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Sends a test event to a webhook endpoint.
    pub async fn test_webhook_endpoint(
        &self,
        context: Context,
        id: WebhookEndpointId,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        self.inner.change(Requester::from(&context), TestEndpoint { id }, 202, idempotency).await
    }

    /// A webhook endpoint.
    pub async fn find_webhook_endpoint(&self, context: Context, id: WebhookEndpointId) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.webhook_endpoint(requester.realm, id).await {
            Ok(endpoint) => Answer::new(200, &WebhookEndpointResponse::new(&endpoint, None)),
            Err(refused) => requester.refuse(refused),
        }
    }

    /// A list of webhook endpoints.
    pub async fn list_webhook_endpoints(
        &self,
        context: Context,
        created_after: Option<DateTime<Utc>>,
        created_before: Option<DateTime<Utc>>,
        page: Page,
    ) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| endpoints_of(connection, realm);
        let answer = |mut endpoints: Vec<WebhookEndpoint>| {
            let wanted = AttemptFilter { created_after, created_before };
            endpoints.retain(|endpoint| wanted.wants(endpoint.id.created_at()));
            endpoints.reverse();
            let listed = page_of(endpoints, |endpoint| endpoint.id.uuid(), page);
            Ok(list_answer(&listed, |endpoint: &WebhookEndpoint| {
                (endpoint.id.to_string(), WebhookEndpointResponse::new(endpoint, None))
            }))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// A part of the deliveries to a webhook endpoint.
    pub async fn list_deliveries(
        &self,
        context: Context,
        endpoint_id: WebhookEndpointId,
        filter: DeliveryFilter,
        page: Page,
    ) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        if let Err(refused) = self.inner.webhook_endpoint(realm, endpoint_id).await {
            return requester.refuse(refused);
        }
        let DeliveryFilter { status, event_id, created_after, created_before } = filter;
        let query = DeliveryQuery { realm, endpoint_id, status, event_id, created_after, created_before };
        let read = move |connection: &mut _| list_deliveries(connection, &query, slice(page));
        let answer = |listed: Listed<DeliveryRecord>| {
            Ok(list_answer(&listed, |delivery| (delivery.id.to_string(), DeliveryResponse::new(delivery))))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// Sends an event again: to one endpoint, or to all that listen to its type.
    pub async fn redeliver_event(
        &self,
        context: Context,
        event_id: EventId,
        request: RedeliverEvent,
    ) -> Answer {
        let requester = Requester::from(&context);
        let (inner, asked) = (&self.inner, requester.clone());
        let (now, entry_id) = (inner.now(), inner.audit_id());
        let soon = now + inner.lease();
        let redelivered = inner.read(move |connection| {
            let realm = asked.realm;
            let Some(event) = find_event(connection, realm, event_id)? else {
                return Ok(Err(Refused::event_not_found()));
            };
            let endpoints = endpoints_of(connection, realm)?;
            let chosen: Vec<&WebhookEndpoint> = match request.endpoint_id {
                None => endpoints.iter().filter(|one| one.enabled && one.hears(event.kind)).collect(),
                Some(id) => match endpoints.iter().find(|one| one.id == id) {
                    None => {
                        return Ok(Err(Refused::webhook_endpoint_not_found().param("webhook_endpoint_id")));
                    }
                    Some(endpoint) if !endpoint.enabled => {
                        return Ok(Err(Refused::webhook_endpoint_is_disabled()));
                    }
                    Some(endpoint) => vec![endpoint],
                },
            };
            let deliveries: Vec<NewDelivery> = chosen
                .iter()
                .map(|endpoint| NewDelivery { realm, endpoint_id: endpoint.id, event_id, leased_until: None })
                .collect();
            let details = json!({ "deliveries": deliveries.len() });
            let entry =
                asked.audit_entry(entry_id, AuditAction::WebhookEventsRedelivered, event_id, &details);
            in_transaction(connection, |connection| {
                redeliver(connection, &deliveries, (now, soon))?;
                write_audit_entry(connection, &entry)
            })?;
            Ok(Ok(deliveries))
        });
        let told = |deliveries: Vec<NewDelivery>| {
            let told = deliveries.iter().map(NewDelivery::key);
            inner.listening.due.tell(told);
            deliveries.len()
        };
        redelivery_answer(&requester, redelivered.await.map(|redelivered| redelivered.map(told)))
    }

    /// Sends again what could not be delivered to an endpoint of events since a time, and what it never heard of.
    pub async fn redeliver_since(
        &self,
        context: Context,
        endpoint_id: WebhookEndpointId,
        since: DateTime<Utc>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let (inner, asked) = (&self.inner, requester.clone());
        let (now, entry_id) = (inner.now(), inner.audit_id());
        let redelivered = inner.read(move |connection| {
            let realm = asked.realm;
            let Some(endpoint) = find_endpoint(connection, realm, endpoint_id)? else {
                return Ok(Err(Refused::webhook_endpoint_not_found()));
            };
            if !endpoint.enabled {
                return Ok(Err(Refused::webhook_endpoint_is_disabled()));
            }
            let details = json!({ "since": since.to_rfc3339() });
            let entry =
                asked.audit_entry(entry_id, AuditAction::WebhookEventsRedelivered, endpoint_id, &details);
            let mut count = in_transaction(connection, |connection| {
                write_audit_entry(connection, &entry)?;
                redeliver_failed(connection, (realm, endpoint_id), since, now)
            })?;
            let mut after = Some(place_before(since));
            while let Some(place) = after {
                let (events, next) = missed_events(connection, realm, place, |kind| endpoint.hears(kind))?;
                let missed = |event_id| NewDelivery { realm, endpoint_id, event_id, leased_until: None };
                let missed: Vec<_> = events.into_iter().map(missed).collect();
                count += deliver_missed(connection, &missed)?;
                after = next;
            }
            Ok(Ok(count))
        });
        let redelivered = redelivered.await;
        inner.listening.due.tell([(requester.realm, endpoint_id)]);
        redelivery_answer(&requester, redelivered)
    }
}

/// What whoever asked is told of how many are sent again.
fn redelivery_answer(
    requester: &Requester,
    redelivered: Result<Result<usize, Refused>, StorageError>,
) -> Answer {
    match redelivered {
        Ok(Ok(deliveries)) => Answer::new(200, &RedeliveryResponse { deliveries }),
        Ok(Err(refused)) => requester.refuse(refused),
        Err(error) => requester.refuse(unavailable(&error)),
    }
}

impl Inner {
    fn audit_id(&self) -> AuditEntryId {
        AuditEntryId::from_uuid(self.ids.next(self.now()))
    }

    /// Writes a change of who listens, and lets this process know at once.
    async fn change_listeners<C: crate::commands::Change>(
        &self,
        requester: Requester,
        change: C,
        success_status: u16,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let answer = self.change(requester, change, success_status, idempotency).await;
        if let Err(error) = self.refresh_listeners().await {
            tracing::warn!(%error, "the webhook endpoints could not be read");
        }
        answer
    }

    async fn webhook_endpoint(
        &self,
        realm: Realm,
        id: WebhookEndpointId,
    ) -> Result<WebhookEndpoint, Refused> {
        let found = self.read(move |connection| find_endpoint(connection, realm, id)).await;
        found.map_err(|error| unavailable(&error))?.ok_or_else(Refused::webhook_endpoint_not_found)
    }

    fn checked_url(&self, url: &str) -> Result<(), Refused> {
        Ok(check_target(url, self.settings.delivery.reach).map(drop)?)
    }

    /// A new secret: as it is stored, and as it is shown, once.
    fn fresh_secret(&self, realm: Realm, id: WebhookEndpointId) -> Result<(StoredSecret, String), Refused> {
        let made = new_webhook_secret().map_err(|error| VaultError::Random(error.to_string()));
        let sealed = made.and_then(|(secret, shown)| {
            Ok(match self.settings.vault.seal_webhook_secret(realm, id, &secret)? {
                Some(sealed) => (StoredSecret::Sealed(sealed), shown),
                None => (StoredSecret::Plain(secret), shown),
            })
        });
        sealed.map_err(|error| {
            tracing::error!(%error, "no webhook secret could be made");
            Refused::internal()
        })
    }

    /// What signs what is sent to an endpoint now: after a rotation also the secret before.
    pub(crate) fn signing_secrets(&self, endpoint: &WebhookEndpoint) -> Result<Vec<Vec<u8>>, VaultError> {
        let realm = endpoint.realm();
        let now = self.now();
        let old = endpoint.old_secret.iter().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        std::iter::once(&endpoint.secret)
            .chain(old)
            .map(|secret| match secret {
                StoredSecret::Plain(secret) => Ok(secret.clone()),
                StoredSecret::Sealed(sealed) => {
                    self.settings.vault.open_webhook_secret(realm, endpoint.id, sealed)
                }
            })
            .collect()
    }
}
