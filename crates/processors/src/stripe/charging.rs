//! Asking Stripe to do something.

use florin_domain::{Amount, Currency, MethodRef, MethodType};

use super::Stripe;
use super::client::{CallFailed, Form};
use super::declines::{declined, declined_as};
use super::objects::{ATTEMPT_ID, PAYMENT_ID, PaymentIntent, REFUND_ID, Refund, StripeError};
use super::states;
use crate::{CaptureRequest, ChargeRequest, DeclineCode, Outcome, RefundRequest, VoidRequest};

impl Stripe {
    pub(super) async fn make_charge(&self, request: ChargeRequest, capture: bool) -> Outcome {
        let form = match self.charge_form(&request, capture) {
            Ok(form) => form,
            Err(refused) => return refused,
        };
        let key = request.attempt_id.to_string();
        match self.client.post::<PaymentIntent>(&["payment_intents"], &form, &key).await {
            Ok(intent) if intent.metadata.is_of_other(request.attempt_id) => other_object(),
            Ok(intent) if !self.is_sum(intent.amount, &intent.currency, request.amount, request.currency) => {
                other_sum(intent.amount, &intent.currency)
            }
            Ok(intent) => states::charged(&intent, self.action_page.as_ref()),
            Err(CallFailed::Refused(error)) if error.is_about_other(request.attempt_id) => other_object(),
            Err(CallFailed::Refused(error)) => declined(&error),
            Err(failed) => no_answer(failed),
        }
    }

    pub(super) async fn make_capture(&self, request: CaptureRequest) -> Outcome {
        let units = match self.units(request.amount, request.currency, DeclineCode::OperationDeclined) {
            Ok(units) => units,
            Err(refused) => return refused,
        };
        let form = vec![("amount_to_capture", units.to_string())];
        let key = request.attempt_id.to_string();
        let (intent, error) = match self.act_on(&request.reference, "capture", &form, &key).await {
            Ok(met) => met,
            Err(outcome) => return outcome,
        };
        let state = intent.and_then(|intent| states::captured(&intent, units));
        match (state, error) {
            (Some(outcome), _) => outcome,
            (None, Some(error)) => declined_as(DeclineCode::OperationDeclined, &error),
            (None, None) => Outcome::Unknown { reason: "it is not captured after its capture".to_owned() },
        }
    }

    pub(super) async fn make_void(&self, request: VoidRequest) -> Outcome {
        let key = request.attempt_id.to_string();
        let (intent, error) = match self.act_on(&request.reference, "cancel", &Form::new(), &key).await {
            Ok(met) => met,
            Err(outcome) => return outcome,
        };
        let state = intent.and_then(|intent| states::voided(&intent));
        match (state, error) {
            (Some(Outcome::Succeeded { reference }), _) => Outcome::Succeeded { reference },
            (_, Some(error)) => declined_as(DeclineCode::OperationDeclined, &error),
            (_, None) => Outcome::Unknown { reason: "it is not canceled after its cancellation".to_owned() },
        }
    }

    /// Captures or cancels a payment intent: the intent as it is afterwards, and the error where that was refused.
    async fn act_on(
        &self,
        reference: &str,
        action: &str,
        form: &Form,
        key: &str,
    ) -> Result<(Option<PaymentIntent>, Option<Box<StripeError>>), Outcome> {
        let path = ["payment_intents", reference, action];
        let (intent, error) = match self.client.post::<PaymentIntent>(&path, form, key).await {
            Ok(intent) => (Some(intent), None),
            // Stripe says what state it met: it may have been done, by this attempt, long ago.
            Err(CallFailed::Refused(mut error)) => {
                (error.payment_intent.take().map(|intent| *intent), Some(error))
            }
            Err(failed) => return Err(no_answer(failed)),
        };
        if intent.as_ref().is_some_and(|intent| intent.id != reference) {
            return Err(other_object());
        }
        Ok((intent, error))
    }

