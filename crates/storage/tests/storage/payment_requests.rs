//! Payment requests: stored and found, held to one payment by the database itself, and looked at by verify.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use florin_domain::{
    Actor, CaptureMethod, Metadata, NewPayment, NewPaymentRequest, PageToken, PaymentRequest,
    PaymentRequestId, PaymentRequestState, PaymentRequestStatus, PaymentRequestType, Settlement,
};
use florin_storage::access::{Tenant, ensure_tenant};
use florin_storage::read::{
    PaymentRequestQuery, Position, Slice, find_payment_request, find_request_of_page, list_payment_requests,
};
use florin_storage::{AnyConnection, Event, Needs, WorkingSet};

use crate::harness::{blob, number, on_each_database, run, truth};
use crate::money::{amount, payment_id, usd};
use crate::samples::{event_id, id_bytes, noon, put_payment, realm, snapshot, start, terms, write};
use crate::violations::{disarm, found};

fn request_id(number: u32) -> PaymentRequestId {
    PaymentRequestId::from_bytes(id_bytes(8, number))
}

fn token(number: u32) -> PageToken {
    PageToken::parse(format!("abcdefghijklmnop{number:08}")).unwrap()
}

fn request(number: u32) -> PaymentRequest {
    PaymentRequest::create(NewPaymentRequest {
        id: request_id(number),
        tenant_id: realm(1).tenant_id,
        mode: realm(1).mode,
        token: token(number),
        kind: PaymentRequestType::Product,
        amount: amount(1000),
        currency: usd(),
        description: None,
        customer_id: None,
        destination: None,
        capture_method: CaptureMethod::Automatic,
        expires_at: Some(noon() + TimeDelta::hours(1)),
        success_url: Some("https://shop.example/thanks".to_owned()),
        metadata: Metadata::default(),
        created_by: Actor::System,
    })
    .unwrap()
}

fn needs(number: u32) -> Needs {
    Needs {
        payment_requests: BTreeSet::from([(realm(1), request_id(number))]),
        payments: BTreeSet::from([(realm(1), payment_id(number))]),
        ..Needs::default()
    }
}

/// What the engine does with each change of a request's payment.
fn follow(set: &mut WorkingSet, payment: florin_domain::Payment) {
    let request = set.payment_request(realm(1), payment.request_id.unwrap()).unwrap();
    if let Some(mut request) = request.follow(&payment, noon()) {
        if request.state() == PaymentRequestState::Paid {
            request = request.with_event();
            set.put_event(Event {
                realm: realm(1),
                id: event_id(),
                kind: "payment_request.paid",
                object_id: request.id.bytes(),
                sequence: 1,
                snapshot: snapshot(&request.id.to_string(), realm(1)),
            });
        }
        set.put_payment_request(request);
    }
    put_payment(set, payment);
}

/// Stores a request, charges it where wanted, and settles that where wanted.
fn store(connection: &mut AnyConnection, number: u32, charge: bool, settlement: Option<Settlement>) {
    let tenant = Tenant { id: realm(1).tenant_id, name: "Shop".to_owned() };
    ensure_tenant(connection, &tenant).unwrap();
    write(connection, &Needs::default(), |set| set.put_payment_request(request(number))).unwrap();
    if !charge {
        return;
    }
    write(connection, &needs(number), |set| {
        let payment = florin_domain::Payment::create(for_request(number));
        let (payment, attempt) = payment.start_charge(start(number), None).unwrap();
        // It is told of before it is charged, as the engine does in one.
        set.put_attempt(attempt);
        follow(set, payment);
    })
    .unwrap();
    let Some(settlement) = settlement else { return };
    write(connection, &needs(number), |set| {
        let payment = set.payment(realm(1), payment_id(number)).unwrap().clone();
        let attempt = set.attempts(realm(1), payment.id).next().unwrap().clone();
        let settled =
            payment.settle_charge(&attempt, &settlement, Some("ch_1"), noon(), Actor::System).unwrap();
        set.put_attempt(settled.attempt);
        follow(set, settled.payment);
    })
    .unwrap();
}

