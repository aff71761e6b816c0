//! The settings: read from four places, checked all at once, and wrong in none when a command gets them.
//!
//! Not here: what the settings do, and flags that are no settings (`cli`).

mod groups;
mod layers;
mod mistake;
mod table;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use florin_api::{RedisUrl, TrustedProxies};
use florin_engine::{MalformedKeys, Vault};
use florin_storage::DatabaseUrl;
use tracing_subscriber::EnvFilter;

pub(crate) use groups::{RequestSettings, SessionSettings, WebhookSettings};
pub(crate) use layers::Flags;
use layers::{Found, Layers};
pub(crate) use mistake::{Mistake, Mistakes};
pub(crate) use table::listing;

const A_DATABASE_URL: &str = "sqlite://PATH or postgres://USER@HOST/NAME, as in sqlite://florin.db";

/// What a server and the other commands are told by their settings.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) database_url: DatabaseUrl,
    pub(crate) listen: SocketAddr,
    pub(crate) migrate: bool,
    pub(crate) rate_limit_per_minute: u32,
    pub(crate) rate_limit_per_second: u32,
    pub(crate) redis_url: Option<RedisUrl>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) workers: usize,
    pub(crate) writers: usize,
    pub(crate) read_connections: u32,
    pub(crate) batch_limit: usize,
    pub(crate) queue_limit: usize,
    pub(crate) processor_timeout: Duration,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) sessions: SessionSettings,
    pub(crate) recovery_interval: Duration,
    pub(crate) webhooks: WebhookSettings,
    pub(crate) requests: RequestSettings,
    pub(crate) head_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) connection_limit: usize,
    pub(crate) connection_limit_per_address: usize,
    pub(crate) request_limit: usize,
    pub(crate) shutdown_delay: Duration,
    pub(crate) credentials_key: Vault,
    pub(crate) sandbox_books: PathBuf,
    pub(crate) sandbox_latency: Duration,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// Where the server's certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate, and those that vouch for it.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl fmt::Debug for Settings {
    /// For the log, so in short, and without the database's password, which its address does not show either.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("database_url", &self.database_url)
            .field("listen", &self.listen)
            .field("workers", &self.workers)
            .field("writers", &self.writers)
            .field("batch_limit", &self.batch_limit)
            .finish_non_exhaustive()
    }
}

/// What differs between the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `florin dev`: everything has a default.
    Dev,
    /// All others: the database has to be named.
    Other,
}

impl Purpose {
    fn defaults(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Purpose::Dev => &[
                ("database_url", "sqlite://florin-dev.db"),
                ("log_format", "text"),
                ("shutdown_delay_seconds", "0"),
                ("webhook_loopback", "true"),
            ],
            Purpose::Other => {
                &[("log_format", "json"), ("shutdown_delay_seconds", "5"), ("webhook_loopback", "false")]
            }
        }
    }
}

impl Settings {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// With all mistakes that there are.
    pub(crate) fn load(purpose: Purpose, flags: &Flags) -> Result<Settings, Mistakes> {
        // A variable that is not Unicode is none of ours, or has a value that no setting has.
        let text = |word: std::ffi::OsString| word.to_string_lossy().into_owned();
        Settings::read(purpose, flags, std::env::vars_os().map(|(name, value)| (text(name), text(value))))
    }

