//! Storing and detaching payment methods.

use florin_domain::{StoredMethod, StoredMethodId};
use florin_storage::{Needs, Realm};

use super::change::{Change, Desk, Made};
use super::telling::put_event;
use crate::requests::CreateMethod;
use crate::views::{PaymentMethodResponse, Refused};

impl Change for CreateMethod {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.customers.extend(self.customer_id.map(|id| (realm, id)));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        on.check_customer(self.customer_id)?;
        let id = StoredMethodId::from_uuid(on.deciding.new_id());
        let method = StoredMethod {
            id,
            tenant_id: on.realm.tenant_id,
            mode: on.realm.mode,
            customer_id: self.customer_id,
            method_type: self.method_type,
            token: self.token.clone(),
            processor: self.processor.clone(),
            brand: self.brand.clone(),
            last4: self.last4,
            expiry: self.expiry,
            bank_name: self.bank_name.clone(),
            metadata: self.metadata.clone(),
            detached_at: None,
            revision: 1,
            event_count: 0,
            created_by: on.actor,
            updated_by: on.actor,
            updated_at: id.created_at(),
        };
        let made = Made::new(201, &PaymentMethodResponse::new(&method), id);
        on.set.put_method(method);
        Ok(made)
    }
}

/// Detaches a payment method; again changes nothing.
pub(crate) struct Detach {
    pub(crate) id: StoredMethodId,
}

impl Change for Detach {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.methods.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let method = on.set.method(on.realm, self.id).ok_or_else(Refused::stored_method_not_found)?;
        let mut detached = method.detach(on.deciding.at, on.actor);
        let is_first = method.detached_at.is_none();
        let made = Made::new(200, &PaymentMethodResponse::new(&detached), self.id);
        if is_first {
            detached.event_count = detached.event_count.saturating_add(1);
            let object = (detached.id.bytes(), detached.event_count);
            put_event(on.set, on.deciding, on.realm, "payment_method.detached", object, made.body());
            on.set.put_method(detached);
        }
        Ok(made)
    }
}
