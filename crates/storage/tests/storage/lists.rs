//! Lists: every filter, every way of paging.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use florin_domain::{
    Amount, Currency, Description, IdempotencyKey, Metadata, MethodType, Mode, NewPayment, PaymentId,
    RefundId, Settlement, State,
};
use florin_storage::read::{
    PaymentQuery, Position, RefundQuery, Slice, count_payments, find_refund, list_payments, list_refunds,
};
use florin_storage::{AnyConnection, Realm};

use crate::harness::{on_each_database, run};
use crate::samples::{id_bytes, new_refund, noon, realm, refund, store, store_charged, terms};

fn id(number: u32) -> PaymentId {
    PaymentId::from_bytes(id_bytes(0, number))
}

fn listed(connection: &mut AnyConnection, query: &PaymentQuery) -> Vec<PaymentId> {
    let slice = Slice::new(100, Position::Offset(0));
    let listed = list_payments(connection, query, slice).unwrap();
    assert!(!listed.has_more);
    assert_eq!(usize::try_from(listed.total_count).unwrap(), listed.items.len());
    assert_eq!(count_payments(connection, query).unwrap(), listed.total_count);
    listed.items.into_iter().map(|(payment, _)| payment.id).collect()
}

/// Payments of many kinds, all but one in one realm. Even ones are captured, every fourth is refunded in part.
fn store_some(connection: &mut AnyConnection) {
    for number in 0..12 {
        match number % 4 {
            0 => drop(store_charged(connection, realm(1), number, Some(400))),
            2 => drop(store_charged(connection, realm(1), number, None)),
            _ => drop(store(connection, terms(realm(1), id(number)))),
        }
    }
    store(connection, terms(realm(2), id(99)));
}

#[test]
fn keyset_pages_and_offset_pages_show_the_same_list_in_both_directions() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_some(&mut connection);
        let all = PaymentQuery::all(realm(1));
        let open = vec![State::Pending, State::Processing, State::PartiallyRefunded];
        let open = PaymentQuery { states: Some(open), ..PaymentQuery::all(realm(1)) };
        let mixed = vec![State::Captured, State::Pending];
        let mixed = PaymentQuery { states: Some(mixed), ..PaymentQuery::all(realm(1)) };
        for (query, length) in [(all, 12), (open, 9), (mixed, 9)] {
            let whole = listed(&mut connection, &query);
            assert_eq!(whole.len(), length);
            assert!(whole.is_sorted_by(|newer, older| newer > older));
            for limit in [1, 2, 3, 5, 8, 12, 20] {
                assert_pages(&mut connection, &query, limit, &whole);
            }
        }
    });
}

fn assert_pages(connection: &mut AnyConnection, query: &PaymentQuery, limit: u32, whole: &[PaymentId]) {
    let size = usize::try_from(limit).unwrap();
    let mut read = |position| {
        let listed = list_payments(connection, query, Slice::new(limit, position)).unwrap();
        assert_eq!(usize::try_from(listed.total_count).unwrap(), whole.len());
        let ids: Vec<_> = listed.items.iter().map(|(payment, _)| payment.id).collect();
        (ids, listed.has_more)
    };
    for (at, id) in whole.iter().enumerate() {
        let end = whole.len().min(at + size);
        let offset = Position::Offset(u64::try_from(at).unwrap());
        assert_eq!(read(offset), (whole[at..end].to_vec(), end < whole.len()), "offset {at} limit {limit}");
        let from_oldest = Position::FromOldest(u64::try_from(at).unwrap());
        let begin = whole.len().saturating_sub(at + size);
        assert_eq!(
            read(from_oldest),
            (whole[begin..whole.len() - at].to_vec(), begin > 0),
            "{at} from the oldest"
        );
        let begin = (at + 1).min(whole.len());
        let end = whole.len().min(begin + size);
        assert_eq!(read(Position::After(id.bytes())), (whole[begin..end].to_vec(), end < whole.len()));
        let begin = at.saturating_sub(size);
        assert_eq!(read(Position::Before(id.bytes())), (whole[begin..at].to_vec(), begin > 0));
    }
    for beyond in [u64::try_from(whole.len()).unwrap(), 1_000_000, u64::MAX] {
        assert_eq!(read(Position::Offset(beyond)), (Vec::new(), false));
    }
}

