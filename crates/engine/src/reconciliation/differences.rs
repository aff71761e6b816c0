//! Merging the two sides, and what is done about a difference.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use florin_domain::{Attempt, AttemptId, OpenItem, OpenItemId, OpenItemType, Payment, PaymentId, Sum};
use florin_processors::{Found, Outcome};
use florin_storage::load_payments;
use florin_storage::reconciliation::WindowKey;
use florin_storage::recovery::{AttemptName, find_open_attempts};

use super::record::{Record, has_moved};
use super::sorter::Sorted;
use super::{ReconcileFailed, Reconciled};
use crate::commands::{Leased, Raise};
use crate::engine::Inner;
use crate::known_accounts::KnownAccount;

/// A comparison under way.
pub(super) struct Comparison<'a> {
    pub(super) inner: &'a Arc<Inner>,
    pub(super) account: &'a KnownAccount,
    pub(super) key: WindowKey,
    /// Until when the window is this process's; none for one that was asked for by hand.
    pub(super) lease: Option<DateTime<Utc>>,
    pub(super) done: Reconciled,
}

/// One side, and the line that is next on it.
struct Side {
    lines: Sorted,
    next: Option<(AttemptId, Record)>,
}

impl Side {
    fn new(lines: Sorted) -> io::Result<Side> {
        let mut side = Side { lines, next: None };
        side.advance()?;
        Ok(side)
    }

    /// The record of that attempt, if it is the next one.
    fn take(&mut self, id: AttemptId) -> io::Result<Option<Record>> {
        match self.next.take() {
            Some((next, record)) if next == id => {
                self.advance()?;
                Ok(Some(record))
            }
            other => {
                self.next = other;
                Ok(None)
            }
        }
    }

    fn advance(&mut self) -> io::Result<()> {
        self.next = match self.lines.next()? {
            Some(line) => Some(Record::parse(&line).ok_or(io::ErrorKind::InvalidData)?),
            None => None,
        };
        Ok(())
    }
}

impl<'a> Comparison<'a> {
    pub(super) fn new(
        inner: &'a Arc<Inner>,
        account: &'a KnownAccount,
        key: WindowKey,
        lease: Option<DateTime<Utc>>,
    ) -> Self {
        Comparison { inner, account, key, lease, done: Reconciled::default() }
    }

