//! Open items: findings that no program may decide, and what a person decided about them.

use chrono::{DateTime, Utc};

use crate::{
    Actor, Attempt, AttemptId, ClosingNote, Currency, Mode, OpenItemId, Payment, PaymentId, RefundId,
    TenantId,
};

named_enum! {
    /// What was found.
    OpenItemType {
        /// The outcome of an attempt is unknown for so long that a person has to settle it.
        NeedsReview => "needs_review",
        /// A bank debit was returned after refunds of it had gone out, or while they were under way.
        ReturnedAfterRefund => "returned_after_refund",
        /// A processor's event names an attempt that is not here.
        UnknownEvent => "unknown_event",
        /// A processor has a movement that is not here, or did not succeed here.
        MissingHere => "missing_here",
        /// A movement that succeeded here is not at the processor, or did not succeed there.
        MissingThere => "missing_there",
        /// Here and at the processor the same movement is of different amounts.
        AmountMismatch => "amount_mismatch",
        /// Here and at the processor the same movement is in different currencies.
        CurrencyMismatch => "currency_mismatch",
    }
}

named_enum! {
    /// Whether somebody has dealt with an open item.
    OpenItemStatus {
        /// Nobody has.
        Open => "open",
        /// Somebody has.
        Closed => "closed",
    }
}

named_enum! {
    /// What a person found out about an attempt.
    Resolution {
        /// It was done.
        Succeeded => "succeeded",
        /// Nothing happened.
        Failed => "failed",
    }
}

/// A finding that no program may decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenItem {
    /// The item; its creation time is the id's own.
    pub id: OpenItemId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// What was found.
    pub kind: OpenItemType,
    /// What keeps the same finding from being raised twice.
    pub cause: String,
    /// What was found, for people.
    pub message: String,
    /// The payment that it is about.
    pub payment_id: Option<PaymentId>,
    /// The refund that it is about.
    pub refund_id: Option<RefundId>,
    /// The attempt that it is about.
    pub attempt_id: Option<AttemptId>,
    /// At which processor.
    pub processor: Option<String>,
    /// That processor's name for what it is about.
    pub processor_reference: Option<String>,
    /// How much it is about here.
    pub here: Sum,
    /// How much it is about at the processor.
    pub there: Sum,
    /// How it was closed.
    pub closed: Option<Closing>,
    /// Counts its changes from 1.
    pub revision: i64,
}

/// An amount, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How much, in minor units of the currency.
    pub amount_minor: Option<i64>,
    /// In which currency.
    pub currency: Option<Currency>,
}

/// How an open item was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// What was found out about the attempt, where that was the question.
    pub resolution: Option<Resolution>,
    /// What the person noted; none where a later look-up answered the question.
    pub note: Option<ClosingNote>,
    /// Who closed it.
    pub by: Actor,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why an open item can't be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseRefused {
    /// It was closed before, in other words.
    #[error("the item is closed")]
    Closed,
    /// It waits for a decision about its attempt.
    #[error("the item is closed by resolving its attempt")]
    NeedsResolution,
}

impl OpenItem {
    /// An item of that type and cause, about nothing in particular yet. Where it is raised twice, the first stands.
    pub fn new(
        (id, tenant_id, mode): (OpenItemId, TenantId, Mode),
        kind: OpenItemType,
        cause: &str,
        message: impl Into<String>,
    ) -> Self {
        OpenItem {
            id,
            tenant_id,
            mode,
            kind,
            cause: cause_of(kind, cause),
            message: message.into(),
            payment_id: None,
            refund_id: None,
            attempt_id: None,
            processor: None,
            processor_reference: None,
            here: Sum::default(),
            there: Sum::default(),
            closed: None,
            revision: 1,
        }
    }

    /// The item about an attempt that a person has to settle.
    pub fn needs_review(id: OpenItemId, payment: &Payment, attempt: &Attempt) -> Self {
        let message = "The outcome of the attempt is unknown: ask the processor, and resolve the attempt.";
        let whose = (id, attempt.tenant_id, attempt.mode);
        let cause = hexadecimal(attempt.id.bytes());
        OpenItem::new(whose, OpenItemType::NeedsReview, &cause, message).about(payment, attempt)
    }

