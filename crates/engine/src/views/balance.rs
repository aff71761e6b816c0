//! Balances as callers see them: those of accounts, and those of customers' credits.

use florin_domain::{Account, Currency, Total};
use serde::Serialize;
use utoipa::ToSchema;

use super::transaction::as_name;
use super::{TransactionResponse, schema};

/// All balances; those of one currency sum to zero.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Balances)]
pub struct BalancesResponse {
    /// The balances, by account and currency.
    pub data: Vec<BalanceResponse>,
}

/// What one account has in one currency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = Balance)]
pub struct BalanceResponse {
    /// The account.
    #[serde(serialize_with = "as_name")]
    #[schema(value_type = schema::AccountSchema)]
    pub account: Account,
    /// Of what: an ISO 4217 code.
    #[schema(value_type = schema::CurrencySchema)]
    pub currency: Currency,
    /// What was debited less what was credited, in minor units.
    pub balance: i64,
}

/// A customer's credits: what is left, and a page of the entries that led there.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Credits)]
pub struct CreditsResponse<'a> {
    /// What is left, by currency.
    pub balances: Vec<CreditBalanceResponse>,
    /// The entries, newest first.
    pub data: Vec<TransactionResponse<'a>>,
    /// Whether there are more.
    pub has_more: bool,
    /// How many there are for the filter, whatever the page.
    #[schema(minimum = 0)]
    pub total_count: u64,
    /// The last id of the page, to go on after; null at the end.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// What a customer has left in one currency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = CreditBalance)]
pub struct CreditBalanceResponse {
    /// Of what: an ISO 4217 code.
    #[schema(value_type = schema::CurrencySchema)]
    pub currency: Currency,
    /// How much is left, in minor units.
    #[schema(value_type = schema::TotalSchema)]
    pub balance: Total,
}