    /// Compares both sides, each sorted by attempt.
    pub(super) async fn merge(&mut self, ours: Sorted, theirs: Sorted) -> Result<(), ReconcileFailed> {
        let (mut ours, mut theirs) = (Side::new(ours)?, Side::new(theirs)?);
        let first = |one: &Side| one.next.as_ref().map(|(id, _)| *id);
        while let Some(id) = [first(&ours), first(&theirs)].into_iter().flatten().min() {
            match (ours.take(id)?, theirs.take(id)?) {
                (Some(here), Some(there)) if agree(&here, &there) => {}
                (Some(_), Some(there)) | (None, Some(there)) if there.moved => {
                    self.theirs_differs(id, &there).await?
                }
                (Some(here), _) => self.ours_differs(id, &here).await?,
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// The processor has moved something that is not here, or is different here.
    async fn theirs_differs(&mut self, id: AttemptId, there: &Record) -> Result<(), ReconcileFailed> {
        if !self.is_within(there) {
            return Ok(());
        }
        let Some((payment, attempt)) = self.find(there.payment_id(), id).await? else {
            let realm = self.key.realm;
            let open = move |connection: &mut _| find_open_attempts(connection, realm, AttemptName::Id(id));
            if !self.inner.read(open).await?.is_empty() {
                return Ok(());
            }
            let message = "The processor has moved money for an attempt that is not here.";
            return self.raise(OpenItemType::MissingHere, (&id.to_string(), message), None, there).await;
        };
        let here = Record::of_ours(&payment, &attempt);
        let found = Some((&payment, &attempt));
        let cause = id.to_string();
        // Recovery settles what is open here; what has come to agree meanwhile is no difference.
        if attempt.status.is_open() || agree(&here, there) {
            return Ok(());
        }
        let (kind, message) = if !has_moved(&attempt) {
            (
                OpenItemType::MissingHere,
                "The processor has moved money for an attempt that failed here.".to_owned(),
            )
        } else if here.currency != there.currency {
            let message = format!("The currency is {} here and {} there.", here.currency, there.currency);
            (OpenItemType::CurrencyMismatch, message)
        } else {
            let message =
                format!("The amount is {} here and {} there.", here.amount_minor, there.amount_minor);
            (OpenItemType::AmountMismatch, message)
        };
        self.raise(kind, (&cause, &message), found, there).await
    }

    /// Something moved here that the processor did not list, or lists as not moved.
    async fn ours_differs(&mut self, id: AttemptId, here: &Record) -> Result<(), ReconcileFailed> {
        if !self.is_within(here) {
            return Ok(());
        }
        let Some((payment, attempt)) = self.find(here.payment_id(), id).await? else { return Ok(()) };
        if !has_moved(&attempt) {
            return Ok(());
        }
        let leased = Leased::new(payment.clone(), &attempt, attempt.clone());
        let found = self.inner.found(&self.account.processor, &leased).await;
        let message = match found.ok_or(ReconcileFailed::Unanswered)? {
            Found::Outcome(Outcome::Succeeded { .. }) | Found::Returned { .. } => return Ok(()),
            Found::NotFound => "The processor does not know what succeeded here.",
            Found::Outcome(_) => "What succeeded here did not succeed at the processor.",
        };
        let nothing = Record { amount_minor: 0, ..here.clone() };
        self.raise(
            OpenItemType::MissingThere,
            (&id.to_string(), message),
            Some((&payment, &attempt)),
            &nothing,
        )
        .await
    }

    /// The processor has moved something that no attempt of ours has asked for.
    pub(super) async fn nobodys(&mut self, there: &Record) -> Result<(), ReconcileFailed> {
        if !there.moved || !self.is_within(there) {
            return Ok(());
        }
        let reference = there.reference.clone().unwrap_or_default();
        let (realm, name, wanted) = (self.key.realm, self.key.processor.clone(), reference.clone());
        let open = move |connection: &mut _| {
            find_open_attempts(connection, realm, AttemptName::Reference(&name, &wanted))
        };
        if !self.inner.read(open).await?.is_empty() {
            return Ok(());
        }
        let message = "The processor has moved money that was not asked for from here.";
        self.raise(OpenItemType::MissingHere, (&reference, message), None, there).await
    }

    async fn find(
        &self,
        payment_id: Option<PaymentId>,
        id: AttemptId,
    ) -> Result<Option<(Payment, Attempt)>, ReconcileFailed> {
        let Some(payment_id) = payment_id else { return Ok(None) };
        let keys = BTreeSet::from([(self.key.realm, payment_id)]);
        let found = self.inner.read(move |connection| load_payments(connection, &keys)).await?.pop();
        Ok(found.and_then(|(payment, attempts)| {
            let attempt = attempts.into_iter().find(|attempt| attempt.id == id)?;
            Some((payment, attempt))
        }))
    }

    async fn raise(
        &mut self,
        kind: OpenItemType,
        (cause, message): (&str, &str),
        about: Option<(&Payment, &Attempt)>,
        there: &Record,
    ) -> Result<(), ReconcileFailed> {
        self.done.differences += 1;
        let id = OpenItemId::from_uuid(self.inner.ids.next(self.inner.now()));
        let realm = self.key.realm;
        let cause = format!("{}:{cause}", self.key.processor);
        let mut item = OpenItem::new((id, realm.tenant_id, realm.mode), kind, &cause, message);
        if let Some((payment, attempt)) = about {
            let here = Record::of_ours(payment, attempt);
            item = item.about(payment, attempt);
            item.here = if here.moved { here.sum() } else { Sum::default() };
        }
        item.processor = Some(self.key.processor.clone());
        item.processor_reference = item.processor_reference.or_else(|| there.reference.clone());
        item.there = if kind == OpenItemType::MissingThere { Sum::default() } else { there.sum() };
        let raised = self.inner.write_always(Raise { item }).await;
        let unavailable = |_| {
            florin_storage::StorageError::Unavailable("the difference could not be written down".to_owned())
        };
        self.done.raised += u64::from(raised.map_err(unavailable)?);
        Ok(())
    }

    fn is_within(&self, record: &Record) -> bool {
        record.is_within((self.key.from, self.key.until))
    }
}

/// Whether both sides have the same movement.
fn agree(here: &Record, there: &Record) -> bool {
    let sum = |record: &Record| (record.moved, record.amount_minor, record.currency.clone());
    sum(here) == sum(there)
}
