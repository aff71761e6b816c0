//! Webhook endpoints, the events that they hear of, and what follows from an attempt to deliver one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Actor, Mode, SealedCredentials, TenantId, WebhookEndpointId};

named_enum! {
    /// What an event tells of.
    EventType {
        /// A payment was created.
        PaymentCreated => "payment.created",
        /// A payment is on its way: its outcome is not known yet.
        PaymentProcessing => "payment.processing",
        /// A payment was authorized, and may be captured.
        PaymentAuthorized => "payment.authorized",
        /// A payment's money was captured.
        PaymentSucceeded => "payment.succeeded",
        /// A payment failed, or was returned after it had cleared.
        PaymentFailed => "payment.failed",
        /// A payment was canceled.
        PaymentCanceled => "payment.canceled",
        /// Some or all of a payment was refunded.
        PaymentRefunded => "payment.refunded",
        /// A payment changed otherwise.
        PaymentUpdated => "payment.updated",
        /// A refund was created.
        RefundCreated => "refund.created",
        /// A refund's money went out.
        RefundSucceeded => "refund.succeeded",
        /// A refund failed.
        RefundFailed => "refund.failed",
        /// A payment request was paid.
        PaymentRequestPaid => "payment_request.paid",
        /// An invoice was paid.
        InvoicePaid => "invoice.paid",
        /// An invoice was voided.
        InvoiceVoided => "invoice.voided",
        /// A payment method was detached.
        PaymentMethodDetached => "payment_method.detached",
        /// A webhook endpoint was disabled by Florin, because nothing could be delivered to it.
        WebhookEndpointDisabled => "webhook_endpoint.disabled",
        /// Somebody wanted to see an event arrive at an endpoint. Delivered there, and nowhere else.
        WebhookEndpointTest => "webhook_endpoint.test",
    }
}

impl EventType {
    /// Whether endpoints hear of it by listening.
    #[must_use]
    pub const fn is_heard(self) -> bool {
        !matches!(self, EventType::WebhookEndpointTest)
    }
}

named_enum! {
    /// What has become of a delivery.
    DeliveryStatus {
        /// It is to be tried, for the first time or again.
        Pending => "pending",
        /// The endpoint answered with a status of 200 to 299.
        Succeeded => "succeeded",
        /// Every try failed.
        Failed => "failed",
    }
}

named_enum! {
    /// Why Florin disabled an endpoint by itself.
    DisabledReason {
        /// The endpoint answered 410: it is not there any more.
        Gone => "gone",
        /// Nothing could be delivered for five days.
        Failing => "failing",
    }
}

/// Where a tenant wants to hear of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// The endpoint; its creation time is the id's own.
    pub id: WebhookEndpointId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// Where to send.
    pub url: String,
    /// What it hears of; none for everything.
    pub types: Option<Vec<EventType>>,
    /// What people say about it.
    pub description: Option<String>,
    /// Whether it hears of anything.
    pub enabled: bool,
    /// Why Florin disabled it; none when a person did, or it is enabled.
    pub disabled_reason: Option<DisabledReason>,
    /// Since when it has been enabled, or was before it was disabled.
    pub enabled_at: DateTime<Utc>,
    /// How many deliveries each server process sends to it at once.
    pub max_concurrency: u32,
    /// What signs, maybe encrypted.
    pub secret: StoredSecret,
    /// What signs as well, until a time, after a rotation.
    pub old_secret: Option<(StoredSecret, DateTime<Utc>)>,
    /// Since when it is gone.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Counts its changes from 1.
    pub revision: i64,
    /// How many events tell of it.
    pub event_count: i64,
    /// Who made it.
    pub created_by: Actor,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// A secret as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub enum StoredSecret {
    /// Encrypted with a key of the settings.
    Sealed(SealedCredentials),
    /// As it is, because there is no such key.
    Plain(Vec<u8>),
}

impl std::fmt::Debug for StoredSecret {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            StoredSecret::Sealed(_) => "Sealed(..)",
            StoredSecret::Plain(_) => "Plain(..)",
        })
    }
}

/// A change of an endpoint; what is `None` stays.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EndpointChange {
    /// Where to send.
    pub url: Option<String>,
    /// What it hears of; `Some(None)` for everything.
    pub types: Option<Option<Vec<EventType>>>,
    /// What people say about it.
    pub description: Option<Option<String>>,
    /// Whether it hears of anything.
    pub enabled: Option<bool>,
    /// How many deliveries each server process sends to it at once.
    pub max_concurrency: Option<u32>,
}

impl WebhookEndpoint {
    /// How many deliveries are sent at once unless somebody chooses.
    pub const DEFAULT_CONCURRENCY: u32 = 10;
    /// How many may be sent at once.
    pub const MAX_CONCURRENCY: u32 = 100;
    /// How many endpoints a tenant may have in a mode.
    pub const MAX_ENDPOINTS: usize = 50;
    /// How many characters an address may have.
    pub const MAX_URL_CHARS: usize = 2000;
    /// How many characters a description may have.
    pub const MAX_DESCRIPTION_CHARS: usize = 500;

    /// Whether it hears of events of the type.
    #[must_use]
    pub fn hears(&self, kind: EventType) -> bool {
        kind.is_heard() && self.types.as_ref().is_none_or(|types| types.contains(&kind))
    }

    /// The endpoint after a change.
    #[must_use]
    pub fn change(&self, change: EndpointChange, at: DateTime<Utc>, by: Actor) -> WebhookEndpoint {
        let mut next = self.changed(at, by);
        next.url = change.url.unwrap_or(next.url);
        next.types = change.types.unwrap_or(next.types);
        next.description = change.description.unwrap_or(next.description);
        next.max_concurrency = change.max_concurrency.unwrap_or(next.max_concurrency);
        if let Some(enabled) = change.enabled
            && enabled != self.enabled
        {
            next.enabled = enabled;
            next.disabled_reason = None;
            if enabled {
                next.enabled_at = at;
            }
        }
        next
    }

