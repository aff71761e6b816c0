//! The made-up shop: an engine, a clock, and what is to come.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{
    Amount, AttemptId, Currency, CustomerId, CustomerName, Description, Email, ExternalId, Metadata,
    MethodRef, PaymentId, Reason,
};
use florin_engine::Engine;
use florin_engine::access::Context;
use florin_engine::requests::{CreateRefund, CustomerFilter, Page, PaymentFilter, Position};
use florin_engine::views::Answer;
use florin_processors::sandbox::Sandbox;
use serde_json::Value;

use super::acts::Way;
use super::chance::Chance;
use super::goods::{CANCEL_REASONS, PEOPLE, REFUND_REASONS};
use super::happening::{Agenda, Happening};
use super::{DemoRefused, ShopClock, plan};

/// The first customer has this name of the merchant's, by which a filled sandbox is known again.
const FIRST_CUSTOMER: &str = "demo-customer-1";

const ONE: Page = Page::new(1, Position::Offset(0));

pub(super) type Done = Result<(), DemoRefused>;

/// The made-up shop.
pub(super) struct Shop {
    pub(super) engine: Engine,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) context: Context,
    pub(super) chance: Chance,
    /// The customers, in the order of [`PEOPLE`], once they have bought something.
    pub(super) customers: Vec<Option<CustomerId>>,
    /// The number of the last order.
    pub(super) orders: i64,
    clock: ShopClock,
    agenda: Agenda,
}

impl Shop {
    pub(super) fn new(
        engine: Engine,
        sandbox: Arc<Sandbox>,
        clock: ShopClock,
        context: Context,
        seed: u64,
    ) -> Self {
        Shop {
            engine,
            sandbox,
            context,
            chance: Chance::new(seed),
            customers: vec![None; PEOPLE.len()],
            orders: 10_000,
            clock,
            agenda: Agenda::default(),
        }
    }

    /// Whether this sandbox was filled before.
    pub(super) async fn is_there(&self) -> Result<bool, DemoRefused> {
        let external_id = Some(external_id(FIRST_CUSTOMER)?);
        let filter = CustomerFilter { external_id, ..CustomerFilter::default() };
        has_any(&self.engine.list_customers(self.context.clone(), filter, ONE).await)
    }

    /// Whether nothing was paid here yet.
    pub(super) async fn is_empty(&self) -> Result<bool, DemoRefused> {
        let filter = PaymentFilter::default();
        Ok(!has_any(&self.engine.list_payments(self.context.clone(), filter, ONE).await)?)
    }

    /// Opens the shop: its first customer, and plans for what is to come until the end.
    pub(super) async fn open(&mut self, end: DateTime<Utc>) -> Done {
        self.agenda = plan::plan(end, &mut self.chance);
        self.customer(0).await.map(drop)
    }

