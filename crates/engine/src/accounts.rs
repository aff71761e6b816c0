//! What has to be true of a processor account before it is written: its connector accepts it, and its credentials are
//! encrypted. And [`Operator`], which changes accounts from a command line, beside a server or without one.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use florin_domain::{
    AccountChange, Actor, Metadata, ProcessorAccount, ProcessorAccountId, SealedCredentials,
};
use florin_processors::{Account, AccountRefused, Connector, Credentials};
use florin_storage::sealed::{replace_sealed_secret, sealed_secrets};
use florin_storage::{AnyConnection, InRealm, Needs, Realm, StorageError, WorkingSet, read};

use crate::clock::IdSource;
use crate::commands::{AddAccount, Alter, AlterAccount, Desk, Requester};
use crate::requests::CreateProcessorAccount;
use crate::routing::{AT_ONCE_SETTING, Opener};
use crate::vault::{Vault, VaultError};
use crate::views::{ErrorCode, Refused};
use crate::writer::Deciding;

impl Opener {
    /// The account that is asked for, checked and with its credentials encrypted.
    pub(crate) fn prepare(
        &self,
        realm: Realm,
        id: ProcessorAccountId,
        request: CreateProcessorAccount,
        by: Actor,
    ) -> Result<ProcessorAccount, Refused> {
        let CreateProcessorAccount { name, connector, credentials, settings, enabled, position } = request;
        let at = id.created_at();
        let account = ProcessorAccount {
            id,
            tenant_id: realm.tenant_id,
            mode: realm.mode,
            name,
            connector,
            settings,
            credentials: self.vault.seal(realm, id, &credentials)?,
            credentials_changed_at: at,
            enabled,
            position,
            revision: 1,
            created_by: by,
            updated_by: by,
            updated_at: at,
        };
        self.check(&account, credentials)?;
        Ok(account)
    }

    /// The new credentials of an account, checked and encrypted.
    pub(crate) fn prepare_rotation(
        &self,
        account: &ProcessorAccount,
        credentials: Credentials,
    ) -> Result<SealedCredentials, Refused> {
        let sealed = self.vault.seal(account.realm(), account.id, &credentials)?;
        self.check(account, credentials)?;
        Ok(sealed)
    }

    /// Checks an account's new settings together with the credentials that it has.
    pub(crate) fn check_settings(
        &self,
        account: &ProcessorAccount,
        settings: &Metadata,
    ) -> Result<(), Refused> {
        let credentials = self.vault.open(account.realm(), account.id, &account.credentials)?;
        self.check(&ProcessorAccount { settings: settings.clone(), ..account.clone() }, credentials)
    }

    /// Refuses settings that only an operator may set, unless they stay as they are.
    pub(crate) fn refuse_operators_settings(
        &self,
        connector: &str,
        before: &Metadata,
        after: &Metadata,
    ) -> Result<(), Refused> {
        let names = self.connector(connector).map_or(&[][..], |connector| connector.operators_settings());
        match names.iter().find(|name| before.get(name) != after.get(name)) {
            Some(name) => {
                let message = format!(
                    "Only the server's operator sets {name}, by `florin processors`; send settings without it."
                );
                Err(Refused::new(ErrorCode::ParameterInvalid, message).param("settings"))
            }
            None => Ok(()),
        }
    }

    /// Checks that the connector accepts an account.
    fn check(&self, account: &ProcessorAccount, credentials: Credentials) -> Result<(), Refused> {
        let Some(connector) = self.connector(account.connector.as_str()) else {
            let known: Vec<&str> = self.connectors.iter().map(|connector| connector.name()).collect();
            let message = format!("There is no such connector; send one of: {}.", known.join(", "));
            return Err(Refused::new(ErrorCode::ParameterInvalid, message).param("connector"));
        };
        let mut settings = account.settings.as_map().clone();
        if let Some(text) = settings.remove(AT_ONCE_SETTING)
            && !text.parse().is_ok_and(|count: u32| (1..=10_000).contains(&count))
        {
            let message = format!("The setting {AT_ONCE_SETTING} has to be from \"1\" to \"10000\".");
            return Err(Refused::new(ErrorCode::ParameterInvalid, message).param("settings"));
        }
        let name = account.name.as_str().to_owned();
        Ok(connector.check(&Account { name, mode: account.mode, settings, credentials })?)
    }
}

impl From<AccountRefused> for Refused {
    fn from(refused: AccountRefused) -> Self {
        let param = match &refused {
            AccountRefused::Setting { .. } => "settings",
            AccountRefused::Credential { .. } => "credentials",
            AccountRefused::Mode(_) => "connector",
        };
        let mut message = refused.to_string();
        if let Some(first) = message.get(..1) {
            message = format!("{}{}.", first.to_uppercase(), &message[1..]);
        }
        Refused::new(ErrorCode::ParameterInvalid, message).param(param)
    }
}

impl From<VaultError> for Refused {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NoKey | VaultError::UnknownKey(_) => Refused::new(
                ErrorCode::CredentialsKeyMissing,
                format!("The server can't encrypt or open credentials: {error}."),
            ),
            VaultError::Forged | VaultError::Random(_) => {
                tracing::error!(%error, "credentials can't be encrypted or opened");
                Refused::internal()
            }
        }
    }
}

/// Changes processor accounts in the database, for people at a command line. A server that runs sees it after a second.
pub struct Operator {
    opener: Opener,
    ids: IdSource,
    now: DateTime<Utc>,
}

