//! Giving up an authorization whose time is over: the first of the two commits of its void.

use chrono::Duration;
use florin_domain::{Actor, AttemptId, AttemptStart, PaymentId};
use florin_storage::{Needs, Realm, WorkingSet};

use super::Sending;
use super::booking::put_payment;
use super::schedule::leased_until;
use crate::writer::{Command, Deciding};

/// Begins to give up an authorization, if its time is over and nobody captures or voids it.
pub(crate) struct Expire {
    pub(crate) realm: Realm,
    pub(crate) payment_id: PaymentId,
    /// How long the void may take.
    pub(crate) lease: Duration,
}

impl Command for Expire {
    /// None when there is nothing to give up any more.
    type Answer = Option<Box<Sending>>;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.payments.insert((self.realm, self.payment_id));
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Self::Answer {
        let payment = set.payment(self.realm, self.payment_id)?;
        let lease_until = leased_until(self.lease, deciding.at);
        let start = AttemptStart {
            id: AttemptId::from_uuid(deciding.new_id()),
            processor: payment.processor.clone()?,
            lease_until,
            at: deciding.at,
            by: Actor::System,
        };
        let (payment, attempt) = payment.expire(start)?;
        put_payment(set, deciding, payment.clone(), None);
        set.put_attempt(attempt.clone());
        Some(Box::new(Sending::unasked(payment, attempt)))
    }
}
