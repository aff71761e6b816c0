//! Counters: kept in the commit of the change they count, summed on read.

use std::borrow::Cow;

use diesel::prelude::*;
use florin_domain::{Account, Currency, State, TransactionType};

use crate::rows::Realm;
use crate::schema::counters;
use crate::{AnyConnection, StorageError};

/// The counter of refunds.
pub(crate) const REFUNDS: &str = "refunds";

/// The counter of payments in one state.
pub(crate) const fn payments_in(state: State) -> &'static str {
    match state {
        State::Pending => "payments.pending",
        State::Processing => "payments.processing",
        State::Authorized => "payments.authorized",
        State::Captured => "payments.captured",
        State::PartiallyRefunded => "payments.partially_refunded",
        State::Refunded => "payments.refunded",
        State::Failed => "payments.failed",
        State::Canceled => "payments.canceled",
    }
}

/// The counter of transactions of one type.
pub(crate) fn transactions_of(kind: TransactionType) -> Cow<'static, str> {
    Cow::Owned(format!("transactions.{kind}"))
}

/// The counter that holds an account's balance in one currency: what was debited less what was credited.
pub(crate) fn balance_of(account: &Account, currency: Currency) -> Cow<'static, str> {
    Cow::Owned(format!("balance:{account}:{}", currency.code()))
}

/// The sum of the named counters of a realm.
pub(crate) fn sum(connection: &mut AnyConnection, realm: Realm, names: &[&str]) -> Result<i64, StorageError> {
    let totals: Vec<i64> = counters::table
        .filter(counters::tenant_id.eq(&realm.tenant_id.bytes()[..]))
        .filter(counters::livemode.eq(realm.mode.is_live()))
        .filter(counters::name.eq_any(names))
        .select(counters::total)
        .load(connection)?;
    Ok(totals.iter().sum())
}
