//! Random histories of payments, against a model that knows the rules in plain words: [`reference`].

mod common;
#[path = "model/method.rs"]
mod method;
#[path = "model/payment.rs"]
mod payment;
#[path = "model/reference.rs"]
mod reference;
#[path = "model/shared.rs"]
mod shared;

use std::marker::PhantomData;

use std::time::Duration;

use common::{Kind, add_accounts, context, eventually, json, refund};
use florin_domain::{
    AttemptId, CaptureMethod, Currency, CustomerId, Description, InvoiceId, Metadata, MethodType, Mode,
    PaymentId, TenantId,
};
use florin_engine::access::Context;
use florin_engine::requests::{
    CreateCustomer, CreateInvoice, CreatePayment, CreateRefund, CreditFilter, GrantCredits, Page, Position,
    UpdatePayment,
};
use florin_engine::views::Answer;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use reference::{CREDITS, DUE, Merchant, Money, Operation, Payment};
use serde_json::{Value, json};
use shared::{Database, OnPostgres, OnSqlite, ThreeOnPostgres, ThreeOnSqlite};

#[test]
fn the_engine_agrees_with_the_model_on_sqlite() {
    agree::<OnSqlite>();
}

#[test]
fn the_engine_agrees_with_the_model_on_postgresql() {
    if Kind::Postgres.is_there() {
        agree::<OnPostgres>();
    }
}

/// A merchant whose first two accounts decline every charge sees the same as one with a single account, but for the
/// number of attempts.
#[test]
fn going_on_to_the_third_account_changes_nothing_but_the_number_of_attempts_on_sqlite() {
    agree::<ThreeOnSqlite>();
}

#[test]
fn going_on_to_the_third_account_changes_nothing_but_the_number_of_attempts_on_postgresql() {
    if Kind::Postgres.is_there() {
        agree::<ThreeOnPostgres>();
    }
}

/// The pure properties run `PROPTEST_CASES` times; a history here writes to a disk many times, so that there are fewer.
fn agree<D: Database>() {
    let mut config = Config::default();
    config.cases = (config.cases / 40).max(64);
    config.max_shrink_iters = 500;
    config.failure_persistence = Some(Box::new(FileFailurePersistence::WithSource("regressions")));
    config.source_file = Some(file!());
    let histories = <Merchant as ReferenceStateMachine>::sequential_strategy(1..25);
    let run = TestRunner::new(config.clone()).run(&histories, |(merchant, operations, seen)| {
        Engine::<D>::test_sequential(config.clone(), merchant, operations, seen);
        Ok(())
    });
    D::shared().finish();
    if let Err(failed) = run {
        panic!("{failed}");
    }
}

/// The engine as one tenant sees it.
struct Engine<D> {
    tenant: TenantId,
    /// In the order of the model's.
    payments: Vec<PaymentId>,
    /// What was last seen of each.
    seen: Vec<Value>,
    customer: CustomerId,
    invoice: InvoiceId,
    database: PhantomData<D>,
}

impl<D: Database> StateMachineTest for Engine<D> {
    type SystemUnderTest = Self;
    type Reference = Merchant;

    fn init_test(_merchant: &Merchant) -> Self {
        let tenant = TenantId::from_uuid(uuid::Uuid::now_v7());
        D::shared().harness.add_tenant(tenant);
        let accounts =
            add_accounts(&D::shared().harness.engine, context(tenant, Mode::Test), D::shared().accounts);
        D::shared().runtime.block_on(accounts);
        let (customer, invoice) = D::shared().runtime.block_on(prepare::<D>(tenant));
        let (payments, seen) = (Vec::new(), Vec::new());
        Engine { tenant, payments, seen, customer, invoice, database: PhantomData }
    }

    fn apply(mut engine: Self, merchant: &Merchant, operation: Operation) -> Self {
        D::shared().runtime.block_on(engine.carry_out(merchant, operation));
        engine
    }

    fn teardown(engine: Self, merchant: Merchant) {
        let harness = &D::shared().harness;
        common::check_books(&harness.url, &harness.books, engine.tenant);
        for (id, payment) in engine.payments.iter().zip(&merchant.payments) {
            let tally = harness.tally(*id);
            assert_eq!(
                (tally.captured, tally.refunded),
                (payment.really_captured(), payment.really_refunded()),
                "{payment:#?}"
            );
        }
    }
}

