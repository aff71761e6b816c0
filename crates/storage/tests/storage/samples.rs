//! Payments and all that belongs to them, as tests need them.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use florin_domain::{
    Actor, Amount, AttemptId, AttemptStart, CaptureMethod, Currency, EventId, Metadata, MethodRef,
    MethodType, Mode, NewPayment, NewRefund, Payment, PaymentId, Refund, RefundId, Settlement, TenantId,
};
use florin_storage::{AnyConnection, Event, Needs, Realm, StorageError, WorkingSet, begin, commit, rollback};

use crate::booking::book;

/// The same instant in every test.
pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000).unwrap()
}

/// Sixteen bytes of a UUIDv7: of a time in milliseconds after noon, and a number.
pub(crate) fn id_bytes(milliseconds: i64, number: u32) -> [u8; 16] {
    let at = noon() + Duration::milliseconds(milliseconds);
    let mut bytes = PaymentId::first_at(at).bytes();
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// A tenant's test mode.
pub(crate) fn realm(number: u32) -> Realm {
    Realm { tenant_id: TenantId::from_bytes(id_bytes(0, number)), mode: Mode::Test }
}

/// The terms of a payment of 1000 USD cents.
pub(crate) fn terms(realm: Realm, id: PaymentId) -> NewPayment {
    NewPayment {
        id,
        tenant_id: realm.tenant_id,
        mode: realm.mode,
        amount: Amount::new(1000).unwrap(),
        currency: Currency::parse("USD").unwrap(),
        capture_method: CaptureMethod::Automatic,
        payment_method: Some(MethodRef::parse("pm_test_success").unwrap()),
        customer_id: None,
        destination: None,
        request_id: None,
        method_type: MethodType::Card,
        description: None,
        metadata: Metadata::default(),
        idempotency_key: None,
        return_url: None,
        off_session: false,
        created_by: Actor::System,
    }
}

/// How an attempt starts; its id is made of the number.
pub(crate) fn start(number: u32) -> AttemptStart {
    AttemptStart {
        id: AttemptId::from_bytes(id_bytes(1, number)),
        processor: "sandbox".to_owned(),
        lease_until: noon() + Duration::seconds(30),
        at: noon(),
        by: Actor::System,
    }
}

/// A refund of so many cents; its id is made of the number.
pub(crate) fn new_refund(number: u32, amount: i64) -> NewRefund {
    NewRefund {
        id: RefundId::from_bytes(id_bytes(2, number)),
        amount: Some(Amount::new(amount).unwrap()),
        reason: None,
        metadata: Metadata::default(),
    }
}

/// An id for an event, different each time.
pub(crate) fn event_id() -> EventId {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    EventId::from_bytes(id_bytes(3, NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
}

/// Puts a payment with an event that tells of it, and books what has moved.
pub(crate) fn put_payment(set: &mut WorkingSet, payment: Payment) -> Payment {
    put_payment_for(set, payment, None)
}

/// The same on behalf of a refund.
pub(crate) fn put_payment_for(
    set: &mut WorkingSet,
    payment: Payment,
    refund_id: Option<RefundId>,
) -> Payment {
    let payment = payment.with_event();
    book(set, &payment, refund_id);
    let realm = Realm { tenant_id: payment.tenant_id, mode: payment.mode };
    set.put_event(Event {
        realm,
        id: event_id(),
        kind: if payment.event_count == 1 { "payment.created" } else { "payment.updated" },
        object_id: payment.id.bytes(),
        sequence: payment.event_count,
        snapshot: snapshot(&payment.id.to_string(), realm),
    });
    set.put_payment(payment.clone());
    payment
}

/// Puts a refund with an event that tells of it.
pub(crate) fn put_refund(set: &mut WorkingSet, mut refund: Refund) -> Refund {
    refund.event_count += 1;
    let realm = Realm { tenant_id: refund.tenant_id, mode: refund.mode };
    set.put_event(Event {
        realm,
        id: event_id(),
        kind: if refund.event_count == 1 { "refund.created" } else { "refund.updated" },
        object_id: refund.id.bytes(),
        sequence: refund.event_count,
        snapshot: snapshot(&refund.id.to_string(), realm),
    });
    set.put_refund(refund.clone());
    refund
}

/// What an event tells of an object.
pub(crate) fn snapshot(id: &str, realm: Realm) -> Arc<str> {
    let Realm { tenant_id, mode } = realm;
    format!(r#"{{"id":"{id}","tenant_id":"{tenant_id}","livemode":{}}}"#, mode.is_live()).into()
}

/// Prepares, changes, saves and commits in one transaction.
pub(crate) fn write(
    connection: &mut AnyConnection,
    needs: &Needs,
    change: impl FnOnce(&mut WorkingSet),
) -> Result<(), StorageError> {
    begin(connection)?;
    let mut set = WorkingSet::default();
    let saved = set.prepare(connection, needs).and_then(|()| {
        change(&mut set);
        set.save(connection, 1)
    });
    match saved {
        Ok(()) => commit(connection),
        Err(error) => {
            rollback(connection)?;
            Err(error)
        }
    }
}

/// What a change of one payment needs.
pub(crate) fn needs(realm: Realm, id: PaymentId) -> Needs {
    Needs { payments: BTreeSet::from([(realm, id)]), ..Needs::default() }
}

/// Stores a new payment.
pub(crate) fn store(connection: &mut AnyConnection, terms: NewPayment) -> Payment {
    let mut stored = None;
    let realm = Realm { tenant_id: terms.tenant_id, mode: terms.mode };
    let invoices = terms.destination.iter().map(|to| (realm, to.invoice_id)).collect();
    let change = |set: &mut WorkingSet| stored = Some(put_payment(set, Payment::create(terms)));
    write(connection, &Needs { invoices, ..Needs::default() }, change).unwrap();
    stored.unwrap()
}

/// Stores a payment that is charged, and refunded once where an amount is given. `number` makes its ids.
pub(crate) fn store_charged(
    connection: &mut AnyConnection,
    realm: Realm,
    number: u32,
    refunded: Option<i64>,
) -> Payment {
    let id = PaymentId::from_bytes(id_bytes(0, number));
    charge(connection, terms(realm, id), number);
    if let Some(amount) = refunded {
        refund(connection, realm, id, number, amount, Some(Settlement::Succeeded));
    }
    load(connection, realm, id)
}

/// Stores a payment of these terms and charges it. `number` makes the id of the attempt.
pub(crate) fn charge(connection: &mut AnyConnection, terms: NewPayment, number: u32) {
    let realm = Realm { tenant_id: terms.tenant_id, mode: terms.mode };
    let payment = store(connection, terms);
    let id = payment.id;
    write(connection, &needs(realm, id), |set| {
        let (payment, attempt) = payment.start_charge(start(number), None).unwrap();
        put_payment(set, payment);
        set.put_attempt(attempt);
    })
    .unwrap();
    write(connection, &needs(realm, id), |set| {
        let payment = set.payment(realm, id).unwrap().clone();
        let attempt = set.attempts(realm, id).next().unwrap().clone();
        let settled =
            payment.settle_charge(&attempt, &Settlement::Succeeded, Some("ch_1"), noon(), Actor::System);
        let settled = settled.unwrap();
        put_payment(set, settled.payment);
        set.put_attempt(settled.attempt);
    })
    .unwrap();
}

/// Starts a refund, and settles it where a settlement is given.
pub(crate) fn refund(
    connection: &mut AnyConnection,
    realm: Realm,
    id: PaymentId,
    number: u32,
    amount: i64,
    settlement: Option<Settlement>,
) {
    let new = new_refund(number, amount);
    let refund_id = new.id;
    write(connection, &needs(realm, id), |set| {
        let payment = set.payment(realm, id).unwrap().clone();
        let started = payment.start_refund(new, start(number + 1_000_000)).unwrap();
        put_payment(set, started.payment);
        put_refund(set, started.refund);
        set.put_attempt(started.attempt);
    })
    .unwrap();
    let Some(settlement) = settlement else { return };
    let needs = Needs { refunds: BTreeSet::from([(realm, refund_id)]), ..needs(realm, id) };
    write(connection, &needs, |set| {
        let payment = set.payment(realm, id).unwrap().clone();
        let refund = set.refund(realm, refund_id).unwrap().clone();
        let attempt = set.attempts(realm, id).find(|attempt| attempt.refund_id == Some(refund_id)).unwrap();
        let attempt = attempt.settle(&settlement, Some("re_1"), noon(), Actor::System).unwrap();
        let settled =
            payment.settle_refund(&refund, &settlement, Some("re_1"), noon(), Actor::System).unwrap();
        put_payment_for(set, settled.payment, Some(refund_id));
        put_refund(set, settled.refund);
        set.put_attempt(attempt);
    })
    .unwrap();
}

/// A payment as it stands.
pub(crate) fn load(connection: &mut AnyConnection, realm: Realm, id: PaymentId) -> Payment {
    let found = florin_storage::load_payments(connection, &BTreeSet::from([(realm, id)])).unwrap();
    let [(payment, _)] = <[_; 1]>::try_from(found).unwrap();
    payment
}