#[test]
fn a_list_shows_each_payment_with_its_attempts_and_never_another_realms() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_some(&mut connection);
        let slice = Slice::new(100, Position::Offset(0));
        let listed = list_payments(&mut connection, &PaymentQuery::all(realm(1)), slice).unwrap();
        let attempts: Vec<_> = listed.items.iter().map(|(_, attempts)| attempts.len()).collect();
        assert_eq!(attempts, [0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2]);
        let live = Realm { mode: Mode::Live, ..realm(1) };
        for (realm, length) in [(realm(2), 1), (live, 0), (realm(3), 0)] {
            let listed = list_payments(&mut connection, &PaymentQuery::all(realm), slice).unwrap();
            assert_eq!((listed.items.len(), listed.total_count), (length, i64::try_from(length).unwrap()));
        }
    });
}

#[test]
fn states_are_those_asked_for_and_no_state_means_no_payment() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_some(&mut connection);
        let table = [
            (vec![State::Captured], vec![10, 6, 2]),
            (vec![State::PartiallyRefunded], vec![8, 4, 0]),
            (vec![State::PartiallyRefunded, State::Refunded], vec![8, 4, 0]),
            (vec![State::Captured, State::PartiallyRefunded], vec![10, 8, 6, 4, 2, 0]),
            (vec![State::Canceled], vec![]),
            (vec![], vec![]),
        ];
        for (states, expected) in table {
            let query = PaymentQuery { states: Some(states), ..PaymentQuery::all(realm(1)) };
            let expected: Vec<_> = expected.into_iter().map(id).collect();
            assert_eq!(listed(&mut connection, &query), expected);
            let currency = Currency::parse("USD").ok();
            assert_eq!(listed(&mut connection, &PaymentQuery { currency, ..query.clone() }), expected);
        }
    });
}

/// Three payments that differ in everything that can be asked for.
fn store_different(connection: &mut AnyConnection) {
    let metadata = |pairs: &[(&str, &str)]| {
        let map: BTreeMap<_, _> = pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Metadata::new(map).unwrap()
    };
    let one = NewPayment {
        description: Description::parse("Invoice 50% off_line \\ Zoë").ok(),
        metadata: metadata(&[
            ("order", "7"),
            ("a.b", "dot"),
            ("q\"uote'", "it's"),
            ("[0]", "x"),
            ("$", "ü\n"),
        ]),
        idempotency_key: IdempotencyKey::parse("key-1").ok(),
        ..terms(realm(1), id(1))
    };
    let two = NewPayment {
        currency: Currency::parse("EUR").unwrap(),
        method_type: MethodType::Offline,
        description: Description::parse("Another 50 of_line").ok(),
        metadata: metadata(&[("order", "70"), ("a", "{\"b\":\"dot\"}")]),
        idempotency_key: IdempotencyKey::parse("key-2").ok(),
        ..terms(realm(1), id(2))
    };
    let three = NewPayment { amount: Amount::new(5).unwrap(), ..terms(realm(1), id(3)) };
    for terms in [one, two, three] {
        store(connection, terms);
    }
    run(connection, "UPDATE payments SET processor_reference = 'ch_ABC' WHERE amount = 5");
}