/// Why an operator's change was not made.
#[derive(Debug, thiserror::Error)]
pub enum OperatorFailed {
    /// The rules forbid it.
    #[error("{}", .0.message)]
    Refused(Refused),
    /// The database gives cause.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Credentials can't be decrypted.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<Refused> for OperatorFailed {
    fn from(refused: Refused) -> Self {
        OperatorFailed::Refused(refused)
    }
}

impl Operator {
    /// An operator at this time, with these connectors and keys.
    pub fn new(connectors: Vec<Arc<dyn Connector>>, vault: Vault, now: DateTime<Utc>) -> Self {
        let opener = Opener { connectors, vault, timeout: std::time::Duration::ZERO };
        Operator { opener, ids: IdSource::new(), now }
    }

    /// Adds an account.
    ///
    /// # Errors
    /// [`OperatorFailed`] when it is refused, or the database gives cause.
    pub fn add(
        &self,
        connection: &mut AnyConnection,
        realm: Realm,
        request: CreateProcessorAccount,
    ) -> Result<ProcessorAccount, OperatorFailed> {
        let id = ProcessorAccountId::from_uuid(self.ids.next(self.now));
        let add = AddAccount(self.opener.prepare(realm, id, request, Actor::Operator)?);
        self.commit(connection, realm, |on| add.decide(on))
    }

    /// Enables or disables an account, or changes its settings or place.
    ///
    /// # Errors
    /// As [`Operator::add`].
    pub fn change(
        &self,
        connection: &mut AnyConnection,
        account: &ProcessorAccount,
        change: AccountChange,
    ) -> Result<ProcessorAccount, OperatorFailed> {
        if let Some(settings) = &change.settings {
            self.opener.check_settings(account, settings)?;
        }
        self.alter(connection, account, Alter::Change(change))
    }

    /// Gives an account other credentials.
    ///
    /// # Errors
    /// As [`Operator::add`].
    pub fn rotate(
        &self,
        connection: &mut AnyConnection,
        account: &ProcessorAccount,
        credentials: Credentials,
    ) -> Result<ProcessorAccount, OperatorFailed> {
        let sealed = self.opener.prepare_rotation(account, credentials)?;
        self.alter(connection, account, Alter::Rotate(sealed))
    }

    /// Encrypts all credentials of all tenants with the first key that are encrypted with another one. Gives back how
    /// many that were, and how many there are. It may be run again at any time.
    ///
    /// # Errors
    /// [`OperatorFailed`] when some can't be opened; those before them are encrypted anew all the same.
    pub fn reencrypt(&self, connection: &mut AnyConnection) -> Result<(usize, usize), OperatorFailed> {
        let vault = &self.opener.vault;
        let first = vault.key_id().ok_or(VaultError::NoKey)?;
        let (accounts, _) = read::directory(connection)?;
        let mut changed = 0;
        for account in accounts.iter().filter(|account| account.credentials.key_id != first) {
            let realm = account.realm();
            let credentials = vault.open(realm, account.id, &account.credentials)?;
            let after = vault.seal(realm, account.id, &credentials)?;
            self.alter(connection, account, Alter::Reseal { before: account.credentials.clone(), after })?;
            changed += 1;
        }
        Ok((changed, accounts.len()))
    }

    /// The same for second factors and for what signs webhooks.
    ///
    /// # Errors
    /// As [`Operator::reencrypt`].
    pub fn reencrypt_secrets(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<(usize, usize), OperatorFailed> {
        let secrets = sealed_secrets(connection)?;
        let mut changed = 0;
        for (of, before) in &secrets {
            if let Some(after) = self.opener.vault.reseal(*of, before)? {
                changed += usize::from(replace_sealed_secret(connection, *of, before, &after)?);
            }
        }
        Ok((changed, secrets.len()))
    }

    fn alter(
        &self,
        connection: &mut AnyConnection,
        account: &ProcessorAccount,
        alter: Alter,
    ) -> Result<ProcessorAccount, OperatorFailed> {
        let alter = AlterAccount { id: account.id, alter };
        self.commit(connection, account.realm(), |on| alter.decide(on))
    }

    /// Decides over a realm's accounts and saves what has changed, in one transaction.
    fn commit<T>(
        &self,
        connection: &mut AnyConnection,
        realm: Realm,
        decide: impl FnOnce(&mut Desk<'_>) -> Result<T, Refused>,
    ) -> Result<T, OperatorFailed> {
        florin_storage::in_transaction(connection, |connection| self.decide(connection, realm, decide))
    }

    fn decide<T>(
        &self,
        connection: &mut AnyConnection,
        realm: Realm,
        decide: impl FnOnce(&mut Desk<'_>) -> Result<T, Refused>,
    ) -> Result<T, OperatorFailed> {
        let (mut set, mut needs) = (WorkingSet::default(), Needs::default());
        needs.processor_realms.insert(realm);
        set.prepare(connection, &needs)?;
        let deciding = Deciding { at: self.now, ids: &self.ids, listening: None, public_url: "" };
        let requester = &Requester::operator(realm);
        let desk = &mut Desk { set: &mut set, deciding: &deciding, realm, actor: requester.actor, requester };
        let decided = decide(desk)?;
        // No account counts in a counter, so the slot does not matter.
        set.save(connection, 0)?;
        Ok(decided)
    }
}
