//! The rules of payments: amounts, currencies, ids, the payment with its facts and its status
//! machine, refunds, the journal, invoices, credits, customers and their payment methods, payment requests, open items,
//! webhook endpoints.
//!
//! Pure: no I/O, no clock, no randomness, no async. Times and ids are passed in. Start with [`Payment::create`]; each
//! operation takes a payment and gives back the changed one, or a refusal that says why with its data.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

#[macro_use]
mod named_enum;

mod actor;
mod amount;
mod attempt;
mod audit;
mod authorization;
mod card_number;
mod charging;
mod credits;
mod currency;
mod customer;
mod facts;
mod id;
mod invoice;
mod journal;
mod key_text;
mod metadata;
mod mode;
mod money;
mod open_item;
mod payment;
mod payment_request;
mod percent;
mod processor;
mod refund;
mod refunding;
#[cfg(feature = "serde")]
mod serde_text;
mod session;
mod state;
#[cfg(feature = "proptest")]
pub mod strategies;
mod terms;
mod text;
mod throttle;
mod token_text;
mod user;
mod webhook;

pub use actor::*;
pub use amount::*;
pub use attempt::*;
pub use audit::*;
pub use authorization::*;
pub use card_number::*;
pub use charging::*;
pub use credits::*;
pub use currency::*;
pub use customer::*;
pub use facts::*;
pub use id::*;
pub use invoice::*;
pub use journal::*;
pub use key_text::*;
pub use metadata::*;
pub use mode::*;
pub use money::*;
pub use named_enum::UnknownWord;
pub use open_item::*;
pub use payment::*;
pub use payment_request::*;
pub use percent::*;
pub use processor::*;
pub use refund::*;
pub use refunding::*;
pub use session::*;
pub use state::*;
pub use terms::*;
pub use text::*;
pub use throttle::*;
pub use token_text::*;
pub use user::*;
pub use webhook::*;
