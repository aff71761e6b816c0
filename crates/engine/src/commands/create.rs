//! Creating payments.

use florin_domain::{
    CaptureMethod, CustomerId, Destination, Invoice, MethodType, NewPayment, Payment, PaymentId,
};
use florin_storage::{Needs, Realm};

use super::chargeable::{Chargeable, ToCharge, need_method};
use super::request::{Operation, Scene, Step};
use super::telling::{answer, tell_payment};
use crate::requests::CreatePayment;
use crate::routing::Route;
use crate::views::{ErrorCode, Refused};

/// Creates a payment, and begins to charge it unless that is for later.
pub(crate) struct Create {
    pub(crate) id: PaymentId,
    pub(crate) request: CreatePayment,
}

impl Operation for Create {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        let request = &self.request;
        need_method(realm, request.payment_method.as_ref(), needs);
        needs.customers.extend(request.customer_id.map(|id| (realm, id)));
        needs.invoices.extend(request.invoice_id.map(|id| (realm, id)));
        if request.payment_method_type == Some(MethodType::Credits) {
            match request.customer_id {
                Some(id) => drop(needs.credit_accounts.insert((realm, id, request.currency))),
                None => needs.credits_of_invoices.extend(request.invoice_id.map(|id| (realm, id))),
            }
        }
    }

    fn begin(&self, on: &mut Scene<'_>) -> Result<Step, Refused> {
        let (terms, route) = self.terms(on)?;
        let payment = Payment::create(terms);
        if !self.request.process_payment {
            let (payment, body) = tell_payment(on.set, on.deciding, "payment.created", payment);
            return Ok(Step::Done(answer(201, body), payment.id));
        }
        let (payment, attempt) = payment.start_charge(on.start_charge(payment.method_type, route), None)?;
        on.charge(payment, attempt, Some("payment.created"))
    }
}

impl Create {
    /// The payment's terms: what was asked for, and what follows from the payment method and the invoice. And where its
    /// charge goes, if it names a payment method.
    fn terms(&self, on: &Scene<'_>) -> Result<(NewPayment, Option<Route>), Refused> {
        let request = self.request.clone();
        let Realm { tenant_id, mode } = on.requester.realm;
        let invoice = self.invoice(on)?;
        let (method_type, chargeable) = self.method(on)?;
        let owner = chargeable.as_ref().and_then(|found| found.customer_id);
        let customer_id = self.customer(on, owner, invoice)?;
        if method_type == MethodType::Credits && customer_id.is_none() {
            let message = "Send customer_id, the customer whose credits are spent, or the invoice of one.";
            return Err(Refused::new(ErrorCode::ParameterMissing, message).param("customer_id"));
        }
        let terms = NewPayment {
            id: self.id,
            tenant_id,
            mode,
            amount: request.amount,
            currency: request.currency,
            capture_method: request.capture_method,
            payment_method: request.payment_method,
            method_type,
            customer_id,
            destination: invoice.map(|invoice| Destination {
                invoice_id: invoice.id,
                invoice_number: invoice.number.clone(),
            }),
            request_id: None,
            description: request.description,
            metadata: request.metadata,
            idempotency_key: request.idempotency_key,
            return_url: request.return_url,
            off_session: request.off_session,
            created_by: on.requester.actor,
        };
        Ok((terms, chargeable.map(|found| found.route)))
    }

    /// The invoice that is to be paid. It has to have room for the payment from the beginning, although nothing is held
    /// before the payment is processed.
    fn invoice<'s>(&self, on: &'s Scene<'_>) -> Result<Option<&'s Invoice>, Refused> {
        let Some(id) = self.request.invoice_id else { return Ok(None) };
        let invoice = on.set.invoice(on.requester.realm, id);
        let invoice = invoice.ok_or_else(|| Refused::invoice_not_found().param("destination_id"))?;
        invoice.check_payable(self.request.amount, self.request.currency)?;
        Ok(Some(invoice))
    }

    /// What kind of money moves, and the payment method that is charged.
    fn method(&self, on: &Scene<'_>) -> Result<(MethodType, Option<Chargeable>), Refused> {
        let named = self.request.payment_method_type;
        let Some(method) = &self.request.payment_method else {
            return Ok((named.unwrap_or(MethodType::Card), None));
        };
        let (amount, currency) = (self.request.amount, self.request.currency);
        let found = on.check_chargeable(method, ToCharge { amount, currency, named })?;
        let method_type = found.route.method_type;
        if let Some(named) = named.filter(|named| *named != method_type) {
            let message = format!(
                "The payment method is of type {method_type}; send payment_method_type: {method_type} instead of {named}, or leave it out."
            );
            return Err(Refused::new(ErrorCode::ParametersConflict, message).param("payment_method_type"));
        }
        check_capture(method_type, self.request.capture_method)?;
        Ok((method_type, Some(found)))
    }

    /// Who pays: who is named, or else whose payment method or invoice it is.
    fn customer(
        &self,
        on: &Scene<'_>,
        owner: Option<CustomerId>,
        invoice: Option<&Invoice>,
    ) -> Result<Option<CustomerId>, Refused> {
        let Some(named) = self.request.customer_id else {
            return Ok(owner.or_else(|| invoice.and_then(|invoice| invoice.customer_id)));
        };
        if on.set.customer(on.requester.realm, named).is_none() {
            return Err(Refused::customer_not_found().param("customer_id"));
        }
        if owner.is_some_and(|owner| owner != named) {
            let message = "The payment method belongs to another customer; send that customer_id, or none.";
            return Err(Refused::new(ErrorCode::ParametersConflict, message).param("customer_id"));
        }
        Ok(Some(named))
    }
}

/// Only a card's money can be reserved first.
pub(super) fn check_capture(method_type: MethodType, capture: CaptureMethod) -> Result<(), Refused> {
    match (method_type, capture) {
        (MethodType::Card, _) | (_, CaptureMethod::Automatic) => Ok(()),
        (MethodType::Ach | MethodType::Offline | MethodType::Credits, CaptureMethod::Manual) => {
            let message = format!(
                "A payment by {method_type} can't be authorized first; send capture_method: automatic."
            );
            Err(Refused::new(ErrorCode::ParametersConflict, message).param("capture_method"))
        }
    }
}
