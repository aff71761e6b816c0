//! What happens in the made-up shop when somebody buys, pays or changes their mind, and what follows from it.

use chrono::TimeDelta;
use florin_domain::{CaptureMethod, Currency, CustomerId, InvoiceLine, Metadata, MethodType, PaymentId};
use florin_engine::requests::{CreateCustomer, CreateInvoice, CreatePayment, GrantCredits};

use super::DemoRefused;
use super::goods::{PEOPLE, PRODUCTS, SUPPLIES};
use super::happening::{Happening, Owed};
use super::shop::{
    Done, Shop, amount, attempt_of, check, currency, customer_name, description, email, external_id, id_of,
    method, payment_of, reason,
};

/// How an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By the test payment method of that name.
    By(&'static str),
    /// Authorized now, captured later.
    Ahead,
    /// Recorded now, charged or given up later.
    Later,
    /// In cash, at the counter.
    Cash,
}

const GOOD: &str = "pm_test_success";

/// How often each way to pay is taken.
const WAYS: [(i64, Way); 14] = [
    (600, Way::By(GOOD)),
    (45, Way::By("pm_test_decline")),
    (30, Way::By("pm_test_insufficient_funds")),
    (90, Way::By("pm_test_ach")),
    (6, Way::By("pm_test_ach_return")),
    (45, Way::By("pm_test_requires_action")),
    (8, Way::By("pm_test_timeout")),
    (4, Way::By("pm_test_timeout_lost")),
    (4, Way::By("pm_test_processor_error")),
    (5, Way::By("pm_test_refund_fails")),
    (6, Way::By("pm_test_refund_pending")),
    (80, Way::Ahead),
    (25, Way::Later),
    (52, Way::Cash),
];

/// How long an invoice may be paid.
const DUE_WITHIN: TimeDelta = TimeDelta::days(14);

impl Shop {
    /// Somebody buys something, and pays in the way that is given, or in any.
    pub(super) async fn order(&mut self, way: Option<Way>) -> Done {
        let person = self.somebody(false);
        let code = PEOPLE[person].currency;
        let product = self.chance.one_of(PRODUCTS);
        let count = self.chance.weighted(&[(70, 1), (20, 2), (10, 3)]);
        // Some buy without leaving their name.
        let customer_id = if self.chance.happens(800) { Some(self.customer(person).await?) } else { None };
        self.orders += 1;
        let way = way.unwrap_or_else(|| self.chance.weighted(&WAYS));
        let bank = matches!(way, Way::By(name) if name.starts_with("pm_test_ach"));
        let code = if bank { "USD" } else { code };
        let metadata = [("order_id".to_owned(), self.orders.to_string())].into();
        let request = CreatePayment {
            customer_id,
            payment_method: match way {
                Way::By(name) => Some(method(name)?),
                Way::Ahead | Way::Later => Some(method(GOOD)?),
                Way::Cash => None,
            },
            payment_method_type: (way == Way::Cash).then_some(MethodType::Offline),
            capture_method: if way == Way::Ahead { CaptureMethod::Manual } else { CaptureMethod::Automatic },
            process_payment: way != Way::Later,
            description: Some(description(&format!("{count} × {}", product.name))?),
            metadata: Metadata::new(metadata).map_err(|refused| DemoRefused::Refused(refused.to_string()))?,
            ..blank(product.price_in(code) * count, currency(code)?)?
        };
        let total = request.amount.minor();
        let answer = self.engine.create_payment(self.context.clone(), request, None).await;
        check(&answer)?;
        let (id, attempt) = (payment_of(&answer)?, attempt_of(&answer));
        self.follow(way, id, attempt.is_some(), total);
        Ok(())
    }

