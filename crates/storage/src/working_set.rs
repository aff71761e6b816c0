//! The objects of one batch: claimed and loaded together, changed in memory, saved together.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, btree_map};

use diesel::sql_types::Nullable;
use florin_domain::{Attempt, AttemptId, Payment, PaymentId, Refund, RefundId, State, Transaction};

use crate::batch::{Change, Lock, OnConflict, Row, Value, insert_returning_keys, load_rows, save};
use crate::rows::{
    ATTEMPTS, ATTEMPTS_BY_PAYMENT, AttemptRow, COUNTERS, EVENTS, Event, IDEMPOTENCY_KEYS, IdempotencyRecord,
    IdempotencyRow, KEYS_BY_DIGEST, PAYMENTS, PAYMENTS_BY_ID, PAYMENTS_WITH_ATTEMPTS, PaymentRow, REFUNDS,
    REFUNDS_BY_ID, Realm, RefundRow, TRANSACTIONS, attempt_insert, attempt_update, count_row, event_row,
    key_claim, key_update, object_key, payment_insert, payment_update, refund_insert, refund_update,
    transaction_insert,
};
use crate::{AnyConnection, StorageError, schema};

/// An idempotency key's own key.
pub type DigestKey = (Realm, [u8; 32]);

/// What a batch has to claim and to load before it can decide.
#[derive(Debug, Default)]
pub struct Needs {
    /// Payments, each with its attempts.
    pub payments: BTreeSet<(Realm, PaymentId)>,
    /// Refunds.
    pub refunds: BTreeSet<(Realm, RefundId)>,
    /// Idempotency keys: claimed when they are free, loaded when they are not.
    pub keys: BTreeMap<DigestKey, IdempotencyRecord>,
}

/// An object, and how it was when it was loaded.
#[derive(Debug)]
struct Tracked<T, S = ()> {
    now: T,
    /// The revision and state at which it was loaded; none for a new object.
    loaded: Option<(i64, S)>,
    changed: bool,
}

/// The objects of one batch.
#[derive(Debug, Default)]
pub struct WorkingSet {
    payments: BTreeMap<(Realm, PaymentId), Tracked<Payment, State>>,
    attempts: BTreeMap<(Realm, PaymentId, AttemptId), Tracked<Attempt>>,
    refunds: BTreeMap<(Realm, RefundId), Tracked<Refund>>,
    keys: BTreeMap<DigestKey, Tracked<IdempotencyRecord>>,
    claimed: BTreeSet<DigestKey>,
    events: Vec<Event>,
    transactions: Vec<Transaction>,
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
    /// Claims and loads what a batch needs.
    ///
    /// # Errors
    /// As the database and its rows give cause; the transaction has to be rolled back then.
    pub fn prepare(&mut self, connection: &mut AnyConnection, needs: &Needs) -> Result<(), StorageError> {
        self.claim_keys(connection, &needs.keys)?;
        // A key that is still without an answer is answered with its object as it stands.
        let unanswered = self.keys.values().map(|key| &key.now).filter(|key| key.answer.is_none());
        let (mut payments, mut refunds) = (needs.payments.clone(), needs.refunds.clone());
        for key in unanswered {
            payments.extend(key.payment_id.map(|id| (key.realm, id)));
            refunds.extend(key.refund_id.map(|id| (key.realm, id)));
        }
        self.load_payments(connection, &payments, Lock::NoKeyUpdate)?;
        let keys: Vec<_> = refunds.iter().map(|(realm, id)| object_key(*realm, id.bytes())).collect();
        for row in
            load_rows::<schema::refunds::SqlType, RefundRow>(connection, &REFUNDS_BY_ID, Lock::None, &keys)?
        {
            let refund = Refund::try_from(row)?;
            let realm = Realm { tenant_id: refund.tenant_id, mode: refund.mode };
            let loaded = Some((refund.revision, ()));
            self.refunds.insert((realm, refund.id), Tracked { now: refund, loaded, changed: false });
        }
        Ok(())
    }

