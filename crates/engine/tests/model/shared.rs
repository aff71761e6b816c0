//! The engines that histories run on: one for each database, and one for each whose tenants have several accounts.

use std::sync::{Arc, OnceLock};

use florin_domain::AttemptKind;
use tokio::runtime::Runtime;

use crate::common::{self, Connectors, Fate, Harness, Kind};

/// One engine for all histories on a database; each history has a tenant of its own.
pub(crate) struct Shared {
    pub harness: Harness,
    pub runtime: Runtime,
    /// The accounts of every tenant; none where charges go to what is built in.
    pub accounts: &'static [&'static str],
}

impl Shared {
    fn start(kind: Kind) -> Self {
        Shared { harness: Harness::start(kind), runtime: common::runtime(), accounts: &[] }
    }

    /// Each tenant has accounts of which only the last takes charges.
    fn start_with_accounts(kind: Kind) -> Self {
        let connectors = Arc::new(Connectors::default());
        let harness = Harness::start_with(kind, |settings| connectors.join(settings));
        connectors.settle(harness.books.clone(), harness.clock.clone());
        for name in ["choosy", "pickier"] {
            connectors.at(name).set(AttemptKind::Charge, Fate::Declined);
        }
        Shared { harness, runtime: common::runtime(), accounts: &["choosy", "pickier", "works"] }
    }

    /// How many attempts each charge of the model takes.
    pub(crate) fn attempts_per_charge(&self) -> usize {
        self.accounts.len().max(1)
    }

    /// The whole database at the end.
    pub(crate) fn finish(&self) {
        self.runtime.block_on(self.harness.engine.drain());
        self.harness.check();
        // A static is not dropped.
        self.harness.database.remove();
    }
}

pub(crate) trait Database: 'static {
    fn shared() -> &'static Shared;
}

pub(crate) struct OnSqlite;
pub(crate) struct OnPostgres;
pub(crate) struct ThreeOnSqlite;
pub(crate) struct ThreeOnPostgres;

impl Database for ThreeOnSqlite {
    fn shared() -> &'static Shared {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        SHARED.get_or_init(|| Shared::start_with_accounts(Kind::Sqlite))
    }
}

impl Database for ThreeOnPostgres {
    fn shared() -> &'static Shared {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        SHARED.get_or_init(|| Shared::start_with_accounts(Kind::Postgres))
    }
}

impl Database for OnSqlite {
    fn shared() -> &'static Shared {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        SHARED.get_or_init(|| Shared::start(Kind::Sqlite))
    }
}

impl Database for OnPostgres {
    fn shared() -> &'static Shared {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        SHARED.get_or_init(|| Shared::start(Kind::Postgres))
    }
}
