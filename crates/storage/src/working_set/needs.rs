//! What a batch names before it decides, and loading it.
//!
//! Rows are locked in one order, so that no two batches wait for each other: idempotency keys, processors' events,
//! payments, payment requests, invoices, credit accounts, the counters of invoice numbers, transactions, processor accounts and their
//! routes, open items, API keys, tenants' settings, users, sessions, webhook endpoints; each sorted by key. Customers and
//! payment methods are not
//! locked: who changes one finds out by its revision whether somebody else did.

use std::collections::{BTreeMap, BTreeSet};

use florin_domain::{
    CreditAccount, Currency, CustomerId, InvoiceId, KeyId, MethodType, OpenItemId, PaymentId,
    PaymentRequestId, RefundId, SessionId, StoredMethodId, TenantId, Total, TransactionId, UserId,
    WebhookEndpointId,
};

use super::WorkingSet;
use super::objects::Objects;
use crate::batch::{Change, Lock, OnConflict, Row, Value, insert_returning_keys, save};
use crate::rows::{
    CreditKey, DigestKey, IDEMPOTENCY_KEYS, IdempotencyRecord, InvoiceCount, PROCESSOR_EVENTS,
    ProcessorEventRecord, Realm, Stored, credit_key, load_accounts_of, load_customers_by_external_id,
    load_endpoints_of, load_invoices_by_number, load_items_by_cause, load_tokens_of, load_users_by_email,
    object_key, processor_event_row, user_key,
};
use crate::{AnyConnection, StorageError};

/// What a batch has to claim and to load before it can decide.
#[derive(Debug, Default)]
pub struct Needs {
    /// Payments, each with its attempts, its payment request, its invoice, and the credits that it spends.
    pub payments: BTreeSet<(Realm, PaymentId)>,
    /// Refunds.
    pub refunds: BTreeSet<(Realm, RefundId)>,
    /// Idempotency keys: claimed when they are free, loaded when they are not.
    pub keys: BTreeMap<DigestKey, IdempotencyRecord>,
    /// Customers.
    pub customers: BTreeSet<(Realm, CustomerId)>,
    /// Which customers have these external ids.
    pub external_ids: BTreeSet<(Realm, String)>,
    /// Stored payment methods.
    pub methods: BTreeSet<(Realm, StoredMethodId)>,
    /// Payment requests, each with its invoice. Not with its payment, which is locked before it.
    pub payment_requests: BTreeSet<(Realm, PaymentRequestId)>,
    /// Invoices.
    pub invoices: BTreeSet<(Realm, InvoiceId)>,
    /// Which of these invoice numbers are taken.
    pub invoice_numbers: BTreeSet<(Realm, String)>,
    /// The realms whose invoice numbers are counted up.
    pub counted_invoices: BTreeSet<Realm>,
    /// Credit accounts; one that is absent has no credits.
    pub credit_accounts: BTreeSet<(Realm, CustomerId, Currency)>,
    /// Credit accounts of the customers of these invoices, in the invoices' currencies.
    pub credits_of_invoices: BTreeSet<(Realm, InvoiceId)>,
    /// Credit accounts that are opened when they are absent.
    pub opened_credit_accounts: BTreeSet<(Realm, CustomerId, Currency)>,
    /// Transactions of the journal.
    pub transactions: BTreeSet<(Realm, TransactionId)>,
    /// The realms whose processor accounts and routes are wanted, all of them.
    pub processor_realms: BTreeSet<Realm>,
    /// API keys.
    pub api_keys: BTreeSet<(Realm, KeyId)>,
    /// The realms whose settings are wanted.
    pub tenant_settings: BTreeSet<Realm>,
    /// Users.
    pub users: BTreeSet<(TenantId, UserId)>,
    /// Who has these addresses.
    pub user_emails: BTreeSet<(TenantId, String)>,
    /// Sessions.
    pub sessions: BTreeSet<(Realm, SessionId)>,
    /// Sessions, each with all of its tokens.
    pub sessions_with_tokens: BTreeSet<(Realm, SessionId)>,
    /// Webhook endpoints.
    pub endpoints: BTreeSet<(Realm, WebhookEndpointId)>,
    /// The realms whose webhook endpoints are wanted, all of them.
    pub endpoint_realms: BTreeSet<Realm>,
    /// Open items.
    pub open_items: BTreeSet<(Realm, OpenItemId)>,
    /// Open items, by what keeps them from being raised twice.
    pub open_item_causes: BTreeSet<(Realm, String)>,
    /// Processors' events: written down when they are new.
    pub processor_events: BTreeMap<DigestKey, ProcessorEventRecord>,
}