fn for_request(number: u32) -> NewPayment {
    NewPayment { request_id: Some(request_id(number)), ..terms(realm(1), payment_id(number)) }
}

/// One that nobody has tried to pay, one that is paid, one that is being paid, and one whose try has failed.
fn fill(connection: &mut AnyConnection) {
    let failure = florin_domain::Failure {
        code: florin_domain::FailureCode::Declined,
        message: "Declined.".to_owned(),
    };
    store(connection, 1, false, None);
    store(connection, 2, true, Some(Settlement::Succeeded));
    store(connection, 3, true, None);
    store(connection, 4, true, Some(Settlement::Failed(failure)));
}

#[test]
fn requests_are_found_as_they_were_stored_by_id_by_token_and_in_lists() {
    on_each_database(|database| {
        let mut connection = database.connect();
        fill(&mut connection);
        let found_by_id = find_payment_request(&mut connection, realm(1), request_id(1)).unwrap();
        assert_eq!(found_by_id.as_ref(), Some(&request(1)));
        assert_eq!(find_request_of_page(&mut connection, &token(1)).unwrap(), found_by_id);
        assert_eq!(find_request_of_page(&mut connection, &token(9)).unwrap(), None);
        assert_eq!(find_payment_request(&mut connection, realm(2), request_id(1)).unwrap(), None);
        let paid = find_payment_request(&mut connection, realm(1), request_id(2)).unwrap().unwrap();
        assert_eq!((paid.state(), paid.payment_id), (PaymentRequestState::Paid, Some(payment_id(2))));
        let slice = Slice::new(10, Position::Offset(0));
        for (at, status, expected) in [
            (noon(), None, 4),
            (noon(), Some(PaymentRequestStatus::Open), 3),
            (noon(), Some(PaymentRequestStatus::Expired), 0),
            (noon() + TimeDelta::hours(1), Some(PaymentRequestStatus::Open), 1),
            (noon() + TimeDelta::hours(1), Some(PaymentRequestStatus::Expired), 2),
            (noon() + TimeDelta::hours(1), Some(PaymentRequestStatus::Paid), 1),
            (noon() + TimeDelta::hours(1), Some(PaymentRequestStatus::Canceled), 0),
        ] {
            let query = PaymentRequestQuery { status, ..PaymentRequestQuery::all(realm(1), at) };
            let listed = list_payment_requests(&mut connection, &query, slice).unwrap();
            assert_eq!((listed.total_count, listed.items.len()), (expected, expected as usize), "{status:?}");
            assert!(listed.items.iter().all(|request| status.is_none_or(|is| request.status(at) == is)));
        }
        assert_eq!(found(&mut connection).0, Vec::<String>::new());
    });
}

#[test]
fn the_database_itself_keeps_a_request_to_one_payment() {
    on_each_database(|database| {
        let mut connection = database.connect();
        fill(&mut connection);
        // Whatever the decision was, a second payment of a request is never saved.
        let second = NewPayment { id: payment_id(20), ..for_request(2) };
        let refused = write(&mut connection, &Needs::default(), |set| {
            put_payment(set, florin_domain::Payment::create(second));
        });
        assert!(refused.is_err());
        // Nor is the first, when two have seen that there was none.
        let stale = write(&mut connection, &needs(1), |set| {
            let mut late = set.payment_request(realm(1), request_id(1)).unwrap().clone();
            late.revision += 1;
            late.payment_id = Some(payment_id(2));
            set.put_payment_request(late);
        });
        assert!(stale.is_err());
        assert_eq!(number(&mut connection, "SELECT count(*) AS value FROM payments"), 3);
        assert_eq!(found(&mut connection).0, Vec::<String>::new());
    });
}

