//! Stripe: cards, and US bank accounts (ACH), by payment intents.
//!
//! - A **charge** is a payment intent that is made and confirmed in one request, with the attempt's id as its idempotency
//!   key, and with our ids in its metadata; `charging` tells how it is asked for, `states` what its state means.
//! - What an answer, or the lack of one, **proves** is decided in `client`; what was declined, in `declines`.
//! - What became of an attempt is **looked up** as `look_up` tells.
//! - Stripe's **currencies** have their own units: `currencies`.
//! - **Webhooks** are verified in `webhook`, and only say what to look up.
//!
//! A payment method is `pm_…`, or `cus_…/pm_…` when it is attached to a customer of Stripe's. Bank accounts need a mandate,
//! which Stripe has when they were set up with a setup intent.
//!
//! Not here: making payment methods and customers (card data never comes near Florin), payouts, and disputes of cards.

mod charging;
mod client;
mod connector;
mod currencies;
mod declines;
mod list;
mod look_up;
mod objects;
mod settings;
mod states;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use florin_domain::{MethodRef, MethodType, Mode};
use secrecy::SecretString;
use tokio::sync::Semaphore;

pub use connector::StripeConnector;
pub use settings::{StripeOptions, StripeRefused, StripeSettings};

use crate::http::Url;
use crate::{
    Capabilities, CaptureRequest, ChargeRequest, Currencies, Found, ListFailed, LookUp, LookupFailed,
    MethodCheck, MovementPage, Outcome, PayerForm, Processor, ProcessorEvent, RefundRequest, VoidRequest,
    WebhookRefused, WebhookRequest, Window,
};
use client::StripeClient;

/// Stripe forgets idempotency keys after 24 hours at the earliest.
const KEEPS_KEYS_FOR: Duration = Duration::from_secs(23 * 3600);

/// The connector of one Stripe account in one mode. See the [module](self).
///
/// It holds connections that are used again, so it should live as long as its settings do.
pub struct Stripe {
    name: String,
    mode: Mode,
    client: StripeClient,
    webhook_secrets: Vec<SecretString>,
    options: StripeOptions,
    action_page: Option<Url>,
    capabilities: Capabilities,
    /// Who may read lists of payment intents.
    turns: Semaphore,
}

impl Stripe {
    /// The connector of an account. Sends nothing yet.
    ///
    /// # Errors
    /// [`StripeRefused`] when the settings are of no use.
    pub fn new(settings: StripeSettings) -> Result<Stripe, StripeRefused> {
        settings.check()?;
        let client = StripeClient::new(&settings)?;
        let capabilities = Capabilities {
            methods: vec![MethodType::Card, MethodType::Ach],
            currencies: Currencies::Only(currencies::taken()),
            units: currencies::units(),
            partial_capture: true,
            multiple_capture: false,
            lists: true,
            max_delay: settings.options.max_delay(),
            keeps_keys_for: KEEPS_KEYS_FOR,
        };
        Ok(Stripe {
            action_page: settings.options.action_page()?,
            name: settings.name,
            mode: settings.mode,
            client,
            webhook_secrets: settings.webhook_secrets,
            options: settings.options,
            capabilities,
            turns: Semaphore::new(look_up::LISTING_AT_ONCE),
        })
    }
}

#[async_trait]
impl Processor for Stripe {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, mode: Mode) -> bool {
        self.mode == mode
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Only the form can be told without asking.
    fn check_method(&self, method: &MethodRef) -> MethodCheck {
        let (customer, method) = charging::parts(method);
        let is_id = |text: &str, prefix: &str| {
            let random = text.strip_prefix(prefix);
            random
                .is_some_and(|id| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        };
        let is_customer = customer.is_none_or(|customer| is_id(customer, "cus_"));
        // Payment methods of before 2020 are called cards and sources.
        let is_method = ["pm_", "card_", "src_"].iter().any(|prefix| is_id(method, prefix));
        if is_customer && is_method { MethodCheck::Unchecked } else { MethodCheck::NotFound }
    }

    fn payer_form(&self) -> Option<PayerForm> {
        let publishable_key = self.options.publishable_key.clone()?;
        Some(PayerForm::Stripe { publishable_key })
    }

    async fn authorize(&self, request: ChargeRequest) -> Outcome {
        self.make_charge(request, false).await
    }

    async fn charge(&self, request: ChargeRequest) -> Outcome {
        self.make_charge(request, true).await
    }

    async fn capture(&self, request: CaptureRequest) -> Outcome {
        self.make_capture(request).await
    }

    async fn void(&self, request: VoidRequest) -> Outcome {
        self.make_void(request).await
    }

    async fn refund(&self, request: RefundRequest) -> Outcome {
        self.make_refund(request).await
    }

    async fn look_up(&self, attempt: &LookUp) -> Result<Found, LookupFailed> {
        self.find(attempt).await
    }

    fn parse_webhook(&self, webhook: &WebhookRequest<'_>) -> Result<Vec<ProcessorEvent>, WebhookRefused> {
        webhook::parse(webhook, &self.webhook_secrets).map(|event| vec![event])
    }

    async fn list(&self, window: Window, cursor: Option<String>) -> Result<MovementPage, ListFailed> {
        self.list_page(window, cursor).await
    }
}
