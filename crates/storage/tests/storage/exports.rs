//! Exports: complete, in order, of one instant, and of one realm.

use chrono::{DateTime, Duration, Utc};
use florin_domain::{Attempt, Mode, Payment, PaymentId, Refund, Transaction};
use florin_storage::read::{Export, ExportQuery, Exported};
use florin_storage::{AnyConnection, Needs, Realm};

use crate::harness::{number, on_each_database};
use crate::samples::{id_bytes, noon, put_payment, realm, store, store_charged, terms, write};

type PaymentExport<'c> = Export<'c, (Payment, Vec<Attempt>)>;

fn id(milliseconds: i64, number: u32) -> PaymentId {
    PaymentId::from_bytes(id_bytes(milliseconds, number))
}

/// Everything, and how many pages it took.
fn read_all<T: Exported>(connection: &mut AnyConnection, query: &ExportQuery) -> (Vec<T>, usize) {
    let mut export = Export::<T>::begin(connection, query).unwrap();
    let (mut all, mut pages) = (Vec::new(), 0);
    loop {
        let page = export.next_page().unwrap();
        if page.is_empty() {
            assert_eq!(export.count().unwrap(), u64::try_from(all.len()).unwrap());
            return (all, pages);
        }
        all.extend(page);
        pages += 1;
    }
}

fn payment_ids(connection: &mut AnyConnection, query: &ExportQuery) -> Vec<PaymentId> {
    let (payments, _) = read_all::<(Payment, Vec<Attempt>)>(connection, query);
    payments.iter().map(|(payment, _)| payment.id).collect()
}

/// Stores so many payments in one commit, one each millisecond.
fn store_many(connection: &mut AnyConnection, realm: Realm, milliseconds: std::ops::Range<i64>) {
    write(connection, &Needs::default(), |set| {
        for at in milliseconds {
            put_payment(set, Payment::create(terms(realm, id(at, 1))));
        }
    })
    .unwrap();
}

#[test]
fn all_pages_together_are_the_whole_list_oldest_first() {
    on_each_database(|database| {
        let mut connection = database.connect();
        for hundred in (0..1200).step_by(100) {
            store_many(&mut connection, realm(1), hundred..hundred + 100);
        }
        let query = ExportQuery::all(realm(1));
        let (payments, pages) = read_all::<(Payment, Vec<Attempt>)>(&mut connection, &query);
        let ids: Vec<PaymentId> = payments.iter().map(|(payment, _)| payment.id).collect();
        assert_eq!(ids, (0..1200).map(|at| id(at, 1)).collect::<Vec<_>>());
        assert_eq!(pages, 3);
        // Where the last page is full, and where the beginning is not the list's.
        let at = |milliseconds| Some(noon() + Duration::milliseconds(milliseconds));
        let span = ExportQuery { created_after: at(99), created_before: at(1100), ..query };
        assert_eq!(payment_ids(&mut connection, &span), (100..1100).map(|at| id(at, 1)).collect::<Vec<_>>());
    });
}

#[test]
fn what_is_committed_meanwhile_does_not_show() {
    on_each_database(|database| {
        let (mut reader, mut writer) = (database.connect(), database.connect());
        store_many(&mut writer, realm(1), 0..700);
        let mut export = PaymentExport::begin(&mut reader, &ExportQuery::all(realm(1))).unwrap();
        // Before the first page, between pages, behind what was read and before it.
        store_many(&mut writer, realm(1), 700..710);
        assert_eq!(export.next_page().unwrap().len(), 500);
        store_many(&mut writer, realm(1), 710..720);
        store(&mut writer, terms(realm(1), id(600, 2)));
        let charged = store_charged(&mut writer, realm(1), 3, None);
        assert_eq!(charged.id, id(0, 3));
        assert_eq!(export.count().unwrap(), 700);
        assert_eq!(export.next_page().unwrap().len(), 200);
        assert!(export.next_page().unwrap().is_empty());
        drop(export);
        assert_eq!(payment_ids(&mut reader, &ExportQuery::all(realm(1))).len(), 722);
    });
}

#[test]
fn only_the_realm_s_own_objects_are_exported_whole() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let own = realm(1);
        let live = Realm { mode: Mode::Live, ..own };
        for (realm, number) in [(own, 1), (own, 4), (live, 2), (realm(2), 3)] {
            store_charged(&mut connection, realm, number, Some(100));
        }
        let query = ExportQuery::all(own);
        let (payments, _) = read_all::<(Payment, Vec<Attempt>)>(&mut connection, &query);
        let (refunds, _) = read_all::<Refund>(&mut connection, &query);
        assert_eq!(payments.iter().map(|(payment, _)| payment.id).collect::<Vec<_>>(), [id(0, 1), id(0, 4)]);
        for ((payment, attempts), refund) in payments.iter().zip(&refunds) {
            assert_eq!(attempts.len(), 2, "a charge and a refund");
            assert_eq!((refund.payment_id, refund.amount.minor()), (payment.id, 100));
        }
        assert_eq!(refunds.len(), 2);
        let (transactions, pages) = read_all::<Transaction>(&mut connection, &query);
        assert_eq!((transactions.len(), pages), (4, 1), "a charge and a refund of each");
    });
}

#[test]
fn a_span_excludes_both_its_ends_to_the_microsecond() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_many(&mut connection, realm(1), 0..4);
        let at = |microseconds| Some(noon() + Duration::microseconds(microseconds));
        let far = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let (ancient, distant) = (far("0001-01-01T00:00:00Z"), far("+200000-01-01T00:00:00Z"));
        let table = [
            (None, None, 0..4),
            (at(1000), None, 2..4),
            (at(999), None, 1..4),
            (at(1001), None, 2..4),
            (None, at(1000), 0..1),
            (None, at(1001), 0..2),
            (at(0), at(3000), 1..3),
            (at(1000), at(2000), 2..2),
            (at(3000), at(0), 0..0),
            (ancient, distant, 0..4),
            (distant, None, 0..0),
            (None, ancient, 0..0),
        ];
        for (created_after, created_before, expected) in table {
            let query = ExportQuery { created_after, created_before, ..ExportQuery::all(realm(1)) };
            let expected: Vec<_> = expected.map(|at| id(at, 1)).collect();
            assert_eq!(
                payment_ids(&mut connection, &query),
                expected,
                "{created_after:?} {created_before:?}"
            );
        }
    });
}

#[test]
fn a_connection_is_given_back_as_it_was() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_many(&mut connection, realm(1), 0..2);
        drop(PaymentExport::begin(&mut connection, &ExportQuery::all(realm(1))).unwrap());
        store_many(&mut connection, realm(1), 2..3);
        assert_eq!(number(&mut database.connect(), "SELECT count(*) AS value FROM payments"), 3);
        if database.is_postgres() {
            let seconds = "SELECT setting::bigint AS value FROM pg_settings WHERE name = 'statement_timeout'";
            assert_eq!(number(&mut connection, seconds), 30_000);
        }
    });
}
