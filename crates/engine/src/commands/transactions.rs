//! Amending what may be amended of a transaction, and keeping what it was before.

use florin_domain::{Amendment, TransactionId};
use florin_storage::{AmendmentRecord, Needs, Realm};

use super::change::{Change, Desk, Made};
use crate::requests::AmendTransaction;
use crate::views::{Annotations, Refused, TransactionResponse, to_json};

/// Amends a transaction. What would change nothing is no amendment.
pub(crate) struct Amend {
    pub(crate) id: TransactionId,
    pub(crate) change: AmendTransaction,
}

impl Change for Amend {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.transactions.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let transaction = on.set.transaction(on.realm, self.id).ok_or_else(Refused::transaction_not_found)?;
        let amendment = Amendment {
            metadata: Some(transaction.metadata.merge(self.change.metadata.clone())?),
            reference_id: self.change.reference_id.clone(),
            notes: self.change.notes.clone(),
        };
        let amended = transaction.amend(amendment, on.deciding.at, on.actor);
        let (before, after) = (Annotations::of(transaction), Annotations::of(&amended));
        if before == after {
            return Ok(Made::new(200, &TransactionResponse::new(transaction), self.id));
        }
        let record = AmendmentRecord {
            realm: on.realm,
            transaction_id: self.id,
            number: transaction.revision,
            before: to_json(&before, 256),
            after: to_json(&after, 256),
            by: on.actor,
            at: on.deciding.at,
        };
        let made = Made::new(200, &TransactionResponse::new(&amended), self.id);
        on.set.amend_transaction(amended, record);
        Ok(made)
    }
}
