//! Paying a payment request on its page: the first of the two commits of a charge.
//!
//! The first try makes the request's payment; a later one charges the same payment again. So that a payment has one charge
//! under way at most is what makes one payment of any number of payers at once.

use std::sync::Arc;

use florin_domain::{
    ChargeRefused, MAX_TRIES, MethodRef, MethodType, NewPayment, NotOpen, Payment, PaymentId, PaymentRequest,
    PaymentRequestId,
};
use florin_storage::{Needs, WorkingSet};

use super::create::check_capture;
use super::payment_requests::{is_stale, need_request};
use super::request::{Scene, Step};
use super::{Requester, Sender, Sending};
use crate::routing::Route;
use crate::views::Refused;
use crate::writer::{Command, Deciding};

/// A try at paying a payment request.
pub(crate) struct Pay {
    pub(crate) requester: Requester,
    pub(crate) sender: Sender,
    pub(crate) id: PaymentRequestId,
    /// Its payment, as it was known before the command was queued.
    pub(crate) payment_id: Option<PaymentId>,
    /// The payment that is made when it has none.
    pub(crate) new_payment_id: PaymentId,
    /// The account that was offered, which alone takes the token.
    pub(crate) processor: Arc<str>,
    pub(crate) method: MethodRef,
    pub(crate) method_type: MethodType,
    /// The page, to which the payer comes back.
    pub(crate) return_url: String,
}

/// What a try begins with.
pub(crate) enum PayBegun {
    /// A charge has to be sent.
    Send(Box<Sending>),
    /// The request takes no charge.
    NotOpen(NotOpen),
    /// Another try is under way.
    BeingPaid,
    /// It was tried too often.
    TooManyTries,
    /// Something else is in the way.
    Refused(Refused),
    /// The request has got a payment since it was read: read it again.
    Stale,
}

impl Command for Pay {
    type Answer = PayBegun;

    fn needs(&self, needs: &mut Needs, _fresh: bool) {
        need_request(needs, self.requester.realm, self.id, self.payment_id);
    }

    fn decide(&self, set: &mut WorkingSet, deciding: &Deciding<'_>) -> PayBegun {
        let realm = self.requester.realm;
        if is_stale(set, realm, self.id) {
            return PayBegun::Stale;
        }
        let Some(request) = set.payment_request(realm, self.id).cloned() else {
            return PayBegun::Refused(Refused::payment_request_not_found());
        };
        let own = (&self.requester, &self.sender);
        let mut scene = Scene::new(set, deciding, own, request.payment_id);
        let begun = self.begin(&mut scene, &request);
        let others = scene.take_others();
        match begun {
            Ok(begun) => {
                let (payment, attempt) = *begun;
                let (keys, is_new, success_status) = (Vec::new(), false, 200);
                PayBegun::Send(Box::new(Sending { payment, attempt, keys, is_new, success_status, others }))
            }
            Err(begun) => begun,
        }
    }
}

type Charged = Box<(Payment, florin_domain::Attempt)>;

impl Pay {
    fn begin(&self, on: &mut Scene<'_>, request: &PaymentRequest) -> Result<Charged, PayBegun> {
        request.check_chargeable(on.deciding.at).map_err(PayBegun::NotOpen)?;
        check_capture(self.method_type, request.capture_method).map_err(PayBegun::Refused)?;
        let route = Route {
            method_type: self.method_type,
            processor: Arc::clone(&self.processor),
            others: Vec::new(),
        };
        let (payment, event) = match request.payment_id {
            None => (Payment::create(self.terms(request)), Some("payment.created")),
            Some(_) => (on.payment().map_err(PayBegun::Refused)?.clone(), None),
        };
        let start = on.start_charge(self.method_type, Some(route));
        let given = (self.method.clone(), self.method_type);
        let (payment, attempt) =
            payment.start_charge(start, Some(given)).map_err(|refused| match refused {
                ChargeRefused::InProgress(_) => PayBegun::BeingPaid,
                other => PayBegun::Refused(Refused::from(other)),
            })?;
        if payment.charge_count > MAX_TRIES {
            return Err(PayBegun::TooManyTries);
        }
        match on.charge(payment, attempt, event).map_err(PayBegun::Refused)? {
            Step::Send(begun) => Ok(begun),
            // Nothing is offered on a page that no processor is asked for.
            Step::Done(..) => Err(PayBegun::Refused(Refused::internal())),
        }
    }

    /// The payment that the first try makes.
    fn terms(&self, request: &PaymentRequest) -> NewPayment {
        NewPayment {
            id: self.new_payment_id,
            tenant_id: request.tenant_id,
            mode: request.mode,
            amount: request.amount,
            currency: request.currency,
            capture_method: request.capture_method,
            customer_id: request.customer_id,
            destination: request.destination.clone(),
            request_id: Some(request.id),
            payment_method: Some(self.method.clone()),
            method_type: self.method_type,
            description: request.description.clone(),
            metadata: request.metadata.clone(),
            idempotency_key: None,
            return_url: Some(self.return_url.clone()),
            off_session: false,
            created_by: self.requester.actor,
        }
    }
}