    pub(super) async fn make_refund(&self, request: RefundRequest) -> Outcome {
        let units = match self.units(request.amount, request.currency, DeclineCode::RefundDeclined) {
            Ok(units) => units,
            Err(refused) => return refused,
        };
        let key = request.attempt_id.to_string();
        let form = vec![
            ("payment_intent", request.reference),
            ("amount", units.to_string()),
            (ATTEMPT_ID, key.clone()),
            (PAYMENT_ID, request.payment_id.to_string()),
            (REFUND_ID, request.refund_id.to_string()),
        ];
        match self.client.post::<Refund>(&["refunds"], &form, &key).await {
            Ok(refund)
                if refund.metadata.as_ref().is_some_and(|data| data.is_of_other(request.attempt_id)) =>
            {
                other_object()
            }
            Ok(refund) if !self.is_sum(refund.amount, &refund.currency, request.amount, request.currency) => {
                other_sum(refund.amount, &refund.currency)
            }
            Ok(refund) => states::refunded(&refund),
            Err(CallFailed::Refused(error)) => declined_as(DeclineCode::RefundDeclined, &error),
            Err(failed) => no_answer(failed),
        }
    }

    fn charge_form(&self, request: &ChargeRequest, capture: bool) -> Result<Form, Outcome> {
        let units = self.units(request.amount, request.currency, DeclineCode::Declined)?;
        let kind = match request.method_type {
            MethodType::Card => "card",
            MethodType::Ach => "us_bank_account",
            MethodType::Offline | MethodType::Credits => {
                return Err(refused(DeclineCode::Declined, "Stripe charges cards and bank accounts only."));
            }
        };
        let (customer, method) = parts(&request.payment_method);
        let mut form = vec![
            ("amount", units.to_string()),
            ("currency", request.currency.code().to_ascii_lowercase()),
            ("payment_method", method.to_owned()),
            ("payment_method_types[]", kind.to_owned()),
            ("capture_method", if capture { "automatic" } else { "manual" }.to_owned()),
            ("confirm", "true".to_owned()),
            (ATTEMPT_ID, request.attempt_id.to_string()),
            (PAYMENT_ID, request.payment_id.to_string()),
        ];
        form.extend(customer.map(|customer| ("customer", customer.to_owned())));
        form.extend(request.description.clone().map(|text| ("description", text)));
        match &request.return_url {
            // Without its payer present, Stripe declines what needs the payer, and takes no `return_url`.
            _ if request.off_session => form.push(("off_session", "true".to_owned())),
            Some(url) => form.push(("return_url", url.clone())),
            None if self.action_page.is_some() => {}
            None => form.push(("error_on_requires_action", "true".to_owned())),
        }
        Ok(form)
    }

    /// An amount in Stripe's units, or what a request comes to that has none.
    fn units(&self, amount: Amount, currency: Currency, code: DeclineCode) -> Result<i64, Outcome> {
        if !self.capabilities.takes(MethodType::Card, currency) {
            return Err(refused(code, &format!("Stripe does not take {currency}.")));
        }
        self.capabilities.to_units(amount, currency).map_err(|_| {
            let message = format!(
                "Stripe can't take this amount of {currency}: its last digits have to be 0, and nothing is rounded."
            );
            refused(code, &message)
        })
    }

    fn is_sum(&self, units: i64, code: &str, amount: Amount, currency: Currency) -> bool {
        self.capabilities.to_units(amount, currency) == Ok(units)
            && code.eq_ignore_ascii_case(currency.code())
    }
}

/// A token is Stripe's payment method (`pm_…`), or `cus_…/pm_…` for one that is attached to a customer of Stripe's: it can
/// only be charged together with that.
pub(super) fn parts(method: &MethodRef) -> (Option<&str>, &str) {
    match method.as_str().split_once('/') {
        Some((customer, method)) => (Some(customer), method),
        None => (None, method.as_str()),
    }
}

/// Refused before anything was sent. Another processor may count otherwise.
fn refused(code: DeclineCode, message: &str) -> Outcome {
    let may_retry_elsewhere = code == DeclineCode::Declined;
    Outcome::Declined { code, message: message.to_owned(), may_retry_elsewhere }
}

fn no_answer(failed: CallFailed) -> Outcome {
    match failed {
        CallFailed::NotBegun(reason) => Outcome::NotSent { reason },
        CallFailed::Unknown(reason) => Outcome::Unknown { reason },
        CallFailed::Refused(error) => Outcome::Unknown { reason: error.to_string() },
    }
}

/// An answer that is another request's, as a connection that got out of step brings it, is no answer to this one.
fn other_object() -> Outcome {
    Outcome::Unknown { reason: "the answer is about something else".to_owned() }
}

/// An answer about another sum is no answer to this request; a look-up tells what Stripe did.
fn other_sum(units: i64, currency: &str) -> Outcome {
    Outcome::Unknown { reason: format!("the answer is about another sum: {units} {currency}") }
}
