//! The payment requests of a batch.

use florin_domain::{PaymentRequest, PaymentRequestId};

use super::WorkingSet;
use crate::rows::Realm;

impl WorkingSet {
    /// A payment request.
    pub fn payment_request(&self, realm: Realm, id: PaymentRequestId) -> Option<&PaymentRequest> {
        self.payment_requests.get(&(realm, id))
    }

    /// Puts a new or changed payment request.
    pub fn put_payment_request(&mut self, request: PaymentRequest) {
        self.payment_requests.put(request);
    }
}
