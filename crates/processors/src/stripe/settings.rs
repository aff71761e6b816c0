//! How the connector reaches Stripe, and as whom.

use std::time::Duration;

use florin_domain::Mode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::http::{HttpRefused, Url, is_safe};

/// One account at Stripe, in one mode.
#[derive(Clone, Debug)]
pub struct StripeSettings {
    /// What payments and attempts carry in their `processor` field.
    pub name: String,
    /// Whether the account's test data or its live data is used; the key has to fit.
    pub mode: Mode,
    /// `sk_test_…`, `sk_live_…`, or a restricted key (`rk_…`) that may write payment intents and refunds and read
    /// disputes. Never shown, never logged.
    pub secret_key: SecretString,
    /// The signing secrets of the webhook endpoint, `whsec_…`: several while one is replaced. None refuses all webhooks.
    pub webhook_secrets: Vec<SecretString>,
    /// What is no secret.
    pub options: StripeOptions,
}

/// What is no secret of an account at Stripe.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StripeOptions {
    /// Where the API is. Anything but `https` is taken only on this machine itself.
    pub api_base: String,
    /// How long a connection may take to stand, DNS and TLS included, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long an answer may take in all, connecting included, in milliseconds. Stripe itself gives up after about 80
    /// seconds.
    pub answer_timeout_ms: u64,
    /// After how long a charge that neither lists nor search show was never made, in seconds. What Stripe has begun, it
    /// ends within about 80 seconds, and its search is behind by up to a minute.
    pub max_delay_seconds: u64,
    /// How wrong the clock of this machine may be when a charge is looked for in Stripe's list by its time, in seconds.
    pub clock_tolerance_seconds: u64,
    /// A page of the merchant's own on which Stripe.js lets the payer act, for payments that name no `return_url`. It gets
    /// `payment_intent` and `payment_intent_client_secret` in its query. Without one, such a payment is declined when the
    /// payer has to act.
    pub action_page: Option<String>,
    /// What Stripe's element on Florin's payment page identifies the account by: `pk_test_…` or `pk_live_…`, no secret.
    /// Without one, the page does not offer the account.
    pub publishable_key: Option<String>,
    /// Whether lists can be narrowed down by time and be searched. Only imitations of Stripe can't.
    pub filters_lists: bool,
}

impl Default for StripeOptions {
    fn default() -> Self {
        StripeOptions {
            api_base: "https://api.stripe.com".to_owned(),
            connect_timeout_ms: 5_000,
            answer_timeout_ms: 25_000,
            max_delay_seconds: 300,
            clock_tolerance_seconds: 900,
            action_page: None,
            publishable_key: None,
            filters_lists: true,
        }
    }
}

/// Settings that no connector is made of.
#[derive(Debug, thiserror::Error)]
pub enum StripeRefused {
    /// The address is not one that a secret key may be sent to, or HTTP can't be set up.
    #[error("api_base: {0}")]
    Http(#[from] HttpRefused),
    /// The page is no address.
    #[error("action_page {0:?} is no https address")]
    ActionPage(String),
    /// The key is of the other mode, or no secret key at all.
    #[error("the secret key is none of {0} mode: it has to begin with sk_{0}_ or rk_{0}_")]
    SecretKey(Mode),
    /// The publishable key is of the other mode, or none at all.
    #[error("the publishable key is none of {0} mode: it has to begin with pk_{0}_")]
    PublishableKey(Mode),
    /// A deadline of zero.
    #[error("{0} has to be at least 1")]
    Zero(&'static str),
}

impl StripeSettings {
    pub(super) fn check(&self) -> Result<(), StripeRefused> {
        let key = self.secret_key.expose_secret();
        let fits = ["sk", "rk"].iter().any(|kind| {
            let random = key.strip_prefix(&format!("{kind}_{}_", self.mode));
            random
                .is_some_and(|random| random.chars().all(|c| c.is_ascii_alphanumeric()) && random.len() >= 4)
        });
        if !fits {
            return Err(StripeRefused::SecretKey(self.mode));
        }
        let options = &self.options;
        let is_publishable = |key: &String| {
            let random = key.strip_prefix(&format!("pk_{}_", self.mode));
            random.is_some_and(|random| {
                random.bytes().all(|byte| byte.is_ascii_alphanumeric()) && random.len() >= 4
            })
        };
        if !options.publishable_key.as_ref().is_none_or(is_publishable) {
            return Err(StripeRefused::PublishableKey(self.mode));
        }
        match () {
            () if options.connect_timeout_ms == 0 => Err(StripeRefused::Zero("connect_timeout_ms")),
            () if options.answer_timeout_ms == 0 => Err(StripeRefused::Zero("answer_timeout_ms")),
            () => Ok(()),
        }
    }
}

impl StripeOptions {
    pub(super) fn action_page(&self) -> Result<Option<Url>, StripeRefused> {
        let Some(page) = &self.action_page else { return Ok(None) };
        let url = Url::parse(page).ok().filter(is_safe);
        url.map(Some).ok_or_else(|| StripeRefused::ActionPage(page.clone()))
    }

    pub(super) fn max_delay(&self) -> Duration {
        Duration::from_secs(self.max_delay_seconds)
    }
}
