//! Several writers at once: versions, claims and locks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::thread;

use florin_domain::{Actor, AttemptStatus, Failure, FailureCode, PaymentId, Settlement, State};
use florin_storage::read::{PaymentQuery, count_payments};
use florin_storage::{
    AnyConnection, DigestKey, IdempotencyRecord, Needs, Realm, StorageError, StoredAnswer, WorkingSet, begin,
    commit, forget_answers, rollback,
};

use crate::harness::{number, on_each_database, run};
use crate::samples::{
    id_bytes, load, needs, new_refund, noon, put_payment, put_refund, realm, start, store, store_charged,
    terms, write,
};

fn record(realm: Realm, digest: u8) -> IdempotencyRecord {
    IdempotencyRecord {
        realm,
        digest: [digest; 32],
        request_digest: [9; 32],
        payment_id: None,
        refund_id: None,
        object_id: None,
        created_at: noon(),
        running_until: noon() + chrono::Duration::seconds(30),
        success_status: 201,
        answer: None,
        revision: 1,
    }
}

fn key_of(record: &IdempotencyRecord) -> DigestKey {
    (record.realm, record.digest)
}

fn key_needs(records: &[IdempotencyRecord]) -> Needs {
    let keys: BTreeMap<_, _> = records.iter().map(|record| (key_of(record), record.clone())).collect();
    Needs { keys, ..Needs::default() }
}

#[test]
fn of_two_changes_of_the_same_revision_the_second_is_a_conflict_and_leaves_nothing_behind() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let payment = store_charged(&mut connection, realm(1), 1, None);
        let stale = payment.clone();
        let describe = |set: &mut WorkingSet| {
            let loaded = set.payment(realm(1), payment.id).unwrap();
            let described = loaded.describe(None, Default::default(), noon(), Actor::System);
            put_payment(set, described);
        };
        write(&mut connection, &needs(realm(1), payment.id), describe).unwrap();
        let refused = write(&mut connection, &Needs::default(), |set| {
            set.assume_payment(stale.clone());
            let started = stale.start_refund(new_refund(1, 10), start(7)).unwrap();
            put_payment(set, started.payment);
            put_refund(set, started.refund);
            set.put_attempt(started.attempt);
        });
        let Err(StorageError::Conflict { table, expected, changed }) = refused else { panic!("{refused:?}") };
        assert_eq!((table, expected, changed), ("payments", 1, 0));
        assert_eq!(number(&mut connection, "SELECT count(*) AS value FROM refunds"), 0);
        assert_eq!(load(&mut connection, realm(1), payment.id).facts, stale.facts);
    });
}

#[test]
fn a_conflict_of_one_payment_takes_its_neighbours_in_the_batch_back_too() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let one = store(&mut connection, terms(realm(1), PaymentId::from_bytes(id_bytes(0, 1))));
        let two = store(&mut connection, terms(realm(1), PaymentId::from_bytes(id_bytes(0, 2))));
        let describe = |payment: &florin_domain::Payment| {
            payment.describe(None, Default::default(), noon(), Actor::System)
        };
        write(&mut connection, &needs(realm(1), two.id), |set| set.put_payment(describe(&two))).unwrap();
        let refused = write(&mut connection, &Needs::default(), |set| {
            for payment in [&one, &two] {
                set.assume_payment(payment.clone());
                set.put_payment(describe(payment));
            }
        });
        assert!(
            matches!(refused, Err(StorageError::Conflict { expected: 2, changed: 1, .. })),
            "{refused:?}"
        );
        assert_eq!(load(&mut connection, realm(1), one.id).revision, 1);
    });
}

#[test]
fn the_second_open_charge_of_a_payment_is_refused_by_the_database_itself() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let payment = store(&mut connection, terms(realm(1), PaymentId::from_bytes(id_bytes(0, 1))));
        let refused = write(&mut connection, &needs(realm(1), payment.id), |set| {
            for number in [1, 2] {
                let (_, attempt) = payment.start_charge(start(number), None).unwrap();
                set.put_attempt(attempt);
            }
        });
        assert!(matches!(refused, Err(StorageError::Refused(_))), "{refused:?}");
        assert_eq!(number(&mut connection, "SELECT count(*) AS value FROM attempts"), 0);
    });
}