    fn claim_keys(
        &mut self,
        connection: &mut AnyConnection,
        wanted: &BTreeMap<DigestKey, IdempotencyRecord>,
    ) -> Result<(), StorageError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = wanted.values().map(key_claim).collect();
        let claimed =
            insert_returning_keys(connection, &IDEMPOTENCY_KEYS, "tenant_id, livemode, digest", &rows)?;
        let claimed: BTreeSet<_> = claimed.into_iter().collect();
        let mut taken = Vec::new();
        for (key, record) in wanted {
            let (realm, digest) = key;
            // Another realm may use the same key for the same path: the digest alone does not tell.
            let inserted = (realm.tenant_id.bytes().to_vec(), realm.mode.is_live(), digest.to_vec());
            if claimed.contains(&inserted) {
                let loaded = Some((record.revision, ()));
                self.claimed.insert(*key);
                self.keys.insert(*key, Tracked { now: record.clone(), loaded, changed: false });
            } else {
                taken.push(key);
            }
        }
        let taken: Vec<_> = taken
            .into_iter()
            .map(|(realm, digest)| {
                let [tenant, mode] = realm.values();
                vec![tenant, mode, Value::Bytes(digest)]
            })
            .collect();
        type SqlType = schema::idempotency_keys::SqlType;
        for row in
            load_rows::<SqlType, IdempotencyRow>(connection, &KEYS_BY_DIGEST, Lock::NoKeyUpdate, &taken)?
        {
            let record = IdempotencyRecord::try_from(row)?;
            let loaded = Some((record.revision, ()));
            self.keys.insert((record.realm, record.digest), Tracked { now: record, loaded, changed: false });
        }
        Ok(())
    }

    fn load_payments(
        &mut self,
        connection: &mut AnyConnection,
        keys: &BTreeSet<(Realm, PaymentId)>,
        lock: Lock,
    ) -> Result<(), StorageError> {
        let keys: Vec<_> = keys.iter().map(|(realm, id)| object_key(*realm, id.bytes())).collect();
        for row in
            load_rows::<schema::payments::SqlType, PaymentRow>(connection, &PAYMENTS_BY_ID, lock, &keys)?
        {
            self.assume_payment(Payment::try_from(row)?);
        }
        type SqlType = schema::attempts::SqlType;
        for row in load_rows::<SqlType, AttemptRow>(connection, &ATTEMPTS_BY_PAYMENT, Lock::None, &keys)? {
            self.assume_attempt(Attempt::try_from(row)?);
        }
        Ok(())
    }

    /// Takes a payment as loaded that the caller knows from an earlier commit. Saving it fails with
    /// [`StorageError::Conflict`] when it has changed since.
    pub fn assume_payment(&mut self, payment: Payment) {
        let realm = Realm { tenant_id: payment.tenant_id, mode: payment.mode };
        let loaded = Some((payment.revision, payment.state()));
        self.payments.entry((realm, payment.id)).or_insert(Tracked { now: payment, loaded, changed: false });
    }

    /// Takes an attempt as loaded that the caller knows from an earlier commit.
    pub fn assume_attempt(&mut self, attempt: Attempt) {
        let realm = Realm { tenant_id: attempt.tenant_id, mode: attempt.mode };
        let key = (realm, attempt.payment_id, attempt.id);
        let loaded = Some((attempt.revision, ()));
        self.attempts.entry(key).or_insert(Tracked { now: attempt, loaded, changed: false });
    }

    /// Takes an idempotency key as loaded that the caller knows from an earlier commit.
    pub fn assume_key(&mut self, record: IdempotencyRecord) {
        let loaded = Some((record.revision, ()));
        self.keys.entry((record.realm, record.digest)).or_insert(Tracked {
            now: record,
            loaded,
            changed: false,
        });
    }

    /// A payment.
    pub fn payment(&self, realm: Realm, id: PaymentId) -> Option<&Payment> {
        self.payments.get(&(realm, id)).map(|tracked| &tracked.now)
    }

    /// A payment's attempts, oldest first.
    pub fn attempts(&self, realm: Realm, payment_id: PaymentId) -> impl Iterator<Item = &Attempt> {
        let first = (realm, payment_id, AttemptId::from_bytes([0; 16]));
        let last = (realm, payment_id, AttemptId::from_bytes([0xff; 16]));
        self.attempts.range(first..=last).map(|(_, tracked)| &tracked.now)
    }

    /// An attempt.
    pub fn attempt(&self, realm: Realm, payment_id: PaymentId, id: AttemptId) -> Option<&Attempt> {
        self.attempts.get(&(realm, payment_id, id)).map(|tracked| &tracked.now)
    }

    /// A refund.
    pub fn refund(&self, realm: Realm, id: RefundId) -> Option<&Refund> {
        self.refunds.get(&(realm, id)).map(|tracked| &tracked.now)
    }

    /// An idempotency key.
    pub fn key(&self, key: &DigestKey) -> Option<&IdempotencyRecord> {
        self.keys.get(key).map(|tracked| &tracked.now)
    }

    /// Whether the key was free, and is now this batch's. True once: the second command with the key finds it taken.
    pub fn take_claim(&mut self, key: &DigestKey) -> bool {
        self.claimed.remove(key)
    }

    /// Puts a new or changed payment.
    pub fn put_payment(&mut self, payment: Payment) {
        let realm = Realm { tenant_id: payment.tenant_id, mode: payment.mode };
        put(&mut self.payments, (realm, payment.id), payment);
    }

    /// Puts a new or changed attempt.
    pub fn put_attempt(&mut self, attempt: Attempt) {
        let realm = Realm { tenant_id: attempt.tenant_id, mode: attempt.mode };
        put(&mut self.attempts, (realm, attempt.payment_id, attempt.id), attempt);
    }

    /// Puts a new or changed refund.
    pub fn put_refund(&mut self, refund: Refund) {
        let realm = Realm { tenant_id: refund.tenant_id, mode: refund.mode };
        put(&mut self.refunds, (realm, refund.id), refund);
    }

    /// Puts a changed idempotency key.
    pub fn put_key(&mut self, record: IdempotencyRecord) {
        put(&mut self.keys, (record.realm, record.digest), record);
    }

    /// Adds an event.
    pub fn put_event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Adds a transaction to the journal.
    pub fn add_transaction(&mut self, transaction: Transaction) {
        self.transactions.push(transaction);
    }

    /// Forgets a claim, so that the key is free again after the commit.
    pub fn release_key(&mut self, key: &DigestKey) {
        self.claimed.insert(*key);
    }

    /// Whether saving would change nothing.
    pub fn is_unchanged(&self) -> bool {
        self.events.is_empty()
            && self.transactions.is_empty()
            && !self.payments.values().any(|tracked| tracked.changed)
            && !self.attempts.values().any(|tracked| tracked.changed)
            && !self.refunds.values().any(|tracked| tracked.changed)
            && !self.keys.values().any(|tracked| tracked.changed)
    }

    /// Saves all that changed: updates before inserts, one statement per table, counters last.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when a row has changed since it was loaded, and as the database gives cause; the
    /// transaction has to be rolled back then.
    pub fn save(&self, connection: &mut AnyConnection, slot: i64) -> Result<(), StorageError> {
        let counts = self.counts();
        let counts = counts.iter().map(|((realm, name), by)| count_row(*realm, name, slot, *by)).collect();
        // Keys before payments, as they are loaded: whoever sends a request again locks its key, then its payment.
        save(
            connection,
            &[
                Change::Update(&IDEMPOTENCY_KEYS, updates(&self.keys, key_update)),
                Change::Update(&PAYMENTS, updates(&self.payments, payment_update)),
                Change::Update(&REFUNDS, updates(&self.refunds, refund_update)),
                Change::Update(&ATTEMPTS, updates(&self.attempts, attempt_update)),
                Change::Insert(&PAYMENTS, OnConflict::Fail, inserts(&self.payments, payment_insert)),
                Change::Insert(&REFUNDS, OnConflict::Fail, inserts(&self.refunds, refund_insert)),
                Change::Insert(&ATTEMPTS, OnConflict::Fail, inserts(&self.attempts, attempt_insert)),
                Change::Insert(&EVENTS, OnConflict::Fail, self.events.iter().map(event_row).collect()),
                Change::Insert(
                    &TRANSACTIONS,
                    OnConflict::Fail,
                    self.transactions.iter().map(transaction_insert).collect(),
                ),
                Change::Insert(&COUNTERS, OnConflict::Add("total"), counts),
            ],
        )?;
        crate::keys::delete(connection, &self.claimed)
    }

    /// Whether this set, whose commit is of unknown fate, stands in the database. One of its rows tells for all.
    ///
    /// # Errors
    /// As the database gives cause.
    pub fn was_saved(&self, connection: &mut AnyConnection) -> Result<bool, StorageError> {
        if let Some(event) = self.events.first() {
            return crate::probe::event_exists(connection, event.realm, event.id.bytes());
        }
        if let Some(payment) = self.payments.values().find(|tracked| tracked.changed) {
            let keys = BTreeSet::from([(realm_of(&payment.now), payment.now.id)]);
            let stored = load_payments(connection, &keys)?;
            return Ok(stored.first().is_some_and(|(stored, _)| stored.revision >= payment.now.revision));
        }
        if let Some(attempt) = self.attempts.values().find(|tracked| tracked.changed) {
            let attempt = &attempt.now;
            let realm = Realm { tenant_id: attempt.tenant_id, mode: attempt.mode };
            let stored = load_payments(connection, &BTreeSet::from([(realm, attempt.payment_id)]))?;
            let stored =
                stored.iter().flat_map(|(_, attempts)| attempts).find(|stored| stored.id == attempt.id);
            return Ok(stored.is_some_and(|stored| stored.revision >= attempt.revision));
        }
        match self.keys.iter().find(|(_, tracked)| tracked.changed) {
            Some((key, record)) => {
                let stored = crate::probe::key_revision(connection, key)?;
                Ok(stored.is_some_and(|revision| revision >= record.now.revision))
            }
            None => Ok(true),
        }
    }

    /// How the counters change.
    fn counts(&self) -> BTreeMap<(Realm, Cow<'static, str>), i64> {
        let mut counts: BTreeMap<(Realm, Cow<'static, str>), i64> = BTreeMap::new();
        for ((realm, _), payment) in self.payments.iter().filter(|(_, tracked)| tracked.changed) {
            let now = payment.now.state();
            let before = payment.loaded.as_ref().map(|(_, state)| *state);
            if before != Some(now) {
                *counts.entry((*realm, Cow::Borrowed(crate::counters::payments_in(now)))).or_default() += 1;
                if let Some(before) = before {
                    *counts
                        .entry((*realm, Cow::Borrowed(crate::counters::payments_in(before))))
                        .or_default() -= 1;
                }
            }
        }
        for ((realm, _), _) in self.refunds.iter().filter(|(_, tracked)| tracked.loaded.is_none()) {
            *counts.entry((*realm, Cow::Borrowed(crate::counters::REFUNDS))).or_default() += 1;
        }
        for transaction in &self.transactions {
            let realm = Realm { tenant_id: transaction.tenant_id, mode: transaction.mode };
            *counts
                .entry((realm, crate::counters::transactions_of(transaction.movement.kind)))
                .or_default() += 1;
            for (account, minor) in transaction.postings() {
                let name = crate::counters::balance_of(account, transaction.currency);
                *counts.entry((realm, name)).or_default() += minor;
            }
        }
        counts.retain(|_, by| *by != 0);
        counts
    }
}

