//! The objects of one batch: claimed and loaded together, changed in memory, saved together.

mod deliveries;
mod needs;
mod objects;
mod requests;
mod saving;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::Nullable;
use florin_domain::{
    Attempt, AttemptId, CreditAccount, Currency, Customer, CustomerId, Invoice, InvoiceId, KeyId, OpenItem,
    OpenItemId, Payment, PaymentId, PaymentRequest, ProcessorAccount, ProcessorAccountId, ProcessorRoutes,
    Refund, RefundId, Session, StoredMethod, StoredMethodId, TenantId, Transaction, TransactionId, User,
    UserId, WebhookEndpoint, WebhookEndpointId,
};

pub use needs::Needs;
use objects::Objects;

use crate::access::{ApiKey, AuditEntry, TenantSettings};
use crate::batch::{Lock, load_rows};
use crate::rows::{
    AmendmentRecord, AttemptRow, DigestKey, Event, IdempotencyRecord, InvoiceCount, PAYMENTS_WITH_ATTEMPTS,
    PaymentRow, Realm, SessionToken, Stored, object_key,
};
use crate::webhooks::{Finished, NewDelivery};
use crate::{AnyConnection, StorageError, schema};

/// The objects of one batch.
#[derive(Debug, Default)]
pub struct WorkingSet {
    payments: Objects<Payment>,
    attempts: Objects<Attempt>,
    refunds: Objects<Refund>,
    keys: Objects<IdempotencyRecord>,
    claimed: BTreeSet<DigestKey>,
    customers: Objects<Customer>,
    /// Which customers had these external ids when they were loaded.
    external_ids: BTreeMap<(Realm, String), CustomerId>,
    methods: Objects<StoredMethod>,
    payment_requests: Objects<PaymentRequest>,
    invoices: Objects<Invoice>,
    /// The numbers that were taken when they were looked for.
    invoice_numbers: BTreeSet<(Realm, String)>,
    invoice_counts: Objects<InvoiceCount>,
    credits: Objects<CreditAccount>,
    transactions: Objects<Transaction>,
    accounts: Objects<ProcessorAccount>,
    routes: Objects<ProcessorRoutes>,
    amendments: Vec<AmendmentRecord>,
    events: Vec<Event>,
    api_keys: Objects<ApiKey>,
    tenant_settings: Objects<TenantSettings>,
    audit_entries: Vec<AuditEntry>,
    users: Objects<User>,
    /// Who had these addresses when they were looked for.
    user_emails: BTreeMap<(TenantId, String), UserId>,
    sessions: Objects<Session>,
    /// The tokens of sessions that were asked for with theirs.
    session_tokens: Vec<SessionToken>,
    new_tokens: Vec<SessionToken>,
    endpoints: Objects<WebhookEndpoint>,
    deliveries: Vec<NewDelivery>,
    finished: Vec<Finished>,
    open_items: Objects<OpenItem>,
    /// What was found and may have been found before, by cause.
    raised: BTreeMap<(Realm, String), OpenItem>,
    claimed_events: BTreeSet<DigestKey>,
}

/// Loads payments, each with its attempts as they were at the same moment, without locks.
///
/// # Errors
/// As the database and its rows give cause.
pub fn load_payments(
    connection: &mut AnyConnection,
    keys: &BTreeSet<(Realm, PaymentId)>,
) -> Result<Vec<(Payment, Vec<Attempt>)>, StorageError> {
    type SqlType = (schema::payments::SqlType, Nullable<schema::attempts::SqlType>);
    type Joined = (PaymentRow, Option<AttemptRow>);
    let keys: Vec<_> = keys.iter().map(|(realm, id)| object_key(*realm, id.bytes())).collect();
    let mut found: Vec<(Payment, Vec<Attempt>)> = Vec::with_capacity(keys.len());
    for (payment, attempt) in
        load_rows::<SqlType, Joined>(connection, &PAYMENTS_WITH_ATTEMPTS, Lock::None, &keys)?
    {
        let attempt = attempt.map(Attempt::try_from).transpose()?;
        match found.last_mut() {
            Some((last, attempts)) if payment.is_of(last) => attempts.extend(attempt),
            _ => found.push((Payment::try_from(payment)?, attempt.into_iter().collect())),
        }
    }
    Ok(found)
}

impl WorkingSet {
    /// Takes a payment as loaded that the caller knows from an earlier commit. Saving it fails with
    /// [`StorageError::Conflict`] when it has changed since.
    pub fn assume_payment(&mut self, payment: Payment) {
        self.payments.assume(payment);
    }

    /// Takes an attempt as loaded that the caller knows from an earlier commit.
    pub fn assume_attempt(&mut self, attempt: Attempt) {
        self.attempts.assume(attempt);
    }

    /// Takes an idempotency key as loaded that the caller knows from an earlier commit.
    pub fn assume_key(&mut self, record: IdempotencyRecord) {
        self.keys.assume(record);
    }

