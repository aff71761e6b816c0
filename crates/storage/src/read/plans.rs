//! Each kind of list is read from the index that is there for it.

use florin_domain::{Mode, PaymentId, State, TenantId};

use super::filter::{Filter, Walk};
use super::{PaymentQuery, RefundQuery};
use crate::plans::{explain, on_each_schema};
use crate::{AnyConnection, Realm};

fn realm() -> Realm {
    Realm { tenant_id: TenantId::from_bytes([1; 16]), mode: Mode::Test }
}

/// How a page is read that begins after an object, and one that begins after a number of objects.
fn plans(connection: &mut AnyConnection, filter: &Filter<'_>) -> Vec<String> {
    let mut plans = Vec::new();
    for newest_first in [true, false] {
        for (after, skip) in [(Some([2; 16]), 0), (None, 20)] {
            let walk = Walk { after, newest_first, skip, take: 11 };
            plans.push(explain(connection, |statement| filter.select_ids(statement, &walk)));
        }
    }
    plans
}

fn assert_index(connection: &mut AnyConnection, filter: &Filter<'_>, on_sqlite: &str, on_postgres: &str) {
    let index = match connection {
        AnyConnection::Postgres(_) => on_postgres,
        AnyConnection::Sqlite(_) => on_sqlite,
    };
    for plan in plans(connection, filter) {
        let scans = ["Seq Scan", "SCAN payments", "SCAN refunds", "Sort  ("];
        assert!(plan.contains(index) && !scans.iter().any(|scan| plan.contains(scan)), "{index}:\n{plan}");
    }
}

#[test]
fn all_payments_and_the_captured_ones_are_read_along_the_primary_key() {
    on_each_schema(|connection| {
        for states in [None, Some(vec![State::Captured]), Some(State::ALL.to_vec())] {
            let query = PaymentQuery { states, ..PaymentQuery::all(realm()) };
            let filter = query.filter(None, connection);
            assert_index(
                connection,
                &filter,
                "sqlite_autoindex_payments_1 (tenant_id=? AND livemode=?",
                "payments_pkey",
            );
        }
    });
}

#[test]
fn payments_of_other_states_are_read_along_the_index_by_state() {
    on_each_schema(|connection| {
        for states in [vec![State::Failed], vec![State::Pending, State::Processing, State::Authorized]] {
            let query = PaymentQuery { states: Some(states), ..PaymentQuery::all(realm()) };
            let filter = query.filter(None, connection);
            let index = "payments_by_state (tenant_id=? AND livemode=? AND state=?";
            assert_index(connection, &filter, index, "payments_by_state");
        }
    });
}

#[test]
fn a_payment_is_found_by_the_index_of_idempotency_keys() {
    on_each_schema(|connection| {
        let query = PaymentQuery { idempotency_key: Some("key".to_owned()), ..PaymentQuery::all(realm()) };
        let filter = query.filter(None, connection);
        for plan in plans(connection, &filter) {
            assert!(plan.contains("payments_by_idempotency_key"), "{plan}");
        }
    });
}

#[test]
fn refunds_of_a_payment_are_read_along_their_index_and_all_refunds_along_the_primary_key() {
    on_each_schema(|connection| {
        let all = RefundQuery::all(realm());
        assert_index(connection, &all.filter(), "sqlite_autoindex_refunds_1", "refunds_pkey");
        let of_payment = RefundQuery { payment_id: Some(PaymentId::from_bytes([3; 16])), ..all };
        assert_index(connection, &of_payment.filter(), "refunds_by_payment", "refunds_by_payment");
    });
}
