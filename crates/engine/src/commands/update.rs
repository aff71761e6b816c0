//! Changing what a merchant may change of a payment: its description and metadata.

use florin_domain::{Metadata, PaymentId};
use florin_storage::{Needs, WorkingSet};

use super::Requester;
use super::telling::{answer, tell_payment};
use crate::requests::UpdatePayment;
use crate::views::{Answer, Refused};
use crate::writer::{Command, Deciding};

/// Changes description and metadata.
pub(crate) struct ChangePayment {
    pub(crate) requester: Requester,
    pub(crate) payment_id: PaymentId,
    pub(crate) change: UpdatePayment,
}

impl Command for ChangePayment {
    type Answer = Answer;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        needs.payments.insert((self.requester.realm, self.payment_id));
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Answer {
        self.change(set, deciding).unwrap_or_else(|refused| self.requester.refuse(refused))
    }
}

impl ChangePayment {
    fn change(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> Result<Answer, Refused> {
        let payment =
            set.payment(self.requester.realm, self.payment_id).ok_or_else(Refused::payment_not_found)?;
        let nothing = Metadata::default();
        let kept = if self.change.replaces_metadata { &nothing } else { &payment.metadata };
        let metadata = kept.merge(self.change.metadata.clone())?;
        let description = self.change.description.clone().unwrap_or_else(|| payment.description.clone());
        let changed = payment.describe(description, metadata, deciding.at, self.requester.actor);
        let (_, body) = tell_payment(set, deciding, "payment.updated", changed);
        Ok(answer(200, body))
    }
}
