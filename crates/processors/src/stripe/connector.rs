//! Stripe accounts: what their settings and credentials are called.

use std::str::FromStr;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{Stripe, StripeOptions, StripeRefused, StripeSettings};
use crate::{Account, AccountRefused, Connector, Processor};

/// Makes processors of accounts with the connector `stripe`.
///
/// Credentials: `secret_key`, and `webhook_secret`, which may hold several with commas in between. Settings: those of
/// [`StripeOptions`], as texts.
pub struct StripeConnector;

const SETTINGS: &[&str] = &[
    "api_base",
    "connect_timeout_ms",
    "answer_timeout_ms",
    "max_delay_seconds",
    "clock_tolerance_seconds",
    "action_page",
    "publishable_key",
    "filters_lists",
];
const CREDENTIALS: &[&str] = &["secret_key", "webhook_secret"];

impl Connector for StripeConnector {
    fn name(&self) -> &'static str {
        "stripe"
    }

    /// Where the server sends requests and secrets to is the operator's to decide.
    fn operators_settings(&self) -> &'static [&'static str] {
        &["api_base", "filters_lists"]
    }

    fn connect(&self, account: &Account) -> Result<Arc<dyn Processor>, AccountRefused> {
        account.refuse_unknown(SETTINGS, CREDENTIALS)?;
        let settings = StripeSettings {
            name: account.name.clone(),
            mode: account.mode,
            secret_key: secret_key(account)?,
            webhook_secrets: webhook_secrets(account),
            options: options(account)?,
        };
        Ok(Arc::new(Stripe::new(settings)?))
    }
}

fn secret_key(account: &Account) -> Result<SecretString, AccountRefused> {
    let name = "secret_key";
    account.credentials.get(name).cloned().ok_or_else(|| AccountRefused::Credential {
        name: name.to_owned(),
        message: format!(
            "the credentials lack secret_key, which begins with sk_{0}_ or rk_{0}_",
            account.mode
        ),
    })
}

fn webhook_secrets(account: &Account) -> Vec<SecretString> {
    let all = account.credentials.get("webhook_secret").map_or("", ExposeSecret::expose_secret);
    let each = all.split(',').map(str::trim).filter(|secret| !secret.is_empty());
    each.map(SecretString::from).collect()
}

fn options(account: &Account) -> Result<StripeOptions, AccountRefused> {
    let defaults = StripeOptions::default();
    Ok(StripeOptions {
        api_base: setting(account, "api_base")?.unwrap_or(defaults.api_base),
        connect_timeout_ms: setting(account, "connect_timeout_ms")?.unwrap_or(defaults.connect_timeout_ms),
        answer_timeout_ms: setting(account, "answer_timeout_ms")?.unwrap_or(defaults.answer_timeout_ms),
        max_delay_seconds: setting(account, "max_delay_seconds")?.unwrap_or(defaults.max_delay_seconds),
        clock_tolerance_seconds: setting(account, "clock_tolerance_seconds")?
            .unwrap_or(defaults.clock_tolerance_seconds),
        action_page: setting(account, "action_page")?,
        publishable_key: setting(account, "publishable_key")?,
        filters_lists: setting(account, "filters_lists")?.unwrap_or(defaults.filters_lists),
    })
}

fn setting<T: FromStr>(account: &Account, name: &str) -> Result<Option<T>, AccountRefused> {
    let Some(text) = account.settings.get(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| AccountRefused::Setting {
        name: name.to_owned(),
        message: format!(
            "the setting {name} is malformed: send a whole number, or true or false, as a string"
        ),
    })
}

impl From<StripeRefused> for AccountRefused {
    fn from(refused: StripeRefused) -> Self {
        let message = refused.to_string();
        match refused {
            StripeRefused::SecretKey(_) => {
                AccountRefused::Credential { name: "secret_key".to_owned(), message }
            }
            StripeRefused::ActionPage(_) => {
                AccountRefused::Setting { name: "action_page".to_owned(), message }
            }
            StripeRefused::PublishableKey(_) => {
                AccountRefused::Setting { name: "publishable_key".to_owned(), message }
            }
            StripeRefused::Zero(name) => AccountRefused::Setting { name: name.to_owned(), message },
            StripeRefused::Http(_) => AccountRefused::Setting { name: "api_base".to_owned(), message },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use florin_domain::Mode;

    use super::*;
    use crate::Credentials;

    fn account(settings: &[(&str, &str)], credentials: &str) -> Account {
        let settings = settings.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Account {
            name: "stripe-eu".to_owned(),
            mode: Mode::Test,
            settings: settings.collect::<BTreeMap<_, _>>(),
            credentials: Credentials::from_json(credentials).unwrap(),
        }
    }

    #[test]
    fn an_account_with_a_key_of_its_mode_is_connected() {
        let credentials = r#"{"secret_key": "sk_test_abcd1234", "webhook_secret": "whsec_a, whsec_b"}"#;
        let settings = [("api_base", "http://127.0.0.1:9"), ("max_delay_seconds", "2")];
        let processor = StripeConnector.connect(&account(&settings, credentials)).unwrap();
        assert_eq!(processor.name(), "stripe-eu");
        assert_eq!(processor.capabilities().max_delay.as_secs(), 2);
        assert_eq!(webhook_secrets(&account(&settings, credentials)).len(), 2);
    }

    #[test]
    fn what_is_missing_unknown_or_malformed_is_refused_without_showing_secrets() {
        let good = r#"{"secret_key": "sk_test_abcd1234"}"#;
        for (settings, credentials) in [
            (&[][..], "{}"),
            (&[], r#"{"secret_key": "sk_live_abcd1234"}"#),
            (&[], r#"{"secret_key": "sk_test_abcd1234", "secret": "sk_test_abcd1234"}"#),
            (&[("api_bas", "https://api.stripe.com")], good),
            (&[("api_base", "http://stripe.example")], good),
            (&[("connect_timeout_ms", "soon")], good),
            (&[("publishable_key", "pk_live_abcd1234")], good),
            (&[("publishable_key", "sk_test_abcd1234")], good),
            (&[("answer_timeout_ms", "0")], good),
        ] {
            let refused = StripeConnector.connect(&account(settings, credentials)).err().unwrap();
            assert!(!format!("{refused} {refused:?}").contains("abcd1234"), "{refused}");
        }
    }
}