    fn read(
        purpose: Purpose,
        flags: &Flags,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Settings, Mistakes> {
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let named =
            variables.iter().find(|(name, _)| name == "FLORIN_CONFIG").map(|(_, path)| PathBuf::from(path));
        let mut mistakes = Vec::new();
        let mut layers = Layers::of_defaults(purpose.defaults());
        if let Some(path) = flags.config.clone().or(named) {
            layers.add_file(&path, &mut mistakes);
        }
        layers.add_environment(variables, &mut mistakes);
        layers.add_flags(flags, &mut mistakes);
        let mut reader = Reader { layers, mistakes };
        match reader.settings() {
            Some(settings) if reader.mistakes.is_empty() => Ok(settings),
            _ => Err(Mistakes(reader.mistakes)),
        }
    }
}

/// Takes values out of the layers and collects the mistakes.
struct Reader {
    layers: Layers,
    mistakes: Vec<Mistake>,
}

impl Reader {
    /// None when there is a mistake. All settings are looked at before that is known.
    fn settings(&mut self) -> Option<Settings> {
        let database_url = self.database_url();
        let listen = self.parsed("listen", "an address and a port, as in 127.0.0.1:8080");
        let migrate = self.parsed("migrate", "true or false");
        let rate_limit_per_minute = self.number("rate_limit_per_minute", 0..=10_000_000);
        let rate_limit_per_second = self.number("rate_limit_per_second", 0..=1_000_000);
        let redis_url = self.redis_url();
        let tls = self.tls();
        let workers = self.workers();
        let writers = self.writers();
        let read_connections = self.number("read_connections", 1..=500);
        let batch_limit = self.number("batch_limit", 1..=1_000);
        let queue_limit = self.number("queue_limit", 1..=1_000_000);
        let processor_timeout = self.seconds("processor_timeout_seconds", 1..=300);
        let trusted_proxies = self.trusted_proxies();
        let sessions = self.sessions();
        let recovery_interval = self.seconds("recovery_interval_seconds", 1..=3_600);
        let webhooks = self.webhooks();
        let requests = self.requests();
        let head_timeout = self.seconds("head_timeout_seconds", 1..=300);
        let body_timeout = self.seconds("body_timeout_seconds", 1..=300);
        let keep_alive = self.seconds("keep_alive_seconds", 1..=3_600);
        let connection_limit = self.number("connection_limit", 1..=1_000_000);
        let connection_limit_per_address = self.number("connection_limit_per_address", 1..=1_000_000);
        let request_limit = self.number("request_limit", 8..=1_000_000);
        let shutdown_delay = self.seconds("shutdown_delay_seconds", 0..=300);
        let credentials_key = self.credentials_key();
        let sandbox_books = self.sandbox_books(database_url.as_ref());
        let sandbox_latency = self.number("sandbox_latency_ms", 0..=60_000).map(Duration::from_millis);
        let log = self.log();
        let log_format = self.log_format();
        Some(Settings {
            database_url: database_url?,
            listen: listen?,
            migrate: migrate?,
            rate_limit_per_minute: rate_limit_per_minute?,
            rate_limit_per_second: rate_limit_per_second?,
            redis_url: redis_url?,
            tls: tls?,
            workers: workers?,
            writers: writers?,
            read_connections: read_connections?,
            batch_limit: batch_limit?,
            queue_limit: queue_limit?,
            processor_timeout: processor_timeout?,
            trusted_proxies: trusted_proxies?,
            sessions: sessions?,
            recovery_interval: recovery_interval?,
            webhooks: webhooks?,
            requests: requests?,
            head_timeout: head_timeout?,
            body_timeout: body_timeout?,
            keep_alive: keep_alive?,
            connection_limit: connection_limit?,
            connection_limit_per_address: connection_limit_per_address?,
            request_limit: request_limit?,
            shutdown_delay: shutdown_delay?,
            credentials_key: credentials_key?,
            sandbox_books: sandbox_books?,
            sandbox_latency: sandbox_latency?,
            log: log?,
            log_format: log_format?,
        })
    }

    /// A value by a rule of its own; `expected` says in the mistake what to write.
    fn value<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let (found, source) = self.layers.find(key)?;
        let found = match found {
            Found::Other(kind) => kind.to_owned(),
            Found::Text(text) => match parse(&text) {
                Some(value) => return Some(value),
                None if text.is_empty() => "empty".to_owned(),
                None => format!("{text:?}"),
            },
        };
        self.mistakes.push(Mistake::Wrong { key, source, found, expected: expected.to_owned() });
        None
    }

    fn parsed<T: FromStr>(&mut self, key: &'static str, expected: &str) -> Option<T> {
        self.value(key, expected, |text| text.parse().ok())
    }