    /// A payment.
    pub fn payment(&self, realm: Realm, id: PaymentId) -> Option<&Payment> {
        self.payments.get(&(realm, id))
    }

    /// A payment's attempts, oldest first.
    pub fn attempts(&self, realm: Realm, payment_id: PaymentId) -> impl Iterator<Item = &Attempt> {
        let first = (realm, payment_id, AttemptId::from_bytes([0; 16]));
        let last = (realm, payment_id, AttemptId::from_bytes([0xff; 16]));
        self.attempts.range(first, last)
    }

    /// An attempt.
    pub fn attempt(&self, realm: Realm, payment_id: PaymentId, id: AttemptId) -> Option<&Attempt> {
        self.attempts.get(&(realm, payment_id, id))
    }

    /// A refund.
    pub fn refund(&self, realm: Realm, id: RefundId) -> Option<&Refund> {
        self.refunds.get(&(realm, id))
    }

    /// An idempotency key.
    pub fn key(&self, key: &DigestKey) -> Option<&IdempotencyRecord> {
        self.keys.get(key)
    }

    /// A customer.
    pub fn customer(&self, realm: Realm, id: CustomerId) -> Option<&Customer> {
        self.customers.get(&(realm, id))
    }

    /// Who has an external id, this batch's changes included.
    pub fn external_id_owner(&self, realm: Realm, external_id: &str) -> Option<CustomerId> {
        let has_it = |customer: &Customer| {
            customer.external_id.as_ref().is_some_and(|text| text.as_str() == external_id)
        };
        let of_realm =
            |customer: &&Customer| (customer.tenant_id, customer.mode) == (realm.tenant_id, realm.mode);
        let here = self.customers.iter().filter(of_realm).find(|customer| has_it(customer));
        let loaded = || {
            let owner = self.external_ids.get(&(realm, external_id.to_owned()))?;
            // The batch may have taken it from its owner.
            self.customer(realm, *owner).is_none_or(has_it).then_some(*owner)
        };
        here.map(|customer| customer.id).or_else(loaded)
    }

    /// A stored payment method.
    pub fn method(&self, realm: Realm, id: StoredMethodId) -> Option<&StoredMethod> {
        self.methods.get(&(realm, id))
    }

    /// An invoice.
    pub fn invoice(&self, realm: Realm, id: InvoiceId) -> Option<&Invoice> {
        self.invoices.get(&(realm, id))
    }

    /// Whether an invoice has this number, this batch's included.
    pub fn is_invoice_number_taken(&self, realm: Realm, number: &str) -> bool {
        let has_it = |invoice: &Invoice| {
            (invoice.tenant_id, invoice.mode) == (realm.tenant_id, realm.mode)
                && invoice.number.as_str() == number
        };
        self.invoice_numbers.contains(&(realm, number.to_owned())) || self.invoices.iter().any(has_it)
    }

    /// Counts an invoice's number up, from 1. None when the batch did not ask for the counter.
    pub fn next_invoice_count(&mut self, realm: Realm) -> Option<i64> {
        let mut count = *self.invoice_counts.get(&realm)?;
        count.last = count.last.checked_add(1)?;
        count.revision = count.revision.saturating_add(1);
        self.invoice_counts.put(count);
        Some(count.last)
    }

    /// What a customer has left of their credits in one currency; none when there never were any.
    pub fn credit_account(
        &self,
        realm: Realm,
        customer_id: CustomerId,
        currency: Currency,
    ) -> Option<&CreditAccount> {
        self.credits.get(&(realm, customer_id, currency))
    }

    /// A transaction.
    pub fn transaction(&self, realm: Realm, id: TransactionId) -> Option<&Transaction> {
        self.transactions.get(&(realm, id))
    }

    /// A processor account, of a realm whose accounts the batch asked for.
    pub fn account(&self, realm: Realm, id: ProcessorAccountId) -> Option<&ProcessorAccount> {
        self.accounts.get(&(realm, id))
    }

    /// All processor accounts of a realm that the batch asked for, oldest first.
    pub fn accounts(&self, realm: Realm) -> impl Iterator<Item = &ProcessorAccount> {
        let first = (realm, ProcessorAccountId::from_bytes([0; 16]));
        let last = (realm, ProcessorAccountId::from_bytes([0xff; 16]));
        self.accounts.range(first, last)
    }

    /// The routes of a realm that the batch asked for; none where nobody ever set any.
    pub fn routes(&self, realm: Realm) -> Option<&ProcessorRoutes> {
        self.routes.get(&realm)
    }

    /// An API key.
    pub fn api_key(&self, realm: Realm, id: KeyId) -> Option<&ApiKey> {
        self.api_keys.get(&(realm, id))
    }

    /// A tenant's settings in one mode; none when nobody has changed any.
    pub fn tenant_settings(&self, realm: Realm) -> Option<&TenantSettings> {
        self.tenant_settings.get(&realm)
    }

