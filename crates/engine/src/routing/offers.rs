//! What the page of a payment request can offer: the accounts that take such a payment and know how a payer's payment
//! method becomes a token.

use std::sync::Arc;

use florin_domain::{CaptureMethod, MethodType, PaymentRequest};
use florin_processors::{MethodCheck, PayerForm};

use super::routes::{Account, Routes};
use crate::payment_page::{PageForm, PageOffer, PayTry};
use crate::views::{ErrorCode, Refused};

impl Routes {
    /// What a request can be paid with, the best first: in the order of the routes, those last that do not answer now.
    pub(crate) fn offers(&self, request: &PaymentRequest) -> Vec<PageOffer> {
        let mut offers: Vec<(bool, PageOffer)> = Vec::new();
        for method_type in [MethodType::Card, MethodType::Ach] {
            if method_type != MethodType::Card && request.capture_method == CaptureMethod::Manual {
                continue;
            }
            for account in self.in_order(method_type, request.currency) {
                let Some(form) = form_of(account, method_type, request) else { continue };
                match offers.iter_mut().find(|(_, offer)| *offer.processor == *account.name) {
                    Some((_, offer)) => offer.method_types.push(method_type),
                    None => offers.push((
                        account.is_ready(),
                        PageOffer {
                            processor: account.name.to_string(),
                            method_types: vec![method_type],
                            form,
                        },
                    )),
                }
            }
        }
        offers.sort_by_key(|(is_ready, _)| !is_ready);
        offers.into_iter().map(|(_, offer)| offer).collect()
    }

    /// Checks that a try is by what was offered: a payer may not choose another account, nor a payment method that is
    /// stored somewhere. Gives back the account's name and the kind of payment method.
    ///
    /// # Errors
    /// When the offer does not stand any more, or the payment method is not one that is offered.
    pub(crate) fn accept(
        &self,
        request: &PaymentRequest,
        pay: &PayTry,
    ) -> Result<(Arc<str>, MethodType), Refused> {
        let mut offers = self.offers(request).into_iter();
        let offer = offers.find(|offer| offer.processor == pay.processor).ok_or_else(offer_has_changed)?;
        let account = self.named(&offer.processor).ok_or_else(offer_has_changed)?;
        if !may_be_a_payers(&offer.form, pay.method.as_str()) {
            return Err(Refused::payment_method_not_found());
        }
        let method_type = match account.check(&pay.method) {
            MethodCheck::Usable { method_type } => method_type,
            MethodCheck::Unchecked => pay.method_type.unwrap_or(MethodType::Card),
            MethodCheck::Invalid(_) => return Err(Refused::payment_method_invalid()),
            MethodCheck::NotFound => return Err(Refused::payment_method_not_found()),
        };
        if !offer.method_types.contains(&method_type) {
            return Err(Refused::payment_method_invalid());
        }
        Ok((Arc::clone(&account.name), method_type))
    }
}

/// How a payer's payment method becomes a token of the account, if it takes such a payment.
fn form_of(account: &Account, method_type: MethodType, request: &PaymentRequest) -> Option<PageForm> {
    let takes = account.enabled
        && account.takes(method_type, request.currency)
        && account.can_express(request.amount, request.currency);
    let form = account.processor().filter(|_| takes)?.payer_form()?;
    Some(match form {
        PayerForm::TestMethods(methods) => PageForm::Sandbox { methods: methods.to_vec() },
        PayerForm::Stripe { publishable_key } => PageForm::Stripe { publishable_key },
    })
}

/// Whether a text can be what the form gave, and not a payment method of somebody else that is stored here or there.
fn may_be_a_payers(form: &PageForm, method: &str) -> bool {
    match form {
        PageForm::Sandbox { methods } => methods.contains(&method),
        PageForm::Stripe { .. } => {
            let is_new = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric());
            // A payment method that is stored here has an id of the same kind.
            let is_stored = method.parse::<florin_domain::StoredMethodId>().is_ok();
            !is_stored && method.strip_prefix("pm_").is_some_and(is_new)
        }
    }
}

fn offer_has_changed() -> Refused {
    let message = "What can be paid with has changed; load the page again.";
    Refused::new(ErrorCode::PaymentMethodInvalid, message)
}
