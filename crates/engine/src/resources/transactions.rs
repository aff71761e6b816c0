//! The journal's transactions, their amendments, and the balances of its accounts.

use florin_domain::{Transaction, TransactionId};
use florin_storage::AmendmentRecord;
use florin_storage::read::{self, TransactionQuery};

use crate::access::Context;
use crate::commands::{Amend, Requester};
use crate::engine::Engine;
use crate::reading::{list_answer, slice};
use crate::requests::{AmendTransaction, Page, Position, TransactionFilter};
use crate::views::{
    AmendmentResponse, Annotations, Answer, BalanceResponse, BalancesResponse, List, Refused, Timestamp,
    TransactionResponse,
};

impl Engine {
    /// A transaction.
    pub async fn find_transaction(&self, context: Context, id: TransactionId) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| read::find_transaction(connection, realm, id);
        let answer = |found: Option<Transaction>| {
            let transaction = found.ok_or_else(Refused::transaction_not_found)?;
            Ok(Answer::new(200, &TransactionResponse::new(&transaction)))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// A list of transactions.
    pub async fn list_transactions(&self, context: Context, filter: TransactionFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let query = TransactionQuery {
            realm: requester.realm,
            payment_id: filter.payment_id,
            kind: filter.kind,
            account: filter.account,
            customer_id: None,
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| read::list_transactions(connection, &query, slice(page));
        let answer = |listed| {
            Ok(list_answer(&listed, |transaction: &Transaction| {
                (transaction.id.to_string(), TransactionResponse::new(transaction))
            }))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// Changes what may be changed of a transaction.
    pub async fn amend_transaction(
        &self,
        context: Context,
        id: TransactionId,
        request: AmendTransaction,
    ) -> Answer {
        self.inner.change(Requester::from(&context), Amend { id, change: request }, 200, None).await
    }

    /// A list of a transaction's amendments, newest first.
    pub async fn list_amendments(&self, context: Context, id: TransactionId, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| match read::find_transaction(connection, realm, id)? {
            Some(_) => read::list_amendments(connection, realm, id).map(Some),
            None => Ok(None),
        };
        let answer = |found: Option<Vec<AmendmentRecord>>| {
            let records = found.ok_or_else(Refused::transaction_not_found)?;
            Ok(Answer::new(200, &page_of_amendments(&records, page)?))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// What each account has in each currency.
    pub async fn balances(&self, context: Context) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| read::balances(connection, realm);
        let answer = |found: Vec<_>| {
            let balances = found.into_iter();
            let mut data: Vec<_> = balances
                .map(|(account, currency, balance)| BalanceResponse { account, currency, balance })
                .collect();
            data.sort_by_cached_key(|balance| (balance.account.to_string(), balance.currency));
            Ok(Answer::new(200, &BalancesResponse { data }))
        };
        self.inner.answer_with(&requester, read, answer).await
    }
}

/// A page of amendments, newest first. They have no ids, and are few: their numbers are their offsets.
fn page_of_amendments(records: &[AmendmentRecord], page: Page) -> Result<List<AmendmentResponse>, Refused> {
    let offset = match page.position {
        Position::Offset(offset) => usize::try_from(offset).unwrap_or(usize::MAX),
        Position::FromOldest(_) | Position::StartingAfter(_) | Position::EndingBefore(_) => 0,
    };
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let wanted = records.iter().rev().skip(offset).take(limit);
    Ok(List {
        data: wanted.map(amendment).collect::<Result<_, _>>()?,
        has_more: records.len() > offset.saturating_add(limit),
        total_count: u64::try_from(records.len()).unwrap_or(u64::MAX),
        next_cursor: None,
        cut: None,
    })
}

fn amendment(record: &AmendmentRecord) -> Result<AmendmentResponse, Refused> {
    let read = |text: &str| {
        serde_json::from_str::<Annotations>(text).map_err(|error| {
            tracing::error!(%error, transaction = %record.transaction_id, "a stored amendment is corrupt");
            Refused::internal()
        })
    };
    Ok(AmendmentResponse {
        transaction_id: record.transaction_id,
        number: record.number,
        before: read(&record.before)?,
        after: read(&record.after)?,
        created_by: record.by,
        created_at: Timestamp(record.at),
    })
}
