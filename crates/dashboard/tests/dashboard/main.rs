//! The dashboard over a real engine, on each database, used as browsers use it.

#![allow(clippy::disallowed_methods, reason = "tests read the wall clock")]

#[path = "../../../api/tests/common/database.rs"]
mod database;
mod forms;
mod hostile_texts;
mod limits;
mod new_objects;
mod pages;
mod paying;
mod roles;
mod signing_in;
mod world;