    /// A webhook endpoint; not one that is gone.
    pub fn endpoint(&self, realm: Realm, id: WebhookEndpointId) -> Option<&WebhookEndpoint> {
        self.endpoints.get(&(realm, id)).filter(|endpoint| endpoint.deleted_at.is_none())
    }

    /// All webhook endpoints of a realm that the batch asked for, oldest first; not those that are gone.
    pub fn endpoints(&self, realm: Realm) -> impl Iterator<Item = &WebhookEndpoint> {
        let first = (realm, WebhookEndpointId::from_bytes([0; 16]));
        let last = (realm, WebhookEndpointId::from_bytes([0xff; 16]));
        self.endpoints.range(first, last).filter(|endpoint| endpoint.deleted_at.is_none())
    }

    /// Whether the key was free, and is now this batch's. True once: the second command with the key finds it taken.
    pub fn take_claim(&mut self, key: &DigestKey) -> bool {
        self.claimed.remove(key)
    }

    /// An open item that was asked for by its id.
    pub fn open_item(&self, realm: Realm, id: OpenItemId) -> Option<&OpenItem> {
        self.open_items.get(&(realm, id))
    }

    /// An open item that was asked for by its cause.
    pub fn open_item_of(&self, realm: Realm, cause: &str) -> Option<&OpenItem> {
        self.open_items.iter().find(|item| item.key().0 == realm && item.cause == cause)
    }

    /// Puts a changed open item.
    pub fn put_open_item(&mut self, item: OpenItem) {
        self.open_items.put(item);
    }

    /// Raises an open item, unless one of its cause was raised before, be it closed or not.
    pub fn raise(&mut self, item: OpenItem) {
        self.raised.entry((item.key().0, item.cause.clone())).or_insert(item);
    }

    /// Whether the event has not come before, and is written down now. True once.
    pub fn take_event(&mut self, key: &DigestKey) -> bool {
        self.claimed_events.remove(key)
    }

    /// Puts a new or changed payment.
    pub fn put_payment(&mut self, payment: Payment) {
        self.payments.put(payment);
    }

    /// Puts a new or changed attempt.
    pub fn put_attempt(&mut self, attempt: Attempt) {
        self.attempts.put(attempt);
    }

    /// Puts a new or changed refund.
    pub fn put_refund(&mut self, refund: Refund) {
        self.refunds.put(refund);
    }

    /// Puts a changed idempotency key.
    pub fn put_key(&mut self, record: IdempotencyRecord) {
        self.keys.put(record);
    }

    /// Puts a new or changed API key.
    pub fn put_api_key(&mut self, key: ApiKey) {
        self.api_keys.put(key);
    }

    /// Puts a tenant's new or changed settings.
    pub fn put_tenant_settings(&mut self, settings: TenantSettings) {
        self.tenant_settings.put(settings);
    }

    /// Puts a new or changed user.
    pub fn put_user(&mut self, user: User) {
        self.users.put(user);
    }

    /// Puts a new or changed session.
    pub fn put_session(&mut self, session: Session) {
        self.sessions.put(session);
    }

    /// Adds a token of a session.
    pub fn add_token(&mut self, token: SessionToken) {
        self.new_tokens.push(token);
    }

    /// Adds an entry to the audit log.
    pub fn put_audit_entry(&mut self, entry: AuditEntry) {
        self.audit_entries.push(entry);
    }

    /// Puts a new or changed customer.
    pub fn put_customer(&mut self, customer: Customer) {
        self.customers.put(customer);
    }

    /// Puts a new or changed payment method.
    pub fn put_method(&mut self, method: StoredMethod) {
        self.methods.put(method);
    }

    /// Puts a new or changed invoice.
    pub fn put_invoice(&mut self, invoice: Invoice) {
        self.invoices.put(invoice);
    }

    /// Puts a changed credit account.
    pub fn put_credit_account(&mut self, account: CreditAccount) {
        self.credits.put(account);
    }

    /// Puts a new or changed processor account.
    pub fn put_account(&mut self, account: ProcessorAccount) {
        self.accounts.put(account);
    }

    /// Puts new or changed routes.
    pub fn put_routes(&mut self, routes: ProcessorRoutes) {
        self.routes.put(routes);
    }

    /// Puts a new or changed webhook endpoint.
    pub fn put_endpoint(&mut self, endpoint: WebhookEndpoint) {
        self.endpoints.put(endpoint);
    }

    /// Adds an event.
    pub fn put_event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Adds a transaction to the journal.
    pub fn add_transaction(&mut self, transaction: Transaction) {
        self.transactions.put(transaction);
    }

    /// Puts a transaction whose words beside the money were amended, and keeps what they were.
    pub fn amend_transaction(&mut self, after: Transaction, amendment: AmendmentRecord) {
        self.transactions.put(after);
        self.amendments.push(amendment);
    }

    /// Forgets a claim, so that the key is free again after the commit.
    pub fn release_key(&mut self, key: &DigestKey) {
        self.claimed.insert(*key);
    }
}
