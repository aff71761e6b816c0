//! Saving what a batch has changed, and finding out whether it was saved.

use std::borrow::Cow;
use std::collections::BTreeMap;

use florin_domain::{Account, Currency, OpenItem};

use super::WorkingSet;
use super::objects::Objects;
use crate::batch::{Change, OnConflict, save_guarded};
use crate::rows::{
    AMENDMENTS, AUDIT_LOG, COUNTERS, EVENTS, Realm, SESSION_TOKENS, Stored, amendment_row, audit_row,
    count_row, event_row, token_row,
};
use crate::webhooks::{DELIVERIES, Guard, NewDelivery, delivery_row, save_finished};
use crate::{AnyConnection, StorageError};

impl WorkingSet {
    /// Saves all that changed: updates before inserts, one statement per table, counters last.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when a row has changed since it was loaded, and as the database gives cause; the
    /// transaction has to be rolled back then.
    pub fn save(&self, connection: &mut AnyConnection, slot: i64) -> Result<(), StorageError> {
        self.save_all(connection, slot, None, &self.deliveries)
    }

    pub(super) fn save_all(
        &self,
        connection: &mut AnyConnection,
        slot: i64,
        guard: Option<Guard>,
        deliveries: &[NewDelivery],
    ) -> Result<(), StorageError> {
        let deliveries = deliveries.iter().map(delivery_row).collect();
        let counts = self.counts();
        let counts = counts.iter().map(|((realm, name), by)| count_row(*realm, name, slot, *by)).collect();
        // Keys before payments and so on, in the order in which they are locked.
        save_guarded(
            connection,
            guard,
            &[
                self.keys.updates(),
                self.payments.updates(),
                self.refunds.updates(),
                self.attempts.updates(),
                self.customers.updates(),
                self.methods.updates(),
                self.payment_requests.updates(),
                self.invoices.updates(),
                self.credits.updates(),
                self.invoice_counts.updates(),
                self.transactions.updates(),
                self.accounts.updates(),
                self.routes.updates(),
                self.accounts.inserts(),
                self.routes.inserts(),
                self.api_keys.updates(),
                self.tenant_settings.updates(),
                self.users.updates(),
                self.sessions.updates(),
                self.endpoints.updates(),
                self.open_items.updates(),
                self.customers.inserts(),
                self.methods.inserts(),
                self.invoices.inserts(),
                self.payment_requests.inserts(),
                self.payments.inserts(),
                self.refunds.inserts(),
                self.attempts.inserts(),
                self.transactions.inserts(),
                self.api_keys.inserts(),
                self.tenant_settings.inserts(),
                self.users.inserts(),
                self.sessions.inserts(),
                Change::Insert(
                    &SESSION_TOKENS,
                    OnConflict::Fail,
                    self.new_tokens.iter().map(token_row).collect(),
                ),
                self.endpoints.inserts(),
                Change::Insert(
                    &AUDIT_LOG,
                    OnConflict::Fail,
                    self.audit_entries.iter().map(audit_row).collect(),
                ),
                Change::Insert(
                    &AMENDMENTS,
                    OnConflict::Fail,
                    self.amendments.iter().map(amendment_row).collect(),
                ),
                Change::Insert(&EVENTS, OnConflict::Fail, self.events.iter().map(event_row).collect()),
                Change::Insert(&DELIVERIES, OnConflict::Fail, deliveries),
                Change::Insert(
                    OpenItem::TABLE,
                    OnConflict::Ignore,
                    self.raised.values().map(Stored::insert_row).collect(),
                ),
                Change::Insert(&COUNTERS, OnConflict::Add("total"), counts),
            ],
        )?;
        save_finished(connection, &self.finished)?;
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
        let tables: [Stands; 19] = [
            |set, connection| stands_in(&set.payments, connection),
            |set, connection| stands_in(&set.attempts, connection),
            |set, connection| stands_in(&set.refunds, connection),
            |set, connection| stands_in(&set.keys, connection),
            |set, connection| stands_in(&set.customers, connection),
            |set, connection| stands_in(&set.methods, connection),
            |set, connection| stands_in(&set.payment_requests, connection),
            |set, connection| stands_in(&set.invoices, connection),
            |set, connection| stands_in(&set.credits, connection),
            |set, connection| stands_in(&set.invoice_counts, connection),
            |set, connection| stands_in(&set.transactions, connection),
            |set, connection| stands_in(&set.accounts, connection),
            |set, connection| stands_in(&set.routes, connection),
            |set, connection| stands_in(&set.api_keys, connection),
            |set, connection| stands_in(&set.tenant_settings, connection),
            |set, connection| stands_in(&set.users, connection),
            |set, connection| stands_in(&set.sessions, connection),
            |set, connection| stands_in(&set.endpoints, connection),
            |set, connection| stands_in(&set.open_items, connection),
        ];
        for stands in tables {
            if let Some(stands) = stands(self, connection)? {
                return Ok(stands);
            }
        }
        match self.raised.values().next() {
            // Whoever has raised it before has done this set's work.
            Some(item) => {
                crate::read::find_item_of(connection, item.key().0, &item.cause).map(|found| found.is_some())
            }
            // A set of outcomes alone: one that is lost is known again when the delivery's lease has ended.
            None => Ok(true),
        }
    }

    /// How the counters change.
    fn counts(&self) -> BTreeMap<(Realm, Cow<'static, str>), i64> {
        let mut counts = BTreeMap::new();
        let mut add = |realm: Realm, name: Cow<'static, str>, by: i64| {
            *counts.entry((realm, name)).or_default() += by;
        };
        self.payments.count(|payment, name, by| add(payment.key().0, Cow::Borrowed(name), by));
        self.refunds.count(|refund, name, by| add(refund.key().0, Cow::Borrowed(name), by));
        self.customers.count(|customer, name, by| add(customer.key().0, Cow::Borrowed(name), by));
        self.methods.count(|method, name, by| add(method.key().0, Cow::Borrowed(name), by));
        self.payment_requests.count(|request, name, by| add(request.key().0, Cow::Borrowed(name), by));
        self.invoices.count(|invoice, name, by| add(invoice.key().0, Cow::Borrowed(name), by));
        self.transactions.count(|transaction, name, by| add(transaction.key().0, Cow::Borrowed(name), by));
        // Summed before they are named: a batch moves much between few accounts.
        let mut balances: BTreeMap<(Realm, &Account, Currency), i64> = BTreeMap::new();
        for transaction in self.transactions.new_objects() {
            for (account, minor) in transaction.postings() {
                *balances.entry((transaction.key().0, account, transaction.currency)).or_default() += minor;
            }
        }
        for ((realm, account, currency), minor) in balances {
            add(realm, Cow::Owned(crate::counters::balance_of(account, currency)), minor);
        }
        counts.retain(|_, by| *by != 0);
        counts
    }
}

/// Whether one of a table's changed objects stands; none when there is none.
type Stands = fn(&WorkingSet, &mut AnyConnection) -> Result<Option<bool>, StorageError>;

/// Whether one of the changed objects stands as it is here; none when there is none.
fn stands_in<T: Stored>(
    objects: &Objects<T>,
    connection: &mut AnyConnection,
) -> Result<Option<bool>, StorageError> {
    let Some(object) = objects.first_changed() else { return Ok(None) };
    Ok(Some(crate::probe::revision(connection, object)?.is_some_and(|stored| stored >= object.revision())))
}
