//! What follows for a payment request from any history of its payment, of time and of cancellations.

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::strategies::{Action, History, action, new_payment_request, payment_request};
use florin_domain::{
    Actor, MethodRef, MethodType, NewPayment, NewPaymentRequest, NotOpen, PaymentId, PaymentRequest,
    PaymentRequestRefused, PaymentRequestState, PaymentRequestStatus, PaymentRequestType,
    RequestCancellation, State,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// What is done with a request, whether or not that is allowed then.
#[derive(Clone, Debug)]
enum Deed {
    /// Somebody tries to pay.
    Try,
    /// The merchant cancels it.
    Cancel,
    /// Hours pass.
    Wait(i64),
    /// Something happens to its payment, be it that the merchant charges it.
    Payment(Action),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => Just(Deed::Try),
        1 => Just(Deed::Cancel),
        1 => (1..30_i64).prop_map(Deed::Wait),
        8 => action().prop_map(Deed::Payment),
    ]
}

/// A request, its payment once there is one, and the time, as the engine keeps them.
struct World {
    request: PaymentRequest,
    payment: Option<History>,
    now: DateTime<Utc>,
}

impl World {
    fn do_it(&mut self, deed: Deed) -> Result<(), TestCaseError> {
        let before = self.request.clone();
        self.now += TimeDelta::seconds(1);
        match deed {
            Deed::Wait(hours) => self.now += TimeDelta::hours(hours),
            Deed::Try => self.charge(Action::Charge(None))?,
            Deed::Payment(charge @ Action::Charge(_)) => self.charge(charge)?,
            Deed::Payment(action) => {
                if let Some(payment) = &mut self.payment {
                    let _refused = payment.apply(&action);
                }
            }
            Deed::Cancel => match self.request.cancel(None, self.now, Actor::System) {
                Ok(RequestCancellation::Done(request)) => self.request = request,
                Ok(RequestCancellation::Remembered(request)) => {
                    self.request = request;
                    let payment = self.payment.as_mut().expect("what is charged is a payment");
                    if payment.payment.cancel_requested_at.is_none() {
                        let _under_way = payment.apply(&Action::Cancel(None));
                    }
                }
                Err(refused) => {
                    prop_assert_ne!(self.request.status(self.now), PaymentRequestStatus::Open, "{}", refused);
                }
            },
        }
        self.follow();
        self.check(&before)
    }

    /// Charges, as far as request and payment let anybody.
    fn charge(&mut self, action: Action) -> Result<(), TestCaseError> {
        if let Err(refused) = self.request.check_chargeable(self.now) {
            let is_over = self.request.status(self.now) != PaymentRequestStatus::Open;
            prop_assert!(is_over || refused == NotOpen::Canceling, "{refused}");
            return Ok(());
        }
        let payment = self.payment.get_or_insert_with(|| History::of(terms(&self.request), &[]));
        let before = payment.payment.state();
        let begun = payment.apply(&action).is_ok();
        let under_way = matches!(before, State::Processing);
        prop_assert!(!(begun && under_way), "a second charge began beside the first");
        Ok(())
    }

    fn follow(&mut self) {
        let Some(payment) = &self.payment else { return };
        if let Some(request) = self.request.follow(&payment.payment, self.now) {
            self.request = request;
        }
    }

    fn check(&self, before: &PaymentRequest) -> Result<(), TestCaseError> {
        let now = &self.request;
        prop_assert_eq!(now.contradiction(), None);
        if let Some(payment) = &self.payment {
            prop_assert_eq!(now.contradiction_with(&payment.payment), None, "{:?}", payment.payment.state());
            prop_assert_eq!(now.follow(&payment.payment, self.now), None, "it has followed");
        }
        if before.state() != PaymentRequestState::Open {
            prop_assert_eq!(before, now, "what is over stays as it was");
        }
        prop_assert!(before.payment_id.is_none() || before.payment_id == now.payment_id);
        let is_open = now.state() == PaymentRequestState::Open;
        prop_assert!(
            !is_open || now.charging || now.cancel_requested_at.is_none(),
            "its cancellation is late"
        );
        let has_expired = now.status(self.now) == PaymentRequestStatus::Expired;
        prop_assert!(!has_expired || (!now.charging && now.expires_at.is_some_and(|at| at <= self.now)));
        Ok(())
    }
}

fn terms(request: &PaymentRequest) -> NewPayment {
    NewPayment {
        id: PaymentId::from_uuid(request.id.uuid()),
        tenant_id: request.tenant_id,
        mode: request.mode,
        amount: request.amount,
        currency: request.currency,
        capture_method: request.capture_method,
        customer_id: request.customer_id,
        destination: request.destination.clone(),
        request_id: Some(request.id),
        payment_method: Some(MethodRef::parse("pm_test_success").expect("a payment method")),
        method_type: MethodType::Card,
        description: None,
        metadata: request.metadata.clone(),
        idempotency_key: None,
        return_url: None,
        off_session: false,
        created_by: Actor::Payer,
    }
}

proptest! {
    #![proptest_config(super::cases())]

    #[test]
    fn a_request_is_what_its_one_payment_makes_it(request in payment_request(), deeds in vec(deed(), 0..30)) {
        let now = request.updated_at;
        let mut world = World { request, payment: None, now };
        for deed in deeds {
            world.do_it(deed)?;
        }
    }

    #[test]
    fn another_payment_changes_nothing(request in payment_request()) {
        let at = request.updated_at;
        let own = History::of(terms(&request), &[Action::Charge(None)]).payment;
        let request = request.follow(&own, at).expect("its first payment");
        prop_assert_eq!(request.payment_id, Some(own.id));
        let mut others = terms(&request);
        let mut bytes = others.id.bytes();
        bytes[15] ^= 1;
        others.id = PaymentId::from_bytes(bytes);
        let succeed = Action::Settle { choice: 0, settlement: florin_domain::Settlement::Succeeded };
        let other = History::of(others, &[Action::Charge(None), succeed]).payment;
        prop_assert_eq!(request.follow(&other, at), None);
    }

    #[test]
    fn a_request_can_be_paid_until_it_expires_and_not_from_then_on(request in payment_request()) {
        let Some(expires_at) = request.expires_at else {
            prop_assert_eq!(request.check_chargeable(DateTime::<Utc>::MAX_UTC), Ok(()));
            return Ok(());
        };
        let before = expires_at - TimeDelta::microseconds(1);
        prop_assert_eq!(request.check_chargeable(before), Ok(()));
        prop_assert_eq!(request.status(before), PaymentRequestStatus::Open);
        prop_assert_eq!(request.check_chargeable(expires_at), Err(NotOpen::Expired));
        prop_assert_eq!(request.status(expires_at), PaymentRequestStatus::Expired);
    }

    #[test]
    fn what_can_not_be_paid_is_not_made(terms in new_payment_request()) {
        let at_once = NewPaymentRequest { expires_at: Some(terms.id.created_at()), ..terms.clone() };
        prop_assert_eq!(PaymentRequest::create(at_once), Err(PaymentRequestRefused::ExpiresTooEarly));
        let refused = match terms.kind {
            PaymentRequestType::Invoice => {
                PaymentRequest::create(NewPaymentRequest { destination: None, ..terms })
            }
            kind => {
                let of_invoice = NewPaymentRequest { kind: PaymentRequestType::Invoice, ..terms };
                prop_assert_eq!(PaymentRequest::create(of_invoice), Err(PaymentRequestRefused::NoInvoice));
                Err(PaymentRequestRefused::TakesNoInvoice(kind))
            }
        };
        prop_assert!(refused.is_err());
    }
}
