//! Random values of the public types, for property tests here and in the crates above.
//!
//! There is a function for each type that something can be made of, named as the type is. Refusals and
//! results have none: they come out of the operations. What a payment has gone through is told by a
//! [`History`] of legal operations, so that no payment is drawn that could not exist.

mod history;
mod payments;
mod requests;
mod values;

pub use history::*;
pub use payments::*;
pub use requests::*;
pub use values::*;