    /// Lets the next thing happen, and says when that was.
    pub(super) async fn next(&mut self, end: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, DemoRefused> {
        let Some((at, happening)) = self.agenda.next(end) else { return Ok(None) };
        self.clock.set(at);
        self.happen(happening).await?;
        Ok(Some(at))
    }

    /// Something is to happen so much later.
    pub(super) fn after(&mut self, later: TimeDelta, happening: Happening) {
        self.agenda.after(self.clock.now(), later, happening);
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn happen(&mut self, happening: Happening) -> Done {
        let (engine, context) = (self.engine.clone(), self.context.clone());
        let answer = match happening {
            Happening::Order => return self.order(None).await,
            Happening::OrderAhead => return self.order(Some(Way::Ahead)).await,
            Happening::Invoice => return self.invoice().await,
            Happening::AskToPay => return self.ask_to_pay().await,
            Happening::PayRequest(token, name) => return self.pay_request(&token, name).await,
            Happening::CancelRequest(id) => {
                let reason = Some(reason("Ordered in the shop instead")?);
                engine.cancel_payment_request(context, id, reason, None).await
            }
            Happening::Grant => return self.grant().await,
            Happening::PayInvoice(owed) => return self.pay_invoice(owed).await,
            Happening::SpendCredits(person, amount) => return self.spend(person, amount).await,
            Happening::Confirm(id, confirms) => return self.confirm(id, confirms).await,
            Happening::LookUp => return self.look_up().await,
            Happening::Retry(id, name) => {
                engine.process_payment(context, id, Some(method(name)?), None).await
            }
            Happening::Refund(id, minor) => {
                let why: &&str = self.chance.one_of(REFUND_REASONS);
                let reason = Some(reason(why)?);
                let amount = minor.map(amount).transpose()?;
                let request = CreateRefund { amount, reason, metadata: Metadata::default() };
                engine.refund_payment(context, id, request, None).await
            }
            Happening::Capture(id, minor) => {
                let amount = minor.map(amount).transpose()?;
                engine.capture_payment(context, id, amount, None).await
            }
            Happening::Cancel(id) => {
                let why: &&str = self.chance.one_of(CANCEL_REASONS);
                let reason = Some(reason(why)?);
                engine.cancel_payment(context, id, reason, None).await
            }
            Happening::VoidInvoice(id) => engine.void_invoice(context, id, None).await,
        };
        check(&answer).map(drop)
    }
}

fn has_any(listed: &Answer) -> Result<bool, DemoRefused> {
    Ok(check(listed)?["data"].as_array().is_some_and(|data| !data.is_empty()))
}

/// What was answered: done, declined, or refused because something else came first, as it happens in a shop. That a
/// request is malformed, or that there is no such thing, does not.
///
/// # Errors
/// When it should not have been asked, or the engine could not do it.
pub(super) fn check(answer: &Answer) -> Result<Value, DemoRefused> {
    let body = serde_json::from_str(&answer.body).unwrap_or_default();
    match answer.status {
        200..=299 | 402 | 409 | 422 => Ok(body),
        status => Err(DemoRefused::Refused(format!("{status} {}", answer.body))),
    }
}

/// The payment that an answer is about, also when it was declined.
pub(super) fn payment_of(answer: &Answer) -> Result<PaymentId, DemoRefused> {
    let body = check(answer)?;
    let declined = &body["error"]["payment_id"];
    parse(declined.as_str().or(body["id"].as_str()).unwrap_or_default())
}

/// The last attempt of the payment that an answer holds.
pub(super) fn attempt_of(answer: &Answer) -> Option<AttemptId> {
    let body: Value = serde_json::from_str(&answer.body).ok()?;
    body["attempts"].as_array()?.last()?["id"].as_str()?.parse().ok()
}

/// The id of what an answer holds.
pub(super) fn id_of<T: FromStr>(body: &Value) -> Result<T, DemoRefused> {
    parse(body["id"].as_str().unwrap_or_default())
}

fn parse<T: FromStr>(id: &str) -> Result<T, DemoRefused> {
    id.parse().map_err(|_| DemoRefused::Refused(format!("{id:?} is no id")))
}

/// What is made up here is valid, or else the demo says what is not.
macro_rules! valid {
    ($($name:ident($from:ty) -> $to:ty: $parse:path;)+) => {$(
        pub(super) fn $name(text: $from) -> Result<$to, DemoRefused> {
            $parse(text).map_err(|refused| DemoRefused::Refused(format!("{text}: {refused}")))
        }
    )+};
}

valid! {
    amount(i64) -> Amount: Amount::new;
    currency(&str) -> Currency: Currency::parse;
    customer_name(&str) -> CustomerName: CustomerName::parse;
    description(&str) -> Description: Description::parse;
    email(&str) -> Email: Email::parse;
    external_id(&str) -> ExternalId: ExternalId::parse;
    method(&str) -> MethodRef: MethodRef::parse;
    reason(&str) -> Reason: Reason::parse;
}
