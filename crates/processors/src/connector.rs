//! Connectors: what makes a processor of an account's settings and credentials.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use florin_domain::Mode;
use secrecy::{ExposeSecret, SecretString};

use crate::Processor;

/// What speaks to one kind of payment processor.
pub trait Connector: Send + Sync + 'static {
    /// The name by which accounts ask for it, such as `stripe`.
    fn name(&self) -> &'static str;

    /// The settings that only an operator of the server may set, and no tenant: such as where requests go to.
    fn operators_settings(&self) -> &'static [&'static str] {
        &[]
    }

    /// Checks settings and credentials, as far as that can be told without asking the processor.
    ///
    /// # Errors
    /// [`AccountRefused`], as [`Connector::connect`] gives it.
    fn check(&self, account: &Account) -> Result<(), AccountRefused> {
        self.connect(account).map(drop)
    }

    /// The account's processor. It does not speak to anybody yet.
    ///
    /// # Errors
    /// [`AccountRefused`] when a setting or a part of the credentials is missing, unknown or malformed.
    fn connect(&self, account: &Account) -> Result<Arc<dyn Processor>, AccountRefused>;
}

/// An account, as its connector gets it.
#[derive(Clone, Debug)]
pub struct Account {
    /// What payments call it.
    pub name: String,
    /// Whether real money moves.
    pub mode: Mode,
    /// What the connector has to know beside the credentials.
    pub settings: BTreeMap<String, String>,
    /// What opens the account at the processor.
    pub credentials: Credentials,
}

/// Why a connector refuses an account. Neither names nor shows a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefused {
    /// Something is wrong with a setting.
    #[error("{message}")]
    Setting {
        /// Which one.
        name: String,
        /// What is wrong, and what to write instead.
        message: String,
    },
    /// Something is wrong with the credentials.
    #[error("{message}")]
    Credential {
        /// Which part.
        name: String,
        /// What is wrong, and what to write instead; never what was written.
        message: String,
    },
    /// The connector takes no accounts of this mode.
    #[error("{0}")]
    Mode(String),
}

/// The parts of an account's credentials, by name. They are never shown, and wiped from memory when they are dropped.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, SecretString>);

/// Refused because a text is not a JSON object of texts. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "credentials have to be a JSON object with up to 20 strings, none of them empty or longer than 2000 bytes"
)]
pub struct MalformedCredentials;

impl Credentials {
    /// Credentials of these parts.
    ///
    /// # Errors
    /// [`MalformedCredentials`] when there are more than 20 parts, or one is empty or very long.
    pub fn new(parts: BTreeMap<String, String>) -> Result<Credentials, MalformedCredentials> {
        let fits =
            |name: &str, part: &str| (1..=40).contains(&name.len()) && (1..=2000).contains(&part.len());
        if parts.len() > 20 || !parts.iter().all(|(name, part)| fits(name, part)) {
            return Err(MalformedCredentials);
        }
        Ok(Credentials(parts.into_iter().map(|(name, part)| (name, SecretString::from(part))).collect()))
    }

    /// Reads a JSON object of texts.
    ///
    /// # Errors
    /// [`MalformedCredentials`] when it is something else.
    ///
    /// ```
    /// use florin_processors::Credentials;
    /// let credentials = Credentials::from_json(r#"{"secret_key": "sk_test_1"}"#)?;
    /// assert_eq!(credentials.names().collect::<Vec<_>>(), ["secret_key"]);
    /// assert!(!format!("{credentials:?}").contains("sk_test_1"));
    /// # Ok::<(), florin_processors::MalformedCredentials>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Credentials, MalformedCredentials> {
        // The error of serde_json could repeat a part of the text.
        let parts = serde_json::from_str(text).map_err(|_| MalformedCredentials)?;
        Credentials::new(parts)
    }

    /// The JSON object that they were read from.
    pub fn to_json(&self) -> SecretString {
        let parts: BTreeMap<&str, &str> =
            self.0.iter().map(|(name, part)| (name.as_str(), part.expose_secret())).collect();
        SecretString::from(serde_json::to_string(&parts).unwrap_or_default())
    }

    /// A part.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }

    /// The names of the parts, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Account {
    /// Refuses settings and parts of credentials that the connector does not know: a typo must not go unnoticed.
    ///
    /// # Errors
    /// [`AccountRefused`], which names the first of them.
    pub fn refuse_unknown(&self, settings: &[&str], credentials: &[&str]) -> Result<(), AccountRefused> {
        let known = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        if let Some(name) = self.settings.keys().find(|name| !settings.contains(&name.as_str())) {
            let message = format!("the setting {name:?} is not known; known here: {}", known(settings));
            return Err(AccountRefused::Setting { name: name.clone(), message });
        }
        if let Some(name) = self.credentials.names().find(|name| !credentials.contains(name)) {
            let message =
                format!("the credentials have a part that is not known; known here: {}", known(credentials));
            return Err(AccountRefused::Credential { name: name.to_owned(), message });
        }
        Ok(())
    }
}