    /// The item about a bank debit that was returned when refunds had gone out, or were under way.
    pub fn returned_after_refund(id: OpenItemId, payment: &Payment, attempt: &Attempt) -> Self {
        let message = format!(
            "The bank debit was returned; {} had been refunded, and refunds of {} were under way.",
            payment.facts.refunded().minor(),
            payment.facts.held().minor()
        );
        let whose = (id, attempt.tenant_id, attempt.mode);
        let cause = hexadecimal(attempt.id.bytes());
        OpenItem::new(whose, OpenItemType::ReturnedAfterRefund, &cause, message).about(payment, attempt)
    }

    /// The same item, about this attempt.
    #[must_use]
    pub fn about(mut self, payment: &Payment, attempt: &Attempt) -> Self {
        self.payment_id = Some(attempt.payment_id);
        self.refund_id = attempt.refund_id;
        self.attempt_id = Some(attempt.id);
        self.processor = Some(attempt.processor.clone());
        self.processor_reference.clone_from(&attempt.processor_reference);
        self.here = Sum { amount_minor: Some(attempt.amount.minor()), currency: Some(payment.currency) };
        self
    }

    /// Whether somebody has dealt with it.
    pub const fn status(&self) -> OpenItemStatus {
        if self.closed.is_some() { OpenItemStatus::Closed } else { OpenItemStatus::Open }
    }

    /// The item, closed by a person. One that was closed in the same words stays as it is.
    ///
    /// # Errors
    /// [`CloseRefused`], and then nothing has changed.
    pub fn close(&self, note: ClosingNote, at: DateTime<Utc>, by: Actor) -> Result<OpenItem, CloseRefused> {
        match &self.closed {
            Some(closed) if closed.note.as_ref() == Some(&note) => Ok(self.clone()),
            Some(_) => Err(CloseRefused::Closed),
            None if self.kind == OpenItemType::NeedsReview => Err(CloseRefused::NeedsResolution),
            None => Ok(self.settled(Closing { resolution: None, note: Some(note), by, at })),
        }
    }

    /// The item, closed since its question is answered.
    #[must_use]
    pub fn settled(&self, closing: Closing) -> OpenItem {
        let mut next = self.clone();
        next.closed = Some(closing);
        next.revision = self.revision.saturating_add(1);
        next
    }
}

/// What keeps a finding of that type from being raised twice.
pub fn cause_of(kind: OpenItemType, cause: &str) -> String {
    format!("{kind}:{cause}")
}

/// What keeps the review of an attempt from being raised twice.
pub fn cause_of_review(attempt_id: AttemptId) -> String {
    cause_of(OpenItemType::NeedsReview, &hexadecimal(attempt_id.bytes()))
}

/// As a migration, which knows no other form of an id, writes it.
fn hexadecimal(id: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: OpenItemType) -> OpenItem {
        let uuid = "item_01jcy1p2bqfz0bkmjj3c4nx7g5".parse::<OpenItemId>().unwrap().uuid();
        let whose = (OpenItemId::from_uuid(uuid), TenantId::from_uuid(uuid), Mode::Test);
        OpenItem::new(whose, kind, "ch_1", "a message")
    }

    fn note(text: &str) -> ClosingNote {
        ClosingNote::parse(text).unwrap()
    }

    #[test]
    fn an_item_is_closed_once_and_the_same_words_again_change_nothing() {
        let open = item(OpenItemType::MissingHere);
        let closed = open.close(note("done"), open.id.created_at(), Actor::System).unwrap();
        assert_eq!((closed.status(), closed.revision), (OpenItemStatus::Closed, 2));
        assert_eq!(closed.close(note("done"), DateTime::UNIX_EPOCH, Actor::System).unwrap(), closed);
        let other = closed.close(note("not done"), open.id.created_at(), Actor::System);
        assert_eq!(other, Err(CloseRefused::Closed));
    }

    #[test]
    fn what_needs_review_is_not_closed_without_a_decision() {
        let open = item(OpenItemType::NeedsReview);
        let refused = open.close(note("done"), open.id.created_at(), Actor::System);
        assert_eq!(refused, Err(CloseRefused::NeedsResolution));
    }

    #[test]
    fn the_cause_is_as_the_migration_writes_it() {
        let id = AttemptId::from_bytes([1, 0x94, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x0f]);
        assert_eq!(cause_of_review(id), "needs_review:0194000000007000800000000000000f");
    }
}
