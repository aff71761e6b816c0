//! Settings that belong together.

use std::time::Duration;

use super::Reader;

/// What is set of sessions and of those who begin them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionSettings {
    /// How long an access token opens the API.
    pub(crate) access_token: Duration,
    /// How long a refresh token may wait for its use.
    pub(crate) refresh_token: Duration,
    /// How long a session lasts at most.
    pub(crate) session: Duration,
    /// How many passwords are hashed at once.
    pub(crate) passwords_at_once: usize,
}

/// What is set of events and their delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WebhookSettings {
    /// How long a receiver may take to answer.
    pub(crate) timeout: Duration,
    /// Whether receivers may be on this machine.
    pub(crate) loopback: bool,
    /// For how long events are kept.
    pub(crate) event_retention: Duration,
}

impl Reader {
    pub(super) fn sessions(&mut self) -> Option<SessionSettings> {
        let access_token = self.seconds("access_token_seconds", 60..=86_400);
        let refresh_token = self.seconds("refresh_token_seconds", 60..=31_536_000);
        let session = self.seconds("session_seconds", 60..=31_536_000);
        let passwords_at_once = self.number("passwords_at_once", 1..=64);
        Some(SessionSettings {
            access_token: access_token?,
            refresh_token: refresh_token?,
            session: session?,
            passwords_at_once: passwords_at_once?,
        })
    }

    pub(super) fn webhooks(&mut self) -> Option<WebhookSettings> {
        let timeout = self.seconds("webhook_timeout_seconds", 1..=60);
        let loopback = self.parsed("webhook_loopback", "true or false");
        let days: Option<u64> = self.number("event_retention_days", 1..=3_650);
        Some(WebhookSettings {
            timeout: timeout?,
            loopback: loopback?,
            event_retention: Duration::from_secs(days? * 24 * 3_600),
        })
    }
}
