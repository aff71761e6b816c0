//! What a payment is charged by: a payment method, stored here or the processor's own, or none; and where the charge goes.

use florin_domain::{Amount, Currency, CustomerId, MethodRef, MethodType, StoredMethodId};
use florin_storage::{Needs, Realm};

use super::request::Scene;
use crate::routing::{Route, Wanted};
use crate::views::Refused;

/// A payment method that can be charged, and where.
pub(super) struct Chargeable {
    pub(super) route: Route,
    /// Whose it is, when it is stored here.
    pub(super) customer_id: Option<CustomerId>,
}

/// What is to be charged to a payment method.
#[derive(Clone, Copy)]
pub(super) struct ToCharge {
    pub(super) amount: Amount,
    pub(super) currency: Currency,
    /// The type that the caller says the payment method has, for a processor that can't tell.
    pub(super) named: Option<MethodType>,
}

/// The stored payment method that a text may name. A processor's own names have other forms, mostly.
pub(crate) fn stored_id(method: &MethodRef) -> Option<StoredMethodId> {
    method.as_str().parse().ok()
}

/// Names a payment method that may be stored here.
pub(super) fn need_method(realm: Realm, method: Option<&MethodRef>, needs: &mut Needs) {
    needs.methods.extend(method.and_then(stored_id).map(|id| (realm, id)));
}

impl Scene<'_> {
    /// Checks that a payment method can be charged, and chooses where.
    pub(super) fn check_chargeable(
        &self,
        method: &MethodRef,
        charge: ToCharge,
    ) -> Result<Chargeable, Refused> {
        let stored = stored_id(method).and_then(|id| self.set.method(self.requester.realm, id));
        if let Some(stored) = stored {
            stored.check_usable(self.deciding.at).map_err(|_| Refused::payment_method_invalid())?;
        }
        let ToCharge { amount, currency, named } = charge;
        let route = self.sender.routes.choose(Wanted { method, stored, named, amount, currency })?;
        Ok(Chargeable { route, customer_id: stored.and_then(|stored| stored.customer_id) })
    }
}