    /// The endpoint after Florin has disabled it. One that is disabled stays as it is.
    #[must_use]
    pub fn give_up(&self, reason: DisabledReason, at: DateTime<Utc>) -> Option<WebhookEndpoint> {
        if !self.enabled || self.deleted_at.is_some() {
            return None;
        }
        let mut next = self.changed(at, Actor::System);
        next.enabled = false;
        next.disabled_reason = Some(reason);
        next.event_count = self.event_count.saturating_add(1);
        Some(next)
    }

    /// The endpoint with another secret. The one that it has signs beside it until `until`.
    #[must_use]
    pub fn rotate(
        &self,
        secret: StoredSecret,
        until: DateTime<Utc>,
        at: DateTime<Utc>,
        by: Actor,
    ) -> WebhookEndpoint {
        let mut next = self.changed(at, by);
        next.old_secret = (until > at).then(|| (self.secret.clone(), until));
        next.secret = secret;
        next
    }

    /// The endpoint once it is gone, and with it what signed.
    #[must_use]
    pub fn delete(&self, at: DateTime<Utc>, by: Actor) -> WebhookEndpoint {
        let mut next = self.changed(at, by);
        next.enabled = false;
        next.deleted_at = Some(at);
        next.secret = StoredSecret::Plain(Vec::new());
        next.old_secret = None;
        next
    }

    fn changed(&self, at: DateTime<Utc>, by: Actor) -> WebhookEndpoint {
        let mut next = self.clone();
        next.revision = self.revision.saturating_add(1);
        next.updated_at = at;
        next.updated_by = by;
        next
    }
}

/// The delivery of an event to an endpoint has one id, which follows from both: so it is never made twice. Its time is
/// the event's.
#[must_use]
pub fn delivery_id(event: crate::EventId, endpoint: WebhookEndpointId) -> crate::DeliveryId {
    let (mut id, endpoint) = (event.bytes(), endpoint.bytes());
    for (place, (byte, other)) in id.iter_mut().zip(endpoint).enumerate() {
        // The time stays, and so do version and variant.
        match place {
            0..=5 => {}
            6 => *byte ^= other & 0x0f,
            8 => *byte ^= other & 0x3f,
            _ => *byte ^= other,
        }
    }
    crate::DeliveryId::from_bytes(id)
}

/// How long after a failed try the next one comes: the first try is at once.
const WAITS: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];

/// An endpoint to which nothing could be delivered for so long is disabled.
pub const FAILING_FOR: TimeDelta = TimeDelta::days(5);

/// The longest wait that an endpoint can ask for.
const LONGEST_RETRY_AFTER: TimeDelta = TimeDelta::hours(24);

/// When a delivery is tried again after so many failed tries, none when it is given up.
///
/// `jitter` moves the time by up to a fifth: 0 is a fifth earlier, 1000 a fifth later. `retry_after` is what the endpoint
/// asked for: it makes the wait longer, up to a day, and never shorter.
#[must_use]
pub fn next_try(
    failed_tries: u32,
    jitter_permille: u32,
    retry_after: Option<Duration>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let index = usize::try_from(failed_tries.checked_sub(1)?).ok()?;
    let wait = *WAITS.get(index)?;
    let permille = 800_i64.saturating_add(i64::from(jitter_permille.min(1000)).saturating_mul(2) / 5);
    let wait = TimeDelta::milliseconds(wait.num_milliseconds().saturating_mul(permille) / 1000);
    let asked = retry_after.map(|wait| TimeDelta::from_std(wait).unwrap_or(LONGEST_RETRY_AFTER));
    let wait = asked.map_or(wait, |asked| wait.max(asked.min(LONGEST_RETRY_AFTER)));
    now.checked_add_signed(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventId;

    #[test]
    fn the_schedule_has_ten_tries_within_a_fifth_and_then_ends() {
        let now = DateTime::UNIX_EPOCH;
        for (index, wait) in WAITS.iter().enumerate() {
            let failed = u32::try_from(index + 1).unwrap();
            let at = |jitter| next_try(failed, jitter, None, now).unwrap() - now;
            assert_eq!(at(500), *wait);
            assert_eq!(at(0), *wait * 4 / 5);
            assert_eq!(at(1000), *wait * 6 / 5);
        }
        assert_eq!(next_try(10, 500, None, now), None);
        assert_eq!(next_try(0, 500, None, now), None);
    }

    #[test]
    fn an_endpoint_can_ask_for_a_longer_wait_of_up_to_a_day() {
        let now = DateTime::UNIX_EPOCH;
        let wait = |seconds| next_try(1, 500, Some(Duration::from_secs(seconds)), now).unwrap() - now;
        assert_eq!(wait(1), TimeDelta::seconds(5));
        assert_eq!(wait(60), TimeDelta::seconds(60));
        assert_eq!(wait(u64::MAX), TimeDelta::hours(24));
    }

    #[test]
    fn a_delivery_has_one_id_of_the_events_time_that_differs_between_endpoints() {
        let event: EventId = "evt_01h2xcejqtf2nbrexx3vqjhp41".parse().unwrap();
        let endpoints: [WebhookEndpointId; 2] = [
            "we_01h2xcejqtf2nbrexx3vqjhp42".parse().unwrap(),
            "we_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        ];
        let [one, other] = endpoints.map(|endpoint| delivery_id(event, endpoint));
        assert_ne!(one, other);
        for id in [one, other] {
            assert_eq!(id.created_at(), event.created_at());
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!(delivery_id(event, endpoints[0]), one);
    }
}