    /// What follows from an order.
    fn follow(&mut self, way: Way, id: PaymentId, was_tried: bool, total: i64) {
        let part = self.chance.between(total / 4, total * 3 / 4).max(1);
        let part = if self.chance.happens(350) { Some(part) } else { None };
        let hours = TimeDelta::hours(self.chance.between(5, 200));
        let minutes = TimeDelta::minutes(self.chance.between(1, 6));
        match way {
            Way::By(GOOD) if self.chance.happens(110) => self.after(hours, Happening::Refund(id, part)),
            Way::By("pm_test_refund_fails" | "pm_test_refund_pending") => {
                self.after(hours, Happening::Refund(id, part));
                self.after(hours + minutes, Happening::LookUp);
            }
            Way::By("pm_test_decline") if self.chance.happens(650) => {
                self.after(minutes, Happening::Retry(id, GOOD));
            }
            Way::By("pm_test_insufficient_funds") if self.chance.happens(500) => {
                self.after(TimeDelta::hours(22), Happening::Retry(id, GOOD));
            }
            Way::By("pm_test_requires_action") if was_tried && self.chance.happens(850) => {
                let confirms = self.chance.happens(850);
                self.after(minutes, Happening::Confirm(id, confirms));
            }
            Way::By("pm_test_timeout" | "pm_test_timeout_lost" | "pm_test_processor_error") => {
                self.after(TimeDelta::seconds(6), Happening::LookUp);
                self.after(TimeDelta::seconds(40), Happening::LookUp);
            }
            Way::Ahead if self.chance.happens(150) => self.after(hours / 4, Happening::Cancel(id)),
            Way::Ahead => self.after(hours / 4, Happening::Capture(id, part)),
            Way::Later if self.chance.happens(500) => self.after(hours / 4, Happening::Retry(id, GOOD)),
            Way::Later if self.chance.happens(500) => self.after(hours / 2, Happening::Cancel(id)),
            Way::By(_) | Way::Later | Way::Cash => {}
        }
    }

    /// A company is sent an invoice, which most of them pay.
    pub(super) async fn invoice(&mut self) -> Done {
        let person = self.somebody(true);
        let code = PEOPLE[person].currency;
        let mut lines = Vec::new();
        let mut due = 0;
        for _ in 0..self.chance.between(1, 3) {
            let (supply, quantity) = (self.chance.one_of(SUPPLIES), self.chance.between(1, 4));
            due += supply.price_in(code) * quantity;
            lines.push(InvoiceLine {
                description: description(supply.name)?,
                quantity: u32::try_from(quantity).unwrap_or(1),
                unit_amount: amount(supply.price_in(code))?,
            });
        }
        let request = CreateInvoice {
            number: None,
            customer_id: Some(self.customer(person).await?),
            currency: currency(code)?,
            amount_due: amount(due)?,
            lines,
            due_at: self.now().checked_add_signed(DUE_WITHIN),
            metadata: Metadata::default(),
        };
        let answer = self.engine.create_invoice(self.context.clone(), request, None).await;
        let invoice_id = id_of(&check(&answer)?)?;
        let owed = |amount| Owed { invoice_id, amount, currency_code: code, person };
        let later = TimeDelta::hours(self.chance.between(3, 400));
        match self.chance.between(1, 10) {
            1 => self.after(later, Happening::VoidInvoice(invoice_id)),
            2 => {}
            3 | 4 => {
                self.after(later / 2, Happening::PayInvoice(owed(due / 2)));
                self.after(later, Happening::PayInvoice(owed(due - due / 2)));
            }
            _ => self.after(later, Happening::PayInvoice(owed(due))),
        }
        Ok(())
    }

    /// An invoice is paid: by card, by bank, or at the counter.
    pub(super) async fn pay_invoice(&mut self, owed: Owed) -> Done {
        let by_bank = owed.currency_code == "USD" && self.chance.happens(600);
        let payment_method = match self.chance.happens(600) {
            true if by_bank => Some(method("pm_test_ach")?),
            true => Some(method(GOOD)?),
            false => None,
        };
        let request = CreatePayment {
            customer_id: Some(self.customer(owed.person).await?),
            invoice_id: Some(owed.invoice_id),
            payment_method_type: payment_method.is_none().then_some(MethodType::Offline),
            payment_method,
            description: Some(description("Invoice")?),
            ..blank(owed.amount, currency(owed.currency_code)?)?
        };
        check(&self.engine.create_payment(self.context.clone(), request, None).await).map(drop)
    }

