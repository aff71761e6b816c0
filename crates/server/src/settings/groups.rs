//! Settings that belong together.

use std::sync::Arc;
use std::time::Duration;

use florin_api::TrustedProxies;
use florin_engine::{Mailer, MailerRefused};

use super::layers::Found;
use super::{Mistake, Reader};

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
    /// How often anybody may try to sign in from one address in a minute.
    pub(crate) logins_per_minute: u32,
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

/// What is set of payment requests.
#[derive(Clone)]
pub(crate) struct RequestSettings {
    /// What their links begin with; none where that is the address to listen on.
    pub(crate) public_url: Option<Arc<str>>,
    /// What sends them by e-mail.
    pub(crate) mailer: Option<Mailer>,
}

/// What an SMTP server is reached by.
const A_MAIL_SERVER: &str = "smtps://USER:PASSWORD@HOST, or smtp://USER:PASSWORD@HOST:587?tls=required";
/// Who e-mails come from.
const A_SENDER: &str = "an address, as in pay@shop.example or Shop <pay@shop.example>";

impl Reader {
    pub(super) fn trusted_proxies(&mut self) -> Option<TrustedProxies> {
        if !self.is_set("trusted_proxies") {
            return Some(TrustedProxies::default());
        }
        let expected = "addresses or networks with commas in between, as in 10.0.0.7, fd00::/8";
        self.parsed("trusted_proxies", expected)
    }

    pub(super) fn requests(&mut self) -> Option<RequestSettings> {
        let public_url = self.public_url();
        let mailer = self.mailer();
        Some(RequestSettings { public_url: public_url?, mailer: mailer? })
    }

    fn public_url(&mut self) -> Option<Option<Arc<str>>> {
        if !self.is_set("public_url") {
            return Some(None);
        }
        let expected = "where payers reach this server, as in https://pay.example.com";
        self.value("public_url", expected, |text| {
            let url = text.trim_end_matches('/');
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
            let is_host = !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@' | b'"'));
            is_host.then(|| Some(Arc::from(url)))
        })
    }

    /// Both the server and the sender, or neither. The address may hold a password.
    fn mailer(&mut self) -> Option<Option<Mailer>> {
        let texts = ["smtp_url", "smtp_from"].map(|key| self.layers.find(key));
        let (url, from) = match texts {
            [None, None] => return Some(None),
            [Some(url), Some(from)] => (url, from),
            [url, _] => {
                let (key, expected) =
                    if url.is_some() { ("smtp_from", A_SENDER) } else { ("smtp_url", A_MAIL_SERVER) };
                self.mistakes.push(Mistake::Missing { key, expected });
                return None;
            }
        };
        let wrong = match (&url.0, &from.0) {
            (Found::Text(url), Found::Text(from)) => match Mailer::new(url, from) {
                Ok(mailer) => return Some(Some(mailer)),
                Err(MailerRefused::Url) => {
                    ("smtp_url", "no address of a mail server (not shown)", A_MAIL_SERVER)
                }
                Err(MailerRefused::From) => ("smtp_from", "no sender", A_SENDER),
            },
            (Found::Other(kind), _) => ("smtp_url", *kind, A_MAIL_SERVER),
            (_, Found::Other(kind)) => ("smtp_from", *kind, A_SENDER),
        };
        let (key, found, expected) = wrong;
        let source = if key == "smtp_url" { url.1 } else { from.1 };
        self.mistakes.push(Mistake::Wrong {
            key,
            source,
            found: found.to_owned(),
            expected: expected.to_owned(),
        });
        None
    }

    pub(super) fn sessions(&mut self) -> Option<SessionSettings> {
        let access_token = self.seconds("access_token_seconds", 60..=86_400);
        let refresh_token = self.seconds("refresh_token_seconds", 60..=31_536_000);
        let session = self.seconds("session_seconds", 60..=31_536_000);
        let passwords_at_once = self.number("passwords_at_once", 1..=64);
        let logins_per_minute = self.number("login_limit_per_minute", 0..=1_000_000);
        Some(SessionSettings {
            access_token: access_token?,
            refresh_token: refresh_token?,
            session: session?,
            passwords_at_once: passwords_at_once?,
            logins_per_minute: logins_per_minute?,
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
