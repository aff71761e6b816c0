//! What days came to, in the terms in which people ask: how much was paid and given back, how often a payment succeeded.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use florin_domain::{Currency, FailureCode, State, TransactionType};

use super::{Became, Moved};

/// What one day came to, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFigures {
    /// The day.
    pub day: NaiveDate,
    /// What moved on it.
    pub moved: Vec<Moved>,
    /// What became so far of the payments that were created on it.
    pub became: Vec<Became>,
}

/// What some days came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The days, the oldest first and today last. A day that is missing has nothing in it.
    pub days: Vec<DayFigures>,
    /// How many of them nobody has added up yet.
    pub missing: usize,
}

impl DayFigures {
    /// A day without anything.
    pub(super) fn nothing(day: NaiveDate) -> Self {
        DayFigures { day, moved: Vec::new(), became: Vec::new() }
    }

    /// What payers paid, in minor units: charges and credits spent, less what their banks took back.
    pub fn charged(&self, currency: Currency) -> i64 {
        self.sum(currency, |kind| match kind {
            TransactionType::Charge | TransactionType::CreditSpend => 1,
            TransactionType::ChargeReturn => -1,
            TransactionType::Refund
            | TransactionType::RefundReversal
            | TransactionType::CreditGrant
            | TransactionType::CreditReturn => 0,
        })
    }

    /// What payers were given back, in minor units: refunds and credits returned, less refunds that failed afterwards.
    pub fn refunded(&self, currency: Currency) -> i64 {
        self.sum(currency, |kind| match kind {
            TransactionType::Refund | TransactionType::CreditReturn => 1,
            TransactionType::RefundReversal => -1,
            TransactionType::Charge
            | TransactionType::ChargeReturn
            | TransactionType::CreditGrant
            | TransactionType::CreditSpend => 0,
        })
    }

    fn sum(&self, currency: Currency, sign: fn(TransactionType) -> i64) -> i64 {
        let moved = self.moved.iter().filter(|moved| moved.currency == currency);
        moved.map(|moved| moved.amount.saturating_mul(sign(moved.kind))).fold(0, i64::saturating_add)
    }

    /// How many of the day's payments were charged or reserved, whatever became of the money later.
    pub fn succeeded(&self) -> u64 {
        self.count(|state| match state {
            State::Authorized | State::Captured | State::PartiallyRefunded | State::Refunded => true,
            State::Pending | State::Processing | State::Failed | State::Canceled => false,
        })
    }

    /// How many of them failed.
    pub fn failed(&self) -> u64 {
        self.count(|state| state == State::Failed)
    }

    fn count(&self, is_wanted: fn(State) -> bool) -> u64 {
        let wanted = self.became.iter().filter(|became| is_wanted(became.state));
        wanted.map(|became| u64::try_from(became.count).unwrap_or(0)).sum()
    }
}

impl Figures {
    /// Whether nothing has happened at all, as far as is known.
    pub fn is_empty(&self) -> bool {
        self.days.iter().all(|day| day.moved.is_empty() && day.became.is_empty())
    }

    /// The currencies that moved, the most frequent first.
    pub fn currencies(&self) -> Vec<Currency> {
        let mut counts: BTreeMap<Currency, i64> = BTreeMap::new();
        for moved in self.days.iter().flat_map(|day| &day.moved) {
            *counts.entry(moved.currency).or_default() += moved.count;
        }
        let mut currencies: Vec<_> = counts.into_iter().collect();
        currencies.sort_by_key(|(_, count)| Reverse(*count));
        currencies.into_iter().map(|(currency, _)| currency).collect()
    }

    /// Why payments failed and how many, the commonest reason first.
    pub fn declines(&self) -> Vec<(FailureCode, u64)> {
        let mut counts: BTreeMap<FailureCode, u64> = BTreeMap::new();
        let failed = |became: &&Became| became.state == State::Failed;
        for became in self.days.iter().flat_map(|day| &day.became).filter(failed) {
            if let Some(failure) = became.failure {
                *counts.entry(failure).or_default() += u64::try_from(became.count).unwrap_or(0);
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        counts
    }
}