    /// A customer is given credits, and buys with them later.
    pub(super) async fn grant(&mut self) -> Done {
        let person = self.somebody(false);
        let code = PEOPLE[person].currency;
        let given = self.chance.between(10, 40) * if code == "JPY" { 100 } else { 50 };
        let customer = self.customer(person).await?;
        let request = GrantCredits {
            amount: amount(given)?,
            currency: currency(code)?,
            reason: Some(reason("Loyalty bonus")?),
        };
        check(&self.engine.grant_credits(self.context.clone(), customer, request, None).await)?;
        let later = TimeDelta::hours(self.chance.between(2, 120));
        let spent = self.chance_of_spending(given);
        self.after(later, Happening::SpendCredits(person, spent));
        Ok(())
    }

    /// A customer pays by credits.
    pub(super) async fn spend(&mut self, person: usize, minor: i64) -> Done {
        let request = CreatePayment {
            customer_id: Some(self.customer(person).await?),
            payment_method_type: Some(MethodType::Credits),
            description: Some(description("Paid by loyalty bonus")?),
            ..blank(minor, currency(PEOPLE[person].currency)?)?
        };
        check(&self.engine.create_payment(self.context.clone(), request, None).await).map(drop)
    }

    /// A payer confirms, or does not, what their bank asks.
    pub(super) async fn confirm(&mut self, id: PaymentId, confirms: bool) -> Done {
        let answer = self.engine.find_payment(self.context.clone(), id).await;
        if let Some(attempt) = attempt_of(&answer) {
            // It may be over by now: the payer took too long.
            let _over = self.sandbox.complete_action(attempt, confirms);
        }
        self.look_up().await
    }

    /// Whatever is open is looked up.
    pub(super) async fn look_up(&self) -> Done {
        let failed = |error: florin_storage::StorageError| DemoRefused::Refused(error.to_string());
        self.engine.recover_now().await.map(drop).map_err(failed)
    }

    /// A person or a company.
    pub(super) fn somebody(&mut self, is_company: bool) -> usize {
        loop {
            let found = self.chance.index(PEOPLE.len());
            if PEOPLE[found].is_company == is_company {
                return found;
            }
        }
    }

    /// Mostly less than what there is.
    fn chance_of_spending(&mut self, given: i64) -> i64 {
        self.chance.between(given / 3, given * 11 / 10).max(1)
    }

    /// The customer that somebody is, made when they come for the first time.
    pub(super) async fn customer(&mut self, person: usize) -> Result<CustomerId, DemoRefused> {
        if let Some(known) = self.customers[person] {
            return Ok(known);
        }
        let who = &PEOPLE[person];
        let request = CreateCustomer {
            name: Some(customer_name(who.name)?),
            email: Some(email(&format!("{}@example.com", who.mailbox))?),
            external_id: Some(external_id(&format!("demo-customer-{}", person + 1))?),
            metadata: Metadata::default(),
        };
        let answer = self.engine.create_customer(self.context.clone(), request, None).await;
        let id = id_of(&check(&answer)?)?;
        self.customers[person] = Some(id);
        Ok(id)
    }
}

/// A payment of so much, and nothing else said of it.
fn blank(minor: i64, currency: Currency) -> Result<CreatePayment, DemoRefused> {
    Ok(CreatePayment {
        amount: amount(minor)?,
        currency,
        payment_method: None,
        payment_method_type: None,
        customer_id: None,
        invoice_id: None,
        process_payment: true,
        capture_method: CaptureMethod::Automatic,
        return_url: None,
        off_session: false,
        description: None,
        metadata: Metadata::default(),
        idempotency_key: None,
    })
}