impl WorkingSet {
    /// Claims and loads what a batch needs.
    ///
    /// # Errors
    /// As the database and its rows give cause; the transaction has to be rolled back then.
    pub fn prepare(&mut self, connection: &mut AnyConnection, needs: &Needs) -> Result<(), StorageError> {
        self.claim_keys(connection, &needs.keys)?;
        self.claim_events(connection, &needs.processor_events)?;
        // A key that is still without an answer is answered with its object as it stands.
        let unanswered = self.keys.iter().filter(|key| key.answer.is_none());
        let (mut payments, mut refunds) = (needs.payments.clone(), needs.refunds.clone());
        for key in unanswered {
            payments.extend(key.payment_id.map(|id| (key.realm, id)));
            refunds.extend(key.refund_id.map(|id| (key.realm, id)));
        }
        let payments = object_keys(&payments, PaymentId::bytes);
        self.payments.load(connection, Lock::NoKeyUpdate, &payments)?;
        self.attempts.load(connection, Lock::None, &payments)?;
        self.refunds.load(connection, Lock::None, &object_keys(&refunds, RefundId::bytes))?;
        self.load_around_payments(connection, needs)?;
        self.load_payment_requests(connection, needs)?;
        self.load_invoices(connection, needs)?;
        self.load_credits(connection, needs)?;
        self.load_invoice_counts(connection, &needs.counted_invoices)?;
        let transactions = object_keys(&needs.transactions, TransactionId::bytes);
        self.transactions.load(connection, Lock::NoKeyUpdate, &transactions)?;
        self.load_processors(connection, &needs.processor_realms)?;
        self.load_open_items(connection, needs)?;
        let api_keys = object_keys(&needs.api_keys, KeyId::bytes);
        self.api_keys.load(connection, Lock::NoKeyUpdate, &api_keys)?;
        let realms: Vec<Row<'_>> = needs.tenant_settings.iter().map(|realm| realm.values().into()).collect();
        self.tenant_settings.load(connection, Lock::NoKeyUpdate, &realms)?;
        self.load_users(connection, needs)?;
        self.load_sessions(connection, needs)?;
        self.load_endpoints(connection, needs)
    }

    fn load_users(&mut self, connection: &mut AnyConnection, needs: &Needs) -> Result<(), StorageError> {
        let users: Vec<Row<'_>> = needs.users.iter().map(|key| user_key(*key)).collect();
        self.users.load(connection, Lock::NoKeyUpdate, &users)?;
        let emails: BTreeSet<&str> = needs.user_emails.iter().map(|(_, email)| email.as_str()).collect();
        let emails: Vec<Row<'_>> = emails.into_iter().map(|email| vec![Value::text(Some(email))]).collect();
        for user in load_users_by_email(connection, &emails)? {
            self.user_emails.insert((user.tenant_id, user.email.as_str().to_owned()), user.id);
        }
        Ok(())
    }

    /// The tokens after their sessions: nobody adds any to a session that is locked.
    fn load_sessions(&mut self, connection: &mut AnyConnection, needs: &Needs) -> Result<(), StorageError> {
        let sessions: BTreeSet<_> = needs.sessions.union(&needs.sessions_with_tokens).copied().collect();
        self.sessions.load(connection, Lock::NoKeyUpdate, &object_keys(&sessions, SessionId::bytes))?;
        let with_tokens = object_keys(&needs.sessions_with_tokens, SessionId::bytes);
        self.session_tokens.extend(load_tokens_of(connection, &with_tokens)?);
        Ok(())
    }

    fn load_endpoints(&mut self, connection: &mut AnyConnection, needs: &Needs) -> Result<(), StorageError> {
        let realms: Vec<Row<'_>> = needs.endpoint_realms.iter().map(|realm| realm.values().into()).collect();
        for endpoint in load_endpoints_of(connection, Lock::NoKeyUpdate, &realms)? {
            self.endpoints.assume(endpoint);
        }
        let endpoints = object_keys(&needs.endpoints, WebhookEndpointId::bytes);
        self.endpoints.load(connection, Lock::NoKeyUpdate, &endpoints)
    }