impl<D: Database> Engine<D> {
    async fn carry_out(&mut self, merchant: &Merchant, operation: Operation) {
        let harness = &D::shared().harness;
        let engine = &harness.engine;
        let at = |index: usize| self.payments.get(index).copied().expect("the model has as many");
        let answer = match operation {
            Operation::Create(new) => {
                Some(engine.create_payment(self.context(), self.create(&new), None).await)
            }
            Operation::Process(index, method) => {
                let method = method.map(|method| common::method(method.id()));
                Some(engine.process_payment(self.context(), at(index), method, None).await)
            }
            Operation::Capture(index, amount) => {
                let amount = amount.map(common::amount);
                Some(engine.capture_payment(self.context(), at(index), amount, None).await)
            }
            Operation::Cancel(index) => {
                Some(engine.cancel_payment(self.context(), at(index), None, None).await)
            }
            Operation::Refund(index, amount) => {
                let request = amount.map_or_else(CreateRefund::default, refund);
                Some(engine.refund_payment(self.context(), at(index), request, None).await)
            }
            Operation::Update(index, text) => {
                let description = Some(Description::parse(text).expect("a description"));
                let change = UpdatePayment { description: Some(description), ..UpdatePayment::default() };
                Some(engine.update_payment(self.context(), at(index), change).await)
            }
            Operation::Act(index, confirmed) => {
                let attempt = self.open_attempt(index);
                harness.processor.sandbox.complete_action(attempt, confirmed).expect("a waiting charge");
                None
            }
            Operation::Wait(seconds) => {
                harness.recover_after(Duration::from_secs(seconds)).await;
                None
            }
        };
        if let Some(answer) = answer {
            self.check_answer(merchant, &answer);
        }
        self.check_payments(merchant).await;
        self.check_around(merchant).await;
    }

    fn context(&self) -> Context {
        context(self.tenant, Mode::Test)
    }

    /// The last charge of a payment, which is the one that waits.
    fn open_attempt(&self, index: usize) -> AttemptId {
        let attempts = self.seen[index]["attempts"].as_array().expect("attempts");
        let open = attempts.iter().find(|attempt| attempt["status"] == "requires_action");
        open.expect("a waiting charge")["id"].as_str().expect("an id").parse().expect("an attempt's id")
    }

    fn check_answer(&mut self, merchant: &Merchant, answer: &Answer) {
        let told = json(answer);
        let code = told["error"]["code"].as_str();
        assert_eq!((answer.status, code), merchant.answer, "{}\n{merchant:#?}", answer.body);
        if merchant.payments.len() > self.payments.len() {
            let id = if code.is_some() { &told["error"]["payment_id"] } else { &told["id"] };
            self.payments.push(id.as_str().expect("an id").parse().expect("a payment's id"));
        }
    }

    /// Each payment is as the model has it; and one that the model has left alone is as it was, to the letter.
    async fn check_payments(&mut self, merchant: &Merchant) {
        for (index, (id, expected)) in self.payments.iter().zip(&merchant.payments).enumerate() {
            let harness = &D::shared().harness;
            // What undoes a late success runs by itself, after the sweep that found the success.
            let found = eventually("the payment as the model has it", async || {
                let found = harness.engine.find_payment(self.context(), *id).await;
                assert_eq!(found.status, 200, "{}", found.body);
                let found = json(&found);
                (!expected.is_undone() || found["status"] == "canceled").then_some(found)
            })
            .await;
            let told = told(expected, D::shared().attempts_per_charge());
            assert_eq!(facts(&found), told, "{found:#}\n{expected:#?}");
            check_sums(&found);
            match self.seen.get_mut(index) {
                Some(seen) => {
                    if !merchant.changed.contains(&index) {
                        assert_eq!(*seen, found, "nothing should have changed");
                    }
                    *seen = found;
                }
                None => self.seen.push(found),
            }
        }
    }
}

