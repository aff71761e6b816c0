//! The Stripe connector against answers in the shape that Stripe documents.

#[path = "../support/double.rs"]
mod double;
#[path = "../support/stripe.rs"]
mod support;

mod charging;
mod failures;
mod look_up;
mod settings;
mod tls;
mod webhooks;
