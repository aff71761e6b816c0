//! The pages of the dashboard, a module for each section.

pub(crate) mod payment;
pub(crate) mod payment_actions;
pub(crate) mod payments;