/// Makes the customer, with credits, and the invoice that payments share.
async fn prepare<D: Database>(tenant: TenantId) -> (CustomerId, InvoiceId) {
    let engine = &D::shared().harness.engine;
    let context = || context(tenant, Mode::Test);
    let id = |answer: &Answer| {
        assert_eq!(answer.status, 201, "{}", answer.body);
        json(answer)["id"].as_str().expect("an id").to_owned()
    };
    let customer =
        CreateCustomer { name: None, email: None, external_id: None, metadata: Metadata::default() };
    let customer = id(&engine.create_customer(context(), customer, None).await);
    let customer: CustomerId = customer.parse().expect("a customer's id");
    let currency = Currency::parse("USD").expect("a currency");
    let grant = GrantCredits { amount: common::amount(CREDITS), currency, reason: None };
    id(&engine.grant_credits(context(), customer, grant, None).await);
    let invoice = CreateInvoice {
        number: None,
        customer_id: Some(customer),
        currency,
        amount_due: common::amount(DUE),
        lines: Vec::new(),
        due_at: None,
        metadata: Metadata::default(),
    };
    let invoice = id(&engine.create_invoice(context(), invoice, None).await);
    (customer, invoice.parse().expect("an invoice's id"))
}

impl<D: Database> Engine<D> {
    fn create(&self, new: &reference::New) -> CreatePayment {
        let capture_method = if new.manual { CaptureMethod::Manual } else { CaptureMethod::Automatic };
        let (payment_method_type, customer_id) = match new.money {
            Money::Processor => (None, None),
            Money::Offline => (Some(MethodType::Offline), None),
            Money::Credits => (Some(MethodType::Credits), Some(self.customer)),
        };
        CreatePayment {
            amount: common::amount(new.amount),
            payment_method: new.method.map(|method| common::method(method.id())),
            payment_method_type,
            customer_id,
            invoice_id: new.invoice.then_some(self.invoice),
            process_payment: new.process,
            capture_method,
            off_session: new.off_session,
            ..common::create("pm_test_success")
        }
    }

    /// The customer's credits and the invoice are as the model has them.
    async fn check_around(&self, merchant: &Merchant) {
        let engine = &D::shared().harness.engine;
        let page = Page::new(1, Position::Offset(0));
        let filter = CreditFilter { created_after: None, created_before: None };
        let credits = json(&engine.find_credits(self.context(), self.customer, filter, page).await);
        assert_eq!(credits["balances"][0]["balance"], merchant.credits, "{credits:#}\n{merchant:#?}");
        let invoice = json(&engine.find_invoice(self.context(), self.invoice).await);
        let (paid, _) = merchant.invoice();
        assert_eq!(invoice["amount_paid"], paid, "{invoice:#}\n{merchant:#?}");
        assert_eq!(invoice["status"], if paid == DUE { "paid" } else { "open" }, "{invoice:#}");
    }
}

/// `refunded + held ≤ captured ≤ authorized ≤ amount`, as far as a caller can see it.
fn check_sums(payment: &Value) {
    let sum = |name: &str| payment[name].as_i64().expect("a sum");
    let (refunded, captured) = (sum("amount_refunded"), sum("amount_captured"));
    assert!(0 <= refunded && refunded + sum("amount_refundable") <= captured, "{payment:#}");
    assert!(captured <= sum("amount_authorized") && sum("amount_authorized") <= sum("amount"), "{payment:#}");
}

/// What the engine says of a payment that the model has an opinion on.
fn facts(payment: &Value) -> Value {
    json!({
        "status": payment["status"],
        "payment_status": payment["payment_status"],
        "amount": payment["amount"],
        "authorized": payment["amount_authorized"],
        "captured": payment["amount_captured"],
        "refunded": payment["amount_refunded"],
        "refundable": payment["amount_refundable"],
        "returned": payment["amount_returned"],
        "method": payment["payment_method_id"],
        "description": payment["description"],
        "error_code": payment["error_code"],
        "attempts": payment["attempts"].as_array().map(Vec::len),
        "waits_for_payer": !payment["next_action"].is_null(),
        "ended": [!payment["canceled_at"].is_null(), !payment["succeeded_at"].is_null()],
    })
}

/// The same of the model's payment.
fn told(payment: &Payment, attempts_per_charge: usize) -> Value {
    let by_processor = payment.new.money == Money::Processor;
    let factor = if by_processor { attempts_per_charge } else { 1 };
    let (status, payment_status) = payment.status();
    json!({
        "status": status,
        "payment_status": payment_status,
        "amount": payment.new.amount,
        "authorized": payment.authorized,
        "captured": payment.captured,
        "refunded": payment.refunded,
        "refundable": payment.refundable(),
        "returned": payment.returned,
        "method": payment.method.map(|method| method.id()),
        "description": payment.description,
        "error_code": payment.error_code,
        "attempts": payment.attempts * factor,
        "waits_for_payer": payment.waits_for_payer(),
        "ended": [payment_status == "CANCELED", payment.captured > 0],
    })
}
