//! Links to pay by, which the made-up shop sends, and what becomes of them.

use std::sync::Arc;

use chrono::TimeDelta;
use florin_domain::{CaptureMethod, Metadata, PageToken, PaymentRequestType};
use florin_engine::PayTry;
use florin_engine::requests::CreatePaymentRequest;

use super::DemoRefused;
use super::goods::{PEOPLE, PRODUCTS};
use super::happening::Happening;
use super::shop::{Done, Shop, amount, check, currency, description, id_of, method};

/// How long half of them can be paid.
const OPEN_FOR: TimeDelta = TimeDelta::days(7);

impl Shop {
    /// Somebody is sent a link to pay by, which most of them do.
    pub(super) async fn ask_to_pay(&mut self) -> Done {
        let person = self.somebody(false);
        let code = PEOPLE[person].currency;
        let product = self.chance.one_of(PRODUCTS);
        let is_subscription = product.name.contains("subscription");
        let request = CreatePaymentRequest {
            kind: if is_subscription {
                PaymentRequestType::Subscription
            } else {
                PaymentRequestType::Product
            },
            amount: amount(product.price_in(code))?,
            currency: currency(code)?,
            description: Some(description(product.name)?),
            customer_id: Some(self.customer(person).await?),
            invoice_id: None,
            capture_method: match self.chance.happens(150) {
                true => CaptureMethod::Manual,
                false => CaptureMethod::Automatic,
            },
            expires_at: self.now().checked_add_signed(OPEN_FOR).filter(|_| self.chance.happens(500)),
            success_url: None,
            metadata: Metadata::default(),
        };
        let answer = self.engine.create_payment_request(self.context.clone(), request, None).await;
        let body = check(&answer)?;
        let link = body["url"].as_str().unwrap_or_default();
        let token = link.rsplit('/').next().unwrap_or_default();
        let token =
            PageToken::parse(token).map_err(|_| DemoRefused::Refused(format!("{link} is no link")))?;
        let later = TimeDelta::minutes(self.chance.between(4, 4000));
        match self.chance.between(1, 10) {
            1 => self.after(later, Happening::CancelRequest(id_of(&body)?)),
            2 | 3 => {}
            4 => {
                self.after(later, Happening::PayRequest(token.clone(), "pm_test_insufficient_funds"));
                self.after(later + TimeDelta::minutes(3), Happening::PayRequest(token, "pm_test_success"));
            }
            _ => self.after(later, Happening::PayRequest(token, "pm_test_success")),
        }
        Ok(())
    }

    /// A link is paid by, if it still can be.
    pub(super) async fn pay_request(&self, token: &PageToken, name: &str) -> Done {
        let failed = |refused: florin_engine::views::Refused| DemoRefused::Refused(refused.message);
        let page = self.engine.payment_page(token).await.map_err(failed)?;
        let Some(offer) = page.and_then(|page| page.offer) else { return Ok(()) };
        let pay = PayTry {
            processor: offer.processor,
            method: method(name)?,
            method_type: None,
            return_query: String::new(),
            address: None,
            request_id: Arc::from("demo"),
        };
        self.engine.pay_request(token, pay).await.map(drop).map_err(failed)
    }
}