#[test]
fn ids_and_the_kind_of_what_is_paid_confine_a_list_alone_and_together() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_different(&mut connection);
        store(&mut connection, terms(realm(2), id(99)));
        run(&mut connection, "UPDATE payments SET invoice_id = id, invoice_number = 'A-1' WHERE amount = 5");
        let all = || PaymentQuery::all(realm(1));
        let ids = |numbers: &[u32]| Some(numbers.iter().copied().map(id).collect::<Vec<_>>());
        let table = [
            (PaymentQuery { ids: ids(&[1, 3]), ..all() }, vec![3, 1]),
            (PaymentQuery { ids: ids(&[2, 2, 50]), ..all() }, vec![2]),
            (PaymentQuery { ids: ids(&[99]), ..all() }, vec![]),
            (PaymentQuery { ids: ids(&[]), ..all() }, vec![]),
            (PaymentQuery { ids: ids(&[1, 3]), states: Some(vec![State::Pending]), ..all() }, vec![3, 1]),
            (PaymentQuery { ids: ids(&[1, 3]), states: Some(vec![]), ..all() }, vec![]),
            (PaymentQuery { states: Some(vec![]), ..all() }, vec![]),
            (PaymentQuery { only_towards_invoices: true, ..all() }, vec![3]),
            (PaymentQuery { only_towards_invoices: true, ids: ids(&[1, 2]), ..all() }, vec![]),
        ];
        for (query, expected) in table {
            let expected: Vec<_> = expected.into_iter().map(id).collect();
            assert_eq!(listed(&mut connection, &query), expected, "{query:?}");
        }
    });
}

#[test]
fn currency_kind_and_idempotency_key_confine_a_list_alone_and_together() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_different(&mut connection);
        let all = || PaymentQuery::all(realm(1));
        let currency = Currency::parse("EUR").ok();
        let key = |key: &str| Some(key.to_owned());
        let table = [
            (PaymentQuery { currency, ..all() }, vec![2]),
            (PaymentQuery { method_type: Some(MethodType::Card), ..all() }, vec![3, 1]),
            (PaymentQuery { idempotency_key: key("key-1"), ..all() }, vec![1]),
            (PaymentQuery { idempotency_key: key("KEY-1"), ..all() }, vec![]),
            (PaymentQuery { idempotency_key: key("key-1"), currency, ..all() }, vec![]),
            (PaymentQuery { idempotency_key: key("key-2"), currency, ..all() }, vec![2]),
            (PaymentQuery { idempotency_key: key("a\0b"), ..all() }, vec![]),
        ];
        for (query, expected) in table {
            assert_eq!(
                listed(&mut connection, &query),
                expected.into_iter().map(id).collect::<Vec<_>>(),
                "{query:?}"
            );
        }
    });
}

#[test]
fn metadata_matches_whole_values_by_any_key() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_different(&mut connection);
        type Pairs = [(&'static str, &'static str)];
        let table: [(&Pairs, &[u32]); 13] = [
            (&[("order", "7")], &[1]),
            (&[("order", "70")], &[2]),
            (&[("order", "0")], &[]),
            (&[("Order", "7")], &[]),
            (&[("a.b", "dot")], &[1]),
            (&[("a", "dot")], &[]),
            (&[("q\"uote'", "it's")], &[1]),
            (&[("[0]", "x")], &[1]),
            (&[("$", "ü\n")], &[1]),
            (&[("$", "")], &[]),
            (&[("order", "7"), ("a.b", "dot")], &[1]),
            (&[("order", "7"), ("a.b", "dash")], &[]),
            (&[("nul\0", "7")], &[]),
        ];
        for (pairs, expected) in table {
            let metadata =
                pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let query = PaymentQuery { metadata, ..PaymentQuery::all(realm(1)) };
            assert_eq!(
                listed(&mut connection, &query),
                expected.iter().copied().map(id).collect::<Vec<_>>(),
                "{pairs:?}"
            );
        }
    });
}