fn realm_of(payment: &Payment) -> Realm {
    Realm { tenant_id: payment.tenant_id, mode: payment.mode }
}

fn put<K: Ord, T, S>(map: &mut BTreeMap<K, Tracked<T, S>>, key: K, now: T) {
    match map.entry(key) {
        btree_map::Entry::Occupied(mut entry) => {
            let tracked = entry.get_mut();
            tracked.now = now;
            tracked.changed = true;
        }
        btree_map::Entry::Vacant(entry) => {
            entry.insert(Tracked { now, loaded: None, changed: true });
        }
    }
}

fn updates<'a, K, T, S>(map: &'a BTreeMap<K, Tracked<T, S>>, row: fn(&'a T, i64) -> Row<'a>) -> Vec<Row<'a>> {
    let changed = map.values().filter(|tracked| tracked.changed);
    changed
        .filter_map(|tracked| tracked.loaded.as_ref().map(|(revision, _)| row(&tracked.now, *revision)))
        .collect()
}

fn inserts<'a, K, T, S>(map: &'a BTreeMap<K, Tracked<T, S>>, row: fn(&'a T) -> Row<'a>) -> Vec<Row<'a>> {
    map.values().filter(|tracked| tracked.loaded.is_none()).map(|tracked| row(&tracked.now)).collect()
}
