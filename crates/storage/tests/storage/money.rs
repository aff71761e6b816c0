//! A database in which money has moved in every way there is.

use std::collections::BTreeSet;

use chrono::Duration;
use florin_domain::{
    Actor, Amendment, Amount, AttemptKind, Currency, CustomerId, Destination, Failure, FailureCode, Invoice,
    InvoiceId, InvoiceLine, MethodRef, MethodType, NewPayment, Notes, PaymentId, RefundId, Settlement,
    StoredMethod, StoredMethodId, TransactionId,
};
use florin_storage::{AmendmentRecord, AnyConnection, Event, Needs, WorkingSet};

use crate::booking::{grant, invoice, store_customer, store_invoice, store_tenant};
use crate::harness::texts;
use crate::samples::{
    charge, event_id, id_bytes, needs, noon, put_payment, put_payment_for, put_refund, realm, refund,
    snapshot, start, store, store_charged, terms, write,
};

/// What the fixture holds, by the numbers of the ids: a payment is `pay(1)`, its refund `ref(1)`.
pub(crate) const SUMMARY: &str = "7 payments, 3 refunds, 9 attempts, 12 transactions, 4 invoices";

pub(crate) fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

pub(crate) fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

pub(crate) fn payment_id(number: u32) -> PaymentId {
    PaymentId::from_bytes(id_bytes(0, number))
}

pub(crate) fn customer_id(number: u32) -> CustomerId {
    CustomerId::from_bytes(id_bytes(5, number))
}

pub(crate) fn invoice_id(number: u32) -> InvoiceId {
    InvoiceId::from_bytes(id_bytes(6, number))
}

/// Terms of another method, for an invoice where one is given.
fn by_method(number: u32, method_type: MethodType, minor: i64, invoice: Option<&Invoice>) -> NewPayment {
    let method = method_type.needs_processor().then(|| MethodRef::parse("pm_test_success").unwrap());
    NewPayment {
        amount: amount(minor),
        method_type,
        payment_method: method,
        customer_id: (method_type == MethodType::Credits).then(|| customer_id(1)),
        destination: invoice
            .map(|invoice| Destination { invoice_id: invoice.id, invoice_number: invoice.number.clone() }),
        ..terms(realm(1), payment_id(number))
    }
}

fn counted_invoice(connection: &mut AnyConnection, number: u32, due: i64) -> Invoice {
    let invoice = invoice(realm(1), invoice_id(number), "counted", (amount(due), usd()));
    store_invoice(connection, invoice, true)
}

/// Stores payments by all four methods, refunds, a returned bank debit, invoices, credits and amendments.
pub(crate) fn fill(connection: &mut AnyConnection) {
    store_tenant(connection, realm(1));
    for number in [1, 2] {
        store_customer(connection, realm(1), customer_id(number));
        grant(connection, (realm(1), customer_id(number)), amount(500), usd());
    }
    store_charged(connection, realm(1), 1, Some(400));
    let paid = counted_invoice(connection, 1, 700);
    let held = counted_invoice(connection, 2, 1000);
    charge(connection, by_method(2, MethodType::Ach, 700, Some(&paid)), 2);
    take_back(connection, payment_id(2));
    charge(connection, by_method(3, MethodType::Offline, 700, Some(&paid)), 3);
    charge(connection, by_method(4, MethodType::Credits, 300, None), 4);
    refund(connection, realm(1), payment_id(4), 4, 100, Some(Settlement::Succeeded));
    begin_charge(connection, by_method(5, MethodType::Card, 600, Some(&held)));
    store_charged(connection, realm(1), 6, Some(250));
    fail_refund(connection, payment_id(6), RefundId::from_bytes(id_bytes(2, 6)));
    store(connection, terms(realm(1), payment_id(7)));
    let void = counted_invoice(connection, 3, 10);
    void_invoice(connection, &void);
    let mut given = invoice(realm(1), invoice_id(4), "A-17", (amount(30), usd()));
    let description = florin_domain::Description::parse("Candles").unwrap();
    given.lines = vec![InvoiceLine { description, quantity: 3, unit_amount: amount(10) }];
    store_invoice(connection, given, false);
    store_method(connection);
    let booked = transaction_id(connection, "charge", payment_id(3));
    amend(connection, booked, 1, "first");
    amend(connection, booked, 2, "second");
}

fn begin_charge(connection: &mut AnyConnection, terms: NewPayment) {
    let payment = store(connection, terms);
    write(connection, &needs(realm(1), payment.id), |set| {
        let (payment, attempt) = payment.start_charge(start(5), None).unwrap();
        put_payment(set, payment);
        set.put_attempt(attempt);
    })
    .unwrap();
}

fn take_back(connection: &mut AnyConnection, id: PaymentId) {
    write(connection, &needs(realm(1), id), |set| {
        let payment = set.payment(realm(1), id).unwrap().clone();
        let charge = set.attempts(realm(1), id).find(|attempt| attempt.kind == AttemptKind::Charge).unwrap();
        let failure =
            Failure { code: FailureCode::BankDebitReturned, message: "No such account.".to_owned() };
        let (payment, attempt) = payment.return_charge(charge, &failure, noon(), Actor::System).unwrap();
        put_payment(set, payment);
        set.put_attempt(attempt);
    })
    .unwrap();
}

