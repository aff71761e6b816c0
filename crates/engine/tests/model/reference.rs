//! The model: what is done to a merchant's payments, and what should come of it.

use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

pub(crate) use super::payment::{Around, Method, Money, New, Payment, Stage, Told};

/// One thing that is done. Numbers name payments in the order of their creation.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Create(New),
    Process(usize, Option<Method>),
    Capture(usize, Option<i64>),
    Cancel(usize),
    Refund(usize, Option<i64>),
    Update(usize, String),
    /// The payer confirms, or does not.
    Act(usize, bool),
    /// So many seconds pass, and recovery looks.
    Wait(u64),
}

/// All payments of a merchant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merchant {
    pub payments: Vec<Payment>,
    /// What the last operation is answered with.
    pub answer: Told,
    /// Which payments the last operation has changed.
    pub changed: Vec<usize>,
    /// What the customer has left.
    pub credits: i64,
    now: u64,
}

/// What the customer is granted, and what the invoice is for.
pub(crate) const CREDITS: i64 = 2_500;
pub(crate) const DUE: i64 = 3_000;

impl Merchant {
    /// What payments have brought towards the invoice, and what they hold of it.
    pub(crate) fn invoice(&self) -> (i64, i64) {
        let shares = self.payments.iter().map(Payment::share);
        shares.fold((0, 0), |(paid, held), share| (paid + share.0, held + share.1))
    }

    fn around(&self) -> Around {
        let (paid, held) = self.invoice();
        Around { credits: self.credits, due: DUE, paid, held }
    }

    fn create(&mut self, new: &New) -> Told {
        let mut around = self.around();
        let mut payment = Payment::new(new.clone());
        if let Some(refused) = payment.refused(&around) {
            return refused;
        }
        let answer = if new.process { payment.begin(self.now, &mut around) } else { (201, None) };
        if answer.0 != 400 {
            self.credits = around.credits;
            self.payments.push(payment);
        }
        answer
    }

    /// Does something with a payment, which has changed unless it was refused.
    fn with(&mut self, index: usize, operation: impl FnOnce(&mut Payment, u64, &mut Around) -> Told) {
        let mut around = self.around();
        self.answer = operation(&mut self.payments[index], self.now, &mut around);
        self.credits = around.credits;
        if matches!(self.answer.0, 200..=299 | 402) {
            self.changed = vec![index];
        }
    }
}

impl ReferenceStateMachine for Merchant {
    type State = Merchant;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Merchant> {
        Just(Merchant { credits: CREDITS, ..Merchant::default() }).boxed()
    }

    fn transitions(merchant: &Merchant) -> BoxedStrategy<Operation> {
        let method = || prop_oneof![3 => Just(Method::Success), 5 => select(&Method::ALL[..]), 2 => Just(Method::AchReturn)];
        let money = select(vec![Money::Processor, Money::Processor, Money::Offline, Money::Credits]);
        let create = (1..2_000_i64, prop::option::weighted(0.9, method()), any::<bool>(), 0..3, 0..4);
        let create = (create, money, any::<bool>());
        let create = create.prop_map(|((amount, method, manual, process, off_session), money, invoice)| {
            let (process, off_session) = (process > 0, off_session == 0);
            let by_processor = money == Money::Processor;
            let (method, manual) = (method.filter(|_| by_processor), manual && by_processor);
            Operation::Create(New { amount, method, manual, process, off_session, money, invoice })
        });
        let wait = select(vec![1_u64, 4, 5, 30, 120, 3_600, 90_000, 6_000_000]).prop_map(Operation::Wait);
        let count = merchant.payments.len();
        if count == 0 {
            return create.boxed();
        }
        let index = || 0..count;
        let amount = || prop::option::of(prop_oneof![1..50_i64, 1..3_000_i64]);
        prop_oneof![
            3 => create,
            3 => (index(), prop::option::of(method())).prop_map(|(at, method)| Operation::Process(at, method)),
            3 => (index(), amount()).prop_map(|(at, amount)| Operation::Capture(at, amount)),
            3 => index().prop_map(Operation::Cancel),
            6 => (index(), amount()).prop_map(|(at, amount)| Operation::Refund(at, amount)),
            1 => (index(), "[a-z]{1,8}").prop_map(|(at, text)| Operation::Update(at, text)),
            2 => (index(), any::<bool>()).prop_map(|(at, confirmed)| Operation::Act(at, confirmed)),
            3 => wait,
        ]
        .boxed()
    }

    fn preconditions(merchant: &Merchant, operation: &Operation) -> bool {
        let at = |index: &usize| merchant.payments.get(*index);
        match operation {
            Operation::Create(_) => merchant.payments.len() < 5,
            Operation::Wait(_) => true,
            Operation::Act(index, _) => {
                at(index).is_some_and(|payment| matches!(payment.stage, Stage::Acting { acted: None, .. }))
            }
            Operation::Process(index, _)
            | Operation::Capture(index, _)
            | Operation::Cancel(index)
            | Operation::Refund(index, _)
            | Operation::Update(index, _) => at(index).is_some(),
        }
    }

    fn apply(mut merchant: Merchant, operation: &Operation) -> Merchant {
        merchant.changed.clear();
        match operation {
            Operation::Create(new) => merchant.answer = merchant.create(new),
            Operation::Process(at, method) => {
                merchant.with(*at, |payment, now, around| payment.process(*method, now, around))
            }
            Operation::Capture(at, amount) => merchant.with(*at, |payment, _, _| payment.capture(*amount)),
            Operation::Cancel(at) => merchant.with(*at, |payment, _, _| payment.cancel()),
            Operation::Refund(at, amount) => {
                merchant.with(*at, |payment, now, around| payment.refund(*amount, now, around))
            }
            Operation::Update(at, text) => merchant.with(*at, |payment, _, _| {
                payment.description = Some(text.clone());
                (200, None)
            }),
            Operation::Act(at, confirmed) => {
                if let Stage::Acting { acted, .. } = &mut merchant.payments[*at].stage {
                    *acted = Some(*confirmed);
                }
            }
            Operation::Wait(seconds) => {
                merchant.now += seconds;
                let now = merchant.now;
                let looked = merchant.payments.iter_mut().map(|payment| payment.look(now)).enumerate();
                merchant.changed = looked.filter(|(_, changed)| *changed).map(|(index, _)| index).collect();
            }
        }
        merchant
    }
}
