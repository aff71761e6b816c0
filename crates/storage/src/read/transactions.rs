//! The journal: transactions, their amendments, and balances.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use florin_domain::{
    Account, CreditAccount, Currency, CustomerId, PaymentId, Transaction, TransactionId, TransactionType,
};

use super::filter::Filter;
use super::objects::{find, list};
use super::{Listed, Slice};
use crate::batch::{Lock, Value};
use crate::counters::{BALANCES, parse_balance, totals_like, transactions_of};
use crate::rows::{
    AMENDMENTS_BY_TRANSACTION, AmendmentRecord, AmendmentRow, CREDITS_OF_CUSTOMER, CreditRow, Realm,
    load_objects, object_key,
};
use crate::{AnyConnection, StorageError, schema};

/// Which transactions are wanted: those that meet every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionQuery {
    /// Whose.
    pub realm: Realm,
    /// Of this payment.
    pub payment_id: Option<PaymentId>,
    /// Of this type.
    pub kind: Option<TransactionType>,
    /// That debit or credit this account.
    pub account: Option<Account>,
    /// That move this customer's credits.
    pub customer_id: Option<CustomerId>,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl TransactionQuery {
    /// All transactions of a realm.
    pub const fn all(realm: Realm) -> Self {
        TransactionQuery {
            realm,
            payment_id: None,
            kind: None,
            account: None,
            customer_id: None,
            created_after: None,
            created_before: None,
        }
    }

    pub(super) fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::new("transactions", self.realm);
        if let Some(payment_id) = self.payment_id {
            filter.add("payment_id = ?", vec![Value::Id(payment_id.bytes())]);
        }
        if let Some(customer_id) = self.customer_id {
            filter.add("customer_id = ?", vec![Value::Id(customer_id.bytes())]);
        }
        if let Some(kind) = &self.kind {
            filter.add_unindexed("type = ?", vec![Value::text(Some(kind.as_str()))]);
        }
        if let Some(account) = &self.account {
            let values = vec![Value::owned(account), Value::owned(account)];
            filter.add_unindexed("(debit_account = ? OR credit_account = ?)", values);
        }
        filter.add_creation(self.created_after, self.created_before);
        filter
    }
}

/// A part of a list of transactions.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_transactions(
    connection: &mut AnyConnection,
    query: &TransactionQuery,
    slice: Slice,
) -> Result<Listed<Transaction>, StorageError> {
    let types = match query.kind {
        Some(kind) => vec![transactions_of(kind)],
        None => TransactionType::ALL.iter().map(|kind| transactions_of(*kind)).collect(),
    };
    let by_type_only = *query == TransactionQuery { kind: query.kind, ..TransactionQuery::all(query.realm) };
    list(connection, &query.filter(), by_type_only.then_some(&types[..]), slice)
}

/// A transaction's amendments, oldest first.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_amendments(
    connection: &mut AnyConnection,
    realm: Realm,
    id: TransactionId,
) -> Result<Vec<AmendmentRecord>, StorageError> {
    type SqlType = schema::amendments::SqlType;
    let keys = [object_key(realm, id.bytes())];
    load_objects::<SqlType, AmendmentRow, _>(connection, &AMENDMENTS_BY_TRANSACTION, Lock::None, &keys)
}

/// A customer's credits, by currency.
///
/// # Errors
/// As the database and its rows give cause.
pub fn credit_accounts(
    connection: &mut AnyConnection,
    realm: Realm,
    customer_id: CustomerId,
) -> Result<Vec<CreditAccount>, StorageError> {
    type SqlType = schema::credit_accounts::SqlType;
    let keys = [object_key(realm, customer_id.bytes())];
    load_objects::<SqlType, CreditRow, _>(connection, &CREDITS_OF_CUSTOMER, Lock::None, &keys)
}

/// What each account has in each currency, in minor units: what was debited less what was credited.
///
/// # Errors
/// As the database and its rows give cause.
pub fn balances(
    connection: &mut AnyConnection,
    realm: Realm,
) -> Result<Vec<(Account, Currency, i64)>, StorageError> {
    let mut sums: BTreeMap<(Account, Currency), i64> = BTreeMap::new();
    for (name, total) in totals_like(connection, realm, BALANCES)? {
        let (account, currency) = parse_balance(&name)?;
        let sum = sums.entry((account, currency)).or_default();
        *sum = sum.saturating_add(total);
    }
    Ok(sums.into_iter().map(|((account, currency), total)| (account, currency, total)).collect())
}

/// A transaction.
///
/// # Errors
/// As the database and its row give cause.
pub fn find_transaction(
    connection: &mut AnyConnection,
    realm: Realm,
    id: TransactionId,
) -> Result<Option<Transaction>, StorageError> {
    find(connection, realm, id.bytes())
}
