//! What a server is told about how to run its engine.

use std::sync::Arc;
use std::time::Duration;

use florin_domain::Lifetimes;
use florin_processors::Connector;
use florin_storage::DatabaseUrl;

use crate::clock::Clock;
use crate::delivery::DeliverySettings;
use crate::mail::Mailer;
use crate::passwords::PasswordSettings;
use crate::time::TimeBy;
use crate::vault::Vault;

/// How an engine runs.
#[derive(Clone)]
pub struct EngineSettings {
    /// The database.
    pub database_url: DatabaseUrl,
    /// How many connections write. SQLite always has one.
    pub writers: usize,
    /// How many commands one transaction takes at most; 1 makes batches of one.
    pub batch_limit: usize,
    /// How many commands may wait.
    pub queue_limit: usize,
    /// How long a command may wait before it is dropped.
    pub queue_timeout: Duration,
    /// How many connections read.
    pub read_connections: u32,
    /// How long a processor may take to answer.
    pub processor_timeout: Duration,
    /// How often open attempts are looked for.
    pub recovery_interval: Duration,
    /// How events are delivered, and for how long they are kept.
    pub delivery: DeliverySettings,
    /// What makes processors of accounts.
    pub connectors: Vec<Arc<dyn Connector>>,
    /// The keys that the accounts' credentials are encrypted with.
    pub vault: Vault,
    /// How long tokens and sessions last.
    pub session_lifetimes: Lifetimes,
    /// How passwords are hashed.
    pub passwords: PasswordSettings,
    /// What the links of payment requests begin with: an http or https address without a slash at its end.
    pub public_url: Arc<str>,
    /// Sends payment requests by e-mail; none where no SMTP server is configured.
    pub mailer: Option<Mailer>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What the engine's time goes by.
    pub time_by: TimeBy,
    /// Whether it leaves what is due to others: for one command beside servers.
    pub is_idle: bool,
}

impl EngineSettings {
    /// The settings that suit most.
    pub fn new(database_url: DatabaseUrl, clock: Arc<dyn Clock>) -> Self {
        EngineSettings {
            database_url,
            writers: 2,
            batch_limit: 256,
            queue_limit: 10_000,
            queue_timeout: Duration::from_secs(10),
            read_connections: 8,
            processor_timeout: Duration::from_secs(30),
            recovery_interval: Duration::from_secs(5),
            delivery: DeliverySettings::default(),
            connectors: Vec::new(),
            vault: Vault::default(),
            session_lifetimes: Lifetimes::default(),
            passwords: PasswordSettings::default(),
            public_url: Arc::from("http://127.0.0.1:8080"),
            mailer: None,
            clock,
            time_by: TimeBy::Database,
            is_idle: false,
        }
    }
}
