//! Florin's use cases: load, decide, save in batches; charging, recovery; and the views that callers get to see.
//!
//! Deliberately not here: rules (they are the domain's), SQL (storage's), routes and parsing (the API's).

pub mod access;
mod accounts;
mod answering;
mod authentication;
mod charging;
mod checkpointer;
mod clock;
mod commands;
mod delivery;
mod engine;
mod event_stream;
pub mod export;
mod generations;
mod known_accounts;
mod logins;
mod look_up;
mod office;
mod passwords;
mod payment_page;
mod payments;
mod point_reads;
mod reading;
mod reconciliation;
mod recovery;
pub mod requests;
mod resources;
mod retention;
mod routing;
mod secret;
mod settings;
mod time;
mod tokens;
mod totp;
mod vault;
pub mod views;
mod webhooks;
mod writer;

pub use accounts::{Operator, OperatorFailed};
pub use authentication::secret_digest;
pub use clock::Clock;
pub use delivery::{DeliverySettings, Lookup, Reach, TargetRefused, check_target, system_lookup};
pub use engine::{Engine, Readiness, StartFailed};
pub use event_stream::EventStream;
pub use office::{NotDone, Office};
pub use passwords::PasswordSettings;
pub use payment_page::{PageDecline, PageForm, PageOffer, PageState, PayOutcome, PayTry, PaymentPage};
pub use reconciliation::{ReconcileFailed, Reconciled};
pub use resources::{ItemsDesk, Stranger, new_webhook_secret};
pub use secret::{FreshKey, NoRandomness, secret_hint};
pub use settings::EngineSettings;
pub use time::TimeBy;
pub use vault::{MalformedKeys, Vault, VaultError};
pub use webhooks::VerifiedWebhook;