#[test]
fn a_charge_that_ends_makes_room_for_the_next_one_in_the_same_batch() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let payment = store(&mut connection, terms(realm(1), PaymentId::from_bytes(id_bytes(0, 1))));
        let (payment, first) = payment.start_charge(start(1), None).unwrap();
        write(&mut connection, &needs(realm(1), payment.id), |set| {
            set.put_attempt(first.clone());
            set.put_payment(payment.clone());
        })
        .unwrap();
        write(&mut connection, &needs(realm(1), payment.id), |set| {
            let failure = Failure { code: FailureCode::Declined, message: "Declined.".to_owned() };
            let failed = Settlement::Failed(failure);
            let settled = payment.settle_charge(&first, &failed, None, noon(), Actor::System).unwrap();
            let (payment, second) = settled.payment.start_charge(start(2), None).unwrap();
            set.put_attempt(settled.attempt);
            set.put_attempt(second);
            set.put_payment(payment);
        })
        .unwrap();
        let keys = BTreeSet::from([(realm(1), payment.id)]);
        let found = florin_storage::load_payments(&mut connection, &keys).unwrap();
        let statuses = found.iter().flat_map(|(_, attempts)| attempts).map(|attempt| attempt.status);
        assert_eq!(statuses.collect::<Vec<_>>(), [AttemptStatus::Failed, AttemptStatus::Sending]);
    });
}

#[test]
fn a_claimed_key_is_taken_once_and_found_by_everybody_after() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let record = record(realm(1), 1);
        let key = key_of(&record);
        let needs = key_needs(std::slice::from_ref(&record));
        let bound = IdempotencyRecord {
            payment_id: Some(PaymentId::from_bytes(id_bytes(0, 1))),
            answer: Some(StoredAnswer { status: 201, body: Some("{}".into()) }),
            revision: 2,
            ..record.clone()
        };
        write(&mut connection, &needs, |set| {
            assert_eq!(set.key(&key), Some(&record));
            assert!(set.take_claim(&key));
            assert!(!set.take_claim(&key), "the second command of the batch finds it taken");
            set.put_key(bound.clone());
        })
        .unwrap();
        write(&mut connection, &needs, |set| {
            assert!(!set.take_claim(&key));
            assert_eq!(set.key(&key), Some(&bound));
        })
        .unwrap();
        assert_eq!(forget_answers(&mut connection, noon()).unwrap(), 0);
        assert_eq!(forget_answers(&mut connection, noon() + chrono::Duration::days(1)).unwrap(), 1);
        write(&mut connection, &needs, |set| {
            let answer = set.key(&key).unwrap().answer.clone().unwrap();
            assert_eq!((answer.status, answer.body), (201, None));
        })
        .unwrap();
    });
}

#[test]
fn old_answers_are_forgotten_a_hundred_at_a_time_the_oldest_first() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let answered = |number: u8| IdempotencyRecord {
            created_at: noon() + chrono::Duration::seconds(i64::from(number)),
            answer: Some(StoredAnswer { status: 201, body: Some("{}".into()) }),
            ..record(realm(1), number)
        };
        let records: Vec<_> = (1..=230).map(answered).collect();
        write(&mut connection, &key_needs(&records), |set| {
            assert!(records.iter().all(|record| set.take_claim(&key_of(record))));
        })
        .unwrap();
        let young = noon() + chrono::Duration::seconds(221);
        let mut forget = || forget_answers(&mut connection, young).unwrap();
        assert_eq!([forget(), forget(), forget(), forget()], [100, 100, 20, 0]);
    });
}

#[test]
fn a_claim_that_nobody_takes_is_free_again_after_the_commit() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let record = record(realm(1), 1);
        let needs = key_needs(std::slice::from_ref(&record));
        write(&mut connection, &needs, |_| ()).unwrap();
        assert_eq!(number(&mut connection, "SELECT count(*) AS value FROM idempotency_keys"), 0);
        write(&mut connection, &needs, |set| assert!(set.take_claim(&key_of(&record)))).unwrap();
        assert_eq!(number(&mut connection, "SELECT count(*) AS value FROM idempotency_keys"), 1);
    });
}

#[test]
fn the_same_key_of_two_tenants_in_one_batch_is_claimed_for_each_apart() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let records = [record(realm(1), 1), record(realm(2), 1)];
        write(&mut connection, &key_needs(&records[1..]), |set| {
            assert!(set.take_claim(&key_of(&records[1])))
        })
        .unwrap();
        write(&mut connection, &key_needs(&records), |set| {
            assert!(set.take_claim(&key_of(&records[0])));
            assert!(!set.take_claim(&key_of(&records[1])));
            assert!(set.key(&key_of(&records[1])).is_some());
        })
        .unwrap();
    });
}

