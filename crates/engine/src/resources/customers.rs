//! Customers and their credits.

use florin_domain::{CreditAccount, Customer, CustomerId, Transaction};
use florin_storage::read::{self, CustomerQuery, Listed, TransactionQuery};

use crate::access::Context;
use crate::commands::{ChangeCustomer, Grant, Requester};
use crate::engine::Engine;
use crate::reading::{list_answer, list_of, slice, unavailable};
use crate::requests::{
    CreateCustomer, CreditFilter, CustomerFilter, GrantCredits, Idempotency, Page, UpdateCustomer,
};
use crate::views::{
    Answer, CreditBalanceResponse, CreditsResponse, CustomerResponse, List, Refused, TransactionResponse,
};

impl Engine {
    /// Creates a customer.
    pub async fn create_customer(
        &self,
        context: Context,
        request: CreateCustomer,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        self.inner.change(Requester::from(&context), request, 201, idempotency).await
    }

    /// Changes a customer.
    pub async fn update_customer(&self, context: Context, id: CustomerId, request: UpdateCustomer) -> Answer {
        let change = ChangeCustomer { id, change: request };
        self.inner.change(Requester::from(&context), change, 200, None).await
    }

    /// A customer.
    pub async fn find_customer(&self, context: Context, id: CustomerId) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let read = move |connection: &mut _| read::find_customer(connection, realm, id);
        let answer = |found: Option<Customer>| {
            let customer = found.ok_or_else(Refused::customer_not_found)?;
            Ok(Answer::new(200, &CustomerResponse::new(&customer)))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// A list of customers.
    pub async fn list_customers(&self, context: Context, filter: CustomerFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let query = CustomerQuery {
            realm: requester.realm,
            email: filter.email,
            external_id: filter.external_id,
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| read::list_customers(connection, &query, slice(page));
        let answer = |listed| {
            Ok(list_answer(&listed, |customer: &Customer| {
                (customer.id.to_string(), CustomerResponse::new(customer))
            }))
        };
        self.inner.answer_with(&requester, read, answer).await
    }

    /// Grants credits to a customer.
    pub async fn grant_credits(
        &self,
        context: Context,
        customer_id: CustomerId,
        request: GrantCredits,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        if let Err(refused) = context.caller.check_currency(request.currency) {
            return requester.refuse(refused);
        }
        let realm = requester.realm;
        let found = self.inner.read(move |connection| read::find_customer(connection, realm, customer_id));
        let customer_exists = match found.await {
            Ok(found) => found.is_some(),
            Err(error) => return requester.refuse(unavailable(&error)),
        };
        let grant = Grant { customer_id, customer_exists, grant: request };
        self.inner.change(requester, grant, 201, idempotency).await
    }

    /// A customer's credits: what is left in each currency, and a page of the entries.
    pub async fn find_credits(
        &self,
        context: Context,
        customer_id: CustomerId,
        filter: CreditFilter,
        page: Page,
    ) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let query = TransactionQuery {
            realm,
            payment_id: None,
            kind: None,
            account: None,
            customer_id: Some(customer_id),
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| {
            if read::find_customer(connection, realm, customer_id)?.is_none() {
                return Ok(None);
            }
            let accounts = read::credit_accounts(connection, realm, customer_id)?;
            Ok(Some((accounts, read::list_transactions(connection, &query, slice(page))?)))
        };
        let answer = |found: Option<(Vec<CreditAccount>, Listed<Transaction>)>| {
            let (accounts, listed) = found.ok_or_else(Refused::customer_not_found)?;
            Ok(Answer::new(200, &credits(&accounts, &listed)))
        };
        self.inner.answer_with(&requester, read, answer).await
    }
}

fn credits<'a>(accounts: &[CreditAccount], entries: &'a Listed<Transaction>) -> CreditsResponse<'a> {
    let balance = |account: &CreditAccount| CreditBalanceResponse {
        currency: account.currency,
        balance: account.balance,
    };
    let mut balances: Vec<_> = accounts.iter().map(balance).collect();
    balances.sort_unstable();
    let view = |entry: &'a Transaction| (entry.id.to_string(), TransactionResponse::new(entry));
    let List { data, has_more, total_count, next_cursor, .. } = list_of(entries, view);
    CreditsResponse { balances, data, has_more, total_count, next_cursor }
}
