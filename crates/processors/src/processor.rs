//! What Florin asks of a payment processor.

use std::time::Duration;

use florin_domain::{AttemptId, AttemptKind, MethodRef, MethodType, Mode};
use futures_util::future::BoxFuture;

use crate::{Found, LookupFailed, Outcome, Request};

/// A payment processor.
///
/// Implementations keep no state that matters: after a crash, [`Processor::look_up`] must tell from the processor's own
/// records what became of an attempt.
pub trait Processor: Send + Sync + 'static {
    /// The name that payments and attempts carry in their `processor` field.
    fn name(&self) -> &'static str;

    /// Whether it takes payments of this mode: a sandbox never takes live ones.
    fn serves(&self, mode: Mode) -> bool;

    /// What can be relied on when an answer is missing.
    fn capabilities(&self) -> Capabilities;

    /// Says, before anything happens, whether a payment method exists and may be charged.
    fn check_method(&self, method: &MethodRef) -> MethodCheck;

    /// Sends a request, with its attempt's id as the idempotency key, and tells what became of it.
    ///
    /// Whoever drops the future learns nothing: the effect may have happened.
    fn send(&self, request: Request) -> BoxFuture<'_, Outcome>;

    /// Asks where an attempt that was sent, or may have been sent, stands now. Sends nothing.
    fn look_up(&self, attempt_id: AttemptId, kind: AttemptKind)
    -> BoxFuture<'_, Result<Found, LookupFailed>>;
}

/// What can be relied on at a processor when an answer is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// How long a request that was sent may take to appear in a look-up, at most.
    pub max_delay: Duration,
    /// How long after the first sending the same attempt id still has one effect only; [`Duration::MAX`] is for ever.
    pub keeps_keys_for: Duration,
}

impl Capabilities {
    /// Whether [`Found::NotFound`] proves that nothing happened, `age` after the attempt was last sent.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use florin_processors::Capabilities;
    /// let known = Capabilities { max_delay: Duration::from_secs(2), keeps_keys_for: Duration::MAX };
    /// assert!(!known.not_found_is_proof_after(Duration::from_secs(2)));
    /// assert!(known.not_found_is_proof_after(Duration::from_secs(3)));
    /// ```
    pub fn not_found_is_proof_after(&self, age: Duration) -> bool {
        age > self.max_delay
    }

    /// Whether sending again is safe, `age` after the attempt was first sent.
    pub fn may_send_again_after(&self, age: Duration) -> bool {
        age < self.keeps_keys_for
    }
}

/// Whether a payment method may be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodCheck {
    /// It may.
    Usable {
        /// What kind of payment method it is.
        method_type: MethodType,
    },
    /// There is no such payment method.
    NotFound,
    /// It exists and may not be charged.
    Invalid(InvalidMethod),
}

/// Why a payment method that exists may not be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidMethod {
    /// It has expired.
    Expired,
    /// It was detached from its customer.
    Detached,
}