#[test]
fn of_two_connections_that_claim_a_key_at_once_one_gets_it() {
    on_each_database(|database| {
        let record = record(realm(1), 1);
        let claim = |mut connection: AnyConnection| {
            let mut taken = false;
            let needs = key_needs(std::slice::from_ref(&record));
            write(&mut connection, &needs, |set| taken = set.take_claim(&key_of(&record))).unwrap();
            taken
        };
        let taken = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| claim(database.connect()))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|taken| *taken).count()
        });
        assert_eq!(taken, 1);
    });
}

#[test]
fn a_loaded_payment_is_locked_until_the_transaction_ends() {
    on_each_database(|database| {
        let (mut first, mut second) = (database.connect(), database.connect());
        let payment = store_charged(&mut first, realm(1), 1, None);
        let needs = needs(realm(1), payment.id);
        let give_up = match second {
            AnyConnection::Postgres(_) => "SET lock_timeout = '50ms'",
            AnyConnection::Sqlite(_) => "PRAGMA busy_timeout = 50",
        };
        run(&mut second, give_up);
        begin(&mut first).unwrap();
        WorkingSet::default().prepare(&mut first, &needs).unwrap();
        let waited = begin(&mut second).and_then(|()| WorkingSet::default().prepare(&mut second, &needs));
        assert!(matches!(waited, Err(StorageError::Refused(_))), "{waited:?}");
        if database.is_postgres() {
            rollback(&mut second).unwrap();
            // The lock does not keep children out: their foreign key takes a lock that goes with it.
            let child = "INSERT INTO refunds (tenant_id, livemode, id, payment_id, revision, event_count, amount, \
                currency, status, metadata, created_by, updated_at) SELECT tenant_id, livemode, id, id, 1, 1, 1, 'USD', \
                'pending', '{}', 'system', 0 FROM payments";
            run(&mut second, child);
        }
        commit(&mut first).unwrap();
        begin(&mut second).unwrap();
        WorkingSet::default().prepare(&mut second, &needs).unwrap();
        rollback(&mut second).unwrap();
    });
}

#[test]
fn concurrent_refunds_of_one_payment_never_give_back_more_than_was_taken() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let payment = store_charged(&mut connection, realm(1), 1, None);
        let id = payment.id;
        let together = &Barrier::new(8);
        let try_refund = |number: u32| {
            let mut connection = database.connect();
            together.wait();
            let mut granted = false;
            write(&mut connection, &needs(realm(1), id), |set| {
                let payment = set.payment(realm(1), id).unwrap().clone();
                let Ok(started) = payment.start_refund(new_refund(number, 300), start(number + 100)) else {
                    return;
                };
                put_payment(set, started.payment);
                put_refund(set, started.refund);
                set.put_attempt(started.attempt);
                granted = true;
            })
            .unwrap();
            granted
        };
        let granted = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || try_refund(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|granted| *granted).count()
        });
        assert_eq!(granted, 3);
        assert_eq!(load(&mut connection, realm(1), id).facts.held().minor(), 900);
    });
}

#[test]
fn a_set_whose_commit_is_of_unknown_fate_tells_by_its_rows_whether_it_stands() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let id = PaymentId::from_bytes(id_bytes(0, 1));
        for stands in [false, true] {
            let mut set = WorkingSet::default();
            put_payment(&mut set, florin_domain::Payment::create(terms(realm(1), id)));
            begin(&mut connection).unwrap();
            set.save(&mut connection, 1).unwrap();
            if stands { commit(&mut connection) } else { rollback(&mut connection) }.unwrap();
            assert_eq!(set.was_saved(&mut connection).unwrap(), stands);
        }
    });
}

#[test]
fn writers_with_slots_of_their_own_count_together() {
    on_each_database(|database| {
        let mut connection = database.connect();
        for slot in 1..=3_u32 {
            let mut set = WorkingSet::default();
            let id = PaymentId::from_bytes(id_bytes(0, slot));
            put_payment(&mut set, florin_domain::Payment::create(terms(realm(1), id)));
            begin(&mut connection).unwrap();
            set.save(&mut connection, slot.into()).unwrap();
            commit(&mut connection).unwrap();
        }
        let pending = PaymentQuery { states: Some(vec![State::Pending]), ..PaymentQuery::all(realm(1)) };
        assert_eq!(count_payments(&mut connection, &pending).unwrap(), 3);
        assert_eq!(number(&mut connection, "SELECT count(*) AS value FROM counters"), 3);
        let keys: BTreeSet<_> =
            [1, 2, 3].map(|slot| (realm(1), PaymentId::from_bytes(id_bytes(0, slot)))).into();
        assert_eq!(florin_storage::load_payments(&mut connection, &keys).unwrap().len(), 3);
    });
}