    fn load_processors(
        &mut self,
        connection: &mut AnyConnection,
        realms: &BTreeSet<Realm>,
    ) -> Result<(), StorageError> {
        if realms.is_empty() {
            return Ok(());
        }
        let realms: Vec<_> = realms.iter().map(|realm| realm.values().to_vec()).collect();
        for account in load_accounts_of(connection, Lock::NoKeyUpdate, &realms)? {
            self.accounts.assume(account);
        }
        self.routes.load(connection, Lock::NoKeyUpdate, &realms)
    }

    /// Last, and locked: nothing is loaded after them.
    fn load_open_items(&mut self, connection: &mut AnyConnection, needs: &Needs) -> Result<(), StorageError> {
        let by_id = object_keys(&needs.open_items, OpenItemId::bytes);
        self.open_items.load(connection, Lock::NoKeyUpdate, &by_id)?;
        let by_cause = text_keys(&needs.open_item_causes);
        let found = load_items_by_cause(connection, Lock::NoKeyUpdate, &by_cause)?;
        found.into_iter().for_each(|item| self.open_items.assume(item));
        Ok(())
    }

    /// Writes down the events that are new.
    fn claim_events(
        &mut self,
        connection: &mut AnyConnection,
        wanted: &BTreeMap<DigestKey, ProcessorEventRecord>,
    ) -> Result<(), StorageError> {
        let rows: Vec<_> = wanted.values().map(processor_event_row).collect();
        let columns = "tenant_id, livemode, digest";
        let claimed: BTreeSet<_> =
            insert_returning_keys(connection, &PROCESSOR_EVENTS, columns, &rows)?.into_iter().collect();
        let is_new = |(realm, digest): &&DigestKey| {
            claimed.contains(&(realm.tenant_id.bytes().to_vec(), realm.mode.is_live(), digest.to_vec()))
        };
        self.claimed_events.extend(wanted.keys().filter(is_new));
        Ok(())
    }

    fn claim_keys(
        &mut self,
        connection: &mut AnyConnection,
        wanted: &BTreeMap<DigestKey, IdempotencyRecord>,
    ) -> Result<(), StorageError> {
        let rows: Vec<_> = wanted.values().map(Stored::insert_row).collect();
        let claimed =
            insert_returning_keys(connection, &IDEMPOTENCY_KEYS, "tenant_id, livemode, digest", &rows)?;
        let claimed: BTreeSet<_> = claimed.into_iter().collect();
        let mut taken = Vec::new();
        for (key, record) in wanted {
            let (realm, digest) = key;
            // Another realm may use the same key for the same path: the digest alone does not tell.
            let inserted = (realm.tenant_id.bytes().to_vec(), realm.mode.is_live(), digest.to_vec());
            if claimed.contains(&inserted) {
                self.claimed.insert(*key);
                self.keys.assume(record.clone());
            } else {
                taken.push(record.key_values());
            }
        }
        self.keys.load(connection, Lock::NoKeyUpdate, &taken)
    }

    fn load_around_payments(
        &mut self,
        connection: &mut AnyConnection,
        needs: &Needs,
    ) -> Result<(), StorageError> {
        self.customers.load(connection, Lock::None, &object_keys(&needs.customers, CustomerId::bytes))?;
        let external_ids = text_keys(&needs.external_ids);
        for customer in load_customers_by_external_id(connection, &external_ids)? {
            let (realm, id) = customer.key();
            let external_id = customer.external_id.map(|text| text.as_str().to_owned());
            self.external_ids.extend(external_id.map(|text| ((realm, text), id)));
        }
        self.methods.load(connection, Lock::None, &object_keys(&needs.methods, StoredMethodId::bytes))
    }

    fn load_payment_requests(
        &mut self,
        connection: &mut AnyConnection,
        needs: &Needs,
    ) -> Result<(), StorageError> {
        let of_payments =
            self.payments.iter().filter_map(|payment| Some((payment.key().0, payment.request_id?)));
        let mut wanted: BTreeSet<_> = of_payments.collect();
        wanted.extend(&needs.payment_requests);
        let keys = object_keys(&wanted, PaymentRequestId::bytes);
        self.payment_requests.load(connection, Lock::NoKeyUpdate, &keys)
    }

