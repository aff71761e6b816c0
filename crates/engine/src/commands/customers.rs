//! Creating and changing customers, and granting them credits.

use florin_domain::{
    AuditAction, Currency, Customer, CustomerChange, CustomerId, ExternalId, Metadata, Notes, Transaction,
    TransactionId, credit_grant,
};
use florin_storage::{Needs, Realm};
use serde_json::json;

use super::change::{Change, Desk, Made};
use crate::requests::{CreateCustomer, GrantCredits, UpdateCustomer};
use crate::views::{CustomerResponse, Refused, TransactionResponse};

impl Change for CreateCustomer {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        need_external_id(realm, self.external_id.as_ref(), needs);
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        check_external_id(on, self.external_id.as_ref(), None)?;
        let id = CustomerId::from_uuid(on.deciding.new_id());
        let customer = Customer {
            id,
            tenant_id: on.realm.tenant_id,
            mode: on.realm.mode,
            name: self.name.clone(),
            email: self.email.clone(),
            external_id: self.external_id.clone(),
            metadata: self.metadata.clone(),
            revision: 1,
            created_by: on.actor,
            updated_by: on.actor,
            updated_at: id.created_at(),
        };
        let made = Made::new(201, &CustomerResponse::new(&customer), id);
        on.set.put_customer(customer);
        Ok(made)
    }
}

/// Changes a customer.
pub(crate) struct ChangeCustomer {
    pub(crate) id: CustomerId,
    pub(crate) change: UpdateCustomer,
}

impl Change for ChangeCustomer {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.customers.insert((realm, self.id));
        need_external_id(realm, self.external_id(), needs);
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let customer = on.set.customer(on.realm, self.id).ok_or_else(Refused::customer_not_found)?;
        let change = CustomerChange {
            name: self.change.name.clone(),
            email: self.change.email.clone(),
            external_id: self.change.external_id.clone(),
            metadata: Some(customer.metadata.merge(self.change.metadata.clone())?),
        };
        let changed = customer.change(change, on.deciding.at, on.actor);
        check_external_id(on, self.external_id(), Some(self.id))?;
        let made = Made::new(200, &CustomerResponse::new(&changed), self.id);
        on.set.put_customer(changed);
        Ok(made)
    }
}

impl ChangeCustomer {
    fn external_id(&self) -> Option<&ExternalId> {
        self.change.external_id.as_ref().and_then(Option::as_ref)
    }
}

fn need_external_id(realm: Realm, external_id: Option<&ExternalId>, needs: &mut Needs) {
    needs.external_ids.extend(external_id.map(|id| (realm, id.as_str().to_owned())));
}

/// Checks that nobody but `own` has the external id.
fn check_external_id(
    on: &Desk<'_>,
    external_id: Option<&ExternalId>,
    own: Option<CustomerId>,
) -> Result<(), Refused> {
    let owner = external_id.and_then(|id| on.set.external_id_owner(on.realm, id.as_str()));
    match owner {
        Some(owner) if Some(owner) != own => Err(Refused::external_id_taken(owner)),
        Some(_) | None => Ok(()),
    }
}

/// Grants credits to a customer.
pub(crate) struct Grant {
    pub(crate) customer_id: CustomerId,
    /// Whether the customer was found before the request was queued. Customers are never deleted; for one that does not
    /// exist no account is opened.
    pub(crate) customer_exists: bool,
    pub(crate) grant: GrantCredits,
}

impl Grant {
    fn account(&self, realm: Realm) -> (Realm, CustomerId, Currency) {
        (realm, self.customer_id, self.grant.currency)
    }
}

impl Change for Grant {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.customers.insert((realm, self.customer_id));
        if self.customer_exists {
            needs.opened_credit_accounts.insert(self.account(realm));
        }
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let (realm, customer_id, currency) = self.account(on.realm);
        on.set.customer(realm, customer_id).ok_or_else(Refused::customer_not_found)?;
        let account = on.set.credit_account(realm, customer_id, currency);
        let account = account.ok_or_else(Refused::customer_not_found)?.add(self.grant.amount)?;
        let id = TransactionId::from_uuid(on.deciding.new_id());
        let reason = self.grant.reason.as_ref();
        let transaction = Transaction {
            id,
            tenant_id: realm.tenant_id,
            mode: realm.mode,
            movement: credit_grant(self.grant.amount),
            currency,
            payment_id: None,
            refund_id: None,
            customer_id: Some(customer_id),
            created_by: on.actor,
            metadata: Metadata::default(),
            reference_id: None,
            notes: reason.map(|reason| Notes::parse(reason.as_str())).transpose()?,
            revision: 1,
            updated_by: on.actor,
            updated_at: id.created_at(),
        };
        let made = Made::new(201, &TransactionResponse::new(&transaction), id);
        let details = json!({
            "transaction_id": id, "amount": self.grant.amount, "currency": currency.code(),
        });
        on.log(AuditAction::CreditsGranted, customer_id, &details);
        on.set.put_credit_account(account);
        on.set.add_transaction(transaction);
        Ok(made)
    }
}