/// A refund that had been reported as done fails after all.
fn fail_refund(connection: &mut AnyConnection, id: PaymentId, refund_id: RefundId) {
    let needs = Needs { refunds: BTreeSet::from([(realm(1), refund_id)]), ..needs(realm(1), id) };
    write(connection, &needs, |set| {
        let payment = set.payment(realm(1), id).unwrap().clone();
        let refund = set.refund(realm(1), refund_id).unwrap().clone();
        let failure = Failure { code: FailureCode::RefundDeclined, message: "Sent back.".to_owned() };
        let failed = Settlement::Failed(failure);
        let settled = payment.settle_refund(&refund, &failed, None, noon(), Actor::System).unwrap();
        put_payment_for(set, settled.payment, Some(refund_id));
        put_refund(set, settled.refund);
    })
    .unwrap();
}

fn void_invoice(connection: &mut AnyConnection, invoice: &Invoice) {
    let needs = Needs { invoices: BTreeSet::from([(realm(1), invoice.id)]), ..Needs::default() };
    write(connection, &needs, |set| {
        let mut void = set.invoice(realm(1), invoice.id).unwrap().void(noon(), Actor::System).unwrap();
        void.event_count = 1;
        tell(set, "invoice.voided", void.id.bytes(), &void.id.to_string());
        set.put_invoice(void);
    })
    .unwrap();
}

/// Stores two payment methods, of which one is detached.
fn store_method(connection: &mut AnyConnection) {
    let method = |number: u32| {
        let id = StoredMethodId::from_bytes(id_bytes(7, number));
        StoredMethod {
            id,
            tenant_id: realm(1).tenant_id,
            mode: realm(1).mode,
            customer_id: Some(customer_id(1)),
            method_type: MethodType::Card,
            processor: None,
            token: MethodRef::parse("tok_visa").unwrap(),
            brand: None,
            last4: None,
            expiry: None,
            bank_name: None,
            metadata: Default::default(),
            detached_at: None,
            revision: 1,
            event_count: 0,
            created_by: Actor::System,
            updated_by: Actor::System,
            updated_at: id.created_at(),
        }
    };
    write(connection, &Needs::default(), |set| {
        [1, 2].into_iter().for_each(|number| set.put_method(method(number)))
    })
    .unwrap();
    let id = method(2).id;
    let needs = Needs { methods: BTreeSet::from([(realm(1), id)]), ..Needs::default() };
    write(connection, &needs, |set| {
        let mut detached = set.method(realm(1), id).unwrap().detach(noon(), Actor::System);
        detached.event_count = 1;
        tell(set, "payment_method.detached", id.bytes(), &id.to_string());
        set.put_method(detached);
    })
    .unwrap();
}

fn tell(set: &mut WorkingSet, kind: &'static str, object_id: [u8; 16], name: &str) {
    let realm = realm(1);
    let snapshot = snapshot(name, realm);
    set.put_event(Event { realm, id: event_id(), kind, object_id, sequence: 1, snapshot });
}

/// The transaction of that type that a payment has; the grants have none.
pub(crate) fn transaction_id(
    connection: &mut AnyConnection,
    kind: &str,
    payment_id: PaymentId,
) -> TransactionId {
    let payment = crate::harness::blob(connection, &payment_id.bytes());
    find_transaction(connection, &format!("type = '{kind}' AND payment_id = {payment}"))
}

/// The one transaction that meets a condition.
pub(crate) fn find_transaction(connection: &mut AnyConnection, condition: &str) -> TransactionId {
    let hex = match connection {
        AnyConnection::Postgres(_) => "encode(id, 'hex')",
        AnyConnection::Sqlite(_) => "hex(id)",
    };
    let found = texts(connection, &format!("SELECT {hex} AS value FROM transactions WHERE {condition}"));
    let [hexadecimal] = <[String; 1]>::try_from(found).unwrap();
    let bytes = (0..16).map(|at| u8::from_str_radix(&hexadecimal[2 * at..2 * at + 2], 16).unwrap());
    TransactionId::from_bytes(bytes.collect::<Vec<_>>().try_into().unwrap())
}

/// Amends a transaction's notes.
pub(crate) fn amend(connection: &mut AnyConnection, id: TransactionId, number: i64, notes: &str) {
    let needs = Needs { transactions: BTreeSet::from([(realm(1), id)]), ..Needs::default() };
    write(connection, &needs, |set| {
        let before = set.transaction(realm(1), id).unwrap().clone();
        let at = before.updated_at + Duration::hours(1);
        let notes = Notes::parse(notes).unwrap();
        let amendment = Amendment { notes: Some(Some(notes)), ..Amendment::default() };
        let after = before.amend(amendment, at, Actor::System);
        let words = |transaction: &florin_domain::Transaction| {
            let notes =
                transaction.notes.as_ref().map_or("null".to_owned(), |text| format!("{:?}", text.as_str()));
            format!(r#"{{"metadata":{{}},"reference_id":null,"notes":{notes}}}"#)
        };
        let (before, now) = (words(&before), words(&after));
        let record = AmendmentRecord {
            realm: realm(1),
            transaction_id: id,
            number,
            before,
            after: now,
            by: Actor::System,
            at,
        };
        set.amend_transaction(after, record);
    })
    .unwrap();
}
