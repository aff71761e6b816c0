//! Which processor takes a charge: accounts, routes, and what surrounds each processor.

mod breaker;
mod directory;
mod guard;
mod offers;
mod routes;

pub(crate) use directory::{AT_ONCE_SETTING, Directory, Opener, REFRESHED_EVERY};
pub(crate) use routes::{Route, Routes, Wanted};
