//! Processor accounts whose processors do as the test says, before the sandbox that the others share.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use florin_domain::{AccountChange, AccountPosition, Metadata, ProcessorAccountId, ProcessorName};
use florin_engine::access::Context;
use florin_engine::requests::CreateProcessorAccount;
use florin_engine::{Engine, EngineSettings, Vault};
use florin_processors::{Account, AccountRefused, Connector, Credentials, Processor};
use serde_json::Value;

use super::{Harness, Kind, Scripted, TestClock, json};

/// A key for credentials.
pub(crate) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Makes a scripted processor for each name of an account.
#[derive(Default)]
pub(crate) struct Connectors {
    home: OnceLock<(PathBuf, TestClock)>,
    made: Mutex<HashMap<String, Arc<Scripted>>>,
}

impl Connectors {
    /// Lets an engine use it.
    pub(crate) fn join(self: &Arc<Self>, settings: &mut EngineSettings) {
        settings.connectors = vec![Arc::clone(self) as Arc<dyn Connector>];
        settings.vault = Vault::parse(KEY).expect("a key");
    }

    /// Where the books are, once the engine is there.
    pub(crate) fn settle(&self, books: PathBuf, clock: TestClock) {
        assert!(self.home.set((books, clock)).is_ok(), "settled once");
    }

    /// The processor of the accounts of a name.
    pub(crate) fn at(&self, name: &str) -> Arc<Scripted> {
        let (books, clock) = self.home.get().expect("a home");
        let mut made = self.made.lock().expect("the processors");
        Arc::clone(made.entry(name.to_owned()).or_insert_with(|| Arc::new(Scripted::open(books, clock))))
    }
}

impl Connector for Connectors {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn connect(&self, account: &Account) -> Result<Arc<dyn Processor>, AccountRefused> {
        account.refuse_unknown(&["setting"], &["secret"])?;
        Ok(self.at(&account.name))
    }
}

/// An account to add.
pub(crate) fn account(name: &str) -> CreateProcessorAccount {
    CreateProcessorAccount {
        name: ProcessorName::parse(name).expect("a name"),
        connector: ProcessorName::parse("scripted").expect("a name"),
        credentials: Credentials::from_json(r#"{"secret": "open sesame"}"#).expect("credentials"),
        settings: Metadata::default(),
        enabled: true,
        position: AccountPosition::default(),
    }
}

/// Adds accounts of these names.
pub(crate) async fn add_accounts(
    engine: &Engine,
    context: Context,
    names: &[&str],
) -> Vec<ProcessorAccountId> {
    let mut ids = Vec::new();
    for name in names {
        let answer = engine.create_processor_account(context.clone(), account(name), None).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        ids.push(json(&answer)["id"].as_str().expect("an id").parse().expect("an account's id"));
    }
    ids
}

/// An engine whose tenant has accounts of these names.
pub(crate) async fn start_with_accounts(
    kind: Kind,
    names: &[&str],
) -> (Harness, Arc<Connectors>, Vec<ProcessorAccountId>) {
    let connectors = Arc::new(Connectors::default());
    let harness = Harness::start_with(kind, |settings| connectors.join(settings));
    connectors.settle(harness.books.clone(), harness.clock.clone());
    harness.add_tenant(harness.tenant);
    let ids = add_accounts(&harness.engine, harness.context(), names).await;
    (harness, connectors, ids)
}

/// Disables an account.
pub(crate) fn disable() -> AccountChange {
    AccountChange { enabled: Some(false), ..AccountChange::default() }
}

/// Where the charges of a payment went, and what became of each.
pub(crate) fn way(payment: &Value) -> Vec<(&str, &str)> {
    let mut attempts: Vec<&Value> = payment["attempts"].as_array().expect("attempts").iter().collect();
    attempts.sort_by_key(|attempt| attempt["attempt_number"].as_u64());
    attempts
        .into_iter()
        .map(|attempt| {
            let processor = attempt["processor"].as_str().expect("a processor");
            (processor, attempt["status"].as_str().expect("a status"))
        })
        .collect()
}