/// What is planted, and what is said about it. `@1` to `@4` are requests, `@p2` to `@p4` their payments.
const PLANTED: &[(&str, &str)] = &[
    (
        "UPDATE payments SET amount = 999, amount_captured = 999, amount_authorized = 999 WHERE id = @p2",
        "@p2 for @2: amount is 999, the request's is 1000",
    ),
    (
        "UPDATE payments SET amount = 999, amount_captured = 999, amount_authorized = 999 WHERE id = @p2",
        "@2: it is paid, and its payment has not brought its amount",
    ),
    ("UPDATE payment_requests SET currency = 'EUR' WHERE id = @2", "currency is USD, the request's is EUR"),
    ("UPDATE payments SET payment_request_id = NULL WHERE id = @p2", "@2: its payment does not name it"),
    (
        "DROP INDEX payments_by_request; UPDATE payments SET payment_request_id = @2 WHERE id = @p3",
        "@2: it has several payments",
    ),
    (
        "UPDATE payment_requests SET payment_id = NULL WHERE id = @2",
        "@2 in payment_requests: it is paid and names no payment",
    ),
    (
        "UPDATE payment_requests SET payment_id = NULL, charging = @false WHERE id = @3",
        "@3: a payment names it, and it names none",
    ),
    (
        "UPDATE payment_requests SET state = 'open', paid_at = NULL WHERE id = @2",
        "@2: its payment is over, and it is open",
    ),
    (
        "UPDATE payment_requests SET state = 'canceled', paid_at = NULL, canceled_at = 1 WHERE id = @2",
        "@2: it is canceled, and its payment is not over",
    ),
    (
        "UPDATE payment_requests SET state = 'paid', paid_at = 1 WHERE id = @4",
        "@4: it is paid, and its payment has not brought its amount",
    ),
    (
        "UPDATE payment_requests SET state = 'paid', paid_at = 1 WHERE id = @4",
        "@4: one event tells that it was paid, if it was",
    ),
    (
        "UPDATE payment_requests SET charging = @false WHERE id = @3",
        "@3: it tells otherwise than its payment whether something is under way",
    ),
    (
        "UPDATE payment_requests SET charging = @true WHERE id = @4",
        "@4: it tells otherwise than its payment whether something is under way",
    ),
    (
        "UPDATE payment_requests SET state = 'paid' WHERE id = @1",
        "@1 in payment_requests: a request's state contradicts its times",
    ),
    ("UPDATE payment_requests SET token = 'short' WHERE id = @1", "@1 in payment_requests: "),
    ("DELETE FROM payment_requests WHERE id = @2", "@p2 in payments belongs to @2, which does not exist"),
    ("DELETE FROM payment_requests WHERE id = @2", "an event in events belongs to object "),
    ("DELETE FROM events WHERE type = 'payment_request.paid'", "@2: event_count is 1, there are 0 events"),
    (
        "UPDATE counters SET total = total + 1 WHERE name = 'payment_requests.paid'",
        "counter payment_requests.paid is 2, the count is 1",
    ),
];

#[test]
fn every_corruption_of_a_request_is_found_and_names_its_object() {
    on_each_database(|database| {
        let mut connection = database.connect();
        fill(&mut connection);
        disarm(&mut connection);
        const TABLES: [&str; 4] = ["payments", "payment_requests", "events", "counters"];
        for table in TABLES {
            run(&mut connection, &format!("CREATE TABLE __{table} AS SELECT * FROM {table}"));
        }
        for (planted, expected) in PLANTED {
            let mut sql = planted.replace("@true", truth(&connection, true));
            sql = sql.replace("@false", truth(&connection, false));
            let mut text = (*expected).to_owned();
            for n in 1..=4 {
                sql = sql.replace(&format!("@p{n}"), &blob(&connection, &payment_id(n).bytes()));
                sql = sql.replace(&format!("@{n}"), &blob(&connection, &request_id(n).bytes()));
                text = text.replace(&format!("@p{n}"), &payment_id(n).to_string());
                text = text.replace(&format!("@{n}"), &request_id(n).to_string());
            }
            run(&mut connection, &sql);
            let (found, _) = found(&mut connection);
            assert!(found.iter().any(|found| found.contains(&text)), "{planted}\n{text}\n{found:#?}");
            for table in TABLES {
                let restore = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM __{table}");
                run(&mut connection, &restore);
            }
        }
        assert_eq!(found(&mut connection).0, Vec::<String>::new(), "each corruption was taken back");
    });
}
