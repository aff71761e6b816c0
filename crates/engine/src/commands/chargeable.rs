//! What a payment is charged by: a payment method, stored here or the processor's own, or none.

use std::sync::Arc;

use florin_domain::{CustomerId, MethodRef, MethodType, StoredMethodId};
use florin_storage::{Needs, Realm};

use super::request::Scene;
use crate::views::Refused;

/// What the processor says about a payment method of its own: the type, where it can tell before a charge, or why it
/// can't be charged.
pub(crate) type CheckMethod = Arc<dyn Fn(&MethodRef) -> Result<Option<MethodType>, Refused> + Send + Sync>;

/// A payment method that can be charged.
pub(super) struct Chargeable {
    pub(super) method_type: MethodType,
    /// Whose it is, when it is stored here.
    pub(super) customer_id: Option<CustomerId>,
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
    /// Checks that a payment method can be charged. `named` is the type that the caller says it has, for a processor that
    /// can't tell.
    pub(super) fn check_chargeable(
        &self,
        method: &MethodRef,
        named: Option<MethodType>,
        check: &CheckMethod,
    ) -> Result<Chargeable, Refused> {
        let stored = stored_id(method).and_then(|id| self.set.method(self.requester.realm, id));
        let Some(stored) = stored else {
            let named = named.filter(|named| named.needs_processor()).unwrap_or(MethodType::Card);
            return Ok(Chargeable { method_type: check(method)?.unwrap_or(named), customer_id: None });
        };
        stored.check_usable(self.deciding.at).map_err(|_| Refused::payment_method_invalid())?;
        let method_type = check(&stored.token)?.unwrap_or(stored.method_type);
        Ok(Chargeable { method_type, customer_id: stored.customer_id })
    }
}
