//! The directory: all processor accounts and routes, in memory, as they were a moment ago.
//!
//! It is read anew when something has changed, which is asked once a second; what this process changes itself it sees at
//! once. So an account that is disabled, or whose credentials are replaced, is no longer used after a second, in any
//! process. Where nothing could be asked for longer, accounts are not used until it is. Looking a tenant up takes no lock
//! and no query.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use florin_domain::{Mode, ProcessorAccount, ProcessorAccountId, ProcessorRoutes};
use florin_processors::{Connector, Processor};
use florin_storage::{AnyConnection, InRealm, Realm, StorageError, read};

use super::guard::{Guarded, Guarding};
use super::routes::{Account, Routes, Service};
use crate::vault::Vault;

/// How often it is asked whether something has changed.
pub(crate) const REFRESHED_EVERY: Duration = Duration::from_secs(1);
/// After how long without an answer accounts are not used any more.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// How many requests may be under way at an account, unless its settings say otherwise.
const AT_ONCE: usize = 64;
/// The setting that says so.
pub(crate) const AT_ONCE_SETTING: &str = "max_concurrency";
/// How long a request waits for its turn at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// What turns stored accounts into processors.
pub(crate) struct Opener {
    pub(crate) connectors: Vec<Arc<dyn Connector>>,
    pub(crate) vault: Vault,
    /// The processor's deadline.
    pub(crate) timeout: Duration,
}

/// All accounts and routes.
pub(crate) struct Directory {
    opener: Opener,
    built_in: Vec<Arc<Account>>,
    /// What those have who have no accounts, in test and in live mode.
    plain: [Arc<Routes>; 2],
    seen: ArcSwap<Seen>,
}

/// What was there.
struct Seen {
    content: Arc<Content>,
    /// When that was known last.
    at: Instant,
}

#[derive(Default)]
struct Content {
    version: i64,
    realms: HashMap<Realm, Arc<Routes>>,
    by_id: HashMap<ProcessorAccountId, Known>,
}

/// An account as it was read.
struct Known {
    realm: Realm,
    stored: ProcessorAccount,
    account: Arc<Account>,
}

impl Directory {
    /// The directory of a database.
    ///
    /// # Errors
    /// As the database and its rows give cause.
    pub(crate) fn read(
        connection: &mut AnyConnection,
        opener: Opener,
        built_in: &[Arc<dyn Processor>],
    ) -> Result<Directory, StorageError> {
        let built_in: Vec<Arc<Account>> = built_in.iter().map(built_in_account).collect();
        let plain = [Mode::Test, Mode::Live]
            .map(|mode| Arc::new(Routes { accounts: serving(&built_in, mode), ..Routes::default() }));
        let nothing = Seen { content: Arc::default(), at: Instant::now() };
        let directory = Directory { opener, built_in, plain, seen: ArcSwap::from_pointee(nothing) };
        directory.refresh(connection)?;
        Ok(directory)
    }

    /// What a tenant and mode has to charge with.
    pub(crate) fn routes(&self, realm: Realm) -> Arc<Routes> {
        let seen = self.seen.load();
        let own = seen.content.realms.get(&realm);
        Arc::clone(own.unwrap_or_else(|| &self.plain[usize::from(realm.mode.is_live())]))
    }

    /// Whether what it says of a tenant and mode can be relied on. Who has no accounts can always.
    pub(crate) fn is_current(&self, realm: Realm) -> bool {
        let seen = self.seen.load();
        !seen.content.realms.contains_key(&realm) || seen.at.elapsed() < GOOD_FOR
    }

    /// An account by its id, for whoever does not know its tenant; disabled ones too.
    pub(crate) fn account(&self, id: ProcessorAccountId) -> Option<(Realm, Arc<dyn Processor>)> {
        let seen = self.seen.load();
        let known = seen.content.by_id.get(&id)?;
        Some((known.realm, known.account.shared()?))
    }

    /// All accounts that can be reached, disabled ones too.
    pub(crate) fn accounts(&self) -> Vec<(Realm, ProcessorAccountId, Arc<dyn Processor>)> {
        let seen = self.seen.load();
        let reached =
            |(id, known): (&ProcessorAccountId, &Known)| Some((known.realm, *id, known.account.shared()?));
        seen.content.by_id.iter().filter_map(reached).collect()
    }

    /// What opens and connects accounts.
    pub(crate) fn opener(&self) -> &Opener {
        &self.opener
    }

