//! Florin's pages for people: the dashboard, and the page on which a customer pays.
//!
//! Pages are rendered here and need no script. They ask the engine's use cases, as the API does, in the name of whoever
//! signed in, and show its refusals in its own words; no rule of payments is here.

mod assets;
mod blocks;
mod browser_names;
mod charts;
mod chrome;
mod cookies;
mod dashboard;
mod forgery;
mod form;
mod headers;
mod pager;
mod pages;
mod pay;
mod qr;
mod routes;
mod show;
mod sign_in;
mod signed_in;
mod trouble;
mod views;
mod visit;

pub use dashboard::{AddressOf, Admit, AdmitVisit, Admitted, Dashboard, DashboardSettings, Tried, Urgency};
pub use routes::configure;
