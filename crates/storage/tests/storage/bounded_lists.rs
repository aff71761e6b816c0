//! Parts of long lists, for which no more is read than is quick: whoever goes on sees the same list.

use florin_domain::{Currency, NewPayment, PaymentId, State};
use florin_storage::AnyConnection;
use florin_storage::read::{Cut, PaymentQuery, Position, Reach, Slice, list_payments};

use crate::harness::on_each_database;
use crate::samples::{id_bytes, realm, store, terms};

const COUNT: u32 = 40;

fn id(number: u32) -> PaymentId {
    PaymentId::from_bytes(id_bytes(0, number))
}

/// Forty payments, of which every tenth is in yen.
fn store_some(connection: &mut AnyConnection) {
    for number in 0..COUNT {
        let code = if number % 10 == 3 { "JPY" } else { "USD" };
        let currency = Currency::parse(code).unwrap();
        store(connection, NewPayment { currency, ..terms(realm(1), id(number)) });
    }
}

fn bounded(limit: u32, position: Position, counted: u32, looked_at: u32) -> Slice {
    Slice { reach: Reach::Bounded { counted, looked_at }, ..Slice::new(limit, position) }
}

fn in_yen() -> PaymentQuery {
    PaymentQuery { currency: Currency::parse("JPY").ok(), ..PaymentQuery::all(realm(1)) }
}

/// All numbers of the payments that are found by going on and on, and how often that was.
fn walk(
    connection: &mut AnyConnection,
    query: &PaymentQuery,
    (limit, looked_at): (u32, u32),
    (mut position, on): (Position, fn([u8; 16]) -> Position),
) -> (Vec<PaymentId>, u32) {
    let (mut found, mut steps) = (Vec::new(), 0);
    loop {
        steps += 1;
        let listed = list_payments(connection, query, bounded(limit, position, 1000, looked_at)).unwrap();
        let ids: Vec<PaymentId> = listed.items.iter().map(|(payment, _)| payment.id).collect();
        let is_back = matches!(on([0; 16]), Position::Before(_));
        let next = if is_back { ids.first() } else { ids.last() };
        let next = next.map(|id| id.bytes()).filter(|_| listed.has_more);
        let next = next.or(listed.cut.and_then(|cut| cut.looked_until));
        found.extend(if is_back { ids.into_iter().rev().collect::<Vec<_>>() } else { ids });
        let Some(next) = next else { return (found, steps) };
        assert!(steps < 100, "it goes on for ever");
        position = on(next);
    }
}

#[test]
fn going_on_finds_every_object_once_however_little_is_looked_at() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_some(&mut connection);
        let newest_first: Vec<_> = [33, 23, 13, 3].map(id).into();
        for looked_at in [1, 2, 7, 10, 13, 39, 40, 41, 1000] {
            for limit in [1, 3, 4, 25] {
                let bounds = (limit, looked_at);
                let (down, steps) =
                    walk(&mut connection, &in_yen(), bounds, (Position::Offset(0), Position::After));
                assert_eq!(down, newest_first, "{bounds:?}");
                assert!(looked_at < COUNT || limit < 4 || steps == 1, "{bounds:?}: {steps}");
                let lowest = Position::Before([0; 16]);
                let (mut up, _) = walk(&mut connection, &in_yen(), bounds, (lowest, Position::Before));
                up.reverse();
                assert_eq!(up, newest_first, "{bounds:?} upwards");
            }
        }
        let pending = PaymentQuery { states: Some(vec![State::Pending]), ..in_yen() };
        let (found, _) = walk(&mut connection, &pending, (2, 7), (Position::Offset(0), Position::After));
        assert_eq!(found, newest_first);
    });
}

#[test]
fn what_was_not_counted_is_said_to_be_cut() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store_some(&mut connection);
        let usd = PaymentQuery { currency: Currency::parse("USD").ok(), ..in_yen() };
        let all = PaymentQuery::all(realm(1));
        let cut = |number: Option<u32>| Some(Cut { looked_until: number.map(|number| id(number).bytes()) });
        let first = Position::Offset(0);
        let table = [
            // Counted by the counters, whatever may be looked at.
            (&all, bounded(5, first, 3, 3), (40, None)),
            (&in_yen(), bounded(5, first, 1000, 1000), (4, None)),
            (&in_yen(), bounded(2, first, 3, 1000), (3, cut(None))),
            (&in_yen(), bounded(5, first, 3, 1000), (4, None)),
            (&usd, bounded(5, first, 36, 1000), (36, None)),
            (&usd, bounded(5, first, 35, 1000), (35, cut(None))),
            (&in_yen(), bounded(5, first, 1000, 10), (1, cut(Some(30)))),
            (&in_yen(), bounded(5, Position::After(id(30).bytes()), 1000, 10), (0, cut(Some(20)))),
            // There is more on the next page of what was looked at.
            (&usd, bounded(5, first, 1000, 10), (9, cut(None))),
        ];
        for (query, slice, expected) in table {
            let listed = list_payments(&mut connection, query, slice).unwrap();
            assert_eq!((listed.total_count, listed.cut), expected, "{slice:?}");
        }
    });
}