    /// Reads what has changed, if something has.
    ///
    /// # Errors
    /// As the database and its rows give cause.
    pub(crate) fn refresh(&self, connection: &mut AnyConnection) -> Result<(), StorageError> {
        // Before the question, so that it is never younger than its answer.
        let at = Instant::now();
        let before = self.seen.load_full();
        let version = read::directory_version(connection)?;
        let content = if version == before.content.version {
            Arc::clone(&before.content)
        } else {
            // What changes between the two statements is seen too early, and once more after it.
            let (accounts, routes) = read::directory(connection)?;
            Arc::new(self.content(version, accounts, routes, &before.content))
        };
        // Of two that refresh at once, the one that began later has seen more.
        self.seen.rcu(|now| {
            if now.at > at || now.content.version > content.version {
                Arc::clone(now)
            } else {
                Arc::new(Seen { content: Arc::clone(&content), at })
            }
        });
        Ok(())
    }

    fn content(
        &self,
        version: i64,
        accounts: Vec<ProcessorAccount>,
        routes: Vec<ProcessorRoutes>,
        before: &Content,
    ) -> Content {
        let mut content = Content { version, ..Content::default() };
        let mut realms: HashMap<Realm, Vec<ProcessorAccount>> = HashMap::new();
        for stored in accounts {
            realms.entry(stored.realm()).or_default().push(stored);
        }
        for (realm, mut stored) in realms {
            stored.sort_by_key(|account| (account.position, account.id));
            let mut own = Routes { former: serving(&self.built_in, realm.mode), ..Routes::default() };
            for stored in stored {
                let account = self.account_of(&stored, before);
                own.accounts.push(Arc::clone(&account));
                content.by_id.insert(stored.id, Known { realm, stored, account });
            }
            content.realms.insert(realm, Arc::new(own));
        }
        for routes in routes {
            let realm = routes.realm();
            // Rules name accounts, so there are no rules without any.
            if let Some(own) = content.realms.get_mut(&realm).and_then(Arc::get_mut) {
                own.rules = routes.rules;
            }
        }
        content
    }

    /// The account, connected as it was if nothing has changed that matters for that: its breaker remembers, and its
    /// limit holds.
    fn account_of(&self, stored: &ProcessorAccount, before: &Content) -> Arc<Account> {
        match before.by_id.get(&stored.id) {
            Some(known) if known.stored == *stored => Arc::clone(&known.account),
            Some(known) if connects_alike(&known.stored, stored) => Arc::new(Account {
                id: Some(stored.id),
                name: Arc::clone(&known.account.name),
                enabled: stored.enabled,
                service: known.account.service.clone(),
            }),
            Some(_) | None => Arc::new(self.opener.open(stored)),
        }
    }
}

impl Opener {
    /// Connects a stored account. One that can't be connected is there all the same, and served by nobody.
    fn open(&self, stored: &ProcessorAccount) -> Account {
        let name: Arc<str> = Arc::from(stored.name.as_str());
        let service = match self.connect(stored, &name) {
            Ok(guarded) => Service::Guarded(Arc::new(guarded)),
            Err(reason) => {
                tracing::error!(account = %stored.id, reason, "a processor account can't be used");
                Service::Nobody
            }
        };
        Account { id: Some(stored.id), name, enabled: stored.enabled, service }
    }

    fn connect(&self, stored: &ProcessorAccount, name: &Arc<str>) -> Result<Guarded, String> {
        let realm = stored.realm();
        let credentials =
            self.vault.open(realm, stored.id, &stored.credentials).map_err(|error| error.to_string())?;
        let connector = self.connector(stored.connector.as_str()).ok_or("there is no such connector")?;
        let mut settings = stored.settings.as_map().clone();
        let at_once = settings.remove(AT_ONCE_SETTING).and_then(|text| text.parse().ok()).unwrap_or(AT_ONCE);
        let account = florin_processors::Account {
            name: stored.name.as_str().to_owned(),
            mode: stored.mode,
            settings,
            credentials,
        };
        let processor = connector.connect(&account).map_err(|refused| refused.to_string())?;
        let guarding = Guarding {
            name: Arc::clone(name),
            account: stored.id.to_string(),
            connector: stored.connector.as_str().to_owned(),
            at_once,
            // What is left of the deadline is the processor's.
            patience: PATIENCE.min(self.timeout / 4),
        };
        Ok(Guarded::new(processor, guarding))
    }

    /// The connector of that name.
    pub(crate) fn connector(&self, name: &str) -> Option<&Arc<dyn Connector>> {
        self.connectors.iter().find(|connector| connector.name() == name)
    }
}

fn connects_alike(one: &ProcessorAccount, other: &ProcessorAccount) -> bool {
    // The name and the connector of an account never change.
    one.settings == other.settings && one.credentials == other.credentials
}

fn built_in_account(processor: &Arc<dyn Processor>) -> Arc<Account> {
    let service = Service::BuiltIn(Arc::clone(processor));
    Arc::new(Account { id: None, name: Arc::from(processor.name()), enabled: true, service })
}

fn serving(built_in: &[Arc<Account>], mode: Mode) -> Vec<Arc<Account>> {
    let serves =
        |account: &&Arc<Account>| account.processor().is_some_and(|processor| processor.serves(mode));
    built_in.iter().filter(serves).cloned().collect()
}
