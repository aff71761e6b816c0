//! Counters: kept in the commit of the change they count, summed on read.

use diesel::prelude::*;
use florin_domain::{Account, Currency, InvoiceStatus, PaymentRequestState, State, TransactionType};

use crate::rows::{Reader, Realm};
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

/// The counter of customers.
pub(crate) const CUSTOMERS: &str = "customers";

/// The counter of payment methods that are not detached.
pub(crate) const PAYMENT_METHODS: &str = "payment_methods";

/// The counter of invoices in one status.
pub(crate) const fn invoices_in(status: InvoiceStatus) -> &'static str {
    match status {
        InvoiceStatus::Open => "invoices.open",
        InvoiceStatus::Paid => "invoices.paid",
        InvoiceStatus::Void => "invoices.void",
    }
}

/// The counter of payment requests in one state.
pub(crate) const fn payment_requests_in(state: PaymentRequestState) -> &'static str {
    match state {
        PaymentRequestState::Open => "payment_requests.open",
        PaymentRequestState::Paid => "payment_requests.paid",
        PaymentRequestState::Canceled => "payment_requests.canceled",
    }
}

/// The counter of transactions of one type.
pub(crate) const fn transactions_of(kind: TransactionType) -> &'static str {
    match kind {
        TransactionType::Charge => "transactions.charge",
        TransactionType::ChargeReturn => "transactions.charge_return",
        TransactionType::Refund => "transactions.refund",
        TransactionType::RefundReversal => "transactions.refund_reversal",
        TransactionType::CreditGrant => "transactions.credit_grant",
        TransactionType::CreditSpend => "transactions.credit_spend",
        TransactionType::CreditReturn => "transactions.credit_return",
    }
}

/// The counter that holds an account's balance in one currency: what was debited less what was credited.
pub(crate) fn balance_of(account: &Account, currency: Currency) -> String {
    format!("{BALANCES}{account}:{}", currency.code())
}

/// How the names of counters begin that hold balances.
pub(crate) const BALANCES: &str = "balance:";

/// The account and currency of a counter that holds a balance.
pub(crate) fn parse_balance(name: &str) -> Result<(Account, Currency), StorageError> {
    const IN: Reader = Reader("counters");
    let parts = name.strip_prefix(BALANCES).and_then(|name| name.rsplit_once(':'));
    let (account, currency) =
        parts.ok_or_else(|| StorageError::corrupt(IN.0, "a balance names no currency"))?;
    Ok((IN.parse(account)?, IN.parse(currency)?))
}

/// The counters whose names begin like this, with their totals; a name comes once for each slot.
pub(crate) fn totals_like(
    connection: &mut AnyConnection,
    realm: Realm,
    beginning: &str,
) -> Result<Vec<(String, i64)>, StorageError> {
    Ok(counters::table
        .filter(counters::tenant_id.eq(&realm.tenant_id.bytes()[..]))
        .filter(counters::livemode.eq(realm.mode.is_live()))
        .filter(counters::name.like(format!("{beginning}%")))
        .select((counters::name, counters::total))
        .load(connection)?)
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
