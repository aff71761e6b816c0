//! What recovery finds.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use florin_domain::{Actor, AttemptId, PaymentId, Settlement};
use florin_storage::reconciliation::{WindowKey, lease_window};
use florin_storage::recovery::{due_attempts, open_attempt_count, release_leases};
use florin_storage::{AnyConnection, IdempotencyRecord, Needs, Realm};

use crate::harness::{on_each_database, run};
use crate::samples::{
    id_bytes, load, needs, new_refund, noon, put_payment, put_refund, realm, start, store, store_charged,
    terms, write,
};

/// A payment whose charge is on its way, leased until 30 seconds after noon.
fn store_sending(connection: &mut AnyConnection, realm: Realm, number: u32) -> PaymentId {
    let payment = store(connection, terms(realm, PaymentId::from_bytes(id_bytes(0, number))));
    write(connection, &needs(realm, payment.id), |set| {
        let (payment, attempt) = payment.start_charge(start(number), None).unwrap();
        put_payment(set, payment);
        set.put_attempt(attempt);
    })
    .unwrap();
    payment.id
}

fn settle(connection: &mut AnyConnection, realm: Realm, id: PaymentId, settlement: &Settlement) {
    write(connection, &needs(realm, id), |set| {
        let payment = set.payment(realm, id).unwrap().clone();
        let attempt = set.attempts(realm, id).next().unwrap().clone();
        let settled = payment.settle_charge(&attempt, settlement, None, noon(), Actor::System).unwrap();
        put_payment(set, settled.payment);
        set.put_attempt(settled.attempt);
    })
    .unwrap();
}

fn attempt_id(number: u32) -> AttemptId {
    start(number).id
}

#[test]
fn open_attempts_of_every_kind_are_due_when_their_time_has_come_and_not_before() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let sending = store_sending(&mut connection, realm(1), 1);
        let charged = store_charged(&mut connection, realm(2), 2, None);
        write(&mut connection, &needs(realm(2), charged.id), |set| {
            let started = charged.start_refund(new_refund(3, 10), start(3)).unwrap();
            put_payment(set, started.payment);
            put_refund(set, started.refund);
            set.put_attempt(started.attempt);
        })
        .unwrap();
        let due = noon() + Duration::seconds(30);
        let early = due - Duration::microseconds(1);
        assert_eq!(due_attempts(&mut connection, early, 10).unwrap(), []);
        let expected = [(realm(1), sending, attempt_id(1)), (realm(2), charged.id, attempt_id(3))];
        assert_eq!(due_attempts(&mut connection, due, 10).unwrap(), expected);
        assert_eq!(due_attempts(&mut connection, due, 1).unwrap(), expected[..1]);
        assert_eq!(open_attempt_count(&mut connection).unwrap(), 2);
    });
}

#[test]
fn what_was_reckoned_before_the_clock_was_set_back_is_due() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_sending(&mut connection, realm(1), 1);
        // Changed at noon, due 30 seconds later.
        let before = |by| noon() - by;
        for (now, is_due) in [
            (before(Duration::seconds(59)), false),
            (before(Duration::seconds(61)), true),
            (before(Duration::days(300)), true),
        ] {
            assert_eq!(due_attempts(&mut connection, now, 10).unwrap().len(), usize::from(is_due), "{now}");
        }
        // A bank debit that is watched tells only when it is due.
        run(&mut connection, "UPDATE attempts SET status = 'succeeded'");
        for (now, is_due) in [(before(Duration::hours(35)), false), (before(Duration::hours(37)), true)] {
            assert_eq!(due_attempts(&mut connection, now, 10).unwrap().len(), usize::from(is_due), "{now}");
        }
    });
}

#[test]
fn a_lease_of_a_window_from_before_the_clock_was_set_back_is_over() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store(&mut connection, terms(realm(1), PaymentId::from_bytes(id_bytes(0, 1))));
        let (from, until) = (noon() - Duration::days(2), noon() - Duration::days(1));
        let key = WindowKey { realm: realm(1), processor: "stripe".to_owned(), from, until };
        let mut lease = |at| lease_window(&mut connection, &key, (at, at + Duration::minutes(15))).unwrap();
        assert!(lease(noon()));
        assert!(!lease(noon() + Duration::minutes(14)));
        assert!(!lease(noon() - Duration::seconds(59)));
        assert!(lease(noon() - Duration::seconds(61)));
    });
}

#[test]
fn what_is_settled_or_waits_for_a_person_is_not_due() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let later = noon() + Duration::days(1);
        for (number, settlement) in
            [(1, Settlement::Succeeded), (2, Settlement::NeedsReview), (3, Settlement::Unknown)]
        {
            let id = store_sending(&mut connection, realm(1), number);
            settle(&mut connection, realm(1), id, &settlement);
        }
        let due = due_attempts(&mut connection, later, 10).unwrap();
        assert_eq!(due.iter().map(|(.., id)| *id).collect::<Vec<_>>(), [attempt_id(3)]);
        assert_eq!(open_attempt_count(&mut connection).unwrap(), 2);
    });
}

fn claim(connection: &mut AnyConnection, realm: Realm) -> IdempotencyRecord {
    let record = IdempotencyRecord {
        realm,
        digest: [1; 32],
        request_digest: [2; 32],
        payment_id: None,
        refund_id: None,
        object_id: None,
        created_at: noon(),
        running_until: noon() + Duration::seconds(30),
        success_status: 201,
        answer: None,
        revision: 1,
    };
    let keys = BTreeMap::from([((realm, record.digest), record.clone())]);
    let needs = Needs { keys, payments: BTreeSet::new(), ..Needs::default() };
    write(connection, &needs, |set| assert!(set.take_claim(&(realm, record.digest)))).unwrap();
    record
}

#[test]
fn a_starting_process_takes_over_at_once_on_sqlite_and_leaves_leases_alone_on_postgresql() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let id = store_sending(&mut connection, realm(1), 1);
        let unknown = store_sending(&mut connection, realm(1), 2);
        settle(&mut connection, realm(1), unknown, &Settlement::Unknown);
        claim(&mut connection, realm(1));
        let released = release_leases(&mut connection, noon()).unwrap();
        let due = due_attempts(&mut connection, noon(), 10).unwrap();
        if database.is_postgres() {
            assert_eq!((released, due), (0, Vec::new()));
        } else {
            // What was being looked up is like what was being sent: whoever did so is no more.
            let both = vec![(realm(1), id, attempt_id(1)), (realm(1), unknown, attempt_id(2))];
            assert_eq!((released, due), (3, both));
            let still =
                "SELECT count(*) AS value FROM idempotency_keys WHERE running_until > 1700000000000000";
            assert_eq!(crate::harness::number(&mut connection, still), 0);
        }
        assert_eq!(release_leases(&mut connection, noon()).unwrap(), 0);
    });
}

#[test]
fn a_payment_that_contradicts_itself_fails_on_read() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let payment = store_charged(&mut connection, realm(1), 1, None);
        run(&mut connection, "UPDATE payments SET state = 'pending'");
        let keys = BTreeSet::from([(realm(1), payment.id)]);
        let error = florin_storage::load_payments(&mut connection, &keys).unwrap_err();
        assert!(error.to_string().contains("stored as pending"), "{error}");
        run(&mut connection, "UPDATE payments SET state = 'captured'");
        assert_eq!(load(&mut connection, realm(1), payment.id), payment);
    });
}