    fn load_invoices(&mut self, connection: &mut AnyConnection, needs: &Needs) -> Result<(), StorageError> {
        let of_payments = self.payments.iter().filter_map(|payment| {
            payment.destination.as_ref().map(|destination| (payment.key().0, destination.invoice_id))
        });
        let of_requests = self.payment_requests.iter().filter_map(|request| {
            request.destination.as_ref().map(|destination| (request.key().0, destination.invoice_id))
        });
        let mut invoices: BTreeSet<_> = of_payments.chain(of_requests).collect();
        invoices.extend(&needs.invoices);
        invoices.extend(&needs.credits_of_invoices);
        self.invoices.load(connection, Lock::NoKeyUpdate, &object_keys(&invoices, InvoiceId::bytes))?;
        let numbers = text_keys(&needs.invoice_numbers);
        for invoice in load_invoices_by_number(connection, &numbers)? {
            self.invoice_numbers.insert((invoice.key().0, invoice.number.as_str().to_owned()));
        }
        Ok(())
    }

    fn load_credits(&mut self, connection: &mut AnyConnection, needs: &Needs) -> Result<(), StorageError> {
        let of_payments = self.payments.iter().filter_map(|payment| {
            let customer_id = payment.customer_id.filter(|_| payment.method_type == MethodType::Credits)?;
            Some((payment.key().0, customer_id, payment.currency))
        });
        let mut wanted: BTreeSet<CreditKey> = of_payments.collect();
        wanted.extend(needs.credits_of_invoices.iter().filter_map(|key| {
            let invoice = self.invoices.get(key)?;
            Some((key.0, invoice.customer_id?, invoice.currency))
        }));
        wanted.extend(&needs.credit_accounts);
        wanted.extend(&needs.opened_credit_accounts);
        let opened: Vec<_> = needs.opened_credit_accounts.iter().map(|key| empty_account(*key)).collect();
        claim(connection, &opened)?;
        let keys: Vec<_> = wanted.into_iter().map(credit_key).collect();
        self.credits.load(connection, Lock::NoKeyUpdate, &keys)
    }

    fn load_invoice_counts(
        &mut self,
        connection: &mut AnyConnection,
        realms: &BTreeSet<Realm>,
    ) -> Result<(), StorageError> {
        let fresh: Vec<_> =
            realms.iter().map(|realm| InvoiceCount { realm: *realm, last: 0, revision: 1 }).collect();
        claim(connection, &fresh)?;
        let keys: Vec<_> = fresh.iter().map(Stored::key_values).collect();
        self.invoice_counts.load(connection, Lock::NoKeyUpdate, &keys)
    }
}

impl<T: Stored> Objects<T> {
    fn load(
        &mut self,
        connection: &mut AnyConnection,
        lock: Lock,
        keys: &[Row<'_>],
    ) -> Result<(), StorageError> {
        T::load(connection, lock, keys)?.into_iter().for_each(|object| self.assume(object));
        Ok(())
    }
}

/// Inserts those that are absent.
fn claim<T: Stored>(connection: &mut AnyConnection, fresh: &[T]) -> Result<(), StorageError> {
    if fresh.is_empty() {
        return Ok(());
    }
    let rows = fresh.iter().map(Stored::insert_row).collect();
    save(connection, &[Change::Insert(T::TABLE, OnConflict::Ignore, rows)])
}

fn empty_account((realm, customer_id, currency): CreditKey) -> CreditAccount {
    CreditAccount {
        tenant_id: realm.tenant_id,
        mode: realm.mode,
        customer_id,
        currency,
        balance: Total::ZERO,
        revision: 1,
    }
}

fn object_keys<'a, T: Copy>(keys: &BTreeSet<(Realm, T)>, bytes: fn(T) -> [u8; 16]) -> Vec<Row<'a>> {
    keys.iter().map(|(realm, id)| object_key(*realm, bytes(*id))).collect()
}

fn text_keys(keys: &BTreeSet<(Realm, String)>) -> Vec<Row<'_>> {
    let row = |(realm, text): &'_ (Realm, String)| {
        let [tenant, mode] = realm.values();
        vec![tenant, mode, Value::owned(text)]
    };
    keys.iter().map(row).collect()
}
