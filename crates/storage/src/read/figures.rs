//! Sums over days: what moved, and what became of payments.
//!
//! Ids begin with their time, so that a day is a range of keys. The journal only grows; what became of a payment may
//! change as long as it lives.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text};
use florin_domain::{Currency, FailureCode, PaymentId, State, TransactionId, TransactionType};

use crate::batch::{Statement, Value};
use crate::rows::{Reader, Realm};
use crate::{AnyConnection, StorageError};

/// What moved in some time, of one type and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Why it moved.
    pub kind: TransactionType,
    /// Of what.
    pub currency: Currency,
    /// How much in all, in minor units.
    pub amount: i64,
    /// How often.
    pub count: i64,
}

/// How many of the payments that were created in some time are in a state, with the same last failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Became {
    /// Where they stand.
    pub state: State,
    /// Why their last charge failed.
    pub failure: Option<FailureCode>,
    /// How many.
    pub count: i64,
}

/// What moved from one instant on, before another.
///
/// # Errors
/// As the database and its rows give cause.
pub fn moved_between(
    connection: &mut AnyConnection,
    realm: Realm,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Moved>, StorageError> {
    const IN: Reader = Reader("transactions");
    type Row = (String, String, i64, i64);
    let [tenant, mode] = realm.values();
    let sql =
        "SELECT type, currency, CAST(SUM(amount) AS BIGINT), COUNT(*) FROM transactions WHERE tenant_id = ";
    let rows: Vec<Row> = Statement::<(Text, Text, BigInt, BigInt)>::new(sql)
        .value(tenant)
        .sql(" AND livemode = ")
        .value(mode)
        .sql(" AND id >= ")
        .value(Value::Id(TransactionId::first_at(from).bytes()))
        .sql(" AND id < ")
        .value(Value::Id(TransactionId::first_at(to).bytes()))
        .sql(" GROUP BY type, currency")
        .load(connection)?;
    let read = |(kind, currency, amount, count): Row| {
        Ok(Moved { kind: IN.parse(&kind)?, currency: IN.parse(&currency)?, amount, count })
    };
    rows.into_iter().map(read).collect()
}

/// What became so far of the payments that were created from one instant on, before another.
///
/// # Errors
/// As the database and its rows give cause.
pub fn became_between(
    connection: &mut AnyConnection,
    realm: Realm,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Became>, StorageError> {
    const IN: Reader = Reader("payments");
    type Row = (String, Option<String>, i64);
    let [tenant, mode] = realm.values();
    let sql = "SELECT state, failure_code, COUNT(*) FROM payments WHERE tenant_id = ";
    let rows: Vec<Row> = Statement::<(Text, Nullable<Text>, BigInt)>::new(sql)
        .value(tenant)
        .sql(" AND livemode = ")
        .value(mode)
        .sql(" AND id >= ")
        .value(Value::Id(PaymentId::first_at(from).bytes()))
        .sql(" AND id < ")
        .value(Value::Id(PaymentId::first_at(to).bytes()))
        .sql(" GROUP BY state, failure_code")
        .load(connection)?;
    let read = |(word, failure, count): Row| {
        let state = State::ALL.into_iter().find(|state| state.as_str() == word);
        let state =
            state.ok_or_else(|| StorageError::corrupt(IN.0, format_args!("unknown state {word:?}")))?;
        Ok(Became { state, failure: IN.parse_opt(failure.as_deref())?, count })
    };
    rows.into_iter().map(read).collect()
}
