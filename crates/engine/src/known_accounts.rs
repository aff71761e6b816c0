//! Processor accounts as webhooks and reconciliation find them.

use std::sync::{Arc, PoisonError};

use chrono::{DateTime, Utc};
use florin_processors::Processor;
use florin_storage::Realm;

use crate::engine::{Engine, Inner};

/// An account at a processor.
#[derive(Clone)]
pub(crate) struct KnownAccount {
    /// What webhooks are addressed to.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) realm: Realm,
    /// The account, as its connector presents it.
    pub(crate) processor: Arc<dyn Processor>,
    /// Since when it is used from here; none when that is not known.
    pub(crate) since: Option<DateTime<Utc>>,
}

impl Engine {
    /// Makes an account known beside those of the database: for tests, and for programs that embed an engine.
    pub fn add_account(&self, id: impl Into<String>, realm: Realm, processor: Arc<dyn Processor>) {
        let account = KnownAccount { id: id.into(), realm, processor, since: None };
        self.inner.added_accounts.write().unwrap_or_else(PoisonError::into_inner).push(account);
    }
}

impl Inner {
    /// The account of that id, if there is one; disabled ones included.
    pub(crate) fn known_account(&self, id: &str) -> Option<KnownAccount> {
        let added = self.added_accounts.read().unwrap_or_else(PoisonError::into_inner);
        let found = added.iter().find(|account| account.id == id).cloned();
        found.or_else(|| {
            let parsed = id.parse::<florin_domain::ProcessorAccountId>().ok()?;
            let (realm, processor) = self.account(parsed)?;
            Some(KnownAccount { id: id.to_owned(), realm, processor, since: Some(parsed.created_at()) })
        })
    }

    /// All accounts.
    pub(crate) fn known_accounts(&self) -> Vec<KnownAccount> {
        let added = self.added_accounts.read().unwrap_or_else(PoisonError::into_inner).clone();
        let stored = self.accounts().into_iter().map(|(realm, id, processor)| KnownAccount {
            id: id.to_string(),
            realm,
            processor,
            since: Some(id.created_at()),
        });
        added.into_iter().chain(stored).collect()
    }
}
