//! Florin's pages for people: the dashboard, and the page on which a customer pays.
//!
//! Pages are rendered here and need no script. They ask the engine's use cases, as the API does, in the name of whoever
//! signed in, and show its refusals in its own words; no rule of payments is here.

mod assets;
mod dashboard;
mod headers;
mod pay;
mod routes;

pub use dashboard::{AddressOf, Admit, Dashboard, DashboardSettings, Tried};
pub use routes::configure;