    fn number<T: TryFrom<u64>>(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<T> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.value(key, &expected, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number))?;
            T::try_from(number).ok()
        })
    }

    fn seconds(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<Duration> {
        self.number(key, range).map(Duration::from_secs)
    }

    fn is_set(&self, key: &str) -> bool {
        self.layers.find(key).is_some()
    }

    /// The address may hold a password, and what is wrong with it may be the place where the password stands.
    fn database_url(&mut self) -> Option<DatabaseUrl> {
        let key = "database_url";
        let Some((found, source)) = self.layers.find(key) else {
            self.mistakes.push(Mistake::Missing { key, expected: A_DATABASE_URL });
            return None;
        };
        let found = match found {
            Found::Other(kind) => kind.to_owned(),
            Found::Text(text) => match text.parse() {
                Ok(url) => return Some(url),
                Err(_) if text.is_empty() => "empty".to_owned(),
                Err(_) => unknown_scheme(&text),
            },
        };
        self.mistakes.push(Mistake::Wrong { key, source, found, expected: A_DATABASE_URL.to_owned() });
        None
    }

    /// None of it is ever shown.
    fn credentials_key(&mut self) -> Option<Vault> {
        let key = "credentials_key";
        let Some((found, source)) = self.layers.find(key) else { return Some(Vault::default()) };
        let (found, expected) = match found {
            Found::Other(kind) => (kind.to_owned(), MalformedKeys),
            Found::Text(text) => match Vault::parse(&text) {
                Ok(vault) => return Some(vault),
                Err(malformed) => ("malformed (not shown)".to_owned(), malformed),
            },
        };
        self.mistakes.push(Mistake::Wrong { key, source, found, expected: expected.to_string() });
        None
    }

    /// The address may hold a password.
    fn redis_url(&mut self) -> Option<Option<RedisUrl>> {
        let key = "redis_url";
        let Some((found, source)) = self.layers.find(key) else { return Some(None) };
        let found = match found {
            Found::Other(kind) => kind.to_owned(),
            Found::Text(text) => match text.parse() {
                Ok(url) => return Some(Some(url)),
                Err(_) => "no address of a Redis (not shown)".to_owned(),
            },
        };
        let expected = "redis://HOST or rediss://HOST, as in redis://127.0.0.1:6379".to_owned();
        self.mistakes.push(Mistake::Wrong { key, source, found, expected });
        None
    }

    /// Both files or none.
    fn tls(&mut self) -> Option<Option<TlsFiles>> {
        let given = ["tls_certificate", "tls_key"].map(|key| self.is_set(key));
        let mut path =
            |key| self.value(key, "a path", |text| (!text.is_empty()).then(|| PathBuf::from(text)));
        match given {
            [false, false] => Some(None),
            [true, true] => {
                let (certificate, key) = (path("tls_certificate"), path("tls_key"));
                Some(Some(TlsFiles { certificate: certificate?, key: key? }))
            }
            [has_certificate, _] => {
                let key = if has_certificate { "tls_key" } else { "tls_certificate" };
                self.mistakes.push(Mistake::Missing { key, expected: "the path of a PEM file" });
                None
            }
        }
    }

    fn workers(&mut self) -> Option<usize> {
        if self.is_set("workers") {
            return self.number("workers", 1..=512);
        }
        Some(cores().min(512))
    }

    /// One writer decides while another waits for its commit; beyond a few, batches only become smaller.
    fn writers(&mut self) -> Option<usize> {
        if self.is_set("writers") {
            return self.number("writers", 1..=16);
        }
        Some(cores().clamp(1, 4))
    }

    fn sandbox_books(&mut self, database_url: Option<&DatabaseUrl>) -> Option<PathBuf> {
        if self.is_set("sandbox_books") {
            return self
                .value("sandbox_books", "a path", |text| (!text.is_empty()).then(|| PathBuf::from(text)));
        }
        Some(match database_url?.sqlite_path() {
            Some(file) => file.with_extension("books"),
            None => PathBuf::from("florin.books"),
        })
    }

    fn log(&mut self) -> Option<String> {
        self.value("log", "a filter, as in warn, or info,florin_engine=debug", |text| {
            EnvFilter::try_new(text).ok().map(|_| text.to_owned())
        })
    }

    fn log_format(&mut self) -> Option<LogFormat> {
        self.value("log_format", "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        })
    }
}

/// What may be shown of an address that can't be read.
fn unknown_scheme(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, _)) if scheme.len() <= 20 && !scheme.contains(['@', ':']) => {
            format!("a {scheme:?} address")
        }
        _ => "no address of a database".to_owned(),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

#[cfg(test)]
mod tests;
