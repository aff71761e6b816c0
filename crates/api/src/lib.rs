//! Florin's HTTP API: routes, authentication, parsing, limits, and the OpenAPI document.
//!
//! Handlers parse, call the engine, and answer; no rule of payments is here. Start with [`configure`], which lists all
//! routes on one screen.

mod access;
mod auth;
mod body;
mod call;
mod card_numbers;
mod client_address;
mod credentials;
mod customers;
mod docs_page;
mod endpoint;
mod events;
mod exports;
mod fields;
mod flexprice;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod idempotency;
mod invoices;
mod json;
mod load;
mod observe;
mod open_items;
mod openapi;
mod payment_methods;
mod payment_requests;
mod payments;
mod processor_webhooks;
mod processors;
mod query;
mod rate_limit;
mod refunds;
mod reply;
mod request_id;
mod routes;
mod settings;
mod state;
mod system;
mod transactions;
mod unread;
mod users;
mod webhook_endpoints;

pub use client_address::{MalformedNetworks, TrustedProxies};
pub use openapi::openapi;
pub use rate_limit::{MalformedRedisUrl, RateLimits, RedisUrl, TryKind};
pub use routes::configure;
pub use settings::ApiSettings;
pub use state::{AdmittedRequest, ApiState, RenderMetrics};
pub use unread::Unread;