#[test]
fn a_search_finds_parts_of_descriptions_and_references_and_whole_ids() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_different(&mut connection);
        let (whole_id, endless) = (id(2).to_string(), "%".repeat(60_000));
        let table: [(&str, &[u32]); 14] = [
            ("iNVOICE", &[1]),
            ("other", &[2]),
            ("50", &[2, 1]),
            ("50%", &[1]),
            ("f_line", &[2, 1]),
            ("f_l_ne", &[]),
            ("\\", &[1]),
            ("Zoë", &[1]),
            ("ch_abc", &[3]),
            (&whole_id, &[2]),
            (&whole_id[..20], &[]),
            ("'; DROP TABLE payments; --", &[]),
            ("\0", &[]),
            (&endless, &[]),
        ];
        for (q, expected) in table {
            let query = PaymentQuery { q: Some(q.to_owned()), ..PaymentQuery::all(realm(1)) };
            assert_eq!(
                listed(&mut connection, &query),
                expected.iter().copied().map(id).collect::<Vec<_>>(),
                "{q}"
            );
        }
    });
}

#[test]
fn times_exclude_the_instants_given_to_the_microsecond() {
    on_each_database(|database| {
        let mut connection = database.connect();
        for milliseconds in 0..4 {
            store(&mut connection, terms(realm(1), PaymentId::from_bytes(id_bytes(milliseconds, 1))));
        }
        let at = |microseconds| Some(noon() + Duration::microseconds(microseconds));
        let far = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let (ancient, distant) = (far("0001-01-01T00:00:00Z"), far("+200000-01-01T00:00:00Z"));
        let table = [
            (at(1000), None, vec![3, 2]),
            (at(999), None, vec![3, 2, 1]),
            (at(1001), None, vec![3, 2]),
            (None, at(1000), vec![0]),
            (None, at(1001), vec![1, 0]),
            (None, at(999), vec![0]),
            (at(0), at(3000), vec![2, 1]),
            (at(1000), at(1000), vec![]),
            (at(1000), at(2000), vec![]),
            (at(3000), at(0), vec![]),
            (ancient, distant, vec![3, 2, 1, 0]),
            (distant, None, vec![]),
            (None, ancient, vec![]),
        ];
        for (created_after, created_before, expected) in table {
            let query = PaymentQuery { created_after, created_before, ..PaymentQuery::all(realm(1)) };
            let expected: Vec<_> =
                expected.into_iter().map(|ms| PaymentId::from_bytes(id_bytes(ms, 1))).collect();
            assert_eq!(listed(&mut connection, &query), expected, "{created_after:?} {created_before:?}");
        }
    });
}

#[test]
fn refunds_are_listed_by_payment_and_by_time_and_found_in_their_own_realm_only() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let payment = store_charged(&mut connection, realm(1), 1, Some(100));
        for number in [2, 3] {
            refund(&mut connection, realm(1), payment.id, number, 100, Some(Settlement::Pending));
        }
        store_charged(&mut connection, realm(1), 4, Some(1000));
        let refund_id = |number| new_refund(number, 1).id;
        let all = RefundQuery::all(realm(1));
        let of_payment = RefundQuery { payment_id: Some(payment.id), ..all.clone() };
        let later = RefundQuery { created_after: Some(noon() + Duration::milliseconds(2)), ..all.clone() };
        let table = [(all, vec![4, 3, 2, 1]), (of_payment.clone(), vec![3, 2, 1]), (later, vec![])];
        for (query, expected) in table {
            let expected: Vec<RefundId> = expected.into_iter().map(refund_id).collect();
            let slice = Slice::new(10, Position::Offset(0));
            let listed = list_refunds(&mut connection, &query, slice).unwrap();
            assert_eq!(listed.items.iter().map(|refund| refund.id).collect::<Vec<_>>(), expected);
            assert_eq!(listed.total_count, i64::try_from(expected.len()).unwrap());
        }
        let slice = Slice::new(1, Position::After(refund_id(3).bytes()));
        let listed = list_refunds(&mut connection, &of_payment, slice).unwrap();
        assert_eq!((listed.items[0].id, listed.has_more, listed.total_count), (refund_id(2), true, 3));
        let found = find_refund(&mut connection, realm(1), refund_id(2)).unwrap().unwrap();
        assert_eq!((found.payment_id, found.amount.minor()), (payment.id, 100));
        assert_eq!(find_refund(&mut connection, realm(2), refund_id(2)).unwrap(), None);
    });
}
