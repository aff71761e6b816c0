//! What the whole-server tests share: real databases, the real binary, a client, and the sandbox's books.
//!
//! The tests themselves are in `tests/`, one file for each capability. Nothing here knows Florin's insides but two
//! things: the storage crate opens databases, for raw SQL and for planting faults, and the processors crate reads the
//! books that the sandbox keeps outside of Florin's database.

mod binary;
mod books;
mod client;
mod cluster;
mod curl;
mod database;
pub mod faults;
mod haproxy;
mod postgres;
mod redis;
mod server;
mod tls;
mod waiting;
mod webhooks;

pub use binary::{Output, binary};
pub use books::{Agreement, compare_books};
pub use client::{Client, DOCUMENTED_KEY, Lost, Reply};
pub use cluster::Cluster;
pub use curl::{Curl, Example};
pub use database::{Database, Kind};
pub use haproxy::Haproxy;
pub use postgres::PrivatePostgres;
pub use redis::{Redis, free_port};
pub use server::{Launch, Server};
pub use tls::{TestCertificate, TlsConnection};
pub use waiting::{eventually, one_at_a_time, scaled, wait_until};
pub use webhooks::{
    Behaviour, DOCUMENTED, Received, Receiver, make_endpoint, make_everything_happen, recorded, server_time,
};
